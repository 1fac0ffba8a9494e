/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What our two asynchronous engines share: slots for what is in flight, what is done at once, and
 * short transfers, which are resumed: fio learns of an I/O when it is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "async.h"

/* The most that the kernel moves in one I/O; also keeps the length in 32 bits. */
#define TRANSFER_MAX 0x7ffff000ULL

/* Newer than the headers of some systems. */
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080 /* Linux 6.14 */
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x00000040 /* Linux 6.11 */
#endif

/* ---- slots ---- */

static int init_priorities(struct thread_data *td, struct async *a)
{
	struct async_options *o = async_options(td);
	const struct cmdprio_options none = { 0 };

	/* Whoever hands the struct on frees no string in it: it is ours. */
	o->cmdprio.bssplit_str = NULL;
	if (!o->cmdprio_bssplit[0] &&
	    !memcmp(o->cmdprio.percentage, none.percentage, sizeof(none.percentage)))
		return 0;
	if (!fio_cmdprio_init) {
		log_err("dgen: cmdprio_percentage, cmdprio_bssplit: this fio does not lend its own "
			"to engines\n");
		return -EINVAL;
	}
	if (o->cmdprio_bssplit[0])
		o->cmdprio.bssplit_str = o->cmdprio_bssplit;
	return fio_cmdprio_init(td, &a->cmdprio, &o->cmdprio) ? -EINVAL : 0;
}

int async_init(struct thread_data *td, struct async *a)
{
	a->depth = td->o.iodepth;
	a->slots = calloc(a->depth, sizeof(*a->slots));
	a->free = calloc(a->depth, sizeof(*a->free));
	a->pending = calloc(a->depth, sizeof(*a->pending));
	a->events = calloc(a->depth, sizeof(*a->events));
	if (!a->slots || !a->free || !a->pending || !a->events)
		return -ENOMEM;
	for (unsigned int i = 0; i < a->depth; i++)
		a->free[i] = &a->slots[a->depth - 1 - i];
	a->nr_free = a->depth;
	return init_priorities(td, a);
}

void async_exit(struct async *a)
{
	if (a->cmdprio.mode != CMDPRIO_MODE_NONE)
		fio_cmdprio_cleanup(&a->cmdprio);
	free(a->slots);
	free(a->free);
	free(a->pending);
	free(a->events);
}

struct async_slot *async_slot(struct async *a, struct io_u *io_u)
{
	struct async_slot *slot;

	if (!a->nr_free)
		return NULL;
	slot = a->free[a->nr_free - 1];
	slot->io_u = io_u;
	slot->done = 0;
	slot->refused_since = 0;
	slot->resumed = false;
	return slot;
}

void async_take(struct async *a, struct async_slot *slot)
{
	a->nr_free--;
	a->pending[a->nr_pending++] = slot;
}

void async_give(struct async *a, struct async_slot *slot)
{
	a->free[a->nr_free++] = slot;
}

/* ---- what the kernel is asked for ---- */

struct iovec async_rest(const struct async_slot *slot)
{
	const struct io_u *io_u = slot->io_u;
	const unsigned long long length = io_u->xfer_buflen - slot->done;

	return (struct iovec){
		.iov_base = (char *)io_u->xfer_buf + slot->done,
		.iov_len = length < TRANSFER_MAX ? length : TRANSFER_MAX,
	};
}

int async_rw_flags(const struct thread_data *td, const struct io_u *io_u)
{
	const struct async_options *o = async_options(td);
	int flags = 0;

	if (o->nowait)
		flags |= RWF_NOWAIT;
	if (o->uncached && !td->o.odirect)
		flags |= RWF_DONTCACHE;
	if (dgen_fio_atomic(td) && io_u->ddir == DDIR_WRITE)
		flags |= RWF_ATOMIC;
	return flags;
}

/* ---- what is done at once ---- */

static void punch(struct io_u *io_u, uint64_t offset, uint64_t length)
{
	if (fallocate(io_u->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length))
		io_u->error = errno;
}

static void trim(struct thread_data *td, struct io_u *io_u)
{
	/* fio's own trim knows block devices, and zones in whatever it is. */
	if (io_u->file->filetype != FIO_TYPE_FILE || td->o.zone_mode == ZONE_MODE_ZBD)
		do_io_u_trim(td, io_u);
	else
		punch(io_u, io_u->offset, io_u->xfer_buflen);
}

enum fio_q_status async_do_now(struct thread_data *td, struct async *a, struct io_u *io_u)
{
	if (a->nr_pending)
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

/* ---- submission and completion ---- */

bool async_lost_patience(const struct thread_data *td, uint64_t *since)
{
	const uint64_t second = 1000000000;
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * second + (uint64_t)t.tv_nsec;
	if (!*since)
		*since = now;
	return now - *since > (td->terminate || td->error ? second : 10 * second);
}

void async_submitted(struct thread_data *td, struct async *a, unsigned int nr)
{
	struct timespec now;
	unsigned int fresh = 0;

	if (fio_fill_issue_time(td))
		fio_gettime(&now, NULL);
	for (unsigned int i = 0; i < nr; i++) {
		const struct async_slot *slot = a->pending[i];

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
	a->nr_pending -= nr;
	memmove(a->pending, a->pending + nr, a->nr_pending * sizeof(*a->pending));
}

static bool complete_rw(const struct thread_data *td, struct async_slot *slot, long long res)
{
	struct io_u *io_u = slot->io_u;

	if ((res == -EINTR || (res == -EAGAIN && !async_options(td)->nowait)) &&
	    !async_lost_patience(td, &slot->refused_since))
		return false;
	/* O_DIRECT cannot go on at the odd offset where a file ends. */
	if (res == -EINVAL && slot->done && io_u->ddir == DDIR_READ)
		res = 0;
	if (res < 0) {
		io_u->error = -res;
		return true;
	}
	slot->done += res;
	slot->refused_since = 0;
	if (res && slot->done < io_u->xfer_buflen)
		return false;
	if (!res && io_u->ddir == DDIR_WRITE)
		io_u->error = EIO;
	else
		io_u->resid = io_u->xfer_buflen - slot->done;
	return true;
}

bool async_complete(const struct thread_data *td, struct async_slot *slot, long long res)
{
	struct io_u *io_u = slot->io_u;

	if (io_u->ddir == DDIR_READ || io_u->ddir == DDIR_WRITE)
		return complete_rw(td, slot, res);
	if ((res == -EINTR || res == -EAGAIN) && !async_lost_patience(td, &slot->refused_since))
		return false;
	if (res < 0)
		io_u->error = -res;
	return true;
}
