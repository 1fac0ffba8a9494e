/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify=: is what was read what must be there?
 *
 * The data needs no headers: what must be at an address can be computed from the version that is
 * there. In a job that only reads, that is data_version. In one that writes too, and wherever a
 * verify_state_file is named, the tags of the grains tell it (see marks.c). Most of the time one
 * version must be there, and comparing is as fast as making the data. After a crash it may be one of
 * several, sector by sector. So it may where a read overlapped with a write: whatever was there from
 * its beginning to its end, and not by sectors: where a page cache takes part, on tmpfs for example, a
 * read and a write that overlap are two copies that run at the same time.
 *
 * fio keeps its own machinery: it reads back what was written, in its own order, and is told
 * verify=null, so that it neither puts headers into the data nor looks at it. A read that fails the
 * check ends with EILSEQ, as fio's own checks do.
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "findings.h"

enum { SECTOR = 512, WORD = sizeof(uint64_t) };

static size_t to_end_of(uint64_t offset, uint64_t size, size_t most)
{
	const size_t rest = size - offset % size;

	return rest < most ? rest : most;
}

/* All of it must be of this version. */
static void check_exactly(struct job *job, const struct job_file *file, uint64_t offset,
			  const uint8_t *data, size_t length, uint64_t version)
{
	const uint32_t unit = job->options->data.dedup_unit;

	job->checked += length;
	while (length) {
		size_t equal = dgen_compare(job->dgen, file->domain, version, offset, data, length);
		size_t wrong;

		if (equal == length)
			return;
		/* From the beginning of the unit, or of what was read of it. */
		wrong = (offset + equal) % unit;
		equal -= wrong < equal ? wrong : equal;
		wrong = to_end_of(offset + equal, unit, length - equal);
		findings_unit(job, file, offset + equal, data + equal, wrong, version);
		offset += equal + wrong;
		data += equal + wrong;
		length -= equal + wrong;
	}
}

/* What a grain may hold: versions, from the most to the least probable. */
struct allowed {
	uint64_t versions[3 * TRACK_LAST];
	size_t count;
	bool anything; /* also what cannot be judged */
	bool zeros;
	size_t piece; /* each piece of so many bytes for itself, WORD or SECTOR; 0: all of one version */
};

static void allow(struct allowed *allowed, uint64_t version)
{
	if (allowed->count < ARRAY_SIZE(allowed->versions))
		allowed->versions[allowed->count++] = version;
}

static void allow_initial(const struct track_file *t, struct allowed *allowed)
{
	if (t->zeros)
		allowed->zeros = true;
	else if (!t->known)
		allowed->anything = true;
	for (uint64_t v = t->newest; t->known && v + 1 > t->oldest; v--)
		allow(allowed, v);
}

static void allow_tag(const struct track_file *t, uint8_t tag, struct allowed *allowed)
{
	if (tag == TRACK_INITIAL)
		allow_initial(t, allowed);
	else if (tag <= TRACK_LAST)
		allow(allowed, track_version(t, tag));
	else
		allowed->anything = true;
}

/* What was there before the write that this tag is about. */
static void allow_before(const struct track_file *t, uint8_t tag, struct allowed *allowed)
{
	if (tag > TRACK_LAST)
		return;
	if (tag > 1)
		allow(allowed, track_version(t, tag - 1));
	if (tag == 1)
		allow_initial(t, allowed);
	if (tag == 1 && t->rounds)
		allow(allowed, track_version(t, TRACK_LAST));
	if (t->trims)
		allowed->zeros = true;
}

/*
 * Grains that are written after a trim get the next number of a series for the whole file (see
 * track_next()), then those that follow it. Which may a grain have got since the read was sent? At most
 * REWRITES writes of one grain after another, without a trim, are thought of during one read.
 */
enum { REWRITES = 4 };

static void find_drawn(const struct io_state *state, bool drawn[TRACK_LAST + 1])
{
	const struct track_file *t = state->file->track;
	const uint8_t draws = t->turn - state->turn;

	/* It may have come round. */
	if (t->trims - state->trims >= TRACK_LAST || draws >= TRACK_LAST) {
		memset(drawn, true, (TRACK_LAST + 1) * sizeof(*drawn));
		return;
	}
	for (uint8_t n = 0; n < draws; n++)
		for (unsigned int i = 0; i < REWRITES; i++)
			drawn[1 + ((uint8_t)(state->turn + n) % TRACK_LAST + i) % TRACK_LAST] =
				true;
}

