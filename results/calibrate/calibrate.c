// SPDX-License-Identifier: GPL-2.0-only
/*
 * calibrate [--table] [CODECS [RECORDS [CHUNKS]]], each a list with commas: what a chunk that begins
 * with r random bytes and ends in zeros costs in a record of several such chunks.
 *
 * Without --table this is fitted as A + B * r: for each codec, record and chunk a row with A, B, the
 * largest distance of a measured size from the fit in percent, and the largest ratio that the chunk
 * reaches, with 16 random bytes. Only sizes at which the record shrinks are fitted.
 *
 * With it the output is generator/calibration_table.h: as few of the measured points as keep all others
 * within 0.2 % of the lines between them, beyond a ratio of 12 within 1 %. Run it again for another
 * version of the codecs.
 *
 * LZO1X-1 looks for a match at ever fewer bytes the longer it finds none, and begins one where it
 * looked. So its sizes go in steps of 3 percent, and a straight line is up to half of that off. The
 * generator spreads r over one such step, so that the mean of the sizes has none; so does the table.
 *
 * Chunks below 512 bytes differ in their random bytes, as the generator makes them; r is their mean, in the
 * table in 1/64 of a byte.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../measure/codec.h"

#define MIN_RANDOM 16
#define POINTS 24
#define MAX_RECORD (1u << 20)
#define BYTES (1u << 20) /* of data for each point, at the least */
#define VARIED 512       /* smaller chunks differ in their random bytes */
#define VARIED_PARTS 64  /* of a byte, in which their mean is counted */

/* Of the table: */
#define UNIT 4096     /* bytes whose chunks have as many random bytes each */
#define FINE 256      /* below which a byte more is too coarse */
#define PER_OCTAVE 16 /* points at which r doubles */
#define PER_OCTAVE_FINE 64
#define DENSE_MAX 512 /* points measured for a row */
#define ROWS_MAX 256
#define KNOTS_MAX (ROWS_MAX * 64)
#define NEAR 0.002      /* of the size: how far a point may lie off the line */
#define NEAR_SMALL 0.01 /* below 1/12 of the chunk */
#define FRACTION 16     /* sizes are in 1/16 of a byte */
#define STEPS 3         /* of allocation: 3/4, 1/2, 1/4 of a record */
#define STEP_NEAR 104   /* 1/104 below a step is near enough; with LZO, in its own steps, 1/68 */
#define STEP_NEAR_LZO 68

/* The sum of sizes over r, for the fit. */
struct fit {
	unsigned int count;
	double r[POINTS], size[POINTS];
	double a, b, worst;
};

/* A measured point of the table. */
struct knot {
	uint32_t random;
	double size;
};

struct row {
	size_t record, chunk;
	unsigned int first, count; /* knots */
	uint32_t steps[STEPS];
};

struct table {
	struct row rows[ROWS_MAX];
	struct knot knots[KNOTS_MAX];
	unsigned int nr_rows, nr_knots;
};

struct bench {
	struct codec codec;
	void *state;
	unsigned char *record, *out;
	size_t out_size;
	uint64_t random;
	uint32_t spread;
	size_t largest; /* record of the last measurement */
};

/* xorshift64*: no codec finds anything in it. */
static uint64_t next_random(struct bench *bench)
{
	uint64_t x = bench->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	bench->random = x;
	return x * 0x2545f4914f6cdd1d;
}

/* The random bytes of a unit's chunks, spread over width around the mean as the generator does it. */
static size_t spread(struct bench *bench, size_t random, size_t width, size_t chunk)
{
	if (!width)
		return random;
	bench->spread +=
		0x9e3779b9; /* 2^32 / golden ratio: evenly, whatever the number of chunks */
	random = (size_t)((double)random + 0.5 +
			  (bench->spread / 4294967296. - 0.5) * (double)width);
	return random < chunk ? random : chunk;
}

static size_t parts(size_t chunk)
{
	return chunk < VARIED ? VARIED_PARTS : 1;
}

