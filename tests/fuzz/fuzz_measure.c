// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the measuring tool takes: its command line, and data. Chunks are the same in whatever pieces the
 * data comes, and all figures whatever the number of threads; distinct data is not more than there is.
 */
#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "measure/options.h"
#include "measure/report.h"

#define ARGUMENTS_MAX 12
#define DATA_MAX (256u << 10)
#define PIECES_MAX 2000 /* each begins with some work over the bytes before it */

const char program[] = "fuzz";

static uint8_t data[DATA_MAX];

/* Bytes that repeat at some distance, so that there is something to find: raw ones, then copies. */
static size_t make_data(struct input *in)
{
	size_t length = 0;

	while (in->left) {
		size_t count = take(in, 2), from = take(in, 2);
		uint64_t what = take(in, 1);

		if (count > sizeof(data) - length)
			count = sizeof(data) - length;
		for (size_t i = 0; i < count; i++, length++)
			if (what % 3 == 0 && in->left)
				data[length] = (uint8_t)take(in, 1);
			else if (what % 3 == 1 && from < length)
				data[length] = data[length - from - 1];
			else
				data[length] = 0;
	}
	return length;
}

static void command_line(struct input *in)
{
	char name[] = "dgen-measure", text[400], *rest = text;
	char *arguments[ARGUMENTS_MAX + 1] = { name };
	size_t length = in->left < sizeof(text) - 1 ? in->left : sizeof(text) - 1;
	struct settings settings = { 0 };
	int count = 1;

	memcpy(text, in->at, length);
	text[length] = '\0';
	while (count < ARGUMENTS_MAX && (arguments[count] = strsep(&rest, "\n")))
		count++;
	arguments[count] = NULL;
	optind = 0;
	if (!options_parse(&settings, count, arguments)) {
		const struct scan_options *scan = &settings.scan;

		must(settings.path_count > 0 && scan->unit_count >= 1);
		must(scan->unit_count <= MAX_UNITS && scan->threads >= 1);
		must(scan->records.record_count >= 1 && scan->records.record_count <= MAX_RECORDS);
		must(scan->records.codec_count <= MAX_CODECS);
		scan_prepare(&settings.scan);
		must(scan_thread_memory(scan) > 0);
	}
	free(settings.against);
}

static size_t cuts_in_pieces(const struct chunker *chunker, size_t length, size_t piece,
			     uint64_t *ends)
{
	struct marks marks = { 0 };
	uint64_t cut = 0;
	size_t count = 0;

	for (size_t at = 0; at < length; at += piece) {
		if (piece > length - at)
			piece = length - at;
		must(!chunk_marks(chunker, data + at, at, piece, &marks));
		count += chunk_cuts(chunker, &marks, at, piece, at + piece == length, &cut,
				    ends + count);
	}
	marks_free(&marks);
	return count;
}

static void chunks(struct input *in)
{
	const uint32_t avg = 256u << take(in, 1) % 6;
	const uint32_t min = MIN_CHUNK + (uint32_t)take(in, 2) % (avg - MIN_CHUNK + 1);
	const uint32_t max = avg + (uint32_t)take(in, 2);
	const size_t wish = take(in, 2) + 1, length = make_data(in);
	const size_t piece = wish < length / PIECES_MAX ? length / PIECES_MAX : wish;
	static uint64_t ends[2][DATA_MAX / MIN_CHUNK + 8];
	struct chunker chunker;
	size_t count;

	must(!chunker_init(&chunker, min, avg, max));
	count = cuts_in_pieces(&chunker, length, length, ends[0]);
	must(cuts_in_pieces(&chunker, length, piece, ends[1]) == count);
	must(!memcmp(ends[0], ends[1], count * sizeof(ends[0][0])));
	must(length ? count && ends[0][count - 1] == length : !count);
	for (size_t i = 0; i < count; i++) {
		const uint64_t size = ends[0][i] - (i ? ends[0][i - 1] : 0);

		must(size <= max && (size >= min || i + 1 == count));
	}
}

static void scan_with(struct scan_options options, unsigned int threads, char *path,
		      struct counts *counts, enum report_as as)
{
	struct scan_sets sets = { 0 };
	struct source *source;
	char why[200] = "";

	options.threads = threads;
	scan_prepare(&options);
	must(!source_open(&source, &path, 1, &options.source, why, sizeof(why)));
	for (unsigned int i = 0; i < scan_set_count(&options); i++)
		must((sets.seen[i] = set_create(1 << 20)) != NULL);
	must(!scan(source, &options, &sets, counts, why, sizeof(why)));
	for (unsigned int i = 0; i < scan_set_count(&options); i++) {
		const struct unit_count *c = &counts->units[i];

		must(c->zero <= c->total && c->distinct <= c->total - c->zero);
		must(c->distinct_bytes <= c->bytes && !c->distinct == !c->distinct_bytes);
	}
	must(!report(&options, source_totals(source), counts, &sets, false, as));
	for (unsigned int i = 0; i < scan_set_count(&options); i++)
		set_destroy(sets.seen[i]);
	source_close(source);
}

/* Both began as zeros, and were summed up in the same order. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

/* A file with such data is measured. */
static void file(struct input *in)
{
	static const char *const names[] = { "lz4", "zstd:1", "deflate:1", "lzo", "lz4hc:1" };
	struct scan_options options = { .unit_count = 1 + (unsigned int)take(in, 1) % 3 };
	const enum report_as as = (enum report_as)(take(in, 1) % 3);
	struct counts *counts = calloc(2, sizeof(*counts));
	const int fd = memfd_create("data", MFD_CLOEXEC);
	char path[32];
	size_t length;

	must(fd >= 0 && counts);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (unsigned int i = 0; i < options.unit_count; i++)
		options.units[i] = MIN_UNIT + (uint32_t)take(in, 2);
	options.records.codec_count = 2;
	for (unsigned int i = 0; i < 2; i++)
		must(!codec_parse(as == AS_PROFILE ? names[i] : names[take(in, 1) % 5],
				  &options.records.codecs[i]));
	options.records.record_count = 1;
	options.records.records[0] = as == AS_PROFILE ? 4096 : MIN_UNIT + (uint32_t)take(in, 2);
	options.chunks = take(in, 1) % 2 && as != AS_PROFILE;
	must(!chunker_init(&options.chunker, 512, 1024, 4096));
	options.source.shift = take(in, 1) % 4 ? 0 : take(in, 2);
	length = make_data(in);
	if (options.source.shift >= length)
		options.source.shift = 0;
	must(write(fd, data, length) == (ssize_t)length);
	/* A hole behind it. */
	must(!ftruncate(fd, (off_t)(length + take(in, 1) * 1000)));
	scan_with(options, 1, path, &counts[0], as);
	scan_with(options, 2, path, &counts[1], AS_JSON);
	must(same_bytes(&counts[0], &counts[1], sizeof(counts[0])));
	free(counts);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = { bytes, size };

	switch (take(&in, 1) % 4) {
	case 0:
		command_line(&in);
		break;
	case 1:
		file(&in);
		break;
	default:
		chunks(&in);
	}
	return 0;
}
