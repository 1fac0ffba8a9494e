// SPDX-License-Identifier: GPL-2.0-only
#include "set.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/*
 * The top bits of a hash choose a shard, the low bits a slot in it. Each shard has its own lock, so
 * that threads seldom meet, and grows by itself, so that no growth stops the others for long.
 */
#define SHARD_BITS 8
#define SHARDS (1u << SHARD_BITS)
#define FIRST_SLOTS 256

struct shard {
	pthread_mutex_t lock;
	struct hash *slots; /* a slot of two zeros is free */
	uint64_t mask;      /* slots - 1; a power of two less one */
	uint64_t count;
} __attribute__((aligned(64)));

struct set {
	struct shard shards[SHARDS];
};

struct set *set_create(void)
{
	struct set *set = aligned_alloc(64, sizeof(*set));

	if (!set)
		return NULL;
	for (unsigned int i = 0; i < SHARDS; i++) {
		struct shard *shard = &set->shards[i];

		pthread_mutex_init(&shard->lock, NULL);
		shard->slots = NULL;
		shard->mask = 0;
		shard->count = 0;
	}
	return set;
}

void set_destroy(struct set *set)
{
	if (!set)
		return;
	for (unsigned int i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&set->shards[i].lock);
		free(set->shards[i].slots);
	}
	free(set);
}

/* Two zeros mark a free slot, so that one hash in 2^128 has to be another. */
static struct hash storable(struct hash hash)
{
	if (!hash.low && !hash.high)
		hash.low = 1;
	return hash;
}

static unsigned int shard_of(struct hash hash)
{
	return (unsigned int)(hash.high >> (64 - SHARD_BITS));
}

/* The slot that holds hash, or the free one where it belongs. */
static struct hash *find(const struct shard *shard, struct hash hash)
{
	uint64_t at = hash.low & shard->mask;

	for (;;) {
		struct hash *slot = &shard->slots[at];

		if (slot->low == hash.low && slot->high == hash.high)
			return slot;
		if (!slot->low && !slot->high)
			return slot;
		at = (at + 1) & shard->mask;
	}
}

static int grow(struct shard *shard)
{
	uint64_t slots = shard->slots ? 2 * (shard->mask + 1) : FIRST_SLOTS;
	struct shard wider = { .mask = slots - 1 };

	wider.slots = calloc(slots, sizeof(*wider.slots));
	if (!wider.slots)
		return -ENOMEM;
	for (uint64_t i = 0; shard->slots && i <= shard->mask; i++) {
		const struct hash *slot = &shard->slots[i];

		if (slot->low || slot->high)
			*find(&wider, *slot) = *slot;
	}
	free(shard->slots);
	shard->slots = wider.slots;
	shard->mask = wider.mask;
	return 0;
}

static int insert(struct shard *shard, struct hash hash)
{
	struct hash *slot;

	/* Linear probing stays short below two thirds. */
	if (!shard->slots || 3 * shard->count >= 2 * (shard->mask + 1)) {
		if (grow(shard))
			return -ENOMEM;
	}
	slot = find(shard, hash);
	if (slot->low || slot->high)
		return 0;
	*slot = hash;
	shard->count++;
	return 1;
}

int set_insert(struct set *set, struct hash hash)
{
	struct shard *shard = &set->shards[shard_of(hash)];
	int ret;

	pthread_mutex_lock(&shard->lock);
	ret = insert(shard, storable(hash));
	pthread_mutex_unlock(&shard->lock);
	return ret;
}

bool set_contains(const struct set *set, struct hash hash)
{
	const struct shard *shard = &set->shards[shard_of(hash)];
	const struct hash *slot;

	if (!shard->slots)
		return false;
	slot = find(shard, storable(hash));
	return slot->low || slot->high;
}

uint64_t set_count(const struct set *set)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < SHARDS; i++)
		count += set->shards[i].count;
	return count;
}

uint64_t set_memory(uint64_t count)
{
	/* Shards double at two thirds: at most three slots for each hash. */
	return 3 * count * sizeof(struct hash);
}