/* As few as the generator keeps. */
static size_t least_random(size_t chunk)
{
	return chunk < VARIED ? MIN_RANDOM * chunk / VARIED * VARIED_PARTS : MIN_RANDOM;
}

/* Of two chunks one has as many more random bytes as the other has less, up to none or all. */
static void fill_varied(struct bench *bench, size_t record, size_t chunk, size_t random)
{
	const size_t all = chunk * VARIED_PARTS;
	const long room = (long)(random < all - random ? random : all - random);
	long by = 0;

	for (size_t at = 0; at < record; at += chunk) {
		by = at / chunk % 2 ? -by : (long)(next_random(bench) >> 56) - 128;
		size_t mixed = (size_t)((long)random * 128 + by * room) / (128 * VARIED_PARTS);

		for (size_t i = at; i < at + mixed; i++)
			bench->record[i] = (unsigned char)(next_random(bench) >> 56);
	}
}

static void fill(struct bench *bench, size_t record, size_t chunk, size_t random, size_t width)
{
	size_t mixed = random;

	memset(bench->record, 0, record);
	if (chunk < VARIED) {
		fill_varied(bench, record, chunk, random);
		return;
	}
	for (size_t at = 0; at < record; at += chunk) {
		if (at % UNIT == 0)
			mixed = spread(bench, random, width, chunk);
		for (size_t i = at; i < at + mixed; i++)
			bench->record[i] = (unsigned char)(next_random(bench) >> 56);
	}
}

/* Mean size of a chunk with so many random bytes; 0 where the records do not shrink. */
static double measure_spread(struct bench *bench, size_t record, size_t chunk, size_t random,
			     size_t width)
{
	size_t records = BYTES / record ? BYTES / record : 1;
	size_t chunks = records * (record / chunk);
	double sum = 0;

	bench->largest = 0;
	for (size_t i = 0; i < records; i++) {
		size_t size;

		fill(bench, record, chunk, random, width);
		size = codec_size(&bench->codec, bench->state, bench->record, record, bench->out,
				  bench->out_size);
		if (!size || size == record)
			return 0;
		bench->largest = size > bench->largest ? size : bench->largest;
		sum += (double)size;
	}
	return sum / (double)chunks;
}

static double measure(struct bench *bench, size_t record, size_t chunk, size_t random)
{
	return measure_spread(bench, record, chunk, random, 0);
}

/*
 * Least squares with relative weights, since what counts is the error of the ratio. From 1/12 of the
 * chunk on: calibration is asked for up to ratios of about 10.
 */
static void fit(struct fit *fit)
{
	double w = 0, x = 0, y = 0, xx = 0, xy = 0;

	for (unsigned int i = 0; i < fit->count; i++) {
		double weight = 1 / (fit->size[i] * fit->size[i]);

		w += weight;
		x += weight * fit->r[i];
		y += weight * fit->size[i];
		xx += weight * fit->r[i] * fit->r[i];
		xy += weight * fit->r[i] * fit->size[i];
	}
	fit->b = (w * xy - x * y) / (w * xx - x * x);
	fit->a = (y - fit->b * x) / w;
	fit->worst = 0;
	for (unsigned int i = 0; i < fit->count; i++) {
		double off = fabs((fit->a + fit->b * fit->r[i]) / fit->size[i] - 1);

		fit->worst = off > fit->worst ? off : fit->worst;
	}
}

static void fit_row(struct bench *bench, size_t record, size_t chunk)
{
	double least = measure(bench, record, chunk, least_random(chunk));
	struct fit points = { 0 };

	for (unsigned int i = 0; i < POINTS; i++) {
		size_t all = chunk * parts(chunk),
		       random = all / 12 + (all - all / 12) * i / POINTS;
		double size = measure(bench, record, chunk, random);

		if (size > 0) {
			points.r[points.count] = (double)random / (double)parts(chunk);
			points.size[points.count++] = size;
		}
	}
	printf("%-10s %8zu %8zu ", bench->codec.name, record, chunk);
	if (points.count < 3) {
		puts("does not shrink");
		return;
	}
	fit(&points);
	printf("%9.2f %9.5f %8.2f %9.2f\n", points.a, points.b, 100 * points.worst,
	       least > 0 ? (double)chunk / least : 1);
	fflush(stdout);
}

