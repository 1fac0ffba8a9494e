// SPDX-License-Identifier: GPL-2.0-only
/*
 * dgen-measure: what deduplication and compression data really holds.
 *
 * It shares no code with the generator: each unit is read back and hashed, and each distinct one
 * compressed with the codec's own library. So it can judge the generator.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"
#include "scan.h"

const char program[] = "dgen-measure";

/*
 * One half is for the threads, of which there are fewer where that is little. The other is for the
 * sets, whatever the threads leave: an estimate does not depend on their number either.
 */
static int plan_memory(struct settings *settings)
{
	struct scan_options *scan = &settings->scan;
	unsigned int sets = scan_set_count(scan) * (settings->against_count ? 2 : 1);
	uint64_t thread = scan_thread_memory(scan);
	uint64_t least = (uint64_t)sets * SET_MIN_BUDGET;

	least = 2 * (thread > least ? thread : least);
	if (settings->memory < least) {
		const char *typed = settings->memory_typed;

		complain("--memory=%s: must be at least %" PRIu64 "m, with these options",
			 typed ? typed : "(a quarter of the machine's)", (least >> 20) + 1);
		return -EINVAL;
	}
	while (scan->threads > 1 && scan->threads * thread > settings->memory / 2)
		scan->threads--;
	return 0;
}

/* What the set of a unit size or of chunks would need to hold all. */
static uint64_t set_need(const struct scan_options *scan, const struct source_totals *totals,
			 unsigned int set)
{
	uint32_t unit = set < scan->unit_count ? scan->units[set] : scan->chunker.min;

	if (totals->streams)
		return UINT64_MAX;
	return set_memory(totals->bytes / unit + totals->files);
}

/* Sets that need little get it; the others share the rest evenly. */
static int create_sets(const struct scan_options *scan, const struct source_totals *totals,
		       uint64_t memory, struct set **sets)
{
	unsigned int count = scan_set_count(scan);
	bool given[MAX_SETS] = { false };
	unsigned int left = count;

	while (left) {
		uint64_t share = memory / left;
		unsigned int pick = MAX_SETS;

		for (unsigned int i = 0; i < count; i++) {
			if (!given[i] && (pick == MAX_SETS ||
					  set_need(scan, totals, i) < set_need(scan, totals, pick)))
				pick = i;
		}
		if (share > set_need(scan, totals, pick))
			share = set_need(scan, totals, pick);
		sets[pick] = set_create(share);
		if (!sets[pick]) {
			complain("not enough memory to start");
			return -ENOMEM;
		}
		memory -= share;
		given[pick] = true;
		left--;
	}
	return 0;
}

/* Reads all paths into sets->seen, which it creates with so much memory. */
static int scan_paths(const struct scan_options *scan_options, char **paths, unsigned int count,
		      uint64_t memory, struct scan_sets *sets, struct counts *counts,
		      struct source_totals *totals)
{
	struct source *source;
	char why[512] = "";
	int ret;

	ret = source_open(&source, paths, count, &scan_options->source, why, sizeof(why));
	if (!ret)
		ret = create_sets(scan_options, source_totals(source), memory, sets->seen);
	if (!ret)
		ret = scan(source, scan_options, sets, counts, why, sizeof(why));
	if (ret && *why)
		complain("%s", why);
	if (!ret && source_changed(source, totals) && scan_options->source.notes)
		complain("files came, went or changed while it read them: the figures are those of "
			 "what it found then");
	source_close(source);
	return ret;
}

/* What data is compared against is read first, by the same means, without codecs. */
static int read_against(const struct settings *settings, uint64_t memory, struct counts *counts,
			struct scan_sets *sets)
{
	struct scan_options options = settings->scan;
	struct scan_sets first = { 0 };
	struct source_totals totals;
	int ret;

	options.records.codec_count = 0;
	ret = scan_paths(&options, settings->against, settings->against_count, memory, &first,
			 counts, &totals);
	memcpy(sets->against, first.seen, sizeof(sets->against));
	return ret;
}

static int measure(struct settings *settings)
{
	struct scan_sets sets = { 0 };
	struct source_totals totals;
	struct counts *counts = calloc(1, sizeof(*counts));
	uint64_t memory;
	int ret = 0;

	if (!counts) {
		complain("not enough memory to start");
		return -ENOMEM;
	}
	memory = settings->memory / 2;
	if (settings->against_count) {
		memory /= 2;
		ret = read_against(settings, memory, counts, &sets);
	}
	if (!ret)
		ret = scan_paths(&settings->scan, settings->paths, settings->path_count, memory,
				 &sets, counts, &totals);
	if (!ret)
		ret = report(&settings->scan, &totals, counts, &sets, settings->against_count > 0,
			     settings->as);
	for (unsigned int i = 0; i < MAX_SETS; i++) {
		set_destroy(sets.seen[i]);
		set_destroy(sets.against[i]);
	}
	free(counts);
	return ret;
}

int main(int argc, char **argv)
{
	struct settings settings;
	bool usage_error;
	int ret;

	ret = options_parse(&settings, argc, argv);
	if (!ret) {
		scan_prepare(&settings.scan);
		ret = plan_memory(&settings);
	}
	usage_error = ret == -EINVAL;
	if (!ret)
		ret = measure(&settings);
	free(settings.against);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (usage_error)
		return EXIT_USAGE;
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
