/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often was each content made? Counts a sample: all contents whose hash lies below a limit, and the
 * limit is halved whenever they become too many. So it is exact as long as they are few, takes little
 * time and bounded memory after that, and the sample is fair, however often a content comes. (M. Wegman's
 * adaptive sampling, in P. Flajolet, "On adaptive sampling", Computing 43, 1990.)
 *
 * A tally belongs to one thread.
 */
#ifndef DGEN_TALLY_H
#define DGEN_TALLY_H

#include "dgen.h"
#include "mix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DGEN_TALLY_SLOTS = 1 << 14,
	DGEN_TALLY_KEYS = DGEN_TALLY_SLOTS / 2, /* at most */
};

struct dgen_tally_key {
	uint64_t hash;
	uint32_t count; /* 0: the slot is free */
	uint32_t part;  /* of compress_mix that the content belongs to */
};

struct dgen_tally {
	uint64_t limit;   /* of hashes that are counted */
	uint64_t noted;   /* bytes in all */
	uint64_t counted; /* sum of all counts */
	uint32_t keys;    /* slots in use */
	uint32_t
		granule; /* bytes, of which each is counted for itself; a unit or a divisor of it */
	struct dgen_tally_key slots[DGEN_TALLY_SLOTS];
};

void dgen_tally_init(struct dgen_tally *tally, uint32_t granule);

/* Adds what another one counted, in granules of the same size. */
void dgen_tally_merge(struct dgen_tally *to, const struct dgen_tally *from);

/*
 * Bytes that were made to bytes of different contents; 0 where nothing was counted. Exact below
 * DGEN_TALLY_KEYS granules of different contents. Beyond, a random sample would have a standard error of up to
 * 1.6 %; one of contents that are numbered in turn is several times as good.
 */
double dgen_tally_ratio(const struct dgen_tally *tally);

/* Of the bytes of different contents, those of this part of compress_mix; 0 to 1. */
double dgen_tally_share(const struct dgen_tally *tally, unsigned int part);

void dgen_tally_add(struct dgen_tally *tally, uint64_t hash, unsigned int part);
void dgen_tally_granules(struct dgen_tally *tally, uint64_t hash, unsigned int part, uint32_t from,
			 uint32_t to);

/* Multiples of an irrational number: of contents that are numbered in turn, an even share. */
static inline uint64_t dgen_tally_hash(const struct dgen_content *content)
{
	const uint64_t hash = content->low * DGEN_GOLDEN + content->high * DGEN_SQRT2;

	/* Its upper half tells which part of a mix a content belongs to. */
	return hash << 32 | hash >> 32;
}

/* Bytes [from, to) of a unit of this content are made. */
static inline void dgen_tally_note(struct dgen_tally *tally, const struct dgen_content *content,
				   unsigned int part, uint32_t from, uint32_t to)
{
	const uint64_t hash = dgen_tally_hash(content);

	tally->noted += to - from;
	if (from || to > tally->granule)
		dgen_tally_granules(tally, hash, part, from, to);
	else if (hash < tally->limit)
		dgen_tally_add(tally, hash, part);
}

/* Whole units of so many bytes, all of the first part: the same for many at once. */
static inline void dgen_tally_units(struct dgen_tally *tally, const struct dgen_content *contents,
				    size_t count, uint32_t size)
{
	uint64_t limit = tally->limit;

	if (size != tally->granule) {
		for (size_t i = 0; i < count; i++)
			dgen_tally_note(tally, &contents[i], 0, 0, size);
		return;
	}
	tally->noted += count * size;
	for (size_t i = 0; i < count; i++) {
		const uint64_t hash = dgen_tally_hash(&contents[i]);

		if (hash >= limit)
			continue;
		dgen_tally_add(tally, hash, 0);
		limit = tally->limit;
	}
}

/*
 * dgen_fill(), or again dgen_refill(), and notes what was made; zero units are left out. tally may be
 * NULL.
 */
void dgen_fill_tallied(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		       void *buffer, size_t length, bool again, struct dgen_tally *tally);

#endif
