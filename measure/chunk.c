// SPDX-License-Identifier: GPL-2.0-only
#include "chunk.h"

#include <errno.h>
#include <stdlib.h>

/* SplitMix64 (Steele, Lea, Flood 2014): any numbers that look random do. */
static uint64_t random_number(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

int chunker_init(struct chunker *chunker, uint32_t min, uint32_t avg, uint32_t max)
{
	uint64_t state = 1;
	unsigned int bits;

	if (min < MIN_CHUNK || avg < min || max < avg || max > MAX_CHUNK || (avg & (avg - 1)))
		return -EINVAL;
	bits = (unsigned int)__builtin_ctz(avg);
	chunker->min = min;
	chunker->avg = avg;
	chunker->max = max;
	/* The top bits have seen all of the window. */
	chunker->strict = ~0ull << (64 - (bits + 2));
	chunker->loose = ~0ull << (64 - (bits - 2));
	for (unsigned int i = 0; i < 256; i++)
		chunker->gear[i] = random_number(&state);
	return 0;
}

void marks_free(struct marks *marks)
{
	for (unsigned int i = 0; i < CHUNK_LANES; i++)
		free(marks->lanes[i].marks);
}

static int __attribute__((noinline))
mark(const struct chunker *chunker, uint64_t hash, size_t at, struct mark_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 1024;
		uint32_t *marks = realloc(list->marks, room * sizeof(*marks));

		if (!marks)
			return -ENOMEM;
		list->marks = marks;
		list->room = room;
	}
	list->marks[list->count++] = (uint32_t)(2 * at) + !(hash & chunker->strict);
	return 0;
}

/* The hash before the first byte of data, of which history bytes come before it. */
static uint64_t warm(const struct chunker *chunker, const unsigned char *data, size_t history)
{
	size_t before = history < CHUNK_WINDOW - 1 ? history : CHUNK_WINDOW - 1;
	uint64_t hash = 0;

	for (size_t i = before; i > 0; i--)
		hash = (hash << 1) + chunker->gear[data[-(ptrdiff_t)i]];
	return hash;
}

static int marks_of_lane(const struct chunker *chunker, const unsigned char *data, size_t history,
			 size_t from, size_t to, struct mark_list *list)
{
	uint64_t hash = warm(chunker, data + from, history + from);

	for (size_t i = from; i < to; i++) {
		hash = (hash << 1) + chunker->gear[data[i]];
		if (!(hash & chunker->loose) && mark(chunker, hash, i, list))
			return -ENOMEM;
	}
	return 0;
}

int chunk_marks(const struct chunker *chunker, const unsigned char *data, size_t history,
		size_t length, struct marks *marks)
{
	const uint64_t *gear = chunker->gear;
	uint64_t loose = chunker->loose;
	size_t lane = length / CHUNK_LANES;
	const unsigned char *a = data, *b = a + lane, *c = b + lane, *d = c + lane;
	uint64_t ha = warm(chunker, a, history), hb = warm(chunker, b, history + lane);
	uint64_t hc = warm(chunker, c, history + 2 * lane);
	uint64_t hd = warm(chunker, d, history + 3 * lane);
	struct mark_list *lanes = marks->lanes;

	for (unsigned int i = 0; i < CHUNK_LANES; i++)
		lanes[i].count = 0;
	for (size_t i = 0; i < lane; i++) {
		int failed = 0;

		ha = (ha << 1) + gear[a[i]];
		hb = (hb << 1) + gear[b[i]];
		hc = (hc << 1) + gear[c[i]];
		hd = (hd << 1) + gear[d[i]];
		if (__builtin_expect(!(ha & loose), 0))
			failed |= mark(chunker, ha, i, &lanes[0]);
		if (__builtin_expect(!(hb & loose), 0))
			failed |= mark(chunker, hb, lane + i, &lanes[1]);
		if (__builtin_expect(!(hc & loose), 0))
			failed |= mark(chunker, hc, 2 * lane + i, &lanes[2]);
		if (__builtin_expect(!(hd & loose), 0))
			failed |= mark(chunker, hd, 3 * lane + i, &lanes[3]);
		if (__builtin_expect(failed, 0))
			return -ENOMEM;
	}
	return marks_of_lane(chunker, data, history, CHUNK_LANES * lane, length,
			     &lanes[CHUNK_LANES - 1]);
}

int chunk_marks_zero(const struct chunker *chunker, size_t history, size_t length,
		     struct marks *marks)
{
	uint64_t hash = 0;
	uint64_t before;
	size_t i = 0;

	for (unsigned int lane = 0; lane < CHUNK_LANES; lane++)
		marks->lanes[lane].count = 0;
	for (size_t filled = 0; filled < history && filled < CHUNK_WINDOW - 1; filled++)
		hash = (hash << 1) + chunker->gear[0];
	/* Once the window is full the hash stays. */
	do {
		before = hash;
		hash = (hash << 1) + chunker->gear[0];
		if (!(hash & chunker->loose) && mark(chunker, hash, i, &marks->lanes[0]))
			return -ENOMEM;
	} while (++i < length && (hash != before || !(hash & chunker->loose)));
	return 0;
}

static size_t cuts_of_lane(const struct chunker *chunker, const struct mark_list *list,
			   uint64_t offset, uint64_t *cut, uint64_t *ends)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		uint64_t at = offset + list->marks[i] / 2 + 1;

		while (at - *cut > chunker->max)
			ends[count++] = *cut = *cut + chunker->max;
		if (at - *cut < chunker->min)
			continue;
		if (at - *cut >= chunker->avg || list->marks[i] % 2)
			ends[count++] = *cut = at;
	}
	return count;
}

size_t chunk_cuts(const struct chunker *chunker, const struct marks *marks, uint64_t offset,
		  size_t length, bool last, uint64_t *cut, uint64_t *ends)
{
	uint64_t end = offset + length;
	size_t count = 0;

	for (unsigned int i = 0; i < CHUNK_LANES; i++)
		count += cuts_of_lane(chunker, &marks->lanes[i], offset, cut, ends + count);
	while (end - *cut >= chunker->max)
		ends[count++] = *cut = *cut + chunker->max;
	if (last && end > *cut)
		ends[count++] = *cut = end;
	return count;
}
