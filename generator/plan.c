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
 *    them once, in an order of its own: x -> a (x + 1) + version mod pool, a prime, with another
 *    multiplier a for each row that a content lives through, so no pair of neighbours ever comes
 *    again and a storage that dedups at twice the unit finds nothing. The version shifts the
 *    order, so an overwrite changes every unit.
 *  - A content is taken about 1 / rate = r times in a pass. Whatever mix of versions the file
 *    holds, some reference to it remains, but for a fraction of about e^-r. Only what came in the
 *    last 1 MiB of the file has one reference there, and a mixture may lose a third of it.
 *  - Rows of a lane lie at least 1 MiB apart, and within a row no content comes twice.
 *  - In the first r rows the pools are still growing. There a prefix can keep the ratio only if it
 *    repeats contents earlier; they are drawn by hash from what all lanes have introduced.
 *
 * With r references per shared content, U uniques and S shared units in a run, U + S / r must be
 * (U + S) / D. So for r = 12 the shared fraction is (1 - 1/D) * 12/11; from D = 12 on everything is
 * shared and r = D.
 */
#include "plan.h"

#define REFERENCES 12.0    /* r: see above; 8 to 16 do, 12 loses 6 contents of a million */
#define POOL_MAX 61        /* contents; but for large ratios */
#define RUN_MAX (1u << 20) /* units; reached at D = 1.00005 */
#define DISTANCE (UINT64_C(1) << 20) /* bytes between references to one content */

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
	/*
	 * Position p of a run is shared where floor((p * pool + lead) / run) steps up: a little
	 * early, as a tiny file has two shared contents from the start.
	 */
	plan->lead = (uint32_t)plan->run.value * 2 / 3;
	plan->stride = (uint32_t)plan->run.value / plan->pool;
	plan->stride_rest = (uint32_t)plan->run.value % plan->pool;
	plan->prime = dgen_divisor(plan->pool);
	plan->turns = dgen_divisor(plan->pool - 1);
	plan->rate = (uint64_t)((plan->run.value / ratio - uniques) / (plan->pool - 1) * 0x1p64);
	phases_init(plan);
}

/*
 * A content number says what content, and which one for that. Within a domain no two contents get the
 * same number. The kernel does the mixing. Shared contents have the top bit of what set.
 */
static inline struct dgen_content number(const struct dgen_walk *w, uint64_t what, uint64_t which)
{
	return (struct dgen_content){ what + w->low, which + w->high };
}

static inline struct dgen_content shared(const struct dgen_walk *w, uint64_t lane, uint64_t content)
{
	return number(w, DGEN_SHARED | lane, content);
}

/* Contents introduced by the first x places of a lane; *part: the fraction of the next one. */
static inline uint64_t introduced(const struct dgen_plan *plan, uint64_t lane, uint64_t x,
				  uint64_t *part)
{
	unsigned __int128 sum = (unsigned __int128)x * plan->rate + plan->phases[lane];

	*part = (uint64_t)sum;
	return (uint64_t)(sum >> 64);
}

/* Finds the first shared unit at or behind a position of a run. */
static inline void find_shared(const struct dgen_plan *plan, uint64_t position, struct dgen_walk *w)
{
	uint64_t numerator;

	w->x = (uint32_t)dgen_div(position * plan->pool + plan->lead, &plan->run);
	numerator = (w->x + 1) * plan->run.value - plan->lead - 1;
	w->position = (uint32_t)dgen_div(numerator, &plan->prime);
	w->rest = (uint32_t)(numerator - w->position * (uint64_t)plan->pool);
}

/* The rest of what there is to know of it. */
static inline void start(const struct dgen_plan *plan, struct dgen_walk *w)
{
	uint64_t part, turn, row = dgen_div(w->index, &plan->lanes);

	w->started = true;
	w->row = row;
	w->lane = w->index - row * plan->lanes.value;
	w->before = introduced(plan, w->lane, row * (plan->pool - 1), &part);
	w->contents = introduced(plan, w->lane, row * (plan->pool - 1) + w->x, &w->part);
	w->step = 1 + (uint32_t)dgen_mod(row + w->lane, &plan->turns);
	turn = dgen_mod(w->version, &plan->prime);
	w->age = (uint32_t)dgen_mod((uint64_t)w->step * (w->x + 1) + turn, &plan->prime);
}

/* Goes on to the next shared unit. */
static inline void next_shared(const struct dgen_plan *plan, struct dgen_walk *w)
{
	w->x++;
	w->position += plan->stride;
	w->rest += plan->stride_rest;
	w->position += w->rest >= plan->pool;
	w->rest -= w->rest >= plan->pool ? plan->pool : 0;
	w->age += w->step;
	w->age -= w->age >= plan->pool ? plan->pool : 0;
}

