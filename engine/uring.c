/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The io_uring inner engine.
 *
 * queue() makes submission entries, commit() hands all of them to the kernel with one system
 * call, getevents() reaps. Nothing is allocated after post_init.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "uring.h"

/* ---- submission entries ---- */

static void set_file(struct uring *u, struct io_uring_sqe *sqe, const struct fio_file *f)
{
	const uint64_t at = f->engine_pos;

	/* The file may be another td's, registered with another ring. */
	if (at && at <= u->nr_files && u->files[at - 1] == f) {
		sqe->fd = at - 1;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
}

static bool is_registered(const struct uring *u, const struct io_u *io_u, const char *buf,
			  unsigned long long length)
{
	const char *base;

	if (io_u->index >= u->nr_buffers)
		return false;
	base = u->buffers[io_u->index];
	return buf >= base && buf + length <= base + u->buffer_size;
}

static void fill_rw(const struct uring *u, struct io_uring_sqe *sqe, struct async_slot *slot,
		    bool vectored)
{
	const struct io_u *io_u = slot->io_u;
	const struct iovec rest = async_rest(slot);
	char *const buf = rest.iov_base;
	const unsigned int length = rest.iov_len;
	const uint64_t offset = io_u->offset + slot->done;
	const bool write = io_u->ddir == DDIR_WRITE;
	const int fd = io_u->file->fd;

	if (is_registered(u, io_u, buf, length)) {
		if (write)
			io_uring_prep_write_fixed(sqe, fd, buf, length, offset, io_u->index);
		else
			io_uring_prep_read_fixed(sqe, fd, buf, length, offset, io_u->index);
	} else if (!vectored) {
		if (write)
			io_uring_prep_write(sqe, fd, buf, length, offset);
		else
			io_uring_prep_read(sqe, fd, buf, length, offset);
	} else {
		slot->iov = rest;
		if (write)
			io_uring_prep_writev(sqe, fd, &slot->iov, 1, offset);
		else
			io_uring_prep_readv(sqe, fd, &slot->iov, 1, offset);
	}
	/* Not inherited where a kernel thread submits. */
	sqe->ioprio = io_u->ioprio;
}

static void fill_sqe(struct thread_data *td, struct io_uring_sqe *sqe, struct async_slot *slot)
{
	const struct async_options *o = async_options(td);
	struct uring *u = td->io_ops_data;
	struct io_u *io_u = slot->io_u;
	struct fio_file *f = io_u->file;

	switch (io_u->ddir) {
	case DDIR_READ:
	case DDIR_WRITE:
		fill_rw(u, sqe, slot, !o->nonvectored || o->libaio_vectored);
		sqe->rw_flags = async_rw_flags(td, io_u);
		break;
	case DDIR_TRIM:
		io_uring_prep_fallocate(sqe, f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					io_u->offset, io_u->xfer_buflen);
		break;
	case DDIR_SYNC_FILE_RANGE:
		io_uring_prep_sync_file_range(sqe, f->fd, f->last_write - f->first_write,
					      f->first_write, td->o.sync_file_range);
		break;
	default:
		io_uring_prep_fsync(sqe, f->fd,
				    io_u->ddir == DDIR_DATASYNC ? IORING_FSYNC_DATASYNC : 0);
		break;
	}
	set_file(u, sqe, f);
	if (o->force_async && ++u->prepared >= o->force_async) {
		u->prepared = 0;
		sqe->flags |= IOSQE_ASYNC;
	}
	io_uring_sqe_set_data(sqe, slot);
}

/* False where the submission ring is full. Does not count the slot. */
static bool push(struct thread_data *td, struct async_slot *slot)
{
	struct uring *u = td->io_ops_data;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe)
		return false;
	fill_sqe(td, sqe, slot);
	return true;
}

/* ---- queue and commit ---- */

/*
 * What io_uring cannot do, or not with this ring, is done here and now: a discard of a block
 * device, a sync on a polled ring, a sync_file_range without a range or with one above 4 GiB.
 * And a trim in a job that writes too: in rw=trimwrite the write of a block follows its trim at
 * once, and must not be overtaken.
 */
