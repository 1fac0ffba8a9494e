/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The io_uring inner engine.
 *
 * queue() makes submission entries, commit() hands all of them to the kernel with one system
 * call, getevents() reaps. A short transfer is resumed here: fio learns of it when it is complete.
 * Nothing is allocated after post_init.
 *
 * Each I/O in the kernel has a slot.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "uring.h"

/* The most that the kernel moves in one I/O; also keeps the length in 32 bits. */
#define TRANSFER_MAX 0x7ffff000ULL

/* Flags that a newer kernel or header has; each is tried and given up where it is refused. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

struct slot {
	struct io_u *io_u;
	unsigned long long done; /* bytes, when an I/O is resumed */
	struct iovec iov;        /* must outlive the submission */
	bool resumed;
};

struct uring {
	struct io_uring ring;
	bool ready;
	unsigned int depth; /* slots */
	struct slot *slots;
	struct slot **free; /* stack */
	unsigned int nr_free;
	struct slot **pending; /* queued since the last commit, in order */
	unsigned int nr_pending;
	struct io_u **events;  /* what the last getevents() found */
	unsigned int prepared; /* for force_async */

	const void **buffers; /* registered, by io_u->index */
	unsigned int nr_buffers;
	unsigned long long buffer_size;

	struct fio_file **files; /* registered, by slot of the table */
	unsigned int nr_files;
};

static const struct uring_options *options_of(const struct thread_data *td)
{
	return td->eo;
}

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

static void fill_rw(struct uring *u, struct io_uring_sqe *sqe, struct slot *slot,
		    const struct uring_options *o)
{
	const struct io_u *io_u = slot->io_u;
	char *const buf = (char *)io_u->xfer_buf + slot->done;
	const uint64_t offset = io_u->offset + slot->done;
	const bool write = io_u->ddir == DDIR_WRITE;
	const int fd = io_u->file->fd;
	unsigned long long length = io_u->xfer_buflen - slot->done;

	if (length > TRANSFER_MAX)
		length = TRANSFER_MAX;
	if (is_registered(u, io_u, buf, length)) {
		if (write)
			io_uring_prep_write_fixed(sqe, fd, buf, length, offset, io_u->index);
		else
			io_uring_prep_read_fixed(sqe, fd, buf, length, offset, io_u->index);
	} else if (o->nonvectored) {
		if (write)
			io_uring_prep_write(sqe, fd, buf, length, offset);
		else
			io_uring_prep_read(sqe, fd, buf, length, offset);
	} else {
		slot->iov.iov_base = buf;
		slot->iov.iov_len = length;
		if (write)
			io_uring_prep_writev(sqe, fd, &slot->iov, 1, offset);
		else
			io_uring_prep_readv(sqe, fd, &slot->iov, 1, offset);
	}
	sqe->ioprio = io_u->ioprio;
	if (o->nowait)
		sqe->rw_flags |= RWF_NOWAIT;
}

static void fill_sqe(struct thread_data *td, struct io_uring_sqe *sqe, struct slot *slot)
{
	const struct uring_options *o = options_of(td);
	struct uring *u = td->io_ops_data;
	struct io_u *io_u = slot->io_u;
	struct fio_file *f = io_u->file;

	switch (io_u->ddir) {
	case DDIR_READ:
	case DDIR_WRITE:
		fill_rw(u, sqe, slot, o);
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

/* False where the submission ring is full. */
static bool push(struct thread_data *td, struct slot *slot)
{
	struct uring *u = td->io_ops_data;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe)
		return false;
	fill_sqe(td, sqe, slot);
	u->pending[u->nr_pending++] = slot;
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
		return f->filetype != FIO_TYPE_FILE || td_write(td) || options_of(td)->hipri;
	if (!ddir_sync(io_u->ddir))
		return false;
	if (options_of(td)->hipri)
		return true;
	return io_u->ddir == DDIR_SYNC_FILE_RANGE &&
	       (f->last_write == f->first_write || f->last_write - f->first_write > UINT32_MAX);
}

static void trim(struct thread_data *td, struct io_u *io_u)
{
	const struct fio_file *f = io_u->file;

	/* fio's own trim knows block devices only. */
	if (f->filetype != FIO_TYPE_FILE)
		do_io_u_trim(td, io_u);
	else if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, io_u->offset,
			   io_u->xfer_buflen))
		io_u->error = errno;
}

static enum fio_q_status do_synchronously(struct thread_data *td, struct io_u *io_u)
{
	struct uring *u = td->io_ops_data;