/* A read that overlapped with writes: whatever was there from its beginning to its end. */
static void allow_overlap(const struct io_state *state, uint8_t sent, uint8_t now,
			  struct allowed *allowed)
{
	const struct track_file *t = state->file->track;
	const uint8_t first = track_version_tag(sent), last = track_version_tag(now);
	bool drawn[TRACK_LAST + 1] = { false };

	allowed->piece = WORD;
	if (state->trims != t->trims) {
		allowed->zeros = true;
		find_drawn(state, drawn);
	}
	for (uint8_t tag = last, n = 0; tag != first && n < TRACK_LAST; n++) {
		allow_tag(t, tag, allowed);
		if (tag > TRACK_LAST)
			break;
		tag = tag == 1 ? (first == TRACK_INITIAL ? TRACK_INITIAL : TRACK_LAST) : tag - 1;
	}
	allow_tag(t, first, allowed);
	if (sent & TRACK_BUSY)
		allow_before(t, first, allowed);
	if (first > TRACK_LAST || last > TRACK_LAST)
		allowed->anything = true;
	/* So many writes during one read that all numbers have come? */
	if (t->rounds - state->rounds > (last < first))
		memset(drawn, true, sizeof(drawn));
	for (unsigned int tag = 1; tag <= TRACK_LAST; tag++)
		if (drawn[tag])
			allow(allowed, track_version(t, tag));
}

/* Trimmed since the read was sent and written again, and by chance as the version that it was? */
static bool is_redrawn(const struct io_state *state, uint8_t tag)
{
	bool drawn[TRACK_LAST + 1] = { false };

	if (tag > TRACK_LAST || state->trims == state->file->track->trims)
		return false;
	find_drawn(state, drawn);
	return drawn[tag];
}

/* After a crash of the system: what was flushed, or anything newer. */
static void allow_after_crash(const struct track_file *t, uint8_t tag, uint8_t flushed,
			      struct allowed *allowed)
{
	uint8_t v = track_version_tag(tag);

	/* No more than a sector is written at once. */
	allowed->piece = SECTOR;
	if (flushed == TRACK_INITIAL)
		allow_initial(t, allowed);
	if (flushed > TRACK_LAST || v > TRACK_LAST) {
		allowed->anything = true;
		return;
	}
	/* Since the last flush they have begun again, somewhere: any may have come after it. */
	if (t->rounds != t->rounds_flushed) {
		for (int n = 0; v && n < TRACK_LAST; n++) {
			allow(allowed, track_version(t, v));
			v = v == 1 ? TRACK_LAST : v - 1;
		}
		return;
	}
	/* Downwards to what was flushed, then upwards as far as memory may have been ahead. */
	for (int n = 0; v && n < TRACK_LAST; n++) {
		allow(allowed, track_version(t, v));
		if (v == flushed)
			break;
		v = v == 1 ? (flushed && t->rounds ? TRACK_LAST : 0) : v - 1;
	}
	v = track_version_tag(tag);
	for (int n = 0; n < TRACK_LAST / 2; n++) {
		v = v == TRACK_LAST ? 1 : v + 1;
		allow(allowed, track_version(t, v));
	}
}

static bool all_zeros(const uint8_t *data, size_t length)
{
	return !data[0] && !memcmp(data, data + 1, length - 1);
}

static bool is_version(const struct job *job, const struct job_file *file, uint64_t version,
		       uint64_t offset, const uint8_t *data, size_t length)
{
	return dgen_compare(job->dgen, file->domain, version, offset, data, length) == length;
}

static bool is_allowed(const struct job *job, const struct job_file *file,
		       const struct allowed *allowed, uint64_t offset, const uint8_t *data,
		       size_t length)
{
	for (size_t i = 0; i < allowed->count; i++)
		if (is_version(job, file, allowed->versions[i], offset, data, length))
			return true;
	return allowed->zeros && all_zeros(data, length);
}

