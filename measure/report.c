// SPDX-License-Identifier: GPL-2.0-only
/* Makes ratios of counts, and text of them for people. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Zero units are left out: they are thin provisioning, neither dedup nor compression. Storage keeps
 * whole units, so units are counted; chunks are as long as they are, so their bytes are.
 */
static void fill_dedup(struct dedup_figures *dedup, const struct unit_count *count,
		       const struct set *set, bool chunks)
{
	dedup->count = *count;
	set_summarise(set, &dedup->set);
	if (!count->distinct)
		return;
	if (chunks) {
		dedup->ratio = (double)count->bytes / (double)count->distinct_bytes;
		dedup->error = 3 * sqrt(count->bytes_variance) / (double)count->distinct_bytes;
	} else {
		dedup->ratio = (double)(count->total - count->zero) / (double)count->distinct;
		dedup->error = 3 * sqrt(count->variance) / (double)count->distinct;
	}
}

static void fill_codec(struct codec_figures *codec, const struct figures *figures)
{
	const struct unit_count *count = &figures->dedup[0].count;
	double stored;

	codec->ratio = tally_ratio(&codec->tally);
	codec->error = tally_error(&codec->tally);
	if (!(codec->ratio > 0) || !count->distinct_bytes)
		return;
	stored = (double)count->distinct_bytes / codec->ratio;
	codec->total = (double)count->bytes / stored;
	codec->total_with_zeros = (double)figures->totals->bytes / stored;
	codec->total_error = sqrt(codec->error * codec->error +
				  figures->distinct_error * figures->distinct_error);
}

int report(const struct scan_options *options, const struct source_totals *totals,
	   const struct counts *counts, const struct scan_sets *sets, bool compared,
	   enum report_as as)
{
	struct figures *figures = calloc(1, sizeof(*figures));
	const struct record_options *records = &options->records;

	if (!figures)
		return -ENOMEM;
	figures->options = options;
	figures->totals = totals;
	figures->zero_blocks = counts->zero_blocks;
	figures->compared = compared;
	for (unsigned int i = 0; i < scan_set_count(options); i++)
		fill_dedup(&figures->dedup[i], &counts->units[i], sets->seen[i],
			   i == options->unit_count);
	if (counts->units[0].distinct_bytes)
		figures->distinct_error = 3 * sqrt(counts->units[0].bytes_variance) /
					  (double)counts->units[0].distinct_bytes;
	for (unsigned int i = 0; i < records->record_count; i++) {
		for (unsigned int j = 0; j < records->codec_count; j++) {
			struct codec_figures *codec = &figures->codecs[figures->codec_count++];

			codec->codec = records->codecs[j].name;
			codec->record = records->records[i];
			codec->tally = counts->tallies[j][i];
			fill_codec(codec, figures);
		}
	}
	if (as == AS_JSON)
		report_json(figures);
	else if (as == AS_PROFILE)
		report_profile(figures);
	else
		report_text(figures);
	free(figures);
	return 0;
}

/* A ratio of nothing to nothing is none. An estimate comes with its error. */
static void print_ratio(double ratio, double error)
{
	char text[40];

	if (!(ratio > 0))
		snprintf(text, sizeof(text), "none");
	else if (error > 0)
		snprintf(text, sizeof(text), "~%.3f:1 +-%.2g%%", ratio, 100 * error);
	else
		snprintf(text, sizeof(text), "%.4f:1", ratio);
	printf(" %14s", text);
}

static void print_bytes(uint64_t bytes)
{
	static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	unsigned int i = 0;

	for (; value >= 1024 && i < 5; i++)
		value /= 1024;
	printf("%" PRIu64 " bytes", bytes);
	if (i)
		printf(" (%.2f %s)", value, names[i]);
}

static void print_head(const struct figures *figures)
{
	const struct source_totals *totals = figures->totals;

	printf("%" PRIu64 " file%s, ", totals->files, totals->files == 1 ? "" : "s");
	print_bytes(totals->bytes);
	if (figures->options->source.shift) {
		printf(", each from offset ");
		print_bytes(figures->options->source.shift);
	}
	putchar('\n');
	if (totals->hole_bytes) {
		printf("of them in holes, read as zeros: ");
		print_bytes(totals->hole_bytes);
		putchar('\n');
	}
	if (totals->links)
		printf("further names of these files, counted once: %" PRIu64 "\n", totals->links);
	if (totals->specials)
		printf("left out, neither file nor directory: %" PRIu64 "\n", totals->specials);
	printf("all-zero 4 KiB blocks: %" PRIu64 "\n\n", figures->zero_blocks);
}

