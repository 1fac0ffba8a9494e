/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads files with many threads and counts what they hold. */
#ifndef MEASURE_SCAN_H
#define MEASURE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "set.h"

#define MAX_UNITS 8
#define MAX_CODECS 8
#define MIN_UNIT 512
#define MAX_UNIT (64u << 20)
#define ZERO_BLOCK 4096 /* what arrays and thin provisioning look at */

struct file {
	const char *path;
	int fd;
	uint64_t size;
	uint64_t first_segment; /* of this file, among those of all files */
};

struct files {
	struct file *list;
	unsigned int count;
	uint64_t bytes; /* from the shift on, of all of them */
};

/* What to look for. */
struct scan_options {
	uint32_t units[MAX_UNITS]; /* the first one decides which data is distinct for the codecs */
	unsigned int unit_count;
	struct codec codecs[MAX_CODECS];
	unsigned int codec_count;
	uint32_t record; /* bytes that a codec sees at a time */
	uint64_t shift;  /* bytes of each file to leave out at its start */
	unsigned int threads;
	bool direct;   /* O_DIRECT */
	bool progress; /* on standard error */
};

/* Zero units are counted apart: they are neither in distinct nor given to a codec. */
struct unit_count {
	uint64_t total, zero, distinct;
	uint64_t shared; /* units, zeros left out, that are also in the files compared against */
};

struct codec_count {
	uint64_t in, out;
};

struct counts {
	struct unit_count units[MAX_UNITS];
	struct codec_count codecs[MAX_CODECS];
	uint64_t zero_blocks;
};

struct scan_sets {
	struct set *seen[MAX_UNITS];
	struct set *against[MAX_UNITS]; /* all NULL: nothing to compare against */
};

/* Opens all paths. 0, or -errno with a line in why. */
int files_open(struct files *files, char **paths, unsigned int count,
	       const struct scan_options *options, char *why, size_t why_size);
void files_close(struct files *files);

/*
 * Reads all files, adds each unit's hash to sets->seen and fills counts. 0, or -errno with a line in
 * why; the first error ends it.
 */
int scan(const struct files *files, const struct scan_options *options,
	 const struct scan_sets *sets, struct counts *counts, char *why, size_t why_size);

#endif
