/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks on the path of each I/O, in front of the inner engine's.
 *
 * A write is filled in prep, in place: the hook that fio calls when it has chosen file, offset
 * and length, just before it takes the start time and submits. fio fills its own buffers at the
 * same point, so that no latency that fio measures contains the making of data. With gen_threads=
 * prep only notes what is to be made, unless it is little; see ahead.c.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ahead.h"
#include "check.h"
#include "marks.h"
#include "metered.h"
#include "path.h"
#include "replay.h"

/* An io_u that fio has chosen just now? Or one that it hands in again? */
static bool is_new(const struct io_state *state, const struct io_u *io_u)
{
	/* The rest of one that is resumed. */
	if (io_u->xfer_buf != io_u->buf)
		return false;
	/* fio may drop an io_u that it has prepared, and choose anew. */
	return !state->prepared || state->ddir != io_u->ddir || state->offset != io_u->offset ||
	       state->length != io_u->buflen || state->file->file != io_u->file;
}

/*
 * Notes what the buffer is about to be filled with. Nothing but what is read changes it otherwise: fio was
 * told not to.
 */
static void note_fill(const struct job *job, struct io_state *state)
{
	const uint64_t from = state->held_from, to = state->offset;

	/* A log that is read in chunks may need larger buffers as it goes on: then they are others. */
	if (dgen_mod(to > from ? to - from : from - to, &job->period) ||
	    job->td->o.read_iolog_chunked)
		state->held = 0;
	state->again = state->held >= state->length;
	state->held_from = state->offset;
	if (state->held < state->length)
		state->held = state->length;
}

static void prepare_write(struct job *job, struct io_state *state, struct io_u *io_u,
			  uint64_t version)
{
	struct account *account = &job->account;
	uint64_t begin;

	state->version = version;
	if (state->file->tags)
		version = marks_prepare_write(state);
	note_fill(job, state);
	if (version >= job->newest)
		job->newest = version + 1;
	state->unfilled = job->ahead && io_u->buflen >= AHEAD_MIN_BYTES;
	if (state->unfilled)
		return;
	begin = meter_begin(&account->fill);
	path_fill(job, state, 0, state->length, io_u->buf, job->tally);
	meter_end(&account->fill, begin);
	account->filled += io_u->buflen;
}

void path_fill(const struct job *job, const struct io_state *state, uint64_t from, uint64_t to,
	       void *buffer, struct dgen_tally *tally)
{
	if (state->file->tags)
		marks_fill(job, state, buffer, tally);
	else
		dgen_fill_tallied(job->dgen, state->file->domain, state->version,
				  state->offset + from, (char *)buffer + from, to - from,
				  state->again, tally);
}

static int path_prep(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);
	struct io_state *state = job_state_of(job, io_u);
	struct job_file *file;
	uint64_t version;
	int err;

	if (!job->account.started)
		account_start(&job->account, job->writer != NULL);
	if (ddir_rw(io_u->ddir) ? !is_new(state, io_u) : !ddir_sync(io_u->ddir))
		goto inner;

	file = job_file_of(job, io_u->file);
	if (!file) {
		log_err("dgen: I/O to a file that is none of job %s's\n", td->o.name);
		td_verror(td, EINVAL, "dgen: file");
		return 1;
	}
	err = replays(td) ? replay_check(td, io_u) : 0;
	if (err) {
		td_verror(td, -err, "read_iolog");
		return 1;
	}
	state->file = file;
	state->ddir = io_u->ddir;
	state->offset = io_u->offset;
	state->length = io_u->buflen;
	/* Read into; or fio has dropped it before its data was made. */
	if (io_u->ddir == DDIR_READ || state->unfilled)
		state->held = 0;
	state->unfilled = false;
	/* Else both directions have all of the time. */
	if (job->verifies && ddir_rw(io_u->ddir) && !td_read(td))
		account_turn(&job->account, io_u->ddir == DDIR_READ);
	err = file->tags && ddir_rw(io_u->ddir) ? marks_locate(state) : 0;
	if (err) {
		td_verror(td, -err, "verify");
		return 1;
	}
	/* A dry run goes past queue and event. */
	state->prepared = !job->fakes;
	if (job->fakes && replays(td))
		replay_sent(td);
	/* What fio reads back has no part in the pass, nor what it only pretends to write. */
	if (ddir_rw(io_u->ddir) && !(io_u->flags & IO_U_F_VER_LIST) && !job->fakes) {
		version = file->first_version + pass_note(&file->pass, td, io_u);
		if (io_u->ddir == DDIR_WRITE)
			prepare_write(job, state, io_u, version);
	}
