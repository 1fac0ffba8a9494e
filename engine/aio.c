/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The libaio inner engine: for where io_uring is not to be had, or is not what is to be tested.
 *
 * queue() collects, commit() hands all of it to the kernel with one system call, getevents()
 * reaps. Syncs and trims are done at once.
 */
#include <errno.h>
#include <libaio.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"

/* The head of the ring of completions that the kernel maps where the context points to. */
struct aio_ring {
	unsigned int id;
	unsigned int nr;
	atomic_uint head;
	atomic_uint tail;
	unsigned int magic;
	unsigned int compat_features;
	unsigned int incompat_features;
	unsigned int header_length;
	struct io_event events[];
};

#define AIO_RING_MAGIC 0xa10a10a1U

struct aio {
	struct async async;
	io_context_t context; /* NULL: not set up */
	struct iocb *iocbs;   /* by slot */
	struct iocb **batch;
	struct io_event *completed;
	struct async_slot *refused; /* by io_submit(): never was with the kernel */
};

static struct iocb *iocb_of(const struct aio *aio, const struct async_slot *slot)
{
	return &aio->iocbs[slot - aio->async.slots];
}

static void prepare(const struct thread_data *td, struct aio *aio, struct async_slot *slot)
{
	const struct io_u *io_u = slot->io_u;
	const bool write = io_u->ddir == DDIR_WRITE;
	const uint64_t offset = io_u->offset + slot->done;
	struct iocb *iocb = iocb_of(aio, slot);
	const int fd = io_u->file->fd;

	slot->iov = async_rest(slot);
	if (async_options(td)->libaio_vectored) {
		if (write)
			io_prep_pwritev(iocb, fd, &slot->iov, 1, offset);
		else
			io_prep_preadv(iocb, fd, &slot->iov, 1, offset);
	} else if (write) {
		io_prep_pwrite(iocb, fd, slot->iov.iov_base, slot->iov.iov_len, offset);
	} else {
		io_prep_pread(iocb, fd, slot->iov.iov_base, slot->iov.iov_len, offset);
	}
	iocb->data = slot;
	iocb->aio_rw_flags = async_rw_flags(td, io_u);
}

static void set_priority(struct iocb *iocb, const struct io_u *io_u)
{
	enum { FLAG_IOPRIO = 1 << 1 }; /* IOCB_FLAG_IOPRIO of linux/aio_abi.h */

	iocb->aio_reqprio = io_u->ioprio;
	iocb->u.c.flags |= FLAG_IOPRIO;
}

static enum fio_q_status aio_queue(struct thread_data *td, struct io_u *io_u)
{
	struct aio *aio = td->io_ops_data;
	struct async_slot *slot;

	fio_ro_check(td, io_u);
	if (io_u->ddir != DDIR_READ && io_u->ddir != DDIR_WRITE)
		return async_do_now(td, &aio->async, io_u);
	slot = async_slot(&aio->async, io_u);
	if (!slot)
		return FIO_Q_BUSY;
	prepare(td, aio, slot);
	if (async_draw_priority(td, &aio->async, io_u))
		set_priority(iocb_of(aio, slot), io_u);
	async_take(&aio->async, slot);
	return FIO_Q_QUEUED;
}

/* Without the one that was refused: it is neither pending nor with the kernel. */
static unsigned int in_kernel(const struct aio *aio)
{
	const struct async *a = &aio->async;

	return a->depth - a->nr_free - a->nr_pending - !!aio->refused;
}

/* Takes the first pending I/O out: the kernel did not accept it. */
static void refuse_first(struct thread_data *td, struct aio *aio, int err)
{
	struct async_slot *slot = aio->async.pending[0];

	async_submitted(td, &aio->async, 1);
	if (!async_complete(td, slot, err))
		slot->io_u->error = -err;
	aio->refused = slot;
}

/* Until all is with the kernel, or what is there must be reaped first. */
static int aio_commit(struct thread_data *td)
{
	struct aio *aio = td->io_ops_data;
	struct async *a = &aio->async;

	while (a->nr_pending && !aio->refused) {
		int ret;

		for (unsigned int i = 0; i < a->nr_pending; i++)
			aio->batch[i] = iocb_of(aio, a->pending[i]);
		ret = io_submit(aio->context, a->nr_pending, aio->batch);
		if (ret > 0) {
			async_submitted(td, a, ret);
			a->refused_since = 0;
		} else if (ret == -EAGAIN || ret == -ENOMEM) {
			if (in_kernel(aio))
				break;
			if (async_lost_patience(td, &a->refused_since))
				refuse_first(td, aio, ret);
			sched_yield();
		} else if (ret < 0 && ret != -EINTR) {
			refuse_first(td, aio, ret);
		}
	}
	return 0;
}

static void finish(struct thread_data *td, struct aio *aio, struct async_slot *slot, long long res,
		   unsigned int *nr)
{
	struct async *a = &aio->async;

	if (async_complete(td, slot, res)) {
		a->events[(*nr)++] = slot->io_u;
		async_give(a, slot);
		return;
	}
	slot->resumed = true;
	prepare(td, aio, slot);
	if (a->cmdprio.mode != CMDPRIO_MODE_NONE && slot->io_u->ioprio != td->ioprio)
		set_priority(iocb_of(aio, slot), slot->io_u);
	a->pending[a->nr_pending++] = slot;
}

