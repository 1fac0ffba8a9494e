// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan maps (domain, unit, version) to a content number, in O(1) and without memory.
 *
 * Units are dealt into runs of consecutive units; runs take turns among lanes (run j belongs to lane
 * j mod lanes and is row j / lanes of it). A run has a fixed number of unique units, whose content is
 * new at every version, and `pool` shared ones, spread evenly. Each lane has a stream of shared
 * contents of its own: after x of its shared units, floor(x * rate + phase) contents have been
 * introduced. The phases of the lanes are spread over [0, 1), so the lanes together follow the line
 * exactly, and so does the number of distinct contents in any prefix of the file: within about two
 * units it is units / D, for a file of 4 MiB as for one of 100 TiB.
 *
 *  - A content is introduced by one of two neighbouring shared units, the one at even, the other at
 *    odd versions. So each pass over the file sees it at once, and an overwrite changes both.
 *  - All other shared units take turns over the lane's last `pool` contents. Every row takes each of
 *    them once, in an order of its own: x -> (a x + b + version) mod pool, a prime, with another
 *    multiplier a for each row that a content lives through, so no pair of neighbours ever comes
 *    again and a storage that dedups at twice the unit finds nothing. The version shifts the
 *    order, so an overwrite changes every unit.
 *  - A content is taken about 1 / rate = r times in a pass. Whatever mix of versions the file
 *    holds, some reference to it remains, but for a fraction of about e^-r.
 *  - Rows of a lane lie at least 1 MiB apart, and within a row no content comes twice.
 *  - In the first r rows the pool is still growing. There a prefix can keep the ratio only if it
 *    repeats contents earlier; the order is drawn by hash from what has been introduced.
 *
 * With r references per shared content, U uniques and S shared units in a run, U + S / r must be
 * (U + S) / D. So for r = 12 the shared fraction is (1 - 1/D) * 12/11; from D = 12 on everything is
 * shared and r = D.
 */
#include "plan.h"

#include <stdbool.h>

#define REFERENCES 12.0          /* r: see above; 8 to 16 do, 12 loses 6 contents of a million */
#define POOL_MAX 61              /* contents; but for large ratios */
#define RUN_MAX (1u << 20)       /* units; reached at D = 1.00005 */
#define DISTANCE (UINT64_C(1) << 20) /* bytes between references to one content */
#define SEGMENT 32               /* shared units that follow one order while the pool grows */

