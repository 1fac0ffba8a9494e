/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of 128-bit hashes that many threads fill at once.
 *
 * It only grows. At 128 bits a false match is not to be expected: one in 10^20 for 10^9 units.
 */
#ifndef MEASURE_SET_H
#define MEASURE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash {
	uint64_t low, high;
};

struct set;

/* NULL without memory. */
struct set *set_create(void);
void set_destroy(struct set *set); /* NULL is allowed */

/* 1: hash was not in the set and is now; 0: it was there already; -ENOMEM. Thread-safe. */
int set_insert(struct set *set, struct hash hash);

/* Thread-safe against other set_contains() only: call it once the set is complete. */
bool set_contains(const struct set *set, struct hash hash);

/* Not thread-safe against set_insert(). */
uint64_t set_count(const struct set *set);

/* Bytes that a set of this many hashes may take, at the worst moment of its growth. */
uint64_t set_memory(uint64_t count);

#endif