/* ---- the table ---- */

static bool is_lzo(const struct bench *bench)
{
	return !strcmp(bench->codec.name, "lzo");
}

/*
 * The generator has the same rule: the step that LZO has arrived at after so many random bytes, and
 * where a byte is too coarse, that.
 */
static size_t width_of(const struct bench *bench, size_t random)
{
	if (is_lzo(bench))
		return 1 + random / 32;
	return random < FINE ? 2 : 0;
}

/* The others even out steps by themselves. */
static size_t width_in(const struct bench *bench, size_t chunk, size_t random)
{
	return chunk < VARIED ? 0 : width_of(bench, random);
}

/* Where nothing is gained any more zstd, for one, gives up 1.5 % at a time: the last point before. */
static struct knot last_gain(struct bench *bench, const struct row *row, size_t low)
{
	struct knot knot = { 0, 0 };
	size_t high = row->chunk * parts(row->chunk);

	while (low + 1 < high) {
		size_t middle = (low + high) / 2;
		double size = measure(bench, row->record, row->chunk, middle);

		if (size > 0) {
			knot = (struct knot){ (uint32_t)middle, size };
			low = middle;
		} else {
			high = middle;
		}
	}
	return knot;
}

/* The point to measure after this one: of few random bytes each, for codecs have steps there. */
static double next_point(double random, size_t chunk)
{
	return random *
	       exp2(1. / (chunk >= VARIED && random < FINE ? PER_OCTAVE_FINE : PER_OCTAVE));
}

/* All points of a row, from zeros alone to the one from which on nothing is gained. */
static unsigned int measure_row(struct bench *bench, const struct row *row, struct knot *dense)
{
	const size_t all = row->chunk * parts(row->chunk);
	unsigned int count = 0;
	struct knot knot;
	size_t last = 0;

	dense[count++] = (struct knot){ 0, measure(bench, row->record, row->chunk, 0) };
	for (double at = (double)least_random(row->chunk); count < DENSE_MAX - 2;
	     at = next_point(at, row->chunk)) {
		size_t random = (size_t)lrint(at);
		double size;

		if (random >= all)
			break;
		if (random == last)
			continue;
		last = random;
		size = measure_spread(bench, row->record, row->chunk, random,
				      width_in(bench, row->chunk, random));
		if (size <= 0)
			break;
		/* Sizes that do not grow have no inverse. */
		if (size > dense[count - 1].size)
			dense[count++] = (struct knot){ (uint32_t)random, size };
	}
	knot = last_gain(bench, row, dense[count - 1].random);
	if (knot.size > dense[count - 1].size && knot.size < (double)row->chunk)
		dense[count++] = knot;
	dense[count++] = (struct knot){ (uint32_t)all, (double)row->chunk };
	return count;
}

/* Do all points between these two lie on the line? */
static bool on_line(const struct knot *from, const struct knot *to, double chunk)
{
	double slope = (to->size - from->size) / (to->random - from->random);

	for (const struct knot *knot = from + 1; knot < to; knot++) {
		double line = from->size + slope * (knot->random - from->random);
		double near = knot->size * 12 < chunk ? NEAR_SMALL : NEAR;

		if (fabs(line - knot->size) > knot->size * near)
			return false;
	}
	return true;
}

static void keep(struct table *table, const struct knot *knot)
{
	if (table->nr_knots == KNOTS_MAX) {
		fputs("calibrate: too many points\n", stderr);
		exit(EXIT_FAILURE);
	}
	table->knots[table->nr_knots++] = *knot;
}