uint8_t check_left_tag(struct job *job, const struct job_file *file, size_t grain, uint8_t tag,
		       const uint8_t *data, size_t length)
{
	const struct track_file *t = file->track;
	const uint64_t offset = (uint64_t)grain * t->grain;
	const uint8_t now = track_version_tag(tag), before = now > 1 ? now - 1 : TRACK_LAST;
	struct allowed initial = { 0 };

	if (now > TRACK_LAST)
		return TRACK_UNKNOWN;
	if (is_version(job, file, track_version(t, now), offset, data, length))
		return now;
	if ((now > 1 || t->rounds) &&
	    is_version(job, file, track_version(t, before), offset, data, length))
		return before;
	if (now == 1)
		allow_initial(t, &initial);
	if (is_allowed(job, file, &initial, offset, data, length))
		return TRACK_INITIAL;
	if (t->trims && all_zeros(data, length))
		return TRACK_TRIMMED;
	return initial.anything ? TRACK_UNKNOWN : TRACK_BUSY;
}

static uint64_t equal_words(const uint8_t *a, const uint8_t *b, size_t length)
{
	uint64_t equal = 0;

	for (size_t i = 0; i * WORD < length; i++) {
		const size_t rest = length - i * WORD;

		if (!memcmp(a + i * WORD, b + i * WORD, rest < WORD ? rest : WORD))
			equal |= UINT64_C(1) << i;
	}
	return equal;
}

/* Is each word of a sector, or of a part of one, what one version or another has there? */
static bool is_torn(const struct job *job, const struct job_file *file,
		    const struct allowed *allowed, uint64_t offset, const uint8_t *data,
		    size_t length)
{
	uint8_t expected[SECTOR] = { 0 };
	const uint64_t all = UINT64_MAX >> (SECTOR / WORD - (length + WORD - 1) / WORD);
	uint64_t found = allowed->zeros ? equal_words(data, expected, length) : 0;

	for (size_t i = 0; found != all && i < allowed->count; i++) {
		dgen_fill(job->dgen, file->domain, allowed->versions[i], offset, expected, length);
		found |= equal_words(data, expected, length);
	}
	return found == all;
}

static bool are_pieces_allowed(const struct job *job, const struct job_file *file,
			       const struct allowed *allowed, uint64_t offset, const uint8_t *data,
			       size_t length)
{
	for (size_t done = 0, part; done < length; done += part) {
		part = to_end_of(offset + done, SECTOR, length - done);

		if (!is_allowed(job, file, allowed, offset + done, data + done, part) &&
		    (allowed->piece != WORD ||
		     !is_torn(job, file, allowed, offset + done, data + done, part)))
			return false;
	}
	return true;
}

static void check_allowed(struct job *job, const struct job_file *file,
			  const struct allowed *allowed, uint64_t offset, const uint8_t *data,
			  size_t length)
{
	const bool right = is_allowed(job, file, allowed, offset, data, length) ||
			   (allowed->piece &&
			    are_pieces_allowed(job, file, allowed, offset, data, length));

	if (!right && allowed->anything) {
		job->unchecked += length;
		return;
	}
	job->checked += length;
	if (right)
		return;
	if (allowed->count)
		findings_unit(job, file, offset, data, length, allowed->versions[0]);
	else
		findings_not_zero(job, file, offset, data, length, "was never written");
}

static void check_trimmed(struct job *job, const struct job_file *file, uint64_t offset,
			  const uint8_t *data, size_t length)
{
	if (!job->td->o.trim_zero) {
		job->unchecked += length;
		return;
	}
	job->checked += length;
	if (!all_zeros(data, length))
		findings_not_zero(job, file, offset, data, length, "was trimmed");
}

/* A grain of which more than one version may be there, or none that is known. */
static void check_grain(struct job *job, const struct io_state *state, size_t i, uint64_t offset,
			const uint8_t *data, size_t length)
{
	const struct job_file *file = state->file;
	const struct track_file *t = file->track;
	const size_t grain = state->grain + i;
	const uint8_t sent = state->tags[i], now = file->tags[grain];
	struct allowed allowed = { 0 };

	if (track_last_end(job->track) == TRACK_CRASHED)
		allow_after_crash(t, now, file->flushed[grain], &allowed);
	else if (sent != now || (now & TRACK_BUSY && track_mode(job->track) == TRACK_WRITE) ||
		 is_redrawn(state, now))
		allow_overlap(state, sent, now, &allowed);
	else if (now == TRACK_TRIMMED) {
		check_trimmed(job, file, offset, data, length);
		return;
	} else {
		allow_tag(t, track_version_tag(now), &allowed);
		if (now & TRACK_BUSY) /* a killed run was writing it */
			allow_before(t, track_version_tag(now), &allowed);
	}
	check_allowed(job, file, &allowed, offset, data, length);
}