	/* Not before what was queued first is at least with the kernel. */
	if (u->nr_pending)
		return FIO_Q_BUSY;
	fio_gettime(&io_u->issue_time, NULL);
	if (io_u->ddir == DDIR_TRIM)
		trim(td, io_u);
	else
		do_io_u_sync(td, io_u);
	io_u_mark_submit(td, 1);
	io_u_mark_complete(td, 1);
	return FIO_Q_COMPLETED;
}

static enum fio_q_status uring_queue(struct thread_data *td, struct io_u *io_u)
{
	struct uring *u = td->io_ops_data;
	struct slot *slot;

	fio_ro_check(td, io_u);
	if (is_synchronous(td, io_u))
		return do_synchronously(td, io_u);
	if (!u->nr_free)
		return FIO_Q_BUSY;

	slot = u->free[u->nr_free - 1];
	slot->io_u = io_u;
	slot->done = 0;
	slot->resumed = false;
	if (!push(td, slot))
		return FIO_Q_BUSY;
	u->nr_free--;
	return FIO_Q_QUEUED;
}

/* The first nr of the pending entries are with the kernel now. */
static void note_submitted(struct thread_data *td, unsigned int nr)
{
	struct uring *u = td->io_ops_data;
	struct timespec now;
	unsigned int fresh = 0;

	if (fio_fill_issue_time(td))
		fio_gettime(&now, NULL);
	for (unsigned int i = 0; i < nr; i++) {
		const struct slot *slot = u->pending[i];

		if (slot->resumed)
			continue;
		fresh++;
		if (!fio_fill_issue_time(td))
			continue;
		slot->io_u->issue_time = now;
		io_u_queued(td, slot->io_u);
	}
	if (fresh)
		io_u_mark_submit(td, fresh);
	if (td->o.read_iolog_file && fresh)
		td->last_issue = now;
	u->nr_pending -= nr;
	memmove(u->pending, u->pending + nr, u->nr_pending * sizeof(*u->pending));
}

/* Submits what is pending, and waits for at least wait completions where that is not 0. */
static int enter(struct thread_data *td, unsigned int wait)
{
	struct uring *u = td->io_ops_data;
	int ret;

	ret = wait ? io_uring_submit_and_wait(&u->ring, wait) : io_uring_submit(&u->ring);
	if (ret > 0) {
		/* With a polling kernel thread the count may be of older entries too. */
		note_submitted(td, (unsigned int)ret < u->nr_pending ? (unsigned int)ret :
								       u->nr_pending);
		return 0;
	}
	if (ret == -EAGAIN || ret == -EBUSY) {
		/* Short of memory or of room for completions: both get better by running some. */
		io_uring_get_events(&u->ring);
		sched_yield();
	} else if (ret < 0 && ret != -EINTR) {
		return ret;
	}
	return 0;
}

static int uring_commit(struct thread_data *td)
{
	struct uring *u = td->io_ops_data;

	while (u->nr_pending) {
		const int err = enter(td, 0);

		if (err) {
			log_err("dgen: io_uring_enter: %s\n", strerror(-err));
			return err;
		}
	}
	return 0;
}

/* ---- completion ---- */

/* True where the transfer is to go on. */
static bool complete_rw(const struct thread_data *td, struct slot *slot, int res)
{
	struct io_u *io_u = slot->io_u;

	if (res == -EINTR || (res == -EAGAIN && !options_of(td)->nowait))
		return true;
	/* O_DIRECT cannot go on at the odd offset where a file ends. */
	if (res == -EINVAL && slot->done && io_u->ddir == DDIR_READ)
		res = 0;
	if (res < 0) {
		io_u->error = -res;
		return false;
	}
	slot->done += res;
	if (res && slot->done < io_u->xfer_buflen)
		return true;
	if (!res && io_u->ddir == DDIR_WRITE)
		io_u->error = EIO;
	else
		io_u->resid = io_u->xfer_buflen - slot->done;
	return false;
}

/* True where the slot's I/O is over. */
static bool complete(const struct thread_data *td, struct slot *slot, int res)
{
	struct io_u *io_u = slot->io_u;

	if (io_u->ddir == DDIR_READ || io_u->ddir == DDIR_WRITE)
		return !complete_rw(td, slot, res);
	if (res == -EINTR || res == -EAGAIN)
		return false;
	if (res < 0)
		io_u->error = -res;
	return true;
}

