/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_threads=: filling ahead of submission.
 *
 * fio prepares and queues one io_u after the other. With helper threads, queueing one only puts it at
 * the end of a ring; helpers fill buffers in that order, in place, and the job's own thread, the only
 * one that ever calls fio or the inner engine, hands them on in that order once they are filled. So
 * the inner engine sees what it would see without helpers: the same I/Os with the same bytes, in the
 * same order, and a sync or a trim behind the writes that came before it.
 *
 * When fio waits for a completion and all that could come is not filled yet, the job's thread fills
 * too rather than sleep. So one helper makes two threads that fill, and a helper that gets no CPU
 * holds nothing up but what it has begun. Large buffers are filled in pieces, by all threads at once:
 * the fewer buffers are in work, the more of them stay in the cache.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ahead.h"
#include "metered.h"
#include "path.h"
#include "replay.h"

enum {
	/* So much waits to be filled before it is worth waking a helper. */
	WAKE_BYTES = 32768,
	/*
	 * So much may wait to be sent: what is filled far ahead only leaves the cache before it is sent. Of
	 * larger buffers two while others are in flight, else one, which all threads fill together.
	 */
	AHEAD_BYTES = 4 << 20,
	/* At least; whole units. */
	PIECE_BYTES = 1 << 20,
	/* Looks at what another thread is about to finish, before sleeping. */
	SPINS = 2000,
	/* For how long another process may hold what is to be written next, once fio is to end. */
	PATIENCE_MS = 2000,
};

/* Its place in the ring is used again, so what is left of it is changed only together with its position. */
struct entry {
	struct io_u *io_u;
	unsigned int pieces;
	_Atomic uint64_t
		untaken;      /* its position times 2^16, and how many of its pieces nobody took */
	atomic_uint unfilled; /* pieces */
};

enum { PIECES_BITS = 16 };

struct helper {
	struct ahead *ahead;
	pthread_t thread;
	struct meter meter; /* of its filling */
	uint64_t bytes;
	struct dgen_tally *tally; /* NULL: nobody counts */
};

struct ahead {
	struct job *job;
	struct entry *ring;
	unsigned int size; /* a power of two, enough for all io_us */
	/* Positions in the ring; they only grow. sent <= taken <= queued. */
	uint64_t sent;
	_Atomic uint64_t taken, queued;
	/* io_us that are complete, from given on not yet told to fio. */
	struct io_u **done;
	unsigned int nr_done, given;
	unsigned int in_inner;
	unsigned int blocked_ms; /* at the end of the job */
	uint64_t waiting_bytes;  /* queued since a helper was woken */
	uint64_t unsent_bytes;
	uint64_t piece;
	pthread_mutex_t lock;
	pthread_cond_t work, filled;
	atomic_uint sleeping; /* helpers */
	atomic_bool awaited;  /* by the job's thread: whatever is filled next */
	atomic_bool stop;
	unsigned int nr_helpers;
	struct helper helpers[];
};

static struct entry *entry_at(const struct ahead *a, uint64_t position)
{
	return &a->ring[position & (a->size - 1)];
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- filling ---- */

/* Pieces begin at multiples of their length in the file, so that a unit lies in one. */
static unsigned int pieces_of(const struct ahead *a, const struct io_state *state)
{
	if (!state->unfilled)
		return 0;
	if (state->file->tags || state->length < 2 * a->piece)
		return 1;
	return (unsigned int)((state->offset + state->length - 1) / a->piece -
			      state->offset / a->piece + 1);
}

static unsigned int left_of(uint64_t untaken)
{
	return untaken & ((1U << PIECES_BITS) - 1);
}

/* Goes past what was taken, or even sent and its place used again. False where nothing is behind it. */
static bool find(struct ahead *a, uint64_t *at, uint64_t *untaken)
{
	*at = a->taken;
	while (*at != a->queued) {
		*untaken = entry_at(a, *at)->untaken;
		if (left_of(*untaken) &&
		    *untaken >> PIECES_BITS == *at << PIECES_BITS >> PIECES_BITS)
			return true;
		if (atomic_compare_exchange_strong(&a->taken, at, *at + 1))
			++*at;
	}
	return false;
}

/* The next piece that nobody fills yet; NULL: there is none. */
static struct entry *take(struct ahead *a, unsigned int *piece)
{
	uint64_t at, untaken;