/*
 * Counts a shared unit: true if it is one of the two of which one takes the newest content. A content
 * comes with one of the first pool - 1 units of a run, so that its pair lies within the run.
 */
static inline bool count_unit(const struct dgen_plan *plan, struct dgen_walk *w)
{
	uint64_t part = w->part + (w->x == plan->pool - 1 ? 0 : plan->rate);

	w->contents += part < w->part;
	w->part = part;
	/* Just after a content came the fraction is below rate, one unit later below twice that. */
	return part < 2 * plan->rate;
}

/* Of those two: is it this one at this version? */
static bool takes_newest(const struct dgen_plan *plan, const struct dgen_walk *w)
{
	bool last = w->x == plan->pool - 1;
	bool first = w->part < plan->rate && !last;
	bool second = (last ? w->part < plan->rate : !first) && w->x;

	return (w->version ^ w->contents) & 1 ? first : second;
}

/*
 * A reference while the pool grows. Few contents are there yet, so all lanes draw from each other's.
 * A lane that has not two yet leaves it to lane 0, which has two from the start. contents: those of
 * this lane that may be taken.
 */
static struct dgen_content grown(const struct dgen_plan *plan, const struct dgen_walk *w,
				 uint64_t contents)
{
	uint64_t slot = w->row * plan->pool + w->x, part;
	uint64_t hash = dgen_mix(slot ^ w->lane << 48 ^ w->low);
	uint64_t lane = (hash >> 32) * plan->lanes.value >> 32;
	uint64_t own = contents;

	if (lane != w->lane)
		contents = introduced(plan, lane, (w->row + (lane < w->lane)) * (plan->pool - 1),
				      &part);
	if (contents < 2) {
		lane = 0;
		contents = own;
		if (w->lane)
			contents = introduced(plan, 0, (w->row + 1) * (plan->pool - 1), &part);
		contents = contents < 2 ? 2 : contents;
	}

	uint64_t among = contents < plan->pool ? contents : plan->pool;
	uint64_t turn = (hash & 0xffffffff) + w->version % among;

	return shared(w, lane, contents - among + turn % among);
}

static struct dgen_content growing_unit(const struct dgen_plan *plan, struct dgen_walk *w)
{
	bool paired = count_unit(plan, w);

	/* The first two of lane 0 are there from the start. */
	if (paired && w->contents && (w->lane || w->contents > 2) && takes_newest(plan, w))
		return shared(w, w->lane, w->contents - 1);
	/* The other unit of its pair takes an older one, so the two always differ. */
	return grown(plan, w, w->contents - (paired && w->contents));
}

static inline struct dgen_content steady_unit(const struct dgen_plan *plan, struct dgen_walk *w)
{
	if (count_unit(plan, w) && takes_newest(plan, w))
		return shared(w, w->lane, w->contents - 1);
	return shared(w, w->lane, w->before - 1 - w->age);
}

/* The shared ones of the next count units, which lie in one run. */
static void walk_shared(const struct dgen_plan *plan, struct dgen_walk *walk, size_t count,
			struct dgen_content *out)
{
	struct dgen_walk w = *walk;
	uint64_t end = w.first + count;

	if (w.before < plan->pool)
		for (; w.position < end; next_shared(plan, &w))
			out[w.position - w.first] = growing_unit(plan, &w);
	else
		for (; w.position < end; next_shared(plan, &w))
			out[w.position - w.first] = steady_unit(plan, &w);
	*walk = w;
}

/* Where the first unit of a walk is. */
static inline void locate(const struct dgen_plan *plan, struct dgen_walk *w)
{
	w->index = dgen_div(w->unit, &plan->run);
	w->first = w->unit - w->index * plan->run.value;
	find_shared(plan, w->first, w);
}

void dgen_walk_on(const struct dgen_plan *plan, struct dgen_walk *walk, size_t count,
		  struct dgen_content *out)
{
	/* All as if they were unique, then those that are shared: which is which is hard to predict. */
	for (size_t i = 0; i < count; i++)
		out[i] = number(walk, walk->unit + i, walk->version);
	if (!plan->pool) {
		walk->unit += count;
		return;
	}
	if (!walk->started)
		locate(plan, walk);
	while (count) {
		size_t here = (size_t)(plan->run.value - walk->first);

		if (here > count)
			here = count;
		if (walk->position < walk->first + here) {
			if (!walk->started)
				start(plan, walk);
			walk_shared(plan, walk, here, out);
		}
		walk->unit += here;
		walk->first += here;
		if (walk->first == plan->run.value) {
			walk->first = 0;
			walk->index++;
			walk->started = false;
			find_shared(plan, 0, walk);
		}
		out += here;
		count -= here;
	}
}
