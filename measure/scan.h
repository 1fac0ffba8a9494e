/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads all of a source with many threads and counts what it holds. */
#ifndef MEASURE_SCAN_H
#define MEASURE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"
#include "records.h"
#include "set.h"
#include "source.h"

#define MAX_UNITS 16
#define MAX_SETS (MAX_UNITS + 1) /* the chunks come last */
#define MIN_UNIT 512
#define MAX_UNIT (64u << 20)
#define MAX_RECORD (16u << 20)
#define MIN_SEGMENT (4u << 20)
#define ZERO_BLOCK 4096 /* what arrays and thin provisioning look at */

/* What to look for. */
struct scan_options {
	uint32_t units[MAX_UNITS]; /* the first one decides which data is distinct for the codecs */
	unsigned int unit_count;
	bool chunks; /* and content-defined chunks */
	struct chunker chunker;
	struct record_options records;
	struct source_options source;
	unsigned int threads;
	bool progress; /* on standard error */
};

/* Zero units are counted apart: they are neither in distinct nor given to a codec. */
struct unit_count {
	uint64_t total, zero;
	uint64_t bytes;  /* of those that are not zero */
	uint64_t shared; /* units, zeros left out, that are also in the data compared against */
	/*
	 * Estimates where the set is a sample: one that is kept when it comes first stands for as
	 * many as the set's level says then (Horvitz and Thompson).
	 */
	uint64_t distinct, distinct_bytes;
	double variance, bytes_variance;
};

struct counts {
	struct unit_count units[MAX_SETS];
	struct tally tallies[MAX_CODECS][MAX_RECORDS];
	uint64_t zero_blocks;
};

struct scan_sets {
	struct set *seen[MAX_SETS];
	struct set *against[MAX_SETS]; /* all NULL: nothing to compare against */
};

/* Sets that options ask for: one for each unit size, one for chunks. */
unsigned int scan_set_count(const struct scan_options *options);

/* Completes options->source and options->records from the rest. */
void scan_prepare(struct scan_options *options);

/* Bytes that each thread takes, apart from the sets. */
uint64_t scan_thread_memory(const struct scan_options *options);

/*
 * Reads all, adds each hash to sets->seen and fills counts. The figures do not depend on the number
 * of threads. 0, or -errno with a line in why; the first error ends it.
 */
int scan(struct source *source, const struct scan_options *options, const struct scan_sets *sets,
	 struct counts *counts, char *why, size_t why_size);

#endif