inner:
	return job->inner->prep ? job->inner->prep(td, io_u) : 0;
}

static const char *hint(const struct io_u *io_u)
{
	if (io_u->error == EOWNERDEAD)
		return " (a job of this run was killed while it wrote there)";
	if (io_u->error == EFBIG)
		return " (the limit of ulimit -f, or of the file system)";
	if (io_u->error != ENOSPC)
		return "";
	return io_u->file->filetype == FIO_TYPE_FILE ? " (the file system is full)" :
						       " (the device is full)";
}

/*
 * Ends the job with one line, about its first failed I/O. True where fio is not to say more: its
 * own line would come for everything that was in flight.
 */
static bool io_failed(struct thread_data *td, const struct io_u *io_u)
{
	const enum error_type_bit type = td_error_type(io_u->ddir, io_u->error);
	const bool expected = io_u->error == ENOSPC || io_u->error == EDQUOT;

	/* continue_on_error= is fio's. */
	if (td_non_fatal_error(td, type, io_u->error) &&
	    !(DGEN_FIO_FORGETS_SYNC_ERRORS && ddir_sync(io_u->ddir)))
		return false;
	if (td->error)
		return true;
	if (!(td->o.fill_device && expected))
		log_err("dgen: %s: %s offset=%llu, length=%llu: %s%s\n", io_u->file->file_name,
			io_ddir_name(io_u->ddir), io_u->offset, io_u->xfer_buflen,
			strerror(io_u->error), hint(io_u));
	td_verror(td, io_u->error, io_ddir_name(io_u->ddir));
	return true;
}

/* Will fio hand the rest in again? */
static bool goes_on(const struct io_u *io_u)
{
	const uint64_t moved = io_u->xfer_buflen - io_u->resid;

	return ddir_rw(io_u->ddir) && !io_u->error && io_u->resid && moved &&
	       io_u->offset + moved < io_u->file->real_file_size;
}

static void check(struct job *job, struct io_state *state, struct io_u *io_u)
{
	const uint64_t begin = meter_begin(&job->account.check);

	check_read(job, state, io_u);
	meter_end(&job->account.check, begin);
}

static void count(struct job *job, const struct io_u *io_u, bool over)
{
	const uint64_t moved = io_u->xfer_buflen - io_u->resid;

	job->failed += io_u->error && io_u->ddir == DDIR_WRITE;
	if (io_u->error || !ddir_rw(io_u->ddir))
		return;
	if (io_u->ddir == DDIR_WRITE)
		job->written += moved;
	else if (io_u->ddir == DDIR_READ)
		job->read += moved;
	else
		job->trimmed += moved;
	job->ios[io_u->ddir] += over;
}

static bool io_ended(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);
	struct io_state *state = job_state_of(job, io_u);

	const bool over = !goes_on(io_u);

	count(job, io_u, over);
	if (over) {
		state->prepared = false;
		if (job->verifies && io_u->ddir == DDIR_READ)
			check(job, state, io_u);
		else if (job->track)
			marks_complete(job, state, io_u);
	}
	return io_u->error && io_failed(td, io_u);
}

/* Another job writes there. One that was killed never lets go. */
static enum fio_q_status wait_for_others(struct job *job, struct io_u *io_u)
{
	const uint64_t second = 1000000000, now = account_now();