	while (find(a, &at, &untaken)) {
		struct entry *entry = entry_at(a, at);

		if (!atomic_compare_exchange_weak(&entry->untaken, &untaken, untaken - 1))
			continue;
		*piece = left_of(untaken) - 1;
		return entry;
	}
	return NULL;
}

/* The answer is how much was made. */
static uint64_t fill(struct ahead *a, struct entry *entry, unsigned int piece,
		     struct dgen_tally *tally)
{
	struct io_u *io_u = entry->io_u;
	const struct io_state *state = job_state_of(a->job, io_u);
	uint64_t from = 0, to = state->length;

	if (entry->pieces > 1) {
		const uint64_t begin = (state->offset / a->piece + piece) * a->piece;

		from = piece ? begin - state->offset : 0;
		if (piece + 1 < entry->pieces)
			to = begin + a->piece - state->offset;
	}
	path_fill(a->job, state, from, to, io_u->buf, tally);
	entry->unfilled--;
	return to - from;
}

static void sleep_until_work(struct ahead *a)
{
	for (unsigned int i = 0; i < SPINS && a->taken == a->queued; i++)
		relax();
	pthread_mutex_lock(&a->lock);
	a->sleeping++;
	while (!a->stop && a->taken == a->queued)
		pthread_cond_wait(&a->work, &a->lock);
	a->sleeping--;
	pthread_mutex_unlock(&a->lock);
}

static void *help(void *context)
{
	struct helper *helper = context;
	struct ahead *a = helper->ahead;

	while (!a->stop) {
		unsigned int piece;
		struct entry *entry = take(a, &piece);
		uint64_t begin;

		if (!entry) {
			sleep_until_work(a);
			continue;
		}
		begin = meter_begin(&helper->meter);
		helper->bytes += fill(a, entry, piece, helper->tally);
		meter_end(&helper->meter, begin);
		if (a->awaited) {
			pthread_mutex_lock(&a->lock);
			pthread_cond_signal(&a->filled);
			pthread_mutex_unlock(&a->lock);
		}
	}
	return NULL;
}

/* One for a buffer, or all where there are pieces for several. */
static void wake_helpers(struct ahead *a, unsigned int pieces)
{
	a->waiting_bytes = 0;
	if (!a->sleeping)
		return;
	pthread_mutex_lock(&a->lock);
	if (pieces > 1)
		pthread_cond_broadcast(&a->work);
	else
		pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
}

/* A helper is at it. */
static void await(struct ahead *a, const struct entry *entry)
{
	for (unsigned int i = 0; i < SPINS; i++) {
		if (!entry->unfilled)
			return;
		relax();
	}
	pthread_mutex_lock(&a->lock);
	a->awaited = true;
	while (entry->unfilled)
		pthread_cond_wait(&a->filled, &a->lock);
	a->awaited = false;
	pthread_mutex_unlock(&a->lock);
}

/* Makes something of what is queued ready to be sent. */
static void make_ready(struct ahead *a)
{
	struct account *account = &a->job->account;
	unsigned int piece;
	struct entry *entry = take(a, &piece);
	struct meter *meter = entry ? &account->fill : &account->await;
	const uint64_t begin = meter_begin(meter);

	if (entry)
		account->filled += fill(a, entry, piece, a->job->tally);
	else
		await(a, entry_at(a, a->sent));
	meter_end(meter, begin);
}

/* ---- sending, in order ---- */

static void note_done(struct ahead *a, struct io_u *io_u)
{
	path_ended(a->job->td, io_u);
	a->done[a->nr_done++] = io_u;
}

static enum fio_q_status hand_on(struct ahead *a, struct io_u *io_u)
{
	struct job *job = a->job;
	struct thread_data *td = job->td;
	enum fio_q_status status;

	/* Data was made after fio took its start time, and is no part of the latency. */
	if (fio_fill_issue_time(td)) {
		fio_gettime(&io_u->issue_time, NULL);
		io_u->start_time = io_u->issue_time;
	}
	io_u_set(td, io_u, IO_U_F_FLIGHT);
	status = path_send(job, io_u);
	if (status == FIO_Q_BUSY)
		io_u_clear(td, io_u, IO_U_F_FLIGHT);
	if (status == FIO_Q_QUEUED && !job->inner->commit) {
		io_u_queued(td, io_u);
		io_u_mark_submit(td, 1);
	}
	return status;
}

static int commit(struct job *job)
{
	const int err = job->inner->commit ? metered_commit(job) : 0;

	return err > 0 ? -err : err;
}

/* Hands on what is filled, up to the first that is not. 1 where the inner engine takes no more now. */
static int send_filled(struct ahead *a)
{
	struct job *job = a->job;
	bool uncommitted = false, busy = false;

	while (!busy && a->sent != a->queued && !entry_at(a, a->sent)->unfilled) {
		struct io_u *io_u = entry_at(a, a->sent)->io_u;
		const enum fio_q_status status = hand_on(a, io_u);
		int err;

		if (status == FIO_Q_BUSY) {
			/* It may only want to commit first what it has. */
			busy = !uncommitted;
			err = commit(job);
			if (err)
				return err;
			uncommitted = false;
			continue;
		}
		a->sent++;
		a->unsent_bytes -= io_u->xfer_buflen;
		if (status == FIO_Q_COMPLETED)
			note_done(a, io_u);
		else
			a->in_inner++;
		uncommitted = uncommitted || status == FIO_Q_QUEUED;
	}
	if (uncommitted) {
		const int err = commit(job);

		if (err)
			return err;
	}
	return busy;
}

/* ---- the hooks ---- */

static enum fio_q_status ahead_queue(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);
	struct ahead *a = job->ahead;
	struct entry *entry = entry_at(a, a->queued);
	struct io_state *state = job_state_of(job, io_u);
	uint64_t at, untaken;

