/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Content-defined chunks, as backup tools cut them: where a rolling hash of the last 64 bytes has
 * enough zero bits. Bytes that are inserted move the cuts with the data.
 *
 * The hash is the gear hash of Xia et al., "Ddelta" (Performance Evaluation 2014), the rule for the
 * cuts that of their FastCDC (USENIX ATC 2016): none before min bytes, a cut needs two bits more
 * than log2(avg) before avg bytes and two bits less after, and one is forced at max. Unlike there the
 * hash runs on through the first min bytes, so that where it has enough zeros depends on 64 bytes
 * alone, and threads can look for that side by side.
 */
#ifndef MEASURE_CHUNK_H
#define MEASURE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_WINDOW 64
#define MIN_CHUNK 256
#define MAX_CHUNK (4u << 20)

struct chunker {
	uint32_t min, avg, max; /* avg is a power of two */
	uint64_t loose, strict; /* bits that must be zero; loose is part of strict */
	uint64_t gear[256];
};

/*
 * Places where a cut may be, in ascending order: 2 * the number of the byte before it, plus 1 if it
 * is a strict one. Data is looked through in so many lanes at once, each with a list of its own,
 * since one hash after the other would leave the processor idle.
 */
#define CHUNK_LANES 4

struct mark_list {
	uint32_t *marks;
	size_t count, room;
};

struct marks {
	struct mark_list lanes[CHUNK_LANES];
};

void marks_free(struct marks *marks);

/* 0 or -EINVAL: MIN_CHUNK <= min <= avg <= max <= MAX_CHUNK, avg a power of two. */
int chunker_init(struct chunker *chunker, uint32_t min, uint32_t avg, uint32_t max);

/* Fills marks for length bytes, of which history bytes come before data. 0 or -ENOMEM. */
int chunk_marks(const struct chunker *chunker, const unsigned char *data, size_t history,
		size_t length, struct marks *marks);

/* The same for zeros that lie nowhere. */
int chunk_marks_zero(const struct chunker *chunker, size_t history, size_t length,
		     struct marks *marks);

/*
 * Chooses the cuts among the marks of the piece from offset to offset + length of a file, in the
 * order of the pieces. *cut is where the chunk begins that is not yet complete, 0 at first; ends
 * takes the offset of the end of each chunk that ends here: at most length / min + 2. Returns how
 * many.
 */
size_t chunk_cuts(const struct chunker *chunker, const struct marks *marks, uint64_t offset,
		  size_t length, bool last, uint64_t *cut, uint64_t *ends);

#endif
