/* SPDX-License-Identifier: GPL-2.0-only */
#include "tally.h"

#include <string.h>

enum {
	/*
	 * Where each content comes many times few are enough; else each time that one comes would cost
	 * a visit of the table.
	 */
	COUNTED_MAX = 1 << 17,
	KEYS_ENOUGH = 2048,
};

void dgen_tally_init(struct dgen_tally *tally, uint32_t granule)
{
	memset(tally, 0, sizeof(*tally));
	tally->limit = UINT64_MAX;
	tally->granule = granule;
}

static void insert(struct dgen_tally *tally, const struct dgen_tally_key *added)
{
	struct dgen_tally_key *key;

	for (size_t at = dgen_mix(added->hash);; at++) {
		key = &tally->slots[at % DGEN_TALLY_SLOTS];
		if (!key->count)
			break;
		if (key->hash == added->hash) {
			key->count += added->count;
			return;
		}
	}
	*key = *added;
	tally->keys++;
}

/* Fewer contents from now on. */
static void shrink(struct dgen_tally *tally, uint64_t limit)
{
	size_t at = 0;

	tally->limit = limit;
	/* From a free slot on, across which no chain of used ones goes. */
	while (tally->slots[at].count)
		at++;
	tally->keys = 0;
	tally->counted = 0;
	for (size_t i = 0; i < DGEN_TALLY_SLOTS; i++) {
		struct dgen_tally_key *slot = &tally->slots[(at + i) % DGEN_TALLY_SLOTS];
		const struct dgen_tally_key key = *slot;

		slot->count = 0;
		if (!key.count || key.hash >= limit)
			continue;
		insert(tally, &key);
		tally->counted += key.count;
	}
}

static void add(struct dgen_tally *tally, const struct dgen_tally_key *key)
{
	insert(tally, key);
	tally->counted += key->count;
	while (tally->keys >= DGEN_TALLY_KEYS ||
	       (tally->counted > COUNTED_MAX && tally->keys > KEYS_ENOUGH))
		shrink(tally, tally->limit / 2);
}

void dgen_tally_add(struct dgen_tally *tally, uint64_t hash, unsigned int part)
{
	add(tally, &(struct dgen_tally_key){ hash, 1, part });
}

void dgen_tally_granules(struct dgen_tally *tally, uint64_t hash, unsigned int part, uint32_t from,
			 uint32_t to)
{
	for (uint32_t i = from / tally->granule; i * tally->granule < to; i++) {
		const uint64_t key = (hash + i) * DGEN_GOLDEN;

		if ((i ? key : hash) < tally->limit)
			dgen_tally_add(tally, i ? key : hash, part);
	}
}

void dgen_tally_merge(struct dgen_tally *to, const struct dgen_tally *from)
{
	to->noted += from->noted;
	if (from->limit < to->limit)
		shrink(to, from->limit);
	for (size_t i = 0; i < DGEN_TALLY_SLOTS; i++)
		if (from->slots[i].count && from->slots[i].hash < to->limit)
			add(to, &from->slots[i]);
}

/* Sum of the squares of how much counts differ from their mean, to the square of that. */
static double variance(const struct dgen_tally *tally, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < DGEN_TALLY_SLOTS; i++) {
		const double off = tally->slots[i].count - mean;

		sum += tally->slots[i].count ? off * off : 0;
	}
	return sum / tally->keys / mean / mean;
}

double dgen_tally_ratio(const struct dgen_tally *tally)
{
	double mean;

	if (!tally->keys)
		return 0;
	mean = (double)tally->counted / tally->keys;
	if (tally->limit == UINT64_MAX || variance(tally, mean) < 1)
		return mean;
	/* Contents come so differently often that it is better to estimate how many there are. */
	return (double)tally->noted / tally->granule /
	       (tally->keys / ((double)tally->limit / 0x1p64));
}

double dgen_tally_share(const struct dgen_tally *tally, unsigned int part)
{
	uint32_t found = 0;

	for (size_t i = 0; i < DGEN_TALLY_SLOTS; i++)
		found += tally->slots[i].count && tally->slots[i].part == part;
	return tally->keys ? (double)found / tally->keys : 0;
}