	if (a->unsent_bytes >= AHEAD_BYTES && a->queued - a->sent > (a->in_inner ? 1 : 0))
		return FIO_Q_BUSY;
	/* Some engines look by this flag for what they may ask the system about. */
	io_u_clear(td, io_u, IO_U_F_FLIGHT);
	entry->io_u = io_u;
	entry->pieces = pieces_of(a, state);
	if (entry->pieces)
		a->waiting_bytes += io_u->buflen;
	state->unfilled = false;
	entry->unfilled = entry->pieces;
	entry->untaken = a->queued << PIECES_BITS | entry->pieces;
	a->unsent_bytes += io_u->xfer_buflen;
	a->queued++;
	/* Where nobody takes anything, nobody else goes past it. */
	if (!entry->pieces)
		find(a, &at, &untaken);
	if (a->waiting_bytes >= WAKE_BYTES)
		wake_helpers(a, entry->pieces);
	if (replays(td))
		replay_sent(td);
	return FIO_Q_QUEUED;
}

static int ahead_commit(struct thread_data *td)
{
	const int ret = send_filled(job_of(td)->ahead);

	return ret < 0 ? ret : 0;
}

static int collect(struct ahead *a, unsigned int min, unsigned int max,
		   const struct timespec *timeout)
{
	const int nr = metered_getevents(a->job, min, max, timeout);

	for (int i = 0; i < nr; i++)
		note_done(a, metered_event(a->job, i));
	if (nr > 0)
		a->in_inner -= nr;
	return nr;
}

/*
 * Nothing of ours is on its way, and the next write is to a unit that another job writes. A job that
 * was killed never lets go of it.
 */
static void blocked_by_others(struct ahead *a)
{
	struct io_u *io_u = entry_at(a, a->sent)->io_u;

	if (!a->job->td->terminate) {
		sched_yield();
		return;
	}
	usleep(1000);
	if (a->blocked_ms++ < PATIENCE_MS)
		return;
	a->sent++;
	a->unsent_bytes -= io_u->xfer_buflen;
	io_u_set(a->job->td, io_u, IO_U_F_FLIGHT);
	io_u->error = EBUSY;
	note_done(a, io_u);
}

/* One step towards more that is done. 0 or -errno. */
static int advance(struct ahead *a, unsigned int min, unsigned int max,
		   const struct timespec *timeout)
{
	const int blocked = send_filled(a);
	const unsigned int ready = a->nr_done - a->given;
	int nr = 0;

	if (blocked < 0)
		return blocked;
	if (a->in_inner && ready < max) {
		unsigned int wait = 0;

		/* Sleep there only when there is nothing else to do. */
		if (ready < min && (blocked || a->sent == a->queued))
			wait = blocked ? 1 : min - ready;
		nr = collect(a, wait < a->in_inner ? wait : a->in_inner, max - ready, timeout);
		if (nr < 0)
			return nr;
	}
	if (nr || ready >= min)
		return 0;
	if (blocked && !a->in_inner)
		blocked_by_others(a);
	else if (!blocked && a->sent != a->queued && entry_at(a, a->sent)->unfilled)
		make_ready(a);
	return 0;
}

static int ahead_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			   const struct timespec *timeout)
{
	struct ahead *a = job_of(td)->ahead;
	unsigned int ready;
	int err, first = 0;

	/* What was told last time is fio's. */
	memmove(a->done, a->done + a->given, (a->nr_done - a->given) * sizeof(*a->done));
	a->nr_done -= a->given;
	a->given = 0;
	do {
		err = advance(a, min, max, timeout);
		/* Where a call fails for good the inner engine gives back, after that, what it has. */
		if (err && first)
			break;
		first = err ? err : first;
	} while (a->nr_done < min && !timeout && (a->in_inner || a->sent != a->queued));
	ready = a->nr_done < max ? a->nr_done : max;
	a->given = ready;
	return ready ? (int)ready : first;
}

