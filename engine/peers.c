/* SPDX-License-Identifier: GPL-2.0-only */
/* The other jobs of the run, as fio knows them in setup: what they are going to do to the files of one. */
#include <string.h>

#include "content.h"
#include "peers.h"
#include "replay.h"

static bool has_file(const struct thread_data *td, const char *name)
{
	struct fio_file *f;
	unsigned int i;

	for_each_file(td, f, i)
		if (!strcmp(f->file_name, name))
			return true;
	return false;
}

static bool is_ours(const struct thread_data *td)
{
	return td->io_ops && !strcmp(td->io_ops->name, entry_ops.name);
}

bool peers_share(const struct thread_data *td, const char *name, bool verifies)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);

		if (other == td)
			continue;
		if (verifies ? is_ours(other) && other->o.verify != VERIFY_NONE : job_writes(other))
			if (has_file(other, name))
				return true;
	}
	return false;
}

const struct thread_data *peers_with_state(const struct thread_data *td, const char *name)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);

		if (other != td && is_ours(other) &&
		    ((const struct options *)other->eo)->verify_state_file[0] &&
		    has_file(other, name))
			return other;
	}
	return NULL;
}

bool peers_write_fresh_seed(const struct thread_data *td)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);

		if (other != td && is_ours(other) &&
		    !((const struct options *)other->eo)->data_seed_set && may_write(other))
			return true;
	}
	return false;
}
