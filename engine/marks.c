/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tags of an I/O: a write or trim marks its grains before it is sent, and settles them when it is
 * over; a read notes what they were when it was sent; a sync makes them the flushed ones.
 *
 * Two writes to one grain are never in flight together: the second gets FIO_Q_BUSY until the first is
 * over, because nobody could say which of them the storage takes last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"
#include "marks.h"

/* ---- writes ---- */

int marks_locate(struct io_state *state)
{
	const struct track_file *t = state->file->track;
	size_t room;
	uint8_t *tags;

	state->grain = state->offset / t->grain;
	state->grains = (state->offset + state->length - 1) / t->grain - state->grain + 1;
	if (state->grain + state->grains > track_grains(t))
		return -ENOSPC;
	if (state->grains <= state->room)
		return 0;
	/* Once or twice for each io_u, at the beginning. */
	room = state->grains + state->grains / 4;
	tags = realloc(state->tags, 2 * room);
	if (!tags)
		return -ENOMEM;
	state->tags = tags;
	state->after = tags + room;
	state->room = room;
	return 0;
}

void marks_fill(const struct job *job, const struct io_state *state, uint8_t *buffer,
		struct dgen_tally *tally)
{
	const struct track_file *t = state->file->track;
	uint64_t at = state->offset;
	const uint64_t end = state->offset + state->length;

	for (size_t i = 0, n; i < state->grains; i += n) {
		const uint64_t version = track_version(t, state->after[i]);
		uint64_t stop;

		for (n = 1; i + n < state->grains && state->after[i + n] == state->after[i]; n++)
			;
		stop = (state->grain + i + n) * (uint64_t)t->grain;
		if (stop > end)
			stop = end;
		dgen_fill_tallied(job->dgen, state->file->domain, version, at, buffer, stop - at,
				  state->again, tally);
		buffer += stop - at;
		at = stop;
	}
}

static uint64_t newest_version(const struct io_state *state)
{
	uint8_t tag = 0;

	for (size_t i = 0; i < state->grains; i++)
		tag = state->after[i] > tag ? state->after[i] : tag;
	return track_version(state->file->track, tag);
}

uint64_t marks_prepare_write(struct io_state *state)
{
	struct job_file *file = state->file;

	for (size_t i = 0; i < state->grains; i++) {
		state->tags[i] = track_version_tag(file->tags[state->grain + i]);
		state->after[i] = track_next(file->track, state->tags[i]);
	}
	state->refill = false;
	return newest_version(state);
}

static void unmark(struct io_state *state, size_t grains)
{
	_Atomic uint8_t *tags = state->file->tags + state->grain;

	for (size_t i = 0; i < grains; i++)
		atomic_store_explicit(&tags[i], state->tags[i], memory_order_release);
}

/* Marks all grains, or none and gives false. */
static bool mark(struct io_state *state)
{
	struct job_file *file = state->file;
	_Atomic uint8_t *tags = file->tags + state->grain;

	for (size_t i = 0; i < state->grains; i++) {
		uint8_t seen = state->tags[i];

		while (!atomic_compare_exchange_strong(&tags[i], &seen,
						       state->after[i] | TRACK_BUSY)) {
			if (seen & TRACK_BUSY) {
				unmark(state, i);
				return false;
			}
			/* Another write came first. */
			state->tags[i] = seen;
			if (state->ddir == DDIR_WRITE) {
				state->after[i] = track_next(file->track, seen);
				state->refill = true;
			}
		}
	}
	return true;
}

static bool send_write(struct job *job, struct io_state *state, struct io_u *io_u)
{
	state->marked = mark(state);
	if (state->marked && state->refill) {
		const uint64_t newest = newest_version(state);

		marks_fill(job, state, io_u->buf, NULL);
		if (newest >= job->newest)
			job->newest = newest + 1;
		state->refill = false;
	}
	return state->marked;
}

static bool send_trim(struct io_state *state)
{
	for (size_t i = 0; i < state->grains; i++) {
		state->tags[i] = track_version_tag(state->file->tags[state->grain + i]);
		state->after[i] = TRACK_TRIMMED;
	}
	state->marked = mark(state);
	/* After the marks: a read that did not see them sees this number change. */
	if (state->marked)
		state->file->track->trims++;
	return state->marked;
}

/* Is grain i of a write or trim covered in part only? What lies behind the end of a file is not. */
static bool in_part(const struct io_state *state, size_t i)
{
	const struct track_file *t = state->file->track;
	const uint64_t end = state->offset + state->length;

	if (!i && state->offset % t->grain)
		return true;
	return i == state->grains - 1 && end % t->grain && end < state->file->file->real_file_size;
}

