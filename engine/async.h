/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Our own inner engines, io_uring and libaio: ordinary engines of fio, which know nothing of
 * content. What both need is here.
 */
#ifndef DGEN_ASYNC_H
#define DGEN_ASYNC_H

#include <stdbool.h>
#include <sys/uio.h>

#include "compat.h"

#define CMDPRIO_BSSPLIT_MAX 1024

/*
 * td->eo of both, with the names and meanings of fio's own engines, so that a job moves over from
 * either. Numbers are all unsigned int: see async_options_used().
 */
struct async_options {
	struct thread_data *td; /* fio writes it */
	unsigned int hipri;
	unsigned int fixedbufs;
	unsigned int registerfiles;
	unsigned int sqthread_poll;
	unsigned int sqthread_poll_cpu;
	unsigned int sqthread_poll_cpu_set;
	unsigned int nonvectored;
	unsigned int uncached;
	unsigned int nowait;
	unsigned int force_async;
	unsigned int userspace_reap;
	unsigned int libaio_vectored;
	struct cmdprio_options cmdprio;
	char cmdprio_bssplit[CMDPRIO_BSSPLIT_MAX];
};

static inline struct async_options *async_options(const struct thread_data *td)
{
	return td->eo;
}

/* An I/O between queue() and event(). */
struct async_slot {
	struct io_u *io_u;
	unsigned long long done; /* bytes, when an I/O is resumed */
	struct iovec iov;        /* must outlive the submission */
	uint64_t refused_since;  /* ns: moved nothing since then; 0: has not been refused */
	bool resumed;
};

/* Allocated in init(), nothing after it. */
struct async {
	unsigned int depth; /* slots */
	struct async_slot *slots;
	struct async_slot **free; /* stack */
	unsigned int nr_free;
	struct async_slot **pending; /* queued since the last commit, in order */
	unsigned int nr_pending;
	struct io_u **events;   /* what the last getevents() found */
	uint64_t refused_since; /* ns: the kernel accepts nothing since then; 0: it does */
	struct cmdprio cmdprio;
};

/* 0 or -errno; where it fails, async_exit() is still to be called. */
int async_init(struct thread_data *td, struct async *a);
void async_exit(struct async *a);

/* A slot for the io_u, or NULL where none is free. It counts as taken with async_take(). */
struct async_slot *async_slot(struct async *a, struct io_u *io_u);
void async_take(struct async *a, struct async_slot *slot);
void async_give(struct async *a, struct async_slot *slot);

/* The priority that cmdprio_* draws for it. False: the job's own. */
static inline bool async_draw_priority(struct thread_data *td, struct async *a, struct io_u *io_u)
{
	return a->cmdprio.mode != CMDPRIO_MODE_NONE && ddir_rw(io_u->ddir) &&
	       io_u->ddir != DDIR_TRIM && fio_cmdprio_set_ioprio(td, &a->cmdprio, io_u);
}

/* What is left of a read or write, in one piece. The length fits 32 bits. */
struct iovec async_rest(const struct async_slot *slot);

/* RWF_... of a read or write. */
int async_rw_flags(const struct thread_data *td, const struct io_u *io_u);

/* A trim or a sync, here and now: FIO_Q_BUSY while what was queued first is not with the kernel. */
enum fio_q_status async_do_now(struct thread_data *td, struct async *a, struct io_u *io_u);

/* The first nr of the pending slots are with the kernel now. */
void async_submitted(struct thread_data *td, struct async *a, unsigned int nr);

/* The kernel's result. True where the slot's I/O is over, false where it is to be sent again. */
bool async_complete(const struct thread_data *td, struct async_slot *slot, long long res);

/*
 * What the kernel refuses for now is tried again, but not forever: 10 s, or 1 s once the job is to end
 * or has failed. True where that is over; since is 0 at the first refusal.
 */
bool async_lost_patience(const struct thread_data *td, uint64_t *since);

/* Can this engine be had here? 0 or -errno. */
int uring_probe(void);
int aio_probe(void);

extern const struct ioengine_ops uring_ops, aio_ops;

#endif
