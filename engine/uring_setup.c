/* SPDX-License-Identifier: GPL-2.0-only */
/* How a ring is made, and the files and buffers that are registered with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uring.h"

/* Flags that a newer kernel or header has; each is tried and given up where it is refused. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

/* ---- files ---- */

int uring_open_file(struct thread_data *td, struct fio_file *f)
{
	struct uring *u = td->io_ops_data;
	const int ret = generic_open_file(td, f);

	f->engine_pos = 0;
	if (ret || !u || !u->ready)
		return ret;
	if ((unsigned int)f->fileno < u->nr_files && td->files[f->fileno] == f &&
	    io_uring_register_files_update(&u->ring, f->fileno, &f->fd, 1) == 1) {
		u->files[f->fileno] = f;
		f->engine_pos = f->fileno + 1;
	}
	return 0;
}

int uring_close_file(struct thread_data *td, struct fio_file *f)
{
	struct uring *u = td->io_ops_data;
	const uint64_t at = f->engine_pos;
	int none = -1;

	if (u && u->ready && at && at <= u->nr_files && u->files[at - 1] == f) {
		u->files[at - 1] = NULL;
		io_uring_register_files_update(&u->ring, at - 1, &none, 1);
	}
	return generic_close_file(td, f);
}

/* An empty table, filled as files are opened. Does without where it is refused. */
static void register_files(struct thread_data *td, struct uring *u)
{
	const unsigned int nr = td->o.nr_files;
	struct fio_file *f;
	unsigned int i;
	int *fds;

	if (!async_options(td)->registerfiles || !nr || !td->files_index)
		return;
	fds = malloc(nr * sizeof(*fds));
	u->files = calloc(nr, sizeof(*u->files));
	if (fds && u->files) {
		for (i = 0; i < nr; i++)
			fds[i] = -1;
		if (!io_uring_register_files(&u->ring, fds, nr))
			u->nr_files = nr;
	}
	free(fds);

	for_each_file(td, f, i)
		f->engine_pos = 0; /* opened, if it is, before there was a ring */
}

/* ---- buffers ---- */

/*
 * One registered buffer for each io_u. Refused where the limit of locked memory is lower; then
 * I/O goes on without. Not with a replayed log: fio may then allocate its buffers anew.
 */
static void register_buffers(struct thread_data *td, struct uring *u)
{
	const unsigned int nr = td->io_u_all.nr;
	struct iovec *iov;

	if (!async_options(td)->fixedbufs || !nr || !td->orig_buffer ||
	    (td->flags & TD_F_READ_IOLOG))
		return;
	u->buffer_size = td_max_bs(td);
	u->buffers = calloc(nr, sizeof(*u->buffers));
	iov = calloc(nr, sizeof(*iov));
	if (u->buffers && iov) {
		for (unsigned int i = 0; i < nr; i++) {
			const struct io_u *io_u = td->io_u_all.io_us[i];

			iov[i].iov_base = io_u->buf;
			iov[i].iov_len = u->buffer_size;
			u->buffers[io_u->index] = io_u->buf;
		}
		if (!io_uring_register_buffers(&u->ring, iov, nr))
			u->nr_buffers = nr;
	}
	free(iov);
}

/* ---- the ring ---- */

static int init_ring(struct thread_data *td, struct uring *u)
{
	static const unsigned int wanted[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, /* Linux 6.1 */
		IORING_SETUP_COOP_TASKRUN,                               /* Linux 5.19 */
		0,
	};
	const struct async_options *o = async_options(td);
	int ret = -EINVAL;

	for (unsigned int i = 0; i < ARRAY_SIZE(wanted) && ret == -EINVAL; i++) {
		struct io_uring_params p = { .flags = IORING_SETUP_CLAMP };

		if (o->hipri)
			p.flags |= IORING_SETUP_IOPOLL;
		if (o->sqthread_poll) {
			p.flags |= IORING_SETUP_SQPOLL;
			if (o->sqthread_poll_cpu_set) {
				p.flags |= IORING_SETUP_SQ_AFF;
				p.sq_thread_cpu = o->sqthread_poll_cpu;
			}
		} else {
			p.flags |= wanted[i];
		}
		ret = io_uring_queue_init_params(u->async.depth, &u->ring, &p);
	}
	return ret;
}

int uring_probe(void)
{
	struct io_uring ring;
	const int err = io_uring_queue_init(1, &ring, 0);

	if (!err)
		io_uring_queue_exit(&ring);
	return err;
}

int uring_setup(struct thread_data *td, struct uring *u)
{
	const int err = init_ring(td, u);

	if (err)
		return err;
	u->ready = true;
	/* Saves a look-up of the descriptor in each system call. Linux 5.18; else goes on without. */
	io_uring_register_ring_fd(&u->ring);
	register_files(td, u);
	register_buffers(td, u);
	return 0;
}

void uring_exit(struct uring *u)
{
	if (u->ready)
		io_uring_queue_exit(&u->ring);
	free(u->buffers);
	free(u->files);
}
