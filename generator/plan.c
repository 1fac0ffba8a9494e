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

#define REFERENCES 12.0    /* r: see above; 8 to 16 do, 12 loses 6 contents of a million */
#define POOL_MAX 61        /* contents; but for large ratios */
#define RUN_MAX (1u << 20) /* units; reached at D = 1.00005 */
#define DISTANCE (UINT64_C(1) << 20) /* bytes between references to one content */
#define SHARED (UINT64_C(1) << 63)   /* of a number: a lane, not a unit */
#define SEGMENT 32                   /* shared units that follow one order while the pool grows */

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
	while (n > 2 && !is_prime(n))
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

/*
 * The phases of the lanes are 1/2 / lanes, 3/2 / lanes, ..., which makes the sum of the rounded
 * counts the rounded sum (Hermite's identity). Their order keeps it close after any number of lanes;
 * lane 0, which has two contents from the start, is given them early.
 */
static void phases_init(struct dgen_plan *plan)
{
	uint32_t lanes = (uint32_t)plan->lanes.value;
	uint32_t hop = coprime_near(0.618 * lanes, lanes);

	for (uint32_t lane = 0; lane < lanes; lane++) {
		uint32_t place = (lane * hop + lanes - 1) % lanes;

		plan->phases[lane] = (2 * place + 1) * ((UINT64_C(1) << 63) / lanes);
	}
}

void dgen_plan_init(struct dgen_plan *plan, double ratio, uint32_t unit, uint64_t seed)
{
	double r = ratio > REFERENCES ? ratio : REFERENCES;
	double run = 0;
	uint64_t uniques;

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
	uniques = plan->run.value - plan->pool;
	plan->lanes = dgen_divisor(1 + (DISTANCE / unit + plan->run.value - 1) / plan->run.value);
	plan->prime = dgen_divisor(plan->pool);
	plan->turns = dgen_divisor(plan->pool - 1);
	plan->rate = (uint64_t)((plan->run.value / ratio - uniques) / (plan->pool - 1) * 0x1p64);
	phases_init(plan);
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
	return number(space, SHARED | lane, content);
}

/* Contents introduced by the first x places of a lane; *part: the fraction of the next one. */
static inline uint64_t introduced(const struct dgen_plan *plan, uint64_t lane, uint64_t x,
				  uint64_t *part)
{
	unsigned __int128 sum = (unsigned __int128)x * plan->rate + plan->phases[lane];

	*part = (uint64_t)sum;
	return (uint64_t)(sum >> 64);
}

/* Where a walk over the units of one run stands. */
struct walk {
	uint64_t row, lane;
	uint64_t rest;     /* of Bresenham's line */
	uint32_t x;        /* shared units of the run so far */
	uint64_t part;     /* fraction of the lane's next content */
	uint64_t contents; /* introduced in the lane so far */
	uint64_t before;   /* introduced before this run */
	uint32_t age;      /* back from the newest of them, for the next shared unit */
	uint32_t step;
};

static inline struct walk walk_from(const struct dgen_plan *plan, const struct dgen_space *space,
				    uint64_t index, uint64_t position)
{
	/*
	 * Position p is shared where floor((p + 1) * pool / run + 2/3) steps up: a little early, as
	 * a tiny file has two shared contents from the start.
	 */
	uint64_t scaled = position * plan->pool + plan->run.value * 2 / 3;
	uint64_t part, row = dgen_div(index, &plan->lanes);
	struct walk w = { .row = row, .lane = index - row * plan->lanes.value };

	w.x = (uint32_t)dgen_div(scaled, &plan->run);
	w.rest = scaled - w.x * plan->run.value;
	w.before = introduced(plan, w.lane, row * (plan->pool - 1), &part);
	w.contents = introduced(plan, w.lane, row * (plan->pool - 1) + w.x, &w.part);
	w.step = 1 + (uint32_t)dgen_mod(row + w.lane, &plan->turns);
	w.age = (uint32_t)dgen_mod((uint64_t)w.step * (w.x + 1) + space->turn, &plan->prime);
	return w;
}

/*
 * Goes over one shared unit: true where it takes the newest content, contents - 1. A content comes
 * with one of the first pool - 1 units of a run, so that its pair lies within the run.
 */