static bool is_exact(const struct job *job, const struct io_state *state, uint8_t sent, uint8_t now)
{
	return sent == now && state->trims == state->file->track->trims && now &&
	       now <= TRACK_LAST && track_last_end(job->track) != TRACK_CRASHED;
}

static void check_tracked(struct job *job, const struct io_state *state, const uint8_t *data)
{
	const struct job_file *file = state->file;
	const struct track_file *t = file->track;
	const uint64_t end = state->offset + state->length;
	uint64_t at = state->offset;

	for (size_t i = 0, n; i < state->grains && at < end; i += n) {
		const uint8_t sent = state->tags[i], now = file->tags[state->grain + i];
		const bool exact = is_exact(job, state, sent, now);
		uint64_t stop;

		for (n = 1; exact && i + n < state->grains; n++)
			if (state->tags[i + n] != sent || file->tags[state->grain + i + n] != now)
				break;
		stop = (state->grain + i + n) * (uint64_t)t->grain;
		if (stop > end)
			stop = end;
		if (exact)
			check_exactly(job, file, at, data, stop - at, track_version(t, now));
		else
			check_grain(job, state, i, at, data, stop - at);
		data += stop - at;
		at = stop;
	}
}

/* In a job that only reads, without tags. */
static void check_untracked(struct job *job, const struct io_state *state, const uint8_t *data)
{
	const struct options *options = job->options;
	const uint64_t newest = options->data_version;
	const uint64_t oldest = options->oldest_version_set ? options->oldest_version : newest;
	const uint32_t unit = options->data.dedup_unit;
	size_t done = 0;

	if (oldest >= newest) {
		check_exactly(job, state->file, state->offset, data, state->length, newest);
		return;
	}
	while (done < state->length) {
		struct allowed allowed = { .piece = SECTOR };
		const uint64_t at = state->offset + done;
		const size_t part = to_end_of(at, unit, state->length - done);

		for (uint64_t v = newest; v + 1 > oldest; v--)
			allow(&allowed, v);
		check_allowed(job, state->file, &allowed, at, data + done, part);
		done += part;
	}
}

/* fio calls it in place of its own check. */
static int read_is_wrong(struct thread_data *td, struct io_u **io_u)
{
	(void)io_u;
	if (td->o.verify_fatal)
		fio_mark_td_terminate(td);
	return EILSEQ;
}

/*
 * The file ends before these bytes. A job that has tags knows what it wrote there, and what was never written need not
 * be there; else all must be.
 */
static void check_missing(struct job *job, const struct io_state *state, uint64_t offset,
			  uint64_t length)
{
	const struct job_file *file = state->file;
	const struct track_file *t = file->track;
	const uint64_t end = offset + length;

	if (!t && !job_writes(job->td)) {
		findings_missing(job, file, offset, length);
		return;
	}
	if (!t || !file->tags) {
		job->unchecked += length;
		return;
	}
	for (uint64_t at = offset; at < end;) {
		const size_t i = at / t->grain - state->grain;
		const size_t part = to_end_of(at, t->grain, end - at);

		if (is_exact(job, state, state->tags[i], file->tags[state->grain + i]))
			findings_missing(job, file, at, part);
		else
			job->unchecked += part;
		at += part;
	}
}

void check_read(struct job *job, struct io_state *state, struct io_u *io_u)
{
	const uint64_t wrong = job->wrong;

	if (io_u->error)
		return;
	state->length -= io_u->resid;
	if (io_u->resid)
		check_missing(job, state, state->offset + state->length, io_u->resid);
	if (state->file->tags)
		check_tracked(job, state, io_u->buf);
	else if (!job_writes(job->td) && !state->file->track)
		check_untracked(job, state, io_u->buf);
	else
		job->unchecked += state->length;
	if (job->wrong == wrong)
		return;
	findings_flush(job);
	io_u->end_io = read_is_wrong;
}
