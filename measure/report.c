// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

#include "version.h"

/* Zero units are left out: they are thin provisioning, neither dedup nor compression. */
static double dedup_ratio(const struct unit_count *count)
{
	if (!count->distinct)
		return 0;
	return (double)(count->total - count->zero) / (double)count->distinct;
}

static double compression_ratio(const struct codec_count *count)
{
	return count->out ? (double)count->in / (double)count->out : 0;
}

/* A ratio of nothing to nothing is none. */
static void print_ratio(double ratio)
{
	if (ratio > 0)
		printf("%12.4f:1", ratio);
	else
		printf("%14s", "none");
}

static void print_bytes(const char *what, uint64_t bytes)
{
	static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	unsigned int i = 0;

	for (; value >= 1024 && i < 5; i++)
		value /= 1024;
	printf("%s%" PRIu64 " bytes", what, bytes);
	if (i)
		printf(" (%.2f %s)", value, names[i]);
}

void report_text(const struct files *files, const struct scan_options *options,
		 const struct counts *counts, bool compared)
{
	double dedup = dedup_ratio(&counts->units[0]);

	printf("%u file%s, ", files->count, files->count == 1 ? "" : "s");
	print_bytes("", files->bytes);
	if (options->shift)
		print_bytes(", each from offset ", options->shift);
	printf("\nall-zero 4 KiB blocks: %" PRIu64 "\n\n", counts->zero_blocks);
	printf("%12s %14s %14s %14s %14s", "unit", "units", "zero", "distinct", "dedup");
	if (compared)
		printf(" %14s", "shared");
	putchar('\n');
	for (unsigned int i = 0; i < options->unit_count; i++) {
		const struct unit_count *count = &counts->units[i];

		printf("%12" PRIu32 " %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " ",
		       options->units[i], count->total, count->zero, count->distinct);
		print_ratio(dedup_ratio(count));
		if (compared)
			printf(" %14" PRIu64, count->shared);
		putchar('\n');
	}
	if (!options->codec_count)
		return;
	printf("\nDistinct units of %" PRIu32 " bytes, compressed in records of %" PRIu32
	       " bytes:\n",
	       options->units[0], options->record);
	printf("%12s %14s %14s %14s %14s\n", "codec", "bytes in", "bytes out", "compression",
	       "with dedup");
	for (unsigned int i = 0; i < options->codec_count; i++) {
		const struct codec_count *count = &counts->codecs[i];
		double ratio = compression_ratio(count);

		printf("%12s %14" PRIu64 " %14" PRIu64 " ", options->codecs[i].name, count->in,
		       count->out);
		print_ratio(ratio);
		putchar(' ');
		print_ratio(ratio * dedup);
		putchar('\n');
	}
}

static void json_ratio(const char *name, double ratio)
{
	if (ratio > 0)
		printf(", \"%s\": %.6f", name, ratio);
	else
		printf(", \"%s\": null", name);
}

void report_json(const struct files *files, const struct scan_options *options,
		 const struct counts *counts, bool compared)
{
	double dedup = dedup_ratio(&counts->units[0]);

	printf("{\n  \"dgen_measure\": \"%s\",\n", DGEN_VERSION);
	printf("  \"files\": %u,\n  \"bytes\": %" PRIu64 ",\n", files->count, files->bytes);
	printf("  \"shift\": %" PRIu64 ",\n  \"record\": %" PRIu32 ",\n", options->shift,
	       options->record);
	printf("  \"zero_blocks\": %" PRIu64 ",\n  \"units\": [", counts->zero_blocks);
	for (unsigned int i = 0; i < options->unit_count; i++) {
		const struct unit_count *count = &counts->units[i];

		printf("%s\n    {\"unit\": %" PRIu32 ", \"total\": %" PRIu64 ", \"zero\": %" PRIu64
		       ", \"distinct\": %" PRIu64,
		       i ? "," : "", options->units[i], count->total, count->zero, count->distinct);
		json_ratio("dedup_ratio", dedup_ratio(count));
		if (compared)
			printf(", \"shared\": %" PRIu64, count->shared);
		putchar('}');
	}
	printf("\n  ],\n  \"codecs\": [");
	for (unsigned int i = 0; i < options->codec_count; i++) {
		const struct codec_count *count = &counts->codecs[i];
		double ratio = compression_ratio(count);

		printf("%s\n    {\"codec\": \"%s\", \"bytes_in\": %" PRIu64
		       ", \"bytes_out\": %" PRIu64,
		       i ? "," : "", options->codecs[i].name, count->in, count->out);
		json_ratio("compression_ratio", ratio);
		json_ratio("total_ratio", ratio * dedup);
		putchar('}');
	}
	printf("%s]\n}\n", options->codec_count ? "\n  " : "");
}