/* The first two points are kept: zeros alone, and the largest ratio. The last two as well. */
static void thin_out(struct table *table, const struct knot *dense, unsigned int count)
{
	keep(table, &dense[0]);
	for (unsigned int at = 1; at + 2 < count;) {
		unsigned int to = at + 1;

		keep(table, &dense[at]);
		while (to + 2 < count && on_line(&dense[at], &dense[to + 1], dense[count - 1].size))
			to++;
		at = to;
	}
	keep(table, &dense[count - 2]);
	keep(table, &dense[count - 1]);
}

static double random_for(const struct knot *dense, unsigned int count, double size)
{
	unsigned int i = 1;

	while (i + 1 < count && dense[i].size < size)
		i++;
	return dense[i - 1].random + (size - dense[i - 1].size) *
					     (dense[i].random - dense[i - 1].random) /
					     (dense[i].size - dense[i - 1].size);
}

/*
 * Storage that allocates in quarters of a record: at a ratio that is such a step, as many random bytes
 * as keep every record below it. 0 where that is too far below.
 */
static uint32_t step(struct bench *bench, const struct row *row, const struct knot *dense,
		     unsigned int count, unsigned int quarters)
{
	double target = (double)row->chunk * quarters / 4, size;
	size_t most = row->record * quarters / 4;
	size_t high = (size_t)random_for(dense, count, target) + 1, low = high - high / 16;

	if (target < dense[1].size)
		return 0;
	while (low + 1 < high) {
		size_t middle = (low + high) / 2;

		size = measure(bench, row->record, row->chunk, middle);
		if (size > 0 && bench->largest <= most)
			low = middle;
		else
			high = middle;
	}
	/* Sizes differ by a few bytes from record to record. */
	for (size = 0; low > high / 2; low--) {
		size = measure(bench, row->record, row->chunk, low);
		if (bench->largest <= most)
			break;
	}
	if (size <= 0 || target - size > target / (is_lzo(bench) ? STEP_NEAR_LZO : STEP_NEAR))
		return 0;
	return (uint32_t)low;
}

static void add_row(struct table *table, struct bench *bench, size_t record, size_t chunk)
{
	struct row *row = &table->rows[table->nr_rows++];
	struct knot dense[DENSE_MAX];
	unsigned int count;

	*row = (struct row){ record, chunk, table->nr_knots, 0, { 0 } };
	count = measure_row(bench, row, dense);
	thin_out(table, dense, count);
	row->count = table->nr_knots - row->first;
	/* Records of varied chunks differ too much for a step. */
	for (unsigned int i = 0; i < STEPS && chunk >= VARIED; i++)
		row->steps[i] = step(bench, row, dense, count, STEPS - i);
	fprintf(stderr, "%s, records of %zu, chunks of %zu: %u points\n", bench->codec.name, record,
		chunk, row->count);
}

static void print_table(const struct table *table, const char *versions)
{
	printf("/* SPDX-License-Identifier: GPL-2.0-only */\n"
	       "/* Written by make calibrate, not by hand. Measured with %s. */\n"
	       "/* clang-format off */\n\n"
	       "/* Random bytes of a chunk, its size in 1/%d of a byte. */\n"
	       "static const struct knot knots[] = {\n",
	       versions, FRACTION);
	for (unsigned int i = 0; i < table->nr_rows; i++) {
		const struct row *row = &table->rows[i];

		for (unsigned int k = 0; k < row->count; k++) {
			const struct knot *knot = &table->knots[row->first + k];

			printf("%s{ %u, %ld },%s", k % 5 ? " " : "\t", knot->random,
			       lrint(knot->size * FRACTION),
			       k % 5 == 4 || k + 1 == row->count ? "\n" : "");
		}
	}
	puts("};\n\n/* Record, chunk; the first knot, their number; random bytes at 3/4, 1/2, 1/4. */\n"
	     "static const struct row rows[] = {");
	for (unsigned int i = 0; i < table->nr_rows; i++) {
		const struct row *row = &table->rows[i];

		printf("\t{ %zu, %zu, %u, %u, { %u, %u, %u } },\n", row->record, row->chunk,
		       row->first, row->count, row->steps[0], row->steps[1], row->steps[2]);
	}
	puts("};");
}

