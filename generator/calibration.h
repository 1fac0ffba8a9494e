/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many bytes of a chunk must be random for a codec that sees a record at a time to make it C times
 * smaller: from a table of measured sizes, which make calibrate writes.
 */
#ifndef DGEN_CALIBRATION_H
#define DGEN_CALIBRATION_H

#include "dgen.h"

#include <stdint.h>

#define DGEN_RECORD_MIN 4096u
#define DGEN_RECORD_MAX (128u << 10)

/* Names by enum dgen_codec; ends with NULL. */
extern const char *const dgen_codecs[];

/* Chooses a codec by its name; without compress_record it is on the smallest. 0, or -EINVAL: there is none. */
int dgen_codec_choose(const char *name, struct dgen_options *options);

/*
 * Units differ in it: those of content number n have
 *
 *	floor(low + width * fraction(n)) random bytes in each chunk, where fraction(n) is even in [0, 1),
 *
 * so that their mean need not be whole, and steps of a codec even out.
 */
struct dgen_random {
	uint64_t low;   /* times 2^32 */
	uint32_t width; /* 0: all units are alike */
};

/* Are records of this size, and chunks of this one in them, in the table? */
int dgen_calibrated_record(uint32_t record);
int dgen_calibrated_chunk(uint32_t record, uint32_t chunk);

/*
 * The ratio of chunks of which only least bytes are random. Here and below, of chunks smaller than
 * DGEN_CHUNK_VARIED, random bytes are counted as kernels do.
 */
double dgen_calibrated_most(uint32_t codec, uint32_t record, uint32_t chunk, uint32_t least);

/* For a ratio that is reachable. */
struct dgen_random dgen_calibrated(uint32_t codec, uint32_t record, uint32_t chunk, double ratio);

/* The middle of LZ4 and zstd on the smallest record. */
struct dgen_random dgen_calibrated_between(uint32_t chunk, double ratio);

#endif
