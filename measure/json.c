// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "version.h"

static void json_ratio(const char *name, double ratio)
{
	if (ratio > 0)
		printf(", \"%s\": %.6f", name, ratio);
	else
		printf(", \"%s\": null", name);
}

static void json_error(double error)
{
	printf(", \"error_percent\": %.3g", 100 * error);
}

/* Bins of reference counts, each with the largest count in it. */
static void json_references(const struct set_summary *set)
{
	const char *comma = "";

	printf(", \"references\": [");
	for (unsigned int i = 0; i < SET_BINS; i++) {
		if (!set->contents[i])
			continue;
		printf("%s{\"up_to\": %llu, \"contents\": %" PRIu64 ", \"units\": %" PRIu64 "}",
		       comma, 1ull << i, set->contents[i], set->references[i]);
		comma = ", ";
	}
	printf("], \"most_references\": %" PRIu64, set->most);
}

static void json_dedup(const struct figures *figures, const struct dedup_figures *dedup)
{
	const struct unit_count *count = &dedup->count;

	printf("\"total\": %" PRIu64 ", \"zero\": %" PRIu64 ", \"distinct\": %" PRIu64
	       ", \"distinct_bytes\": %" PRIu64,
	       count->total, count->zero, count->distinct, count->distinct_bytes);
	json_ratio("dedup_ratio", dedup->ratio);
	if (figures->compared)
		printf(", \"shared\": %" PRIu64, count->shared);
	printf(", \"estimated\": %s, \"sample\": %.6g", dedup->set.level ? "true" : "false",
	       1 / (double)(1ull << dedup->set.level));
	json_error(dedup->error);
	json_references(&dedup->set);
	putchar('}');
}

static void json_codec(const struct codec_figures *codec)
{
	const struct tally *tally = &codec->tally;

	printf("{\"codec\": \"%s\", \"record\": %" PRIu32 ", \"bytes_in\": %" PRIu64
	       ", \"bytes_out\": %" PRIu64,
	       codec->codec, codec->record, tally->in, tally->out);
	json_ratio("compression_ratio", codec->ratio);
	json_error(codec->error);
	json_ratio("total_ratio", codec->total);
	json_ratio("total_ratio_with_zeros", codec->total_with_zeros);
	printf(", \"total_error_percent\": %.3g,\n     \"allocated\": {", 100 * codec->total_error);
	for (unsigned int i = 0; i < ALLOCATIONS; i++)
		printf("%s\"%s\": %" PRIu64, i ? ", " : "", allocation_name((enum allocation)i),
		       tally->allocated[i]);
	printf("},\n     \"sizes\": [");
	for (unsigned int i = 0; i <= SIZE_BINS; i++)
		printf("%s%" PRIu64, i ? ", " : "", tally->sizes[i]);
	printf("]}");
}

void report_json(const struct figures *figures)
{
	const struct scan_options *options = figures->options;
	const struct source_totals *totals = figures->totals;
	const struct chunker *chunker = &options->chunker;

	printf("{\n  \"dgen_measure\": \"%s\",\n", DGEN_VERSION);
	printf("  \"files\": %" PRIu64 ",\n  \"bytes\": %" PRIu64 ",\n", totals->files,
	       totals->bytes);
	printf("  \"hole_bytes\": %" PRIu64 ",\n  \"links\": %" PRIu64 ",\n  \"specials\": %" PRIu64
	       ",\n",
	       totals->hole_bytes, totals->links, totals->specials);
	printf("  \"shift\": %" PRIu64 ",\n", options->source.shift);
	printf("  \"zero_blocks\": %" PRIu64 ",\n  \"units\": [", figures->zero_blocks);
	for (unsigned int i = 0; i < options->unit_count; i++) {
		printf("%s\n    {\"unit\": %" PRIu32 ", ", i ? "," : "", options->units[i]);
		json_dedup(figures, &figures->dedup[i]);
	}
	printf("\n  ],\n  \"chunks\": ");
	if (options->chunks) {
		printf("{\"min\": %" PRIu32 ", \"avg\": %" PRIu32 ", \"max\": %" PRIu32 ", ",
		       chunker->min, chunker->avg, chunker->max);
		json_dedup(figures, &figures->dedup[options->unit_count]);
	} else {
		printf("null");
	}
	printf(",\n  \"codecs\": [");
	for (unsigned int i = 0; i < figures->codec_count; i++) {
		printf("%s\n    ", i ? "," : "");
		json_codec(&figures->codecs[i]);
	}
	printf("%s]\n}\n", figures->codec_count ? "\n  " : "");
}
