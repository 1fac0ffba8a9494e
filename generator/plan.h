/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: which content a unit has. See plan.c for how it reaches the ratio.
 */
#ifndef DGEN_PLAN_H
#define DGEN_PLAN_H

#include "dgen.h"
#include "mix.h"

#define DGEN_DEDUP_MAX 1000.0
#define DGEN_LANES_MAX 64 /* reached with units of 512 bytes: 35 */

struct dgen_plan {
	uint32_t pool; /* contents a lane shares at a time, a prime; 0: nothing is shared */
	struct dgen_divisor run;         /* units in a run, pool of which are shared */
	struct dgen_divisor lanes;       /* runs that take turns, each with contents of its own */
	struct dgen_divisor prime;       /* pool */
	struct dgen_divisor turns;       /* pool - 1 */
	uint64_t rate;                   /* contents that come with a place of a lane, times 2^64 */
	uint64_t seed;                   /* mixed data_seed */
	uint64_t phases[DGEN_LANES_MAX]; /* of the lanes, times 2^64 */
};

/* What the plan needs to know of a domain, computed once per call. */
struct dgen_space {
	uint64_t low, high; /* whitening of content numbers */
	uint64_t version;
	uint32_t turn; /* version modulo pool */
};

void dgen_plan_init(struct dgen_plan *plan, double dedup_ratio, uint32_t unit, uint64_t seed);
struct dgen_space dgen_plan_space(const struct dgen_plan *plan, uint64_t domain, uint64_t version);

/* Content numbers of count units from unit on. */
void dgen_plan_units(const struct dgen_plan *plan, const struct dgen_space *space, uint64_t unit,
		     size_t count, struct dgen_content *out);

#endif