	sched_yield();
	if (!job->blocked)
		job->blocked = now;
	if (now - job->blocked < second)
		return FIO_Q_BUSY;
	job->blocked = now;
	if (!track_lost_job(job->track))
		return FIO_Q_BUSY;
	io_u->error = EOWNERDEAD;
	io_u->resid = io_u->xfer_buflen;
	return FIO_Q_COMPLETED;
}

enum fio_q_status path_send(struct job *job, struct io_u *io_u)
{
	enum fio_q_status status;

	if (job->track && !marks_send(job, job_state_of(job, io_u), io_u))
		return wait_for_others(job, io_u);
	job->blocked = 0;
	status = metered_queue(job, io_u);
	if (status == FIO_Q_BUSY && job->track)
		marks_unsend(job_state_of(job, io_u));
	return status;
}

static enum fio_q_status path_queue(struct thread_data *td, struct io_u *io_u)
{
	const enum fio_q_status status = path_send(job_of(td), io_u);

	if (status == FIO_Q_COMPLETED)
		io_ended(td, io_u);
	/* fio hands in again what found no place, and the rest of what was short. */
	if (replays(td) && (status == FIO_Q_QUEUED || (status == FIO_Q_COMPLETED && !io_u->resid)))
		replay_sent(td);
	return status;
}

static int path_commit(struct thread_data *td)
{
	return metered_commit(job_of(td));
}

static int path_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			  const struct timespec *timeout)
{
	return metered_getevents(job_of(td), min, max, timeout);
}

void path_ended(struct thread_data *td, struct io_u *io_u)
{
	if (io_ended(td, io_u)) {
		/* fio knows by td->error; to it this one ended without having moved a byte. */
		unlog_io_piece(td, io_u);
		io_u->resid = io_u->xfer_buflen;
		io_u->error = 0;
	}
}

static struct io_u *path_event(struct thread_data *td, int event)
{
	struct io_u *io_u = metered_event(job_of(td), event);

	path_ended(td, io_u);
	return io_u;
}

/* ---- what fio leaves behind ---- */

static unsigned int unreaped(const struct job *job)
{
	return job->account.in_flight + ahead_unreaped(job);
}

/* fio has freed its files by then, but closes none that an I/O is sent to. */
static void take_files_over(struct job *job)
{
	for (unsigned int i = 0; i < job->nr_files; i++)
		job->files[i]->file = &job->files[i]->last;
	/* With names of fio's. */
	free(job->places);
	job->places = NULL;
	for (unsigned int i = 0; i < job->nr_states; i++) {
		struct io_state *state = &job->states[i];

		if (state->io_u && state->prepared)
			((struct io_u *)state->io_u)->file = (struct fio_file *)state->file->file;
	}
}

/* True where something came. */
static bool reap_some(struct thread_data *td, unsigned int most)
{
	const int nr = td->io_ops->getevents(td, 1, most, NULL);

	for (int i = 0; i < nr; i++)
		td->io_ops->event(td, i);
	return nr > 0;
}

void path_finish(struct job *job)
{
	enum { PATIENCE_MS = 1000 };
	struct thread_data *td = job->td;
	unsigned int left = unreaped(job);

	if (job->finished || !left || !(replays(td) || td->o.latency_target))
		return;
	job->finished = true;
	take_files_over(job);
	/* Its logs of latencies are written, and freed. */
	td->o.disable_slat = 1;
	for (unsigned int waited = 0; left && waited < PATIENCE_MS; left = unreaped(job)) {
		if (reap_some(td, left))
			continue;
		usleep(1000);
		waited++;
	}
}

void path_put_hooks(struct job *job)
{
	const struct ioengine_ops *inner = job->inner;

	job->ops.prep = path_prep;
	job->ops.queue = path_queue;
	job->ops.commit = inner->commit ? path_commit : NULL;
	job->ops.getevents = inner->getevents ? path_getevents : NULL;
	job->ops.event = inner->event ? path_event : NULL;
}
