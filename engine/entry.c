/* SPDX-License-Identifier: GPL-2.0-only */
/* What fio loads: the one exported symbol, and the ops that stand there until setup. */
#include "abi.h"
#include "compat.h"
#include "content.h"
#include "options.h"

/*
 * check_engine_ops() wants a queue hook. It is never reached: the inner engine's ops have taken
 * the place of these before fio queues anything.
 */
static enum fio_q_status entry_queue(struct thread_data *td, struct io_u *io_u)
{
	(void)td;
	io_u->error = EIO;
	return FIO_Q_COMPLETED;
}

/*
 * FIO_SYNCIO because there is no event hook. fio looks at the flags of the ops that it loaded
 * for little else; they are set to the inner engine's in setup. Which of them writes atomically, or
 * trims several ranges at once, is checked there too.
 */
struct ioengine_ops entry_ops = {
	.name = "dgen",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_SYNCIO | DGEN_FIO_ASKED,
	.setup = content_setup,
	.init = content_init,
	.queue = entry_queue,
	.open_file = generic_open_file,
	.close_file = generic_close_file,
	.get_file_size = generic_get_file_size,
	.option_struct_size = sizeof(struct options),
	.options = options_table,
};

__attribute__((visibility("default"))) void get_ioengine(struct ioengine_ops **ops);

/* A function rather than a struct named "ioengine": the guard runs before fio looks at ops. */
void get_ioengine(struct ioengine_ops **ops)
{
	*ops = NULL;
	if (abi_check_binary())
		return;
	if (content_load()) {
		log_err("dgen: no memory for what jobs share\n");
		return;
	}
	*ops = &entry_ops;
}
