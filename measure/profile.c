// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of the engine that make data like a sample: its dedup ratio, its share of zero units, and a mix
 * of ratios that follows the sizes of its records with LZ4. zstd gains more from most real data, as its
 * bytes are not equally likely. So the random bytes take fewer values, how many is tried with zstd itself.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "report.h"

#define PARTS 6     /* that the engine takes */
#define RECORD 4096 /* bytes; of the sample's figures as well */
#define OVERHEAD 24 /* bytes: the engine makes so many fewer random ones, which a codec adds */
#define LEVEL 3     /* of zstd */
#define TRIES 16    /* records of each part */
#define SYMBOLS 32  /* the engine takes no fewer */
#define NEAR                                                                                       \
	1.02 /* so near to zstd's size all values are taken: that is made several times as fast */
#define RATIO_MAX 60 /* below what a record of few symbols allows */
#define DEDUP_MAX 1000

struct mix {
	unsigned int count;
	double share[PARTS]; /* of the records */
	double size[PARTS];  /* as a part of a record */
	bool random;         /* what LZ4 does not shrink, zstd does not either */
};

/* Bins from small to large, about the same share of records to each part, those that do not shrink apart. */
static void divide(const struct tally *tally, struct mix *mix)
{
	const double raw = (double)tally->sizes[SIZE_BINS];
	double all = 0, done = 0;

	for (unsigned int i = 0; i < SIZE_BINS; i++)
		all += (double)tally->sizes[i];
	for (unsigned int i = 0; i < SIZE_BINS; i++) {
		const double share = (double)tally->sizes[i] / (all + raw);
		unsigned int part = mix->count;

		if (!tally->sizes[i])
			continue;
		mix->share[part] += share;
		mix->size[part] += share * (i + 0.5) / SIZE_BINS;
		done += (double)tally->sizes[i];
		if (done >= all * (part + 1) / (PARTS - 1) || done >= all)
			mix->count++;
	}
	for (unsigned int i = 0; i < mix->count; i++)
		mix->size[i] /= mix->share[i];
	if (raw > 0) {
		mix->share[mix->count] = raw / (all + raw);
		mix->size[mix->count++] = 1;
	}
}

/* The middles of the bins become what makes the whole right; raw records stay raw. */
static void scale(struct mix *mix, double whole)
{
	double rest = 0, raw = 0;

	for (unsigned int i = 0; i < mix->count; i++) {
		if (mix->size[i] < 1)
			rest += mix->share[i] * mix->size[i];
		else
			raw += mix->share[i];
	}
	for (unsigned int i = 0; i < mix->count && whole > raw; i++) {
		if (mix->size[i] < 1)
			mix->size[i] *= (whole - raw) / rest;
		if (mix->size[i] > 1)
			mix->size[i] = 1;
		if (mix->size[i] < 1.0 / RATIO_MAX)
			mix->size[i] = 1.0 / RATIO_MAX;
	}
}

static unsigned int symbols_of(const struct mix *mix, unsigned int part, unsigned int symbols)
{
	return mix->random && mix->size[part] >= 1 ? 256 : symbols;
}

/* What zstd makes of such records, as a part of them. */
static double zstd_size(const struct mix *mix, unsigned int symbols)
{
	unsigned char in[RECORD], out[2 * RECORD];
	uint64_t random = 1;
	double whole = 0;

	for (unsigned int i = 0; i < mix->count; i++)
		for (unsigned int try = 0; try < TRIES; try++) {
			const unsigned int values = symbols_of(mix, i, symbols);
			size_t length = (size_t)(mix->size[i] * RECORD);
			size_t size;

			if (mix->size[i] < 1)
				length -= OVERHEAD;
			memset(in, 0, sizeof(in));
			for (size_t j = 0; j < length; j++) {
				random = random * UINT64_C(6364136223846793005) +
					 1442695040888963407;
				in[j] = (unsigned char)((random >> 56) * values >> 8);
			}
			size = ZSTD_compress(out, sizeof(out), in, RECORD, LEVEL);
			if (ZSTD_isError(size) || size > RECORD)
				size = RECORD;
			whole += mix->share[i] * (double)size / RECORD / TRIES;
		}
	return whole;
}

/* More symbols, more bytes. */
static unsigned int find_symbols(const struct mix *mix, double wanted)
{
	unsigned int low = SYMBOLS, high = 256;

	if (zstd_size(mix, high) <= wanted * NEAR)
		return high;
	while (low < high) {
		const unsigned int middle = (low + high) / 2;

		if (zstd_size(mix, middle) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Shares in 1/100 %, of which the last one is what is left. */
static void print_mix(const struct mix *mix, unsigned int symbols)
{
	unsigned int left = 10000;

	printf("compress_ratio=");
	for (unsigned int i = 0; i < mix->count; i++) {
		unsigned int share = (unsigned int)(mix->share[i] * 10000 + 0.5);
		unsigned int values = symbols_of(mix, i, symbols);

		if (i + 1 == mix->count || share > left)
			share = left;
		left -= share;
		printf("%s%.3f/%.2f", i ? ":" : "", 1 / mix->size[i], share / 100.0);
		if (values < 256)
			printf("/%u", values);
	}
	putchar('\n');
}

void report_profile(const struct figures *figures)
{
	const struct dedup_figures *dedup = &figures->dedup[0];
	const struct tally *lz4 = &figures->codecs[0].tally, *zstd = &figures->codecs[1].tally;
	const uint64_t total = dedup->count.total;
	double zero = total ? 100 * (double)dedup->count.zero / (double)total : 0;
	struct mix mix = { 0 };

	printf("dedup_ratio=%.4f\n",
	       dedup->ratio > DEDUP_MAX ? DEDUP_MAX : (dedup->ratio > 1 ? dedup->ratio : 1));
	printf("zero_percentage=%.4f\n", zero > 99 ? 99 : zero);
	if (!lz4->in)
		return;
	divide(lz4, &mix);
	scale(&mix, (double)lz4->out / (double)lz4->in);
	mix.random = 2 * zstd->sizes[SIZE_BINS] > lz4->sizes[SIZE_BINS];
	print_mix(&mix, find_symbols(&mix, (double)zstd->out / (double)zstd->in));
}