static void complete_write(struct job *job, struct io_state *state, const struct io_u *io_u)
{
	struct job_file *file = state->file;
	_Atomic uint8_t *tags = file->tags + state->grain;
	const bool durable = job->td->o.sync_io && state->ddir == DDIR_WRITE;

	for (size_t i = 0; i < state->grains; i++) {
		uint8_t tag = state->after[i];

		if (io_u->error || io_u->resid || in_part(state, i))
			tag = TRACK_UNKNOWN;
		atomic_store_explicit(&tags[i], tag, memory_order_release);
		if (file->flushed && durable)
			file->flushed[state->grain + i] = tag;
	}
	for (size_t i = 0; file->changed && i < state->grains; i += TRACK_PIECE)
		file->changed[(state->grain + i) / TRACK_PIECE] = 1;
	if (file->changed)
		file->changed[(state->grain + state->grains - 1) / TRACK_PIECE] = 1;
	state->marked = false;
}

/* ---- syncs ---- */

/*
 * What was written before a sync is sent, is there for good when the sync is over. The tags of that
 * moment wait in state->tags, each piece behind its number.
 */
struct piece {
	size_t number;
	uint8_t tags[TRACK_PIECE];
};

static void send_sync(struct io_state *state)
{
	struct job_file *file = state->file;
	const size_t grains = track_grains(file->track);

	state->rounds = file->track->rounds;
	state->grains = 0;
	for (size_t n = 0; n * TRACK_PIECE < grains; n++) {
		struct piece *piece;

		if (!file->changed[n] || !atomic_exchange(&file->changed[n], 0))
			continue;
		if ((state->grains + 1) * sizeof(*piece) > 2 * state->room) {
			const size_t room = state->room + sizeof(*piece);
			uint8_t *tags = realloc(state->tags, 2 * room);

			if (!tags) {
				file->changed[n] = 1;
				state->rounds = file->track->rounds_flushed;
				break;
			}
			state->tags = tags;
			state->after = tags + room;
			state->room = room;
		}
		piece = (struct piece *)state->tags + state->grains++;
		piece->number = n;
		for (size_t i = 0; i < TRACK_PIECE; i++)
			piece->tags[i] = file->tags[n * TRACK_PIECE + i];
	}
	state->marked = true;
}

static void complete_sync(struct io_state *state, int error)
{
	struct job_file *file = state->file;
	bool all = !error;

	/* The kernel may have dropped what it could not write, and take the next sync for a success. */
	if (error && error != EBUSY)
		file->track->sync_failed = 1;
	if (file->track->sync_failed) {
		state->marked = false;
		return;
	}
	for (size_t n = 0; n < state->grains; n++) {
		const struct piece *piece = (struct piece *)state->tags + n;
		_Atomic uint8_t *flushed = file->flushed + piece->number * TRACK_PIECE;

		for (size_t i = 0; !error && i < TRACK_PIECE; i++) {
			if (piece->tags[i] & TRACK_BUSY) {
				file->changed[piece->number] = 1;
				all = false;
			} else {
				flushed[i] = piece->tags[i];
			}
		}
		if (error)
			file->changed[piece->number] = 1;
	}
	if (all)
		file->track->rounds_flushed = state->rounds;
	state->marked = false;
}

/* ---- the hooks ---- */

bool marks_send(struct job *job, struct io_state *state, struct io_u *io_u)
{
	struct job_file *file = state->file;

	if (!file || !file->tags)
		return true;
	if (state->ddir == DDIR_WRITE)
		return state->marked || send_write(job, state, io_u);
	if (state->ddir == DDIR_TRIM)
		return state->marked || send_trim(state);
	if (state->ddir == DDIR_READ && job->verifies) {
		state->trims = file->track->trims;
		state->rounds = file->track->rounds;
		state->turn = file->track->turn;
		for (size_t i = 0; i < state->grains; i++)
			state->tags[i] = file->tags[state->grain + i];
	}
	if ((state->ddir == DDIR_SYNC || state->ddir == DDIR_DATASYNC) && file->flushed)
		send_sync(state);
	return true;
}

void marks_unsend(struct io_state *state)
{
	if (!state->marked)
		return;
	if (ddir_sync(state->ddir))
		complete_sync(state, EBUSY);
	else
		unmark(state, state->grains);
	state->marked = false;
}

void marks_complete(struct job *job, struct io_state *state, const struct io_u *io_u)
{
	if (!state->marked)
		return;
	if (ddir_sync(state->ddir))
		complete_sync(state, io_u->error);
	else
		complete_write(job, state, io_u);
}

void marks_flush(const struct job *job, struct job_file *file)
{
	struct io_state all = { .file = file };
	/* fio may have freed its own. */
	const int fd = file_is_here(job, &file->last) ? open(file->name, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	send_sync(&all);
	complete_sync(&all, fdatasync(fd) ? errno : 0);
	free(all.tags);
	close(fd);
}