static struct io_u *ahead_event(struct thread_data *td, int event)
{
	return job_of(td)->ahead->done[event];
}

unsigned int ahead_unreaped(const struct job *job)
{
	const struct ahead *a = job->ahead;

	return a ? (unsigned int)(a->queued - a->sent) + a->nr_done - a->given : 0;
}

/* ---- begin and end ---- */

static int start_helpers(struct ahead *a, unsigned int nr)
{
	sigset_t all, old;
	int err = 0;

	/* Signals are for fio's threads. Affinity is inherited from the job. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned int i = 0; i < nr && !err; i++) {
		a->helpers[i].ahead = a;
		meter_init(&a->helpers[i].meter, true, a->job->writer != NULL);
		a->helpers[i].tally = a->job->tally ? calloc(1, sizeof(struct dgen_tally)) : NULL;
		if (a->helpers[i].tally)
			dgen_tally_init(a->helpers[i].tally, a->job->tally->granule);
		err = pthread_create(&a->helpers[i].thread, NULL, help, &a->helpers[i]);
		a->nr_helpers += !err;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static struct ahead *create(struct job *job, unsigned int nr)
{
	struct ahead *a = calloc(1, sizeof(*a) + nr * sizeof(*a->helpers));

	if (!a)
		return NULL;
	a->job = job;
	a->piece = job->options->data.dedup_unit;
	a->piece = (PIECE_BYTES + a->piece - 1) / a->piece * a->piece;
	for (a->size = 1; a->size < job->td->o.iodepth;)
		a->size *= 2;
	a->ring = calloc(a->size, sizeof(*a->ring));
	a->done = calloc(2 * a->size, sizeof(struct io_u *));
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->work, NULL);
	pthread_cond_init(&a->filled, NULL);
	if (!a->ring || !a->done) {
		free(a->ring);
		free(a->done);
		free(a);
		return NULL;
	}
	return a;
}

/* Why nothing can be made ahead, or NULL. */
static const char *find_obstacle(struct job *job)
{
	struct thread_data *td = job->td;

	if (td_ioengine_flagged(td, FIO_SYNCIO) || !job->inner->getevents)
		return "a back end that does one I/O at a time (fio's null does so with iodepth=1)";
	if (td->o.iodepth < 2)
		return "iodepth=1";
	/* fio looks for overlaps among what is in flight, which I/O in the ring is not. */
	if (td->o.serialize_overlap)
		return "serialize_overlap=1";
	if (td->o.io_submit_mode == IO_MODE_OFFLOAD)
		return "io_submit_mode=offload";
	return NULL;
}

int ahead_start(struct job *job)
{
	const unsigned int nr = job->options->gen_threads;
	struct thread_data *td = job->td;
	const char *obstacle;

	if (!nr || !job_writes(td) || job->fakes)
		return 0;
	obstacle = find_obstacle(job);
	if (obstacle) {
		if (!atomic_exchange(&job->group->inline_said, true))
			run_warn("gen_threads=%u: not used with %s", nr, obstacle);
		return 0;
	}
	job->ahead = create(job, nr);
	if (!job->ahead)
		return -ENOMEM;
	job->ops.queue = ahead_queue;
	job->ops.commit = ahead_commit;
	job->ops.getevents = ahead_getevents;
	job->ops.event = ahead_event;
	job->ops.flags |= FIO_ASYNCIO_SETS_ISSUE_TIME;
	td_set_ioengine_flags(td);
	return start_helpers(job->ahead, nr);
}

void ahead_stop(struct job *job)
{
	struct ahead *a = job->ahead;

	if (!a || !a->nr_helpers)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (unsigned int i = 0; i < a->nr_helpers; i++) {
		pthread_join(a->helpers[i].thread, NULL);
		job->account.helped += a->helpers[i].meter.ns;
		job->account.filled += a->helpers[i].bytes;
		if (a->helpers[i].tally)
			dgen_tally_merge(job->tally, a->helpers[i].tally);
		free(a->helpers[i].tally);
	}
	a->nr_helpers = 0;
}

void ahead_free(struct job *job)
{
	struct ahead *a = job->ahead;

	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->work);
	pthread_cond_destroy(&a->filled);
	free(a->ring);
	free(a->done);
	free(a);
	job->ahead = NULL;
}