static void print_dedup(const struct figures *figures)
{
	const struct scan_options *options = figures->options;
	const struct chunker *chunker = &options->chunker;

	printf("%12s %14s %14s %14s %14s", "unit", "units", "zero", "distinct", "dedup");
	if (figures->compared)
		printf(" %14s", "shared");
	putchar('\n');
	for (unsigned int i = 0; i < scan_set_count(options); i++) {
		const struct dedup_figures *dedup = &figures->dedup[i];
		const struct unit_count *count = &dedup->count;

		if (i == options->unit_count)
			printf("%12s", "chunks");
		else
			printf("%12" PRIu32, options->units[i]);
		printf(" %14" PRIu64 " %14" PRIu64 " %14" PRIu64, count->total, count->zero,
		       count->distinct);
		print_ratio(dedup->ratio, dedup->error);
		if (figures->compared)
			printf(" %14" PRIu64, count->shared);
		putchar('\n');
	}
	if (options->chunks) {
		uint64_t total = figures->dedup[options->unit_count].count.total;

		printf("Chunks are cut where the content says, %" PRIu32 " to %" PRIu32
		       " bytes, here %.0f on average.\n",
		       chunker->min, chunker->max,
		       total ? (double)figures->totals->bytes / (double)total : 0);
	}
}

static void print_references(const struct figures *figures)
{
	const struct set_summary *set = &figures->dedup[0].set;
	double contents = 0;
	double references = 0;

	for (unsigned int i = 0; i < SET_BINS; i++) {
		contents += (double)set->contents[i];
		references += (double)set->references[i];
	}
	if (!(contents > 0))
		return;
	printf("\nReferences to each content of %" PRIu32 " bytes, at most %" PRIu64 ":\n",
	       figures->options->units[0], set->most);
	printf("%12s %14s %14s\n", "references", "of contents", "of units");
	for (unsigned int i = 0; i < SET_BINS; i++) {
		char text[48];

		if (!set->contents[i])
			continue;
		if (i < 2)
			snprintf(text, sizeof(text), "%u", i + 1);
		else
			snprintf(text, sizeof(text), "%llu-%llu", (1ull << (i - 1)) + 1, 1ull << i);
		printf("%12s %12.3f %% %12.3f %%\n", text,
		       100 * (double)set->contents[i] / contents,
		       100 * (double)set->references[i] / references);
	}
}

/* One record size: what codecs made of it, what storage would allocate, and how it spreads. */
static void print_codecs(const struct figures *figures, unsigned int first, unsigned int count)
{
	const struct codec_figures *codecs = &figures->codecs[first];

	printf("\nDistinct units of %" PRIu32 " bytes, compressed in records of %" PRIu32
	       " bytes:\n",
	       figures->options->units[0], codecs->record);
	printf("%12s %14s %14s %14s %14s\n", "codec", "bytes in", "bytes out", "compression",
	       "with dedup");
	for (unsigned int i = 0; i < count; i++) {
		printf("%12s %14" PRIu64 " %14" PRIu64, codecs[i].codec, codecs[i].tally.in,
		       codecs[i].tally.out);
		print_ratio(codecs[i].ratio, codecs[i].error);
		print_ratio(codecs[i].total, codecs[i].total_error);
		putchar('\n');
	}
	printf("%12s %14s %14s %14s %14s\n", "allocated in", "512 bytes", "4096 bytes", "1/4 steps",
	       "1/2 steps");
	for (unsigned int i = 0; i < count; i++) {
		const struct tally *tally = &codecs[i].tally;

		printf("%12s", codecs[i].codec);
		for (unsigned int j = 0; j < ALLOCATIONS; j++)
			print_ratio(tally->allocated[j] ?
					    (double)tally->in / (double)tally->allocated[j] :
					    0,
				    0);
		putchar('\n');
	}
}

static void print_sizes(const struct figures *figures, unsigned int count)
{
	printf("\nPercent of these records by size, in sixteenths of %" PRIu32
	       " bytes; raw: not smaller\n%12s",
	       figures->codecs[0].record, "codec");
	for (unsigned int i = 1; i <= SIZE_BINS; i++)
		printf(" %3u", i);
	puts(" raw");
	for (unsigned int i = 0; i < count; i++) {
		const struct tally *tally = &figures->codecs[i].tally;
		double sum = 0;

		for (unsigned int j = 0; j <= SIZE_BINS; j++)
			sum += (double)tally->sizes[j];
		printf("%12s", figures->codecs[i].codec);
		for (unsigned int j = 0; j <= SIZE_BINS; j++) {
			if (tally->sizes[j])
				printf(" %3.0f", 100 * (double)tally->sizes[j] / sum);
			else
				printf("   .");
		}
		putchar('\n');
	}
}

static void print_estimates(const struct figures *figures)
{
	unsigned int level = 0;

	for (unsigned int i = 0; i < scan_set_count(figures->options); i++) {
		if (figures->dedup[i].set.level > level)
			level = figures->dedup[i].set.level;
	}
	if (level)
		printf("\n~ marks an estimate: not all hashes fit in --memory. It comes from a "
		       "sample by hash, at\nthe least one content in %llu, and is within +- at "
		       "three standard errors (99.7 %%).\n",
		       1ull << level);
}

void report_text(const struct figures *figures)
{
	const struct record_options *records = &figures->options->records;

	print_head(figures);
	print_dedup(figures);
	for (unsigned int i = 0; records->codec_count && i < records->record_count; i++)
		print_codecs(figures, i * records->codec_count, records->codec_count);
	if (records->codec_count)
		print_sizes(figures, records->codec_count);
	print_references(figures);
	print_estimates(figures);
}
