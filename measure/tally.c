// SPDX-License-Identifier: GPL-2.0-only
#include "tally.h"

#include <math.h>

const char *allocation_name(enum allocation allocation)
{
	static const char *const names[ALLOCATIONS] = {
		[SECTORS_512] = "sectors_512",
		[SECTORS_4096] = "sectors_4096",
		[QUARTERS] = "quarters",
		[HALVES] = "halves",
	};

	return names[allocation];
}

static size_t round_up(size_t size, size_t to)
{
	return (size + to - 1) / to * to;
}

/* Storage keeps a record as it is where compression does not save a step. */
static size_t allocated(enum allocation allocation, size_t length, size_t size)
{
	size_t step;

	switch (allocation) {
	case SECTORS_512:
		step = 512;
		break;
	case SECTORS_4096:
		step = 4096;
		break;
	case QUARTERS:
		step = (length + 3) / 4;
		break;
	default:
		step = (length + 1) / 2;
		break;
	}
	size = round_up(size, step);
	/* A short last record takes whole sectors as well, compressed or not. */
	if (allocation == SECTORS_512 || allocation == SECTORS_4096)
		length = round_up(length, step);
	return size < length ? size : length;
}

void tally_add(struct tally *tally, size_t length, size_t size, uint64_t weight)
{
	size_t bin = size < length ? (size * SIZE_BINS + length - 1) / length - 1 : SIZE_BINS;

	tally->records++;
	tally->in += length * weight;
	tally->out += size * weight;
	for (unsigned int i = 0; i < ALLOCATIONS; i++)
		tally->allocated[i] += allocated((enum allocation)i, length, size) * weight;
	tally->sizes[bin] += weight;
}

void tally_sampled(struct tally *tally, size_t in, size_t out, double factor)
{
	tally->in_in += factor * (double)in * (double)in;
	tally->in_out += factor * (double)in * (double)out;
	tally->out_out += factor * (double)out * (double)out;
}

void tally_sum(struct tally *to, const struct tally *from)
{
	to->records += from->records;
	to->in += from->in;
	to->out += from->out;
	for (unsigned int i = 0; i < ALLOCATIONS; i++)
		to->allocated[i] += from->allocated[i];
	for (unsigned int i = 0; i <= SIZE_BINS; i++)
		to->sizes[i] += from->sizes[i];
	to->in_in += from->in_in;
	to->in_out += from->in_out;
	to->out_out += from->out_out;
}

double tally_ratio(const struct tally *tally)
{
	return tally->out ? (double)tally->in / (double)tally->out : 0;
}

double tally_error(const struct tally *tally)
{
	double ratio = tally_ratio(tally);
	double variance;

	if (!tally->in)
		return 0;
	variance = tally->in_in - 2 * ratio * tally->in_out + ratio * ratio * tally->out_out;
	return variance > 0 ? 3 * sqrt(variance) / (double)tally->in : 0;
}