/* Takes completions that are there, up to max; resumes what has to go on. */
static int reap(struct thread_data *td, unsigned int *nr, unsigned int max)
{
	struct uring *u = td->io_ops_data;
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe) {
		struct slot *slot = io_uring_cqe_get_data(cqe);

		if (*nr == max)
			break;
		if (complete(td, slot, cqe->res)) {
			u->events[(*nr)++] = slot->io_u;
			u->free[u->nr_free++] = slot;
		} else {
			slot->resumed = true;
			/* Full of what is not submitted yet: that goes first. */
			while (!push(td, slot)) {
				const int err = enter(td, 0);

				if (err)
					return err;
			}
		}
		seen++;
	}
	io_uring_cq_advance(&u->ring, seen);
	return 0;
}

static int wait_for(struct thread_data *td, unsigned int nr, const struct timespec *timeout)
{
	struct uring *u = td->io_ops_data;
	const bool poll = !td->o.iodepth_batch_complete_min;
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	int err;

	if (u->nr_pending && (poll || timeout))
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

static int uring_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			   const struct timespec *timeout)
{
	unsigned int nr = 0;
	bool looked = false;
	int err;

	for (;;) {
		err = reap(td, &nr, max);
		if (err || nr >= max || (nr >= min && (nr || looked)))
			break;
		err = wait_for(td, nr < min ? min - nr : 0, timeout);
		if (err == -ETIME && timeout) {
			err = reap(td, &nr, max);
			break;
		}
		if (err)
			break;
		looked = true;
	}
	if (!err)
		err = uring_commit(td); /* what was resumed last */
	if (err)
		log_err("dgen: io_uring: %s\n", strerror(-err));
	return err ? err : (int)nr;
}

static struct io_u *uring_event(struct thread_data *td, int event)
{
	const struct uring *u = td->io_ops_data;

	return u->events[event];
}

/* ---- files ---- */

static int uring_open_file(struct thread_data *td, struct fio_file *f)
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

static int uring_close_file(struct thread_data *td, struct fio_file *f)
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

	if (!options_of(td)->registerfiles || !nr || !td->files_index)
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

	if (!options_of(td)->fixedbufs || !nr || !td->orig_buffer || (td->flags & TD_F_READ_IOLOG))
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
	const struct uring_options *o = options_of(td);
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
		ret = io_uring_queue_init_params(u->depth, &u->ring, &p);
	}
	return ret;
}

static void say_why_not(const struct thread_data *td, int err)
{
	const char *cause = strerror(-err);

	if (err == -ENOSYS)
		cause = "this kernel has no io_uring, or it is filtered (seccomp)";
	else if (err == -EPERM)
		cause = "io_uring is forbidden here (sysctl kernel.io_uring_disabled, or seccomp)";
	else if (err == -ENOMEM)
		cause = "no memory for the ring (limit of locked memory, ulimit -l?)";
	log_err("dgen: job %s: %s; backend=fio:libaio and backend=fio:psync do without it\n",
		td->o.name, cause);
}

static int alloc_slots(struct uring *u)
{
	u->slots = calloc(u->depth, sizeof(*u->slots));
	u->free = calloc(u->depth, sizeof(*u->free));
	u->pending = calloc(u->depth, sizeof(*u->pending));
	u->events = calloc(u->depth, sizeof(*u->events));
	if (!u->slots || !u->free || !u->pending || !u->events)
		return -ENOMEM;
	for (unsigned int i = 0; i < u->depth; i++)
		u->free[i] = &u->slots[u->depth - 1 - i];
	u->nr_free = u->depth;
	return 0;
}

static int uring_init(struct thread_data *td)
{
	struct uring *u = calloc(1, sizeof(*u));

	if (!u)
		return ENOMEM;
	td->io_ops_data = u;
	u->depth = td->o.iodepth;
	return -alloc_slots(u);
}

/*
 * The ring is made here rather than in init(): only now are there buffers to register, and a ring
 * with SINGLE_ISSUER belongs to the task that makes it.
 */
static int uring_post_init(struct thread_data *td)
{
	struct uring *u = td->io_ops_data;
	const int err = init_ring(td, u);

	if (err) {
		say_why_not(td, err);
		td_verror(td, -err, "io_uring_setup");
		return 1;
	}
	u->ready = true;
	register_files(td, u);
	register_buffers(td, u);
	return 0;
}

static void uring_cleanup(struct thread_data *td)
{
	struct uring *u = td->io_ops_data;

	if (!u)
		return;
	if (u->ready)
		io_uring_queue_exit(&u->ring);
	free(u->slots);
	free(u->free);
	free(u->pending);
	free(u->events);
	free(u->buffers);
	free(u->files);
	free(u);
}

const struct ioengine_ops uring_ops = {
	.name = "io_uring",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_ASYNCIO_SYNC_TRIM | FIO_ASYNCIO_SETS_ISSUE_TIME,
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
