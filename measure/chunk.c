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

static int add_mark(struct marks *marks, uint32_t mark)
{
	if (marks->count == marks->room) {
		size_t room = marks->room ? 2 * marks->room : 4096;
		uint32_t *list = realloc(marks->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		marks->list = list;
		marks->room = room;
	}
	marks->list[marks->count++] = mark;
	return 0;
}

static int mark(const struct chunker *chunker, uint64_t hash, size_t at, struct marks *marks)
{
	return add_mark(marks, (uint32_t)(2 * at) + !(hash & chunker->strict));
}

int chunk_marks(const struct chunker *chunker, const unsigned char *data, size_t history,
		size_t length, struct marks *marks)
{
	size_t before = history < CHUNK_WINDOW - 1 ? history : CHUNK_WINDOW - 1;
	const unsigned char *at = data - before;
	uint64_t loose = chunker->loose;
	uint64_t hash = 0;

	marks->count = 0;
	while (at < data)
		hash = (hash << 1) + chunker->gear[*at++];
	for (size_t i = 0; i < length; i++) {
		hash = (hash << 1) + chunker->gear[data[i]];
		if (__builtin_expect(!(hash & loose), 0) && mark(chunker, hash, i, marks))
			return -ENOMEM;
	}
	return 0;
}

int chunk_marks_zero(const struct chunker *chunker, size_t history, size_t length,
		     struct marks *marks)
{
	uint64_t hash = 0;
	uint64_t before;
	size_t i = 0;

	marks->count = 0;
	for (size_t warm = 0; warm < history && warm < CHUNK_WINDOW - 1; warm++)
		hash = (hash << 1) + chunker->gear[0];
	/* Once the window is full the hash stays. */
	do {
		before = hash;
		hash = (hash << 1) + chunker->gear[0];
		if (!(hash & chunker->loose) && mark(chunker, hash, i, marks))
			return -ENOMEM;
	} while (++i < length && (hash != before || !(hash & chunker->loose)));
	return 0;
}

size_t chunk_cuts(const struct chunker *chunker, const struct marks *marks, uint64_t offset,
		  size_t length, bool last, uint64_t *cut, uint64_t *ends)
{
	uint64_t end = offset + length;
	size_t count = 0;

	for (size_t i = 0; i < marks->count; i++) {
		uint64_t at = offset + marks->list[i] / 2 + 1;

		while (at - *cut > chunker->max)
			ends[count++] = *cut = *cut + chunker->max;
		if (at - *cut < chunker->min)
			continue;
		if (at - *cut >= chunker->avg || marks->list[i] % 2)
			ends[count++] = *cut = at;
	}
	while (end - *cut >= chunker->max)
		ends[count++] = *cut = *cut + chunker->max;
	if (last && end > *cut)
		ends[count++] = *cut = end;
	return count;
}