static bool is_synchronous(const struct thread_data *td, const struct io_u *io_u)
{
	const struct fio_file *f = io_u->file;

	if (io_u->ddir == DDIR_TRIM)
		return f->filetype != FIO_TYPE_FILE || td_write(td) || async_options(td)->hipri ||
		       td->o.zone_mode == ZONE_MODE_ZBD;
	if (!ddir_sync(io_u->ddir))
		return false;
	if (async_options(td)->hipri)
		return true;
	return io_u->ddir == DDIR_SYNC_FILE_RANGE &&
	       (f->last_write == f->first_write || f->last_write - f->first_write > UINT32_MAX);
}

static enum fio_q_status uring_queue(struct thread_data *td, struct io_u *io_u)
{
	struct uring *u = td->io_ops_data;
	struct async_slot *slot;

	fio_ro_check(td, io_u);
	if (u->broken) {
		io_u->error = -u->broken;
		return FIO_Q_COMPLETED;
	}
	if (is_synchronous(td, io_u))
		return async_do_now(td, &u->async, io_u);
	slot = async_slot(&u->async, io_u);
	if (!slot)
		return FIO_Q_BUSY;
	async_draw_priority(td, &u->async, io_u);
	if (!push(td, slot))
		return FIO_Q_BUSY;
	async_take(&u->async, slot);
	return FIO_Q_QUEUED;
}

/* Submits what is pending, and waits for at least wait completions where that is not 0. */
static int enter(struct thread_data *td, unsigned int wait)
{
	struct uring *u = td->io_ops_data;
	int ret;

	ret = wait ? io_uring_submit_and_wait(&u->ring, wait) :
		     io_uring_submit_and_get_events(&u->ring);
	if (ret > 0) {
		/* With a polling kernel thread the count may be of older entries too. */
		async_submitted(td, &u->async,
				(unsigned int)ret < u->async.nr_pending ? (unsigned int)ret :
									  u->async.nr_pending);
		u->async.refused_since = 0;
		return 0;
	}
	if (ret == -EAGAIN || ret == -EBUSY) {
		if (async_lost_patience(td, &u->async.refused_since))
			return ret;
		/* Short of memory or of room for completions: both get better by running some. */
		io_uring_get_events(&u->ring);
		sched_yield();
	} else if (ret < 0 && ret != -EINTR) {
		return ret;
	}
	return 0;
}

static int submit_all(struct thread_data *td)
{
	const struct uring *u = td->io_ops_data;
	int err = 0;

	while (!err && u->async.nr_pending)
		err = enter(td, 0);
	return err;
}

/* What ends the job is said once; what follows from it, while fio gives up, is not. */
static int failed(struct thread_data *td, int err)
{
	struct uring *u = td->io_ops_data;

	if (err)
		u->broken = err;
	if (!err || td->error)
		return err;
	log_err("dgen: job %s: io_uring_enter: %s\n", td->o.name, strerror(-err));
	/* fio would note a negative one. */
	td_verror(td, -err, "io_uring_enter");
	return err;
}

static int uring_commit(struct thread_data *td)
{
	const struct uring *u = td->io_ops_data;

	/* Then getevents() tells; fio calls it only where this one says nothing. */
	return u->broken ? 0 : failed(td, submit_all(td));
}

/* ---- completion ---- */

/* Sends the rest of an I/O. False where that cannot be, and it is over. */
static bool resume(struct thread_data *td, struct async_slot *slot)
{
	struct uring *u = td->io_ops_data;

	slot->resumed = true;
	/* Full of what is not submitted yet: that goes first. */
	while (!u->broken && !push(td, slot))
		failed(td, enter(td, 0));
	if (u->broken) {
		slot->io_u->error = -u->broken;
		return false;
	}
	u->async.pending[u->async.nr_pending++] = slot;
	return true;
}

/* Takes completions that are there, up to max; resumes what has to go on. */
static void reap(struct thread_data *td, unsigned int *nr, unsigned int max)
{
	struct uring *u = td->io_ops_data;
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe) {
		struct async_slot *slot = io_uring_cqe_get_data(cqe);

		if (*nr == max)
			break;
		if (async_complete(td, slot, cqe->res) || !resume(td, slot)) {
			u->async.events[(*nr)++] = slot->io_u;
			async_give(&u->async, slot);
		}
		seen++;
	}
	io_uring_cq_advance(&u->ring, seen);
}

