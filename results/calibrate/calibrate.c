// SPDX-License-Identifier: GPL-2.0-only
/*
 * calibrate [CODECS [RECORDS [CHUNKS]]], each a list with commas: what a chunk that begins with r
 * random bytes and ends in zeros costs in a record of several such chunks, fitted as A + B * r.
 *
 * For each codec, record and chunk a row with A, B, the largest distance of a measured size from the
 * fit in percent, and the largest ratio that the chunk reaches, with 16 random bytes. Only sizes at
 * which the record shrinks are fitted. Run it again for another codec or another version of one.
 *
 * LZO1X-1 looks for a match at ever fewer bytes the longer it finds none, and begins one where it
 * looked. So its sizes go in steps of 3 percent, and a straight line is up to half of that off.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../measure/codec.h"

#define MIN_RANDOM 16
#define POINTS 24
#define MAX_RECORD (1u << 20)
#define BYTES (1u << 20) /* of data for each point, at the least */

/* The sum of sizes over r, for the fit. */
struct fit {
	unsigned int count;
	double r[POINTS], size[POINTS];
	double a, b, worst;
};

struct bench {
	struct codec codec;
	void *state;
	unsigned char *record, *out;
	size_t out_size;
	uint64_t random;
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

static void fill(struct bench *bench, size_t record, size_t chunk, size_t random)
{
	memset(bench->record, 0, record);
	for (size_t at = 0; at < record; at += chunk) {
		for (size_t i = 0; i < random; i++)
			bench->record[at + i] = (unsigned char)(next_random(bench) >> 56);
	}
}

/* Mean size of a chunk with so many random bytes; 0 where the records do not shrink. */
static double measure(struct bench *bench, size_t record, size_t chunk, size_t random)
{
	size_t records = BYTES / record ? BYTES / record : 1;
	size_t chunks = records * (record / chunk);
	double sum = 0;

	for (size_t i = 0; i < records; i++) {
		size_t size;

		fill(bench, record, chunk, random);
		size = codec_size(&bench->codec, bench->state, bench->record, record, bench->out,
				  bench->out_size);
		if (!size || size == record)
			return 0;
		sum += (double)size;
	}
	return sum / (double)chunks;
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

static void row(struct bench *bench, size_t record, size_t chunk)
{
	double least = measure(bench, record, chunk, MIN_RANDOM);
	struct fit points = { 0 };

	for (unsigned int i = 0; i < POINTS; i++) {
		size_t random = chunk / 12 + (chunk - chunk / 12) * i / POINTS;
		double size = measure(bench, record, chunk, random);

		if (size > 0) {
			points.r[points.count] = (double)random;
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

/* A list of sizes in bytes or with k or m; ends with 0. Exits on nonsense. */
static void sizes_of(char *list, size_t *sizes, unsigned int room)
{
	unsigned int count = 0;
	char *text;

	while ((text = strsep(&list, ",")) && count + 1 < room) {
		char *end;
		size_t size = strtoul(text, &end, 10);

		size <<= *end == 'k' ? 10 : *end == 'm' ? 20 : 0;
		if (size < 512 || size > MAX_RECORD) {
			fprintf(stderr, "calibrate: %s: must be a size from 512 to 1m\n", text);
			exit(EXIT_FAILURE);
		}
		sizes[count++] = size;
	}
	sizes[count] = 0;
}

static void codec_rows(const char *name, const size_t *records, const size_t *chunks)
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
	for (const size_t *record = records; *record; record++) {
		for (const size_t *chunk = chunks; *chunk && *chunk <= *record; chunk++) {
			if (!(*record % *chunk))
				row(&bench, *record, *chunk);
		}
	}
	codec_close(&bench.codec, bench.state);
	free(bench.record);
	free(bench.out);
}

int main(int argc, char **argv)
{
	char codecs[] = "lz4,zstd:1,zstd:3,deflate,lzo";
	char record_list[] = "4k,16k,32k,64k,128k";
	char chunk_list[] = "512,1k,2k,4k,8k,16k,32k,64k";
	char *list = argc > 1 ? argv[1] : codecs;
	size_t records[16], chunks[16];
	char versions[160];
	char *name;

	sizes_of(argc > 2 ? argv[2] : record_list, records, 16);
	sizes_of(argc > 3 ? argv[3] : chunk_list, chunks, 16);
	codec_versions(versions, sizeof(versions));
	printf("# %s\n# size of a chunk = A + B * r\n", versions);
	printf("%-10s %8s %8s %9s %9s %8s %9s\n", "codec", "record", "chunk", "A", "B", "off_%",
	       "largest");
	while ((name = strsep(&list, ",")))
		codec_rows(name, records, chunks);
	return 0;
}