static inline bool take_newest(const struct dgen_plan *plan, const struct dgen_space *space,
			       struct walk *w)
{
	bool last = w->x == plan->pool - 1;
	uint64_t part = w->part + (last ? 0 : plan->rate);
	/* Just after a content came the fraction is below rate, one unit later below twice that. */
	bool first = part < plan->rate && !last;
	bool second = part - (last ? 0 : plan->rate) < plan->rate && w->x;

	w->contents += part < w->part;
	w->part = part;
	return (space->version ^ w->contents) & 1 ? first : second;
}

static inline void next_shared(const struct dgen_plan *plan, struct walk *w)
{
	w->x++;
	w->age += w->step;
	w->age -= w->age >= plan->pool ? plan->pool : 0;
}

/*
 * A reference while the pool grows, to one of `contents` of the lane. A lane that has not two yet
 * borrows from lane 0, which has two from the start.
 */
static struct dgen_content grown(const struct dgen_plan *plan, const struct dgen_space *space,
				 const struct walk *w, uint64_t contents)
{
	uint64_t lane = w->lane, slot = w->row * plan->pool + w->x, part;
	uint64_t hash = dgen_mix((slot / SEGMENT) ^ w->lane << 48 ^ space->low);

	if (contents < 2 && lane) {
		lane = 0;
		contents = introduced(plan, 0, (w->row + 1) * (plan->pool - 1), &part);
	}
	if (contents < 2)
		contents = 2;

	uint32_t among = contents < plan->pool ? prime_to((uint32_t)contents) : plan->pool;
	uint64_t turn = slot + space->version % among;

	if (among > 2) /* 2 has no multiplier but 1 */
		turn = slot * (1 + (hash & 0xffffffff) % (among - 1)) + (hash >> 32) +
		       space->version % among;
	return shared(space, lane, contents - among + turn % among);
}

static struct dgen_content growing_unit(const struct dgen_plan *plan,
					const struct dgen_space *space, struct walk *w)
{
	bool newest = take_newest(plan, space, w);
	uint64_t contents = w->contents;

	/* The first two of lane 0 are there from the start. */
	if (newest && contents && (w->lane || contents > 2))
		return shared(space, w->lane, contents - 1);
	/* The other unit of its pair takes an older one, so the two always differ. */
	if (contents && w->part < 2 * plan->rate)
		contents--;
	return grown(plan, space, w, contents);
}

/* count units of one run, the first of which is unit of the domain. */
static void growing_run(const struct dgen_plan *plan, const struct dgen_space *space, struct walk w,
			uint64_t unit, size_t count, struct dgen_content *out)
{
	for (size_t i = 0; i < count; i++) {
		w.rest += plan->pool;
		if (w.rest < plan->run.value) {
			out[i] = number(space, unit + i, space->version);
			continue;
		}
		w.rest -= plan->run.value;
		out[i] = growing_unit(plan, space, &w);
		next_shared(plan, &w);
	}
}

/* The same past the start. Selects instead of branches: which unit is shared is hard to predict. */
static void steady_run(const struct dgen_plan *plan, const struct dgen_space *space, struct walk w,
		       uint64_t unit, size_t count, struct dgen_content *out)
{
	for (size_t i = 0; i < count; i++) {
		struct walk s = w;
		bool newest = take_newest(plan, space, &s);
		uint64_t content = newest ? s.contents - 1 : s.before - 1 - s.age;
		bool is_shared;

		next_shared(plan, &s);
		w.rest += plan->pool;
		is_shared = w.rest >= plan->run.value;
		w.rest -= is_shared ? plan->run.value : 0;
		w.x = is_shared ? s.x : w.x;
		w.age = is_shared ? s.age : w.age;
		w.part = is_shared ? s.part : w.part;
		w.contents = is_shared ? s.contents : w.contents;
		out[i] = number(space, is_shared ? SHARED | w.lane : unit + i,
				is_shared ? content : space->version);
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
		uint64_t position = unit - index * plan->run.value;
		size_t here = (size_t)(plan->run.value - position);
		struct walk walk = walk_from(plan, space, index, position);

		if (here > count)
			here = count;
		if (walk.before < plan->pool)
			growing_run(plan, space, walk, unit, here, out);
		else
			steady_run(plan, space, walk, unit, here, out);
		unit += here;
		out += here;
		count -= here;
	}
}
