/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way back, from bytes to the place they belong to. For diagnosis only; libdgen.so does not export
 * it.
 */
#ifndef DGEN_TRACE_H
#define DGEN_TRACE_H

#include "dgen.h"
#include "kernel.h"
#include "plan.h"
#include "shares.h"

#define DGEN_SECTOR 512u
#define DGEN_VERSION_MAX (UINT64_MAX >> 3) /* that engine and command take */

/* What a plan is made of. */
struct dgen_inside {
	const struct dgen_tables *tables;
	const struct dgen_plan *plan;
	const struct dgen_zeros *zeros;
	uint32_t unit;   /* bytes */
	uint32_t blocks; /* of a unit */
	uint32_t run;    /* units, that are one to the plan */
};
struct dgen_inside dgen_inside(const struct dgen *dgen);

/* Whose content it is. */
struct dgen_source {
	uint64_t domain, version;
	uint64_t offset; /* of the block, a DGEN_BLOCK of a unit */
};

/* Where to look for a content that may be in many places. */
struct dgen_search {
	uint64_t domain, size;   /* bytes */
	uint64_t near;           /* the place nearest to this offset is taken */
	uint64_t oldest, newest; /* versions; some from the newest down are tried */
	uint64_t units;          /* that may be visited; those that were are taken off */
};

/*
 * The number of the block that data belongs to. data: one or more sectors, length bytes in all, that
 * begin at byte at of the block. False where they are of no block of this seed, there, or hold less
 * than three lines of random bytes: too few to tell.
 */
bool dgen_trace(const struct dgen *dgen, const uint8_t *data, uint32_t length, uint32_t at,
		struct dgen_content *number);

/* A place within search that has the block of that number. False: there is none, or it was not found. */
bool dgen_locate(const struct dgen *dgen, struct dgen_content number, struct dgen_search *search,
		 struct dgen_source *source);

/*
 * The same where the domain is unknown: one that makes unit and version small numbers. block: its
 * number within the unit. Where several units share the block, source->offset is that of any.
 */
bool dgen_guess(const struct dgen *dgen, struct dgen_content number, uint32_t block,
		struct dgen_source *source);

#endif
