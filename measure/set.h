/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of hashes, with a count of how often each came, in bounded memory.
 *
 * Where the hashes do not fit, the set keeps a sample: those whose top bits, as many as the level
 * says, are zero. Hashes are as good as random, so each distinct content is kept with a probability
 * of 2^-level, whatever its count and place, and a kept one has its full count. A set that is full
 * raises its level and forgets half. (Gibbons, Tirthapura, "Estimating simple functions on the union
 * of data streams", SPAA 2001.)
 *
 * Of the 128 bits 96 are kept: a false match among 10^9 contents has a chance of one in 10^11.
 * Not thread-safe: callers insert one after the other.
 */
#ifndef MEASURE_SET_H
#define MEASURE_SET_H

#include <stdbool.h>
#include <stdint.h>

#define SET_MIN_BUDGET (128u << 10)
#define SET_BINS 33 /* of reference counts: 1, 2, 3 to 4, 5 to 8 ... */

struct hash {
	uint64_t low, high;
};

struct set;

enum set_result {
	SET_SEEN, /* it was there */
	SET_NEW,
	SET_LEFT_OUT, /* not of the sample */
};

/* NULL without memory. budget is the most that the set may take, in bytes. */
struct set *set_create(uint64_t budget);
void set_destroy(struct set *set); /* NULL is allowed */

/* An enum set_result or -ENOMEM. */
int set_insert(struct set *set, struct hash hash);

/* Brings the slot of a hash that is inserted soon into the cache. */
void set_prefetch(const struct set *set, struct hash hash);

bool set_contains(const struct set *set, struct hash hash);

/* Each kept hash stands for 2^level. 0: the set is complete. */
unsigned int set_level(const struct set *set);

/* Whether a set of this level would keep this hash. */
bool hash_kept(struct hash hash, unsigned int level);

struct set_summary {
	uint64_t kept;                 /* hashes in the set */
	unsigned int level;            /* of the set */
	uint64_t contents[SET_BINS];   /* distinct contents by their count: an estimate */
	uint64_t references[SET_BINS]; /* how often these came, together: an estimate */
	uint64_t most;                 /* the largest count */
};

void set_summarise(const struct set *set, struct set_summary *summary);

/* Bytes that a set of this many hashes may take at the worst moment of its growth. */
uint64_t set_memory(uint64_t count);

#endif
