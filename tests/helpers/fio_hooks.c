// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into fio: its engine "hooks", which has every hook and does no I/O. Standard error tells
 * what becomes of each behind the content layer, "hook NAME copied", "replaced" or "lost", and which
 * are called, "hook NAME called". HOOKS are the names, from fio's own header. A trim of several ranges is
 * "range OFFSET+LENGTH" for each. With HOOKS_LOSE set the last I/O in flight never ends.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/compat.h"

/* A shell around fio has this loaded too. */
#pragma weak register_ioengine

#ifndef HOOKS
#define HOOKS HOOK(setup) HOOK(init)
#endif

enum { DEPTH = 64 };

static struct ioengine_ops hooks;
static const struct hook {
	const char *name;
	size_t at;
} list[] = {
#define HOOK(hook) { #hook, offsetof(struct ioengine_ops, hook) },
	HOOKS
#undef HOOK
};

static struct io_u *queued[DEPTH], *done[DEPTH];
static unsigned int nr_queued;

static void called(const char *name)
{
	fprintf(stderr, "hook %s called\n", name);
}

/* For every hook whose work nobody waits for. */
static int nothing(void)
{
	return 0;
}

static int on_setup(struct thread_data *td)
{
	struct fio_file *f;
	unsigned int i;

	called("setup");
	for_each_file(td, f, i) {
		f->real_file_size = td->o.size;
		fio_file_set_size_known(f);
	}
	return 0;
}

/* By its prep an engine finds out whether it is the one that fio runs: fio's io_uring and io_uring_cmd do. */
static int on_init(struct thread_data *td)
{
	called("init");
	fprintf(stderr, "prep in init is %s\n",
		td->io_ops->prep == hooks.prep ? "its own" : "another");
	return 0;
}

static int on_post_init(struct thread_data *td)
{
	called("post_init");
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		void *ours, *seen;

		memcpy(&ours, (char *)&hooks + list[i].at, sizeof(ours));
		memcpy(&seen, (char *)td->io_ops + list[i].at, sizeof(seen));
		fprintf(stderr, "hook %s %s\n", list[i].name,
			!seen        ? "lost" :
			seen == ours ? "copied" :
				       "replaced");
	}
	return 0;
}

static int on_prep(struct thread_data *td, struct io_u *io_u)
{
	(void)td;
	(void)io_u;
	called("prep");
	return 0;
}

/* Of offset and length each, as many as make up the length of the I/O. */
static void print_ranges(const uint64_t *range, uint64_t rest)
{
	for (; rest && range[1] <= rest; range += 2) {
		fprintf(stderr, "range %llu+%llu\n", (unsigned long long)range[0],
			(unsigned long long)range[1]);
		rest -= range[1];
	}
	if (rest)
		fprintf(stderr, "ranges and length differ\n");
}

static enum fio_q_status on_queue(struct thread_data *td, struct io_u *io_u)
{
	called("queue");
	if (nr_queued == DEPTH)
		return FIO_Q_BUSY;
	if (io_u->ddir == DDIR_TRIM && dgen_fio_trim_ranges(td) > 1)
		print_ranges(io_u->xfer_buf, io_u->xfer_buflen);
	queued[nr_queued++] = io_u;
	return FIO_Q_QUEUED;
}

static int on_commit(struct thread_data *td)
{
	(void)td;
	called("commit");
	return 0;
}

static int on_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			const struct timespec *timeout)
{
	unsigned int nr = nr_queued < max ? nr_queued : max;

	(void)td;
	(void)min;
	(void)timeout;
	called("getevents");
	if (getenv("HOOKS_LOSE") && nr == nr_queued && nr)
		nr--;
	memcpy(done, queued, nr * sizeof(queued[0]));
	nr_queued -= nr;
	memmove(queued, queued + nr, nr_queued * sizeof(queued[0]));
	return (int)nr;
}

static struct io_u *on_event(struct thread_data *td, int event)
{
	(void)td;
	called("event");
	return done[event];
}

static void on_cleanup(struct thread_data *td)
{
	(void)td;
	called("cleanup");
}

static int on_open_file(struct thread_data *td, struct fio_file *f)
{
	(void)td;
	(void)f;
	called("open_file");
	return 0;
}

static int on_close_file(struct thread_data *td, struct fio_file *f)
{
	(void)td;
	(void)f;
	called("close_file");
	return 0;
}

static int on_iomem_alloc(struct thread_data *td, size_t size)
{
	called("iomem_alloc");
	td->orig_buffer = malloc(size);
	return !td->orig_buffer;
}

static void on_iomem_free(struct thread_data *td)
{
	called("iomem_free");
	free(td->orig_buffer);
}

static int on_io_u_init(struct thread_data *td, struct io_u *io_u)
{
	(void)td;
	(void)io_u;
	called("io_u_init");
	return 0;
}

static void on_io_u_free(struct thread_data *td, struct io_u *io_u)
{
	(void)td;
	(void)io_u;
	called("io_u_free");
}

static struct ioengine_ops hooks = {
	.name = "hooks",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_DISKLESSIO | FIO_FAKEIO | DGEN_FIO_MULTI_RANGE_TRIM,
	.setup = on_setup,
	.init = on_init,
	.post_init = on_post_init,
	.prep = on_prep,
	.queue = on_queue,
	.commit = on_commit,
	.getevents = on_getevents,
	.event = on_event,
	.cleanup = on_cleanup,
	.open_file = on_open_file,
	.close_file = on_close_file,
	.iomem_alloc = on_iomem_alloc,
	.iomem_free = on_iomem_free,
	.io_u_init = on_io_u_init,
	.io_u_free = on_io_u_free,
};

__attribute__((constructor)) static void hooks_load(void)
{
	int (*const stub)(void) = nothing;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char *const slot = (char *)&hooks + list[i].at;
		void *now;

		memcpy(&now, slot, sizeof(now));
		if (!now)
			memcpy(slot, &stub, sizeof(stub));
	}
	if (register_ioengine)
		register_ioengine(&hooks);
}
