/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include <stdbool.h>

#include "scan.h"

/* The figures of one unit size, or of chunks. */
struct dedup_figures {
	struct unit_count count;
	struct set_summary set;
	double ratio; /* 0: nothing to divide */
	double error; /* of ratio, as a part of it, at three standard errors */
};

/* Those of one codec and record. */
struct codec_figures {
	const char *codec;
	uint32_t record;
	struct tally tally;
	double ratio, error;     /* of the distinct data */
	double total;            /* with dedup, without zeros */
	double total_with_zeros; /* as if they took no space */
	double total_error;      /* of both */
};

struct figures {
	const struct scan_options *options;
	const struct source_totals *totals;
	uint64_t zero_blocks;
	bool compared;
	struct dedup_figures dedup[MAX_SETS];
	struct codec_figures codecs[MAX_CODECS * MAX_RECORDS]; /* by record, then by codec */
	unsigned int codec_count;
	double distinct_error; /* of the bytes of distinct data */
};

enum report_as { AS_TEXT, AS_JSON, AS_PROFILE };

/* Writes to standard output; compared says that counts hold shared units. 0 or -ENOMEM. */
int report(const struct scan_options *options, const struct source_totals *totals,
	   const struct counts *counts, const struct scan_sets *sets, bool compared,
	   enum report_as as);

void report_text(const struct figures *figures);
void report_json(const struct figures *figures);
void report_profile(const struct figures *figures);

#endif
