/* SPDX-License-Identifier: GPL-2.0-only */
/* Units that differ: the text of a mix of compression ratios, and the units that are zero. */
#ifndef DGEN_SHARES_H
#define DGEN_SHARES_H

#include "dgen.h"

#include <stdbool.h>

#define DGEN_MIX_TEXT_MAX 200   /* bytes */
#define DGEN_NUMBER_TEXT_MAX 32 /* bytes */
#define DGEN_SYMBOLS_MIN 32     /* with fewer LZ4 finds repetitions by chance */

/*
 * Takes RATIO, or RATIO/PERCENT[/SYMBOLS]:..., in which empty percentages share what is left, into
 * compress_ratio and compress_mix. 0, or -EINVAL with what is wrong in why, unless that is NULL.
 */
int dgen_mix_parse(const char *text, struct dgen_options *options, char *why);

/* The shortest decimal that strtod() reads back as the very same number. */
void dgen_number_print(double number, char text[DGEN_NUMBER_TEXT_MAX]);

/* The same way back, to the identical numbers. */
void dgen_mix_print(const struct dgen_options *options, char text[DGEN_MIX_TEXT_MAX]);

/* 0, or -EINVAL with what is allowed. */
int dgen_mix_check(const struct dgen_options *options, const char **allowed);

/*
 * Places of one or more units that are zero lie evenly: of the first n, n * share are, to within one.
 * The plan sees the others only, numbered without gaps, so that the dedup ratio of these is exact too.
 */
struct dgen_zeros {
	uint64_t share; /* times 2^64 */
};

/* *rank: of the places before, those that are not zero. */
static inline bool dgen_is_zero(const struct dgen_zeros *zeros, uint64_t place, uint64_t *rank)
{
	unsigned __int128 sum = (unsigned __int128)place * zeros->share + (UINT64_C(1) << 63);

	*rank = place - (uint64_t)(sum >> 64);
	return (uint64_t)sum > ~zeros->share;
}

/* The place of a rank that is not zero. */
uint64_t dgen_place_of(const struct dgen_zeros *zeros, uint64_t rank);

#endif
