/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: which content a unit has. See plan.c for how it reaches the ratio.
 */
#ifndef DGEN_PLAN_H
#define DGEN_PLAN_H

#include "dgen.h"
#include "mix.h"

#include <stdbool.h>

#define DGEN_DEDUP_MAX 1000.0
#define DGEN_SKEW_MAX 90.0                  /* percent */
#define DGEN_WINDOW_MAX (UINT64_C(1) << 40) /* bytes */
#define DGEN_PHASES 256                     /* lanes beyond that have those of others */
#define DGEN_SHARED (UINT64_C(1) << 63)     /* of a number: a lane, not a unit */
#define DGEN_SPOT 40                        /* binary digits of a fraction of a position */

struct dgen_plan {
	uint64_t pool;   /* contents a lane shares at a time, a prime; 0: nothing is shared */
	uint64_t newest; /* of these, those that come last; the others are its first ones, always */
	bool varied;     /* by dedup_skew or dedup_window */
	/* Of the line that tells shared from unique units, times 2^64: per unit, and before a run. */
	uint64_t slope, lead;
	/* Its inverse, times 2^DGEN_SPOT: units per shared one, and the position of a run's first. */
	uint64_t stride, spot;
	struct dgen_divisor run;      /* units in a run, pool of which are shared */
	struct dgen_divisor lanes;    /* runs that take turns, each with contents of its own */
	struct dgen_divisor row;      /* units in a run of each lane */
	uint64_t exact;               /* the first unit whose row needs a correction */
	struct dgen_divisor prime;    /* pool */
	struct dgen_divisor turns;    /* pool - 1 */
	uint64_t rate;                /* contents that come with a place of a lane, times 2^64 */
	struct dgen_divisor places;   /* rate */
	uint64_t seed;                /* mixed data_seed */
	uint64_t phases[DGEN_PHASES]; /* of the lanes, times 2^64 */
};

/* unit: bytes that repeat together. */
void dgen_plan_init(struct dgen_plan *plan, const struct dgen_options *options, uint32_t unit);

/* A number's two words as one: in one store, as kernels load them, which would have to wait for two. */
typedef uint64_t dgen_words __attribute__((vector_size(16)));

static inline void dgen_put_number(struct dgen_content *out, dgen_words number)
{
	__builtin_memcpy(out, &number, sizeof(number));
}

/* What a domain's content numbers begin at. */
static inline struct dgen_content dgen_plan_base(const struct dgen_plan *plan, uint64_t domain)
{
	return (struct dgen_content){ domain + plan->seed, domain * DGEN_GOLDEN + plan->seed };
}

/* The content number of a unit where none is shared, and where some are. */
static inline struct dgen_content dgen_plan_unique(const struct dgen_plan *plan, uint64_t domain,
						   uint64_t version, uint64_t unit)
{
	const struct dgen_content base = dgen_plan_base(plan, domain);

	return (struct dgen_content){ base.low + unit, base.high + version };
}

struct dgen_content dgen_plan_shared(const struct dgen_plan *plan, uint64_t domain,
				     uint64_t version, uint64_t unit);

static inline struct dgen_content dgen_plan_unit(const struct dgen_plan *plan, uint64_t domain,
						 uint64_t version, uint64_t unit)
{
	if (plan->pool)
		return dgen_plan_shared(plan, domain, version, unit);
	return dgen_plan_unique(plan, domain, version, unit);
}

/* Those of a unit and the next one. */
struct dgen_pair {
	struct dgen_content one, other;
};

struct dgen_pair dgen_plan_shared_pair(const struct dgen_plan *plan, uint64_t domain,
				       uint64_t version, uint64_t unit);

static inline struct dgen_pair dgen_plan_pair(const struct dgen_plan *plan, uint64_t domain,
					      uint64_t version, uint64_t unit)
{
	if (plan->pool)
		return dgen_plan_shared_pair(plan, domain, version, unit);
	return (struct dgen_pair){ dgen_plan_unique(plan, domain, version, unit),
				   dgen_plan_unique(plan, domain, version, unit + 1) };
}

/* Those of the next count units, but not beyond its run; of how many. out has room for one more. */
size_t dgen_plan_run(const struct dgen_plan *plan, uint64_t domain, uint64_t version, uint64_t unit,
		     size_t count, struct dgen_content *out);

/* Of all the next count units; out as there. */
static inline void dgen_plan_units(const struct dgen_plan *plan, uint64_t domain, uint64_t version,
				   uint64_t unit, size_t count, struct dgen_content *out)
{
	for (size_t done = 0; done < count;)
		done += dgen_plan_run(plan, domain, version, unit + done, count - done, out + done);
}

#endif
