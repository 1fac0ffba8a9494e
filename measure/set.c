// SPDX-License-Identifier: GPL-2.0-only
#include "set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The bits of a hash: the top ones of low say whether the sample keeps it, the bottom ones of low
 * choose a slot, the top ones of high the shard. A shard grows by itself, so that at most one 256th
 * of the set is there twice.
 */
#define SHARD_BITS 8
#define SHARDS (1u << SHARD_BITS)
#define FIRST_SLOTS 16
#define MAX_LEVEL 32

struct slot {
	uint64_t low;
	uint32_t high;
	uint32_t count; /* 0: free */
};

struct shard {
	struct slot *slots;
	uint64_t mask;  /* slots - 1; a power of two less one */
	uint64_t count; /* of hashes */
};

struct set {
	uint64_t budget, bytes;
	unsigned int level;
	struct shard shards[SHARDS];
};

struct set *set_create(uint64_t budget)
{
	struct set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->budget = budget < SET_MIN_BUDGET ? SET_MIN_BUDGET : budget;
	set->bytes = sizeof(*set);
	return set;
}

void set_destroy(struct set *set)
{
	if (!set)
		return;
	for (unsigned int i = 0; i < SHARDS; i++)
		free(set->shards[i].slots);
	free(set);
}

static unsigned int shard_of(struct hash hash)
{
	return (unsigned int)(hash.high >> (64 - SHARD_BITS));
}

bool hash_kept(struct hash hash, unsigned int level)
{
	return !level || !(hash.low >> (64 - level));
}

/* The slot of a hash, or the free one where it belongs. */
static struct slot *find(const struct shard *shard, uint64_t low, uint32_t high)
{
	uint64_t at = low & shard->mask;

	for (;; at = (at + 1) & shard->mask) {
		struct slot *slot = &shard->slots[at];

		if (!slot->count || (slot->low == low && slot->high == high))
			return slot;
	}
}

/* Moves a shard to so many slots, and leaves behind what the level no longer keeps. */
static int rebuild(struct set *set, struct shard *shard, uint64_t slots)
{
	struct shard next = { .mask = slots - 1 };

	next.slots = calloc(slots, sizeof(*next.slots));
	if (!next.slots)
		return -ENOMEM;
	for (uint64_t i = 0; shard->slots && i <= shard->mask; i++) {
		const struct slot *slot = &shard->slots[i];

		if (!slot->count || !hash_kept((struct hash){ slot->low, 0 }, set->level))
			continue;
		*find(&next, slot->low, slot->high) = *slot;
		next.count++;
	}
	if (shard->slots)
		set->bytes -= (shard->mask + 1) * sizeof(*shard->slots);
	set->bytes += slots * sizeof(*next.slots);
	free(shard->slots);
	*shard = next;
	return 0;
}

static int raise_level(struct set *set)
{
	if (set->level == MAX_LEVEL)
		return -ENOMEM;
	set->level++;
	for (unsigned int i = 0; i < SHARDS; i++) {
		struct shard *shard = &set->shards[i];

		if (shard->slots && rebuild(set, shard, shard->mask + 1))
			return -ENOMEM;
	}
	return 0;
}

static bool is_full(const struct shard *shard)
{
	/* Linear probing stays short below three quarters. */
	return !shard->slots || 4 * shard->count >= 3 * (shard->mask + 1);
}

/* Makes room in a shard: more slots, or fewer hashes. */
static int make_room(struct set *set, struct shard *shard)
{
	while (is_full(shard)) {
		uint64_t slots = shard->slots ? 2 * (shard->mask + 1) : FIRST_SLOTS;
		int ret;

		if (set->bytes + slots * sizeof(*shard->slots) <= set->budget || !shard->slots)
			ret = rebuild(set, shard, slots);
		else
			ret = raise_level(set);
		if (ret)
			return ret;
	}
	return 0;
}

int set_insert(struct set *set, struct hash hash)
{
	struct shard *shard = &set->shards[shard_of(hash)];
	struct slot *slot;

	if (!hash_kept(hash, set->level))
		return SET_LEFT_OUT;
	if (is_full(shard)) {
		if (make_room(set, shard))
			return -ENOMEM;
		if (!hash_kept(hash, set->level))
			return SET_LEFT_OUT;
	}
	slot = find(shard, hash.low, (uint32_t)hash.high);
	if (slot->count) {
		slot->count += slot->count < UINT32_MAX;
		return SET_SEEN;
	}
	*slot = (struct slot){ hash.low, (uint32_t)hash.high, 1 };
	shard->count++;
	return SET_NEW;
}

void set_prefetch(const struct set *set, struct hash hash)
{
	const struct shard *shard = &set->shards[shard_of(hash)];

	if (shard->slots)
		__builtin_prefetch(&shard->slots[hash.low & shard->mask], 1);
}

bool set_contains(const struct set *set, struct hash hash)
{
	const struct shard *shard = &set->shards[shard_of(hash)];

	return shard->slots && find(shard, hash.low, (uint32_t)hash.high)->count;
}

unsigned int set_level(const struct set *set)
{
	return set->level;
}

/* 0 for 1, 1 for 2, 2 for 3 and 4, 3 for 5 to 8 ... */
static unsigned int bin_of(uint32_t count)
{
	return count > 1 ? 32 - (unsigned int)__builtin_clz(count - 1) : 0;
}

void set_summarise(const struct set *set, struct set_summary *summary)
{
	memset(summary, 0, sizeof(*summary));
	summary->level = set->level;
	for (unsigned int i = 0; i < SHARDS; i++) {
		const struct shard *shard = &set->shards[i];

		summary->kept += shard->count;
		for (uint64_t at = 0; shard->slots && at <= shard->mask; at++) {
			uint32_t count = shard->slots[at].count;

			if (!count)
				continue;
			summary->contents[bin_of(count)] += 1ull << set->level;
			summary->references[bin_of(count)] += (uint64_t)count << set->level;
			if (count > summary->most)
				summary->most = count;
		}
	}
}

uint64_t set_memory(uint64_t count)
{
	/* Shards double at three quarters, and one of them is there twice for a moment. */
	return 3 * count * sizeof(struct slot) + SET_MIN_BUDGET;
}