static bool is_prime(uint32_t n)
{
	if (n < 4)
		return n > 1;
	for (uint32_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return true;
}

static uint32_t prime_from(uint32_t n)
{
	while (!is_prime(n))
		n++;
	return n;
}

static uint32_t prime_to(uint32_t n)
{
	while (!is_prime(n))
		n--;
	return n;
}

static uint32_t coprime_near(double wish, uint32_t n)
{
	uint32_t a = wish < 1 ? 1 : (uint32_t)wish;

	for (;; a++) {
		uint32_t x = a, y = n;

		while (y) {
			uint32_t rest = x % y;

			x = y;
			y = rest;
		}
		if (x == 1)
			return a;
	}
}

/*
 * More multipliers than rows that a content lives through. Beyond that a large pool spreads the
 * references well while it grows, a small one keeps the contents few that have come in the last
 * rows of the file and have one reference only, which an overwrite may lose.
 */
static uint32_t pool_for(double references, uint32_t unit)
{
	double least = 1.05 * references + 2;
	double pool = (double)DISTANCE / unit / 8;

	pool = pool > POOL_MAX ? POOL_MAX : pool;
	return prime_from((uint32_t)(pool > least ? pool : least));
}

void dgen_plan_init(struct dgen_plan *plan, double ratio, uint32_t unit, uint64_t seed)
{
	double r = ratio > REFERENCES ? ratio : REFERENCES;
	double run = 0;

	*plan = (struct dgen_plan){ .seed = dgen_mix(seed + DGEN_GOLDEN) };
	if (ratio > 1) {
		plan->pool = pool_for(r, unit);
		run = plan->pool * (1 - 1 / r) / (1 - 1 / ratio) + 0.5;
	}
	if (ratio <= 1 || run > RUN_MAX) {
		plan->pool = 0;
		return;
	}
	plan->run = dgen_divisor((uint64_t)run);
	plan->uniques = (uint32_t)plan->run.value - plan->pool;
	plan->lanes = dgen_divisor(1 + (DISTANCE / unit + plan->run.value - 1) / plan->run.value);
	plan->hop = coprime_near(0.618 * plan->lanes.value, (uint32_t)plan->lanes.value);
	plan->half_phase = (UINT64_C(1) << 63) / plan->lanes.value;
	plan->prime = dgen_divisor(plan->pool);
	plan->turns = dgen_divisor(plan->pool - 1);
	plan->rate = (uint64_t)((plan->run.value / ratio - plan->uniques) / plan->pool * 0x1p64);
}

struct dgen_space dgen_plan_space(const struct dgen_plan *plan, uint64_t domain, uint64_t version)
{
	uint64_t low = dgen_mix(domain ^ plan->seed);

	return (struct dgen_space){
		.low = low,
		.high = dgen_mix(low + DGEN_GOLDEN),
		.version = version,
		.turn = plan->pool ? (uint32_t)dgen_mod(version, &plan->prime) : 0,
	};
}

/*
 * Content numbers. low is a bijection of what, high one of which for that low: within a domain no two
 * contents get the same number. Shared contents have the top bit of what set.
 */
static inline struct dgen_content number(const struct dgen_space *space, uint64_t what,
					 uint64_t which)
{
	uint64_t low = dgen_mix(what + space->low);

	return (struct dgen_content){ low, dgen_mix(low + which * DGEN_GOLDEN + space->high) };
}

static inline struct dgen_content shared(const struct dgen_space *space, uint64_t lane,
					 uint64_t content)
{
	return number(space, UINT64_C(1) << 63 | lane, content);
}

/* A run, as far as its units have it in common. */
struct run {
	uint64_t row, lane;
	uint64_t first;          /* shared units of the lane before this run */
	uint64_t phase;          /* of the lane, times 2^64 */
	uint64_t contents;       /* introduced before this run */
	uint64_t newest;         /* (contents - 1) mod pool */
	uint32_t step, offset;   /* a and b + version, both modulo pool */
	bool growing;
};

/* Contents introduced by the first x shared units of a lane; *part: the fraction of the next one. */
static inline uint64_t introduced(const struct dgen_plan *plan, uint64_t phase, uint64_t x,
				  uint64_t *part)
{
	unsigned __int128 sum = (unsigned __int128)x * plan->rate + phase;

	*part = (uint64_t)sum;
	return (uint64_t)(sum >> 64);
}

/*
 * Over all lanes the phases are 1/2 / lanes, 3/2 / lanes, ..., which makes the sum of the rounded
 * counts the rounded sum (Hermite's identity); their order keeps it close after any number of lanes,
 * and lane 0, which has two contents from the start, is given them early.
 */
static inline uint64_t phase_of(const struct dgen_plan *plan, uint64_t lane)
{
	uint64_t place = dgen_mod(lane * plan->hop + plan->lanes.value - 1, &plan->lanes);

	return (2 * place + 1) * plan->half_phase;
}

static inline void run_init(const struct dgen_plan *plan, const struct dgen_space *space,
			    uint64_t index, struct run *run)
{
	uint64_t part;

	run->row = dgen_div(index, &plan->lanes);
	run->lane = index - run->row * plan->lanes.value;
	run->first = run->row * plan->pool;
	run->phase = phase_of(plan, run->lane);
	run->contents = introduced(plan, run->phase, run->first, &part);
	run->growing = run->contents < plan->pool;
	if (run->growing)
		return;
	run->newest = dgen_mod(run->contents - 1, &plan->prime);
	run->step = 1 + (uint32_t)dgen_mod(run->row + run->lane, &plan->turns);
	/* b only scatters the rows; any number does. */
	run->offset = (uint32_t)dgen_mod((run->row * 40503 & 0xffffff) + space->turn, &plan->prime);
}

/*
 * A reference while the pool grows: among `contents` of a lane, x being the shared unit. Lanes
 * without two contents yet borrow from lane 0, which has two from the start.
 */
static struct dgen_content grown(const struct dgen_plan *plan, const struct dgen_space *space,
				 const struct run *run, uint64_t x, uint64_t contents)
{
	uint64_t lane = run->lane, part;
	uint64_t hash = dgen_mix((x / SEGMENT) ^ run->lane << 48 ^ space->low);

	if (contents < 2 && lane) {
		lane = 0;
		contents = introduced(plan, phase_of(plan, 0), run->first + plan->pool, &part);
	}
	if (contents < 2)
		contents = 2;

	uint32_t among = contents < plan->pool ? prime_to((uint32_t)contents) : plan->pool;
	uint64_t step = 1 + (hash & 0xffffffff) % (among - (among > 2));
	uint64_t turn = (x * (step % among) + (hash >> 32) + space->version % among) % among;

	if (among == 2) /* has no multiplier but 1 */
		turn = (x + space->version) % 2;
	return shared(space, lane, contents - among + turn);
}

/* The content of the x-th shared unit of a run. */
static inline struct dgen_content shared_unit(const struct dgen_plan *plan,
					      const struct dgen_space *space,
					      const struct run *run, uint32_t x)
{
	/* A content that would come with the last unit comes one unit earlier: pairs end in their run. */
	uint64_t end = x + 2 < plan->pool ? x + 1 : plan->pool, part;
	uint64_t contents = introduced(plan, run->phase, run->first + end, &part);

	if (x == plan->pool - 2 && part >= plan->rate)
		part -= plan->rate;
	if (x == plan->pool - 1 && part < plan->rate)
		part += plan->rate;

	/* The fraction is below rate just after a content came, below twice that one unit later. */
	bool first = part < plan->rate, second = !first && part - plan->rate < plan->rate && x;

	if ((first || second) && contents) {
		uint64_t fresh = contents - 1;

		if (((space->version ^ fresh) & 1) == second && (run->lane || fresh > 1))
			return shared(space, run->lane, fresh);
		contents = fresh;
	}
	if (run->growing)
		return grown(plan, space, run, run->first + x, contents);

	uint32_t residue = (uint32_t)dgen_mod((uint64_t)run->step * x + run->offset, &plan->prime);
	uint64_t age = run->newest - residue; /* back from the newest, modulo pool */

	if (run->newest < residue)
		age += plan->pool;
	return shared(space, run->lane, run->contents - 1 - age);
}

/* Units [first, first + count) of one run, the first of which is unit of the domain. */
static void plan_run(const struct dgen_plan *plan, const struct dgen_space *space,
		     const struct run *run, uint64_t first, uint64_t unit, size_t count,
		     struct dgen_content *out)
{
	/*
	 * Bresenham: position p is shared where floor((p + 1) * pool / run + 2/3) steps up: a little
	 * early, as a tiny file has two shared contents from the start.
	 */
	uint64_t scaled = first * plan->pool + plan->run.value * 2 / 3;
	uint64_t x = dgen_div(scaled, &plan->run);
	uint64_t rest = scaled - x * plan->run.value;

	for (size_t i = 0; i < count; i++) {
		rest += plan->pool;
		if (rest >= plan->run.value) {
			rest -= plan->run.value;
			out[i] = shared_unit(plan, space, run, (uint32_t)x++);
		} else {
			out[i] = number(space, unit + i, space->version);
		}
	}
}

void dgen_plan_units(const struct dgen_plan *plan, const struct dgen_space *space, uint64_t unit,
		     size_t count, struct dgen_content *out)
{
	if (!plan->pool) {
		for (size_t i = 0; i < count; i++)
			out[i] = number(space, unit + i, space->version);
		return;
	}
	while (count) {
		uint64_t index = dgen_div(unit, &plan->run);
		uint64_t first = unit - index * plan->run.value;
		size_t here = (size_t)(plan->run.value - first);
		struct run run = { 0 };

		if (here > count)
			here = count;
		run_init(plan, space, index, &run);
		plan_run(plan, space, &run, first, unit, here, out);
		unit += here;
		out += here;
		count -= here;
	}
}