static int wait_for(struct thread_data *td, unsigned int nr, const struct timespec *timeout)
{
	struct uring *u = td->io_ops_data;
	const bool poll = !td->o.iodepth_batch_complete_min;
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	int err;

	if (u->async.nr_pending && (poll || timeout))
		return enter(td, 0);
	if (poll || !nr) {
		err = io_uring_get_events(&u->ring);
	} else if (timeout) {
		ts.tv_sec = timeout->tv_sec;
		ts.tv_nsec = timeout->tv_nsec;
		err = io_uring_wait_cqes(&u->ring, &cqe, nr, &ts, NULL);
	} else {
		return enter(td, nr);
	}
	return err == -EINTR || err == -EAGAIN || err == -EBUSY ? 0 : err < 0 ? err : 0;
}

/*
 * After a call that failed for good: what the kernel never got is over, with that error, and what it
 * has is waited for, without a call that would submit.
 */
static unsigned int give_up(struct thread_data *td, unsigned int nr, unsigned int min,
			    unsigned int max)
{
	struct uring *u = td->io_ops_data;
	struct async *a = &u->async;
	int err = 0;

	while (a->nr_pending && nr < max) {
		struct async_slot *slot = a->pending[--a->nr_pending];

		slot->io_u->error = -u->broken;
		a->events[nr++] = slot->io_u;
		async_give(a, slot);
	}
	while (!err && nr < min && a->nr_free + a->nr_pending < a->depth) {
		err = io_uring_get_events(&u->ring);
		if (err > 0 || err == -EINTR)
			err = 0;
		reap(td, &nr, max);
		sched_yield();
	}
	return nr;
}

static int uring_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			   const struct timespec *timeout)
{
	const struct uring *u = td->io_ops_data;
	unsigned int nr = 0;
	bool looked = false;
	int err = 0;

	while (!u->broken) {
		reap(td, &nr, max);
		if (nr >= max || (nr >= min && (nr || looked)))
			break;
		err = wait_for(td, nr < min ? min - nr : 0, timeout);
		if (err == -ETIME && timeout) {
			err = 0;
			reap(td, &nr, max);
			break;
		}
		if (err)
			break;
		looked = true;
	}
	if (!err && !u->broken)
		err = submit_all(td); /* what was resumed last */
	if (err)
		failed(td, err);
	if (u->broken)
		nr = give_up(td, nr, min, max);
	/* What is over is told first: an error would hide it. */
	return nr || !min ? (int)nr : u->broken;
}

static struct io_u *uring_event(struct thread_data *td, int event)
{
	const struct uring *u = td->io_ops_data;

	return u->async.events[event];
}

static int uring_init(struct thread_data *td)
{
	struct uring *u = calloc(1, sizeof(*u));

	if (!u)
		return ENOMEM;
	td->io_ops_data = u;
	return -async_init(td, &u->async);
}

static const char *why_not(int err)
{
	switch (err) {
	case -ENOSYS:
	case -EPERM:
		return "forbidden here, or not in this kernel; backend=libaio does without it";
	case -ENOMEM:
		return "no memory for the ring (limit of locked memory, ulimit -l?)";
	default:
		return strerror(-err);
	}
}

/*
 * The ring is made here rather than in init(): only now are there buffers to register, and a ring
 * with SINGLE_ISSUER belongs to the task that makes it.
 */
static int uring_post_init(struct thread_data *td)
{
	struct uring *u = td->io_ops_data;
	const int err = uring_setup(td, u);

	if (!err)
		return 0;
	log_err("dgen: job %s: io_uring: %s\n", td->o.name, why_not(err));
	td_verror(td, -err, "io_uring_setup");
	return 1;
}

static void uring_cleanup(struct thread_data *td)
{
	struct uring *u = td->io_ops_data;

	if (!u)
		return;
	uring_exit(u);
	async_exit(&u->async);
	free(u);
}

const struct ioengine_ops uring_ops = {
	.name = "io_uring",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_ASYNCIO_SYNC_TRIM | FIO_ASYNCIO_SETS_ISSUE_TIME | DGEN_FIO_ATOMICWRITES,
	.init = uring_init,
	.post_init = uring_post_init,
	.queue = uring_queue,
	.commit = uring_commit,
	.getevents = uring_getevents,
	.event = uring_event,
	.cleanup = uring_cleanup,
	.open_file = uring_open_file,
	.close_file = uring_close_file,
	.get_file_size = generic_get_file_size,
};
