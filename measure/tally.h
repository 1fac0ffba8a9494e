/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of the records of one size that one codec compressed. */
#ifndef MEASURE_TALLY_H
#define MEASURE_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* What storage allocates for a record that was compressed to size bytes. */
enum allocation {
	SECTORS_512,
	SECTORS_4096,
	QUARTERS, /* of the record: 1/4, 1/2, 3/4 or all of it */
	HALVES,   /* 1/2 or all of it */
	ALLOCATIONS,
};

#define SIZE_BINS 16 /* sixteenths of the record; one more for those that do not shrink */

struct tally {
	uint64_t records; /* looked at */
	/* What follows counts each record as often as it stands for others. */
	uint64_t in, out;
	uint64_t allocated[ALLOCATIONS];
	uint64_t sizes[SIZE_BINS + 1]; /* records by their size: up to 1/16, up to 2/16 ... */
	double in_in, in_out, out_out; /* for the error of an estimate; 0 without sampling */
};

const char *allocation_name(enum allocation allocation);

/* A record of length bytes that became size bytes, size <= length, and stands for weight records. */
void tally_add(struct tally *tally, size_t length, size_t size, uint64_t weight);

/*
 * Records that were drawn together, in and out bytes of them, for the error: Horvitz and Thompson's
 * estimate of the variance takes their squares times factor = (1 - p) / p^2.
 */
void tally_sampled(struct tally *tally, size_t in, size_t out, double factor);

void tally_sum(struct tally *to, const struct tally *from);

/* in / out, or 0 where there is nothing. */
double tally_ratio(const struct tally *tally);

/* Three standard errors of tally_ratio(), as a part of it. */
double tally_error(const struct tally *tally);

#endif