/* userspace_reap: takes completions out of the ring itself, without a system call. */
static int reap_ring(struct aio *aio, unsigned int max)
{
	struct aio_ring *ring = (struct aio_ring *)aio->context;
	unsigned int head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	unsigned int nr = 0;

	/* The kernel writes an event before it moves the tail. */
	while (nr < max && head != atomic_load_explicit(&ring->tail, memory_order_acquire)) {
		aio->completed[nr++] = ring->events[head];
		head = (head + 1) % ring->nr;
	}
	atomic_store_explicit(&ring->head, head, memory_order_release);
	return nr;
}

static int reap(const struct thread_data *td, struct aio *aio, unsigned int min, unsigned int max,
		const struct timespec *timeout)
{
	const struct aio_ring *ring = (const struct aio_ring *)aio->context;
	struct timespec wait;

	if (async_options(td)->userspace_reap && !min && ring->magic == AIO_RING_MAGIC)
		return reap_ring(aio, max);
	if (timeout)
		wait = *timeout;
	return io_getevents(aio->context, min, max, aio->completed, timeout ? &wait : NULL);
}

/* Said once: not again while fio gives up. */
static void failed(struct thread_data *td, int err)
{
	if (td->error)
		return;
	log_err("dgen: job %s: io_getevents: %s\n", td->o.name, strerror(-err));
	/* fio would note a negative one. */
	td_verror(td, -err, "io_getevents");
}

static int aio_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			 const struct timespec *timeout)
{
	struct aio *aio = td->io_ops_data;
	unsigned int nr = 0;
	bool over = false;

	do {
		unsigned int wait = nr < min && td->o.iodepth_batch_complete_min ? min - nr : 0;
		int found;

		aio_commit(td);
		if (aio->refused && nr < max) {
			aio->async.events[nr++] = aio->refused->io_u;
			async_give(&aio->async, aio->refused);
			aio->refused = NULL;
			continue;
		}
		/* What could not be submitted yet cannot be waited for. */
		if (wait > in_kernel(aio))
			wait = in_kernel(aio);
		found = nr < max ? reap(td, aio, wait, max - nr, timeout) : 0;
		if (found < 0 && found != -EINTR) {
			/* What is over is told first: an error would hide it. */
			failed(td, found);
			return nr ? (int)nr : found;
		}
		over = timeout && found == 0;
		for (int i = 0; i < found; i++)
			finish(td, aio, aio->completed[i].data, (long)aio->completed[i].res, &nr);
	} while (nr < min && !over);
	aio_commit(td); /* what was resumed last */
	return (int)nr;
}

static struct io_u *aio_event(struct thread_data *td, int event)
{
	const struct aio *aio = td->io_ops_data;

	return aio->async.events[event];
}

int aio_probe(void)
{
	io_context_t context = NULL;
	const int err = io_queue_init(1, &context);

	if (!err)
		io_queue_release(context);
	return err;
}

static int libaio_init(struct thread_data *td)
{
	struct aio *aio = calloc(1, sizeof(*aio));
	const unsigned int depth = td->o.iodepth;

	if (!aio)
		return ENOMEM;
	td->io_ops_data = aio;
	aio->iocbs = calloc(depth, sizeof(*aio->iocbs));
	aio->batch = calloc(depth, sizeof(struct iocb *));
	aio->completed = calloc(depth, sizeof(*aio->completed));
	if (!aio->iocbs || !aio->batch || !aio->completed)
		return ENOMEM;
	return -async_init(td, &aio->async);
}

/* Not in init(): that runs before fio has its buffers, and a context is worth little without. */
static int aio_post_init(struct thread_data *td)
{
	struct aio *aio = td->io_ops_data;
	const int err = io_queue_init(td->o.iodepth, &aio->context);

	if (!err)
		return 0;
	log_err("dgen: job %s: io_setup for iodepth=%u: %s\n", td->o.name, td->o.iodepth,
		err == -EAGAIN ? "the system has too many of them (sysctl fs.aio-max-nr)" :
				 strerror(-err));
	td_verror(td, -err, "io_setup");
	return 1;
}

static void aio_cleanup(struct thread_data *td)
{
	struct aio *aio = td->io_ops_data;

	if (!aio)
		return;
	if (aio->context)
		io_queue_release(aio->context);
	async_exit(&aio->async);
	free(aio->iocbs);
	free(aio->batch);
	free(aio->completed);
	free(aio);
}

const struct ioengine_ops aio_ops = {
	.name = "libaio",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_ASYNCIO_SYNC_TRIM | FIO_ASYNCIO_SETS_ISSUE_TIME | DGEN_FIO_ATOMICWRITES,
	.init = libaio_init,
	.post_init = aio_post_init,
	.queue = aio_queue,
	.commit = aio_commit,
	.getevents = aio_getevents,
	.event = aio_event,
	.cleanup = aio_cleanup,
	.open_file = generic_open_file,
	.close_file = generic_close_file,
	.get_file_size = generic_get_file_size,
};