/* ---- what to do ---- */

/* A list of sizes in bytes or with k or m; ends with 0. Exits on nonsense. */
static void sizes_of(char *list, size_t *sizes, unsigned int room)
{
	unsigned int count = 0;
	char *text;

	while ((text = strsep(&list, ",")) && count + 1 < room) {
		char *end;
		size_t size = strtoul(text, &end, 10);

		size <<= *end == 'k' ? 10 : *end == 'm' ? 20 : 0;
		if (size < 64 || size > MAX_RECORD) {
			fprintf(stderr, "calibrate: %s: must be a size from 64 to 1m\n", text);
			exit(EXIT_FAILURE);
		}
		sizes[count++] = size;
	}
	sizes[count] = 0;
}

static void rows_of(struct table *table, struct bench *bench, const size_t *records,
		    const size_t *chunks, bool varied)
{
	for (const size_t *record = records; *record; record++)
		for (const size_t *chunk = chunks; *chunk; chunk++) {
			if (*chunk > *record || *record % *chunk || (*chunk < VARIED) != varied)
				continue;
			if (table)
				add_row(table, bench, *record, *chunk);
			else
				fit_row(bench, *record, *chunk);
		}
}

/*
 * Into table, or where that is NULL a line of the fit for each. Varied chunks come last: the random numbers of
 * the others, and so the table, are those of before there were any.
 */
static void codec_rows(struct table *table, const char *name, const size_t *records,
		       const size_t *chunks)
{
	struct bench bench = { .random = 88172645463325252u };

	if (codec_parse(name, &bench.codec)) {
		fprintf(stderr, "calibrate: %s: must be some of %s\n", name, codec_names());
		exit(EXIT_FAILURE);
	}
	bench.state = codec_open(&bench.codec);
	bench.out_size = codec_bound(&bench.codec, MAX_RECORD);
	bench.record = malloc(MAX_RECORD);
	bench.out = malloc(bench.out_size);
	if (!bench.state || !bench.record || !bench.out) {
		fputs("calibrate: not enough memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	rows_of(table, &bench, records, chunks, false);
	rows_of(table, &bench, records, chunks, true);
	codec_close(&bench.codec, bench.state);
	free(bench.record);
	free(bench.out);
}

int main(int argc, char **argv)
{
	static struct table table;
	char codecs[] = "lz4,zstd:1,zstd:3,deflate,lzo";
	/* The order of enum dgen_codec; each at its default level. */
	char table_codecs[] = "lz4,zstd:3,deflate:6,lzo";
	char record_list[] = "4k,8k,16k,32k,64k,128k";
	char chunk_list[] = "64,128,256,512,1k,2k,4k,8k,16k,32k,64k,128k";
	bool as_table = argc > 1 && !strcmp(argv[1], "--table");
	size_t records[16], chunks[16];
	char versions[160];
	char *list, *name;

	argc -= as_table;
	argv += as_table;
	list = argc > 1 ? argv[1] : as_table ? table_codecs : codecs;
	sizes_of(argc > 2 ? argv[2] : record_list, records, 16);
	sizes_of(argc > 3 ? argv[3] : chunk_list, chunks, 16);
	codec_versions(versions, sizeof(versions));
	if (!as_table)
		printf("# %s\n# size of a chunk = A + B * r\n%-10s %8s %8s %9s %9s %8s %9s\n",
		       versions, "codec", "record", "chunk", "A", "B", "off_%", "largest");
	while ((name = strsep(&list, ",")))
		codec_rows(as_table ? &table : NULL, name, records, chunks);
	if (as_table)
		print_table(&table, versions);
	return 0;
}
