// SPDX-License-Identifier: GPL-2.0-only
/* Finds a ratio in the table of what codecs make of chunks. */
#include "calibration.h"
#include "dgen.h"
#include "kernel.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define FRACTION 16.0 /* sizes of the table are in 1/16 of a byte */
#define ON_STEP 0.001 /* a ratio this near to a step of storage is meant to be it */
#define FINE 256      /* random bytes below which one more is too coarse */
#define COARSE 64     /* the same where codecs are further apart anyway */
#define JUMP 32       /* random bytes around a jump of sizes over which units spread */
#define CODECS (DGEN_LZO + 1)

struct knot {
	uint32_t random, size;
};

/* random: of chunks smaller than DGEN_CHUNK_VARIED as kernels count them. Rows of the same records and chunks for each codec in turn. */
struct row {
	uint32_t record, chunk;
	uint16_t first, count; /* knots */
	uint32_t steps[3]; /* random bytes for 3/4, 1/2, 1/4 of a record or just below; 0: none */
};

#include "calibration_table.h"

#define ROWS (sizeof(rows) / sizeof(rows[0]) / CODECS)

_Static_assert(sizeof(rows) / sizeof(rows[0]) % CODECS == 0, "as many rows for each codec");

const char *const dgen_codecs[] = { "lz4", "zstd", "deflate", "lzo", NULL };

int dgen_codec_choose(const char *name, struct dgen_options *options)
{
	for (uint32_t i = 0; dgen_codecs[i]; i++) {
		if (strcmp(name, dgen_codecs[i]))
			continue;
		options->compress_codec = i;
		if (!options->compress_record)
			options->compress_record = DGEN_RECORD_MIN;
		return 0;
	}
	return -EINVAL;
}

/* NULL where there is none. A chunk of several records is made of whole ones and one in the table. */
static const struct row *find_row(uint32_t codec, uint32_t record, uint32_t chunk)
{
	if (chunk > record && chunk % record == 0)
		chunk = record;
	for (const struct row *row = rows + codec * ROWS; row < rows + (codec + 1) * ROWS; row++)
		if (row->record == record && row->chunk == chunk)
			return row;
	return NULL;
}

int dgen_calibrated_record(uint32_t record)
{
	return find_row(0, record, record) != NULL;
}

int dgen_calibrated_chunk(uint32_t record, uint32_t chunk)
{
	return find_row(0, record, chunk) != NULL;
}

static double knot_size(const struct row *row, unsigned int i)
{
	return knots[row->first + i].size / FRACTION;
}

/* Of a record or chunk of the table, by a straight line between two points. */
static double size_of(const struct row *row, double random)
{
	const struct knot *knot = knots + row->first;
	unsigned int i = 1;

	while (i + 1u < row->count && knot[i].random < random)
		i++;
	return knot_size(row, i - 1) + (random - knot[i - 1].random) *
					       (knot_size(row, i) - knot_size(row, i - 1)) /
					       (knot[i].random - knot[i - 1].random);
}

static double random_of(const struct row *row, double size)
{
	const struct knot *knot = knots + row->first;
	unsigned int i = 1;

	while (i + 1u < row->count && knot_size(row, i) < size)
		i++;
	return knot[i - 1].random + (size - knot_size(row, i - 1)) *
					    (knot[i].random - knot[i - 1].random) /
					    (knot_size(row, i) - knot_size(row, i - 1));
}

double dgen_calibrated_most(uint32_t codec, uint32_t record, uint32_t chunk, uint32_t least)
{
	const struct row *row = find_row(codec, record, chunk);
	double zeros = knot_size(row, 0), empty = (double)chunk / row->chunk - 1;

	return chunk / (size_of(row, least) + empty * zeros);
}

/* Storage that keeps a record in so many quarters of it: a ratio that is such a step stays below. */
static uint32_t on_step(const struct row *row, double ratio)
{
	for (int i = 0; i < 3; i++)
		if (fabs(ratio * (3 - i) / 4 - 1) <= ON_STEP)
			return row->steps[i];
	return 0;
}

/*
 * Between the last size that a codec gains and a record as it is there is none. So some units are on one
 * side of the jump and some on the other. True where size is there.
 */
static bool across_jump(const struct row *row, double size, double *part)
{
	const struct knot *last = &knots[row->first + row->count - 2];
	double from = last->size / FRACTION;

	if (row->chunk < row->record || size <= from)
		return false;
	*part = last->random + 1 + JUMP * ((size - from) / (row->chunk - from) - 0.5);
	return true;
}

/* Sizes of LZO go in steps, which even out over one. The program that measures has the same rule. */
static uint32_t width_of(uint32_t codec, double random, double part)
{
	if (codec == DGEN_LZO)
		return 1 + (uint32_t)(part / 32);
	return random < FINE ? 2 : 0;
}

static struct dgen_random off_steps(const struct row *row, uint32_t codec, uint32_t chunk,
				    double ratio)
{
	double zeros = knot_size(row, 0), size = chunk / ratio, whole, part, random;
	uint32_t records = chunk / row->chunk, width;

	/* A chunk of several records: those that are random come first, then one in part, then zeros. */
	size -= zeros * records;
	whole = floor(size / (row->chunk - zeros));
	size -= whole * (row->chunk - zeros);
	/* Their mean need not be whole, and they even out steps by themselves. */
	if (chunk < DGEN_CHUNK_VARIED)
		return (struct dgen_random){
			(uint64_t)((random_of(row, size + zeros) + 0.5) * 4294967296.0), 0
		};
	width = JUMP;
	if (!across_jump(row, size + zeros, &part)) {
		part = random_of(row, size + zeros);
		width = width_of(codec, whole * row->chunk + part, part);
	}
	random = whole * row->chunk + part + 0.5 - width / 2.0;
	if (random + width > chunk)
		random = chunk - width;
	return (struct dgen_random){ (uint64_t)(random * 4294967296.0), width };
}

struct dgen_random dgen_calibrated(uint32_t codec, uint32_t record, uint32_t chunk, double ratio)
{
	const struct row *row = find_row(codec, record, chunk);
	uint32_t step = chunk <= record ? on_step(row, ratio) : 0;

	if (step)
		return (struct dgen_random){ (uint64_t)step << 32, 0 };
	return off_steps(row, codec, chunk, ratio);
}

struct dgen_random dgen_calibrated_between(uint32_t chunk, double ratio)
{
	const struct dgen_random one = off_steps(find_row(DGEN_LZ4, DGEN_RECORD_MIN, chunk),
						 DGEN_LZ4, chunk, ratio),
				 other = off_steps(find_row(DGEN_ZSTD, DGEN_RECORD_MIN, chunk),
						   DGEN_ZSTD, chunk, ratio);
	const uint64_t middle =
		(one.low + other.low + ((uint64_t)(one.width + other.width) << 31)) / 2;
	uint32_t width = middle >> 32 < COARSE ? 2 : 0;

	if (one.width == JUMP || other.width == JUMP)
		width = JUMP;
	return (struct dgen_random){ middle - ((uint64_t)width << 31), width };
}
