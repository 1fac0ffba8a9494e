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
 *
 * dedup_skew makes a part P of the pool hot: not the contents that came last but the first ones of
 * the lane, for good. Each row takes each of them once as well, so P is their part of the duplicates,
 * and they are among what was introduced, so the line stays. To the other contents a row gives
 * (1 - P) pool references; that they have r each, A = (1 - P) pool / (r - P) of them come with a row.
 * dedup_window makes more lanes, and with that longer rows.
 */
#include "plan.h"

#include <math.h>

#define REFERENCES 12.0    /* r: see above; 8 to 16 do, 12 loses 6 contents of a million */
#define POOL_MAX 61        /* contents; but for large ratios */
#define RUN_MAX (1u << 20) /* units; reached at D = 1.00005 */
#define DISTANCE (UINT64_C(1) << 20) /* bytes between references to one content */
#define LANES_TRIED 64

/* Where a unit is, and what there is to know of it. */
struct place {
	struct dgen_content base; /* tells the domain's content numbers from those of others */
	uint64_t version;
	uint64_t row, lane; /* of its run */
	uint64_t spot;      /* its position in the run, as a fraction of that, times 2^64 */
	uint64_t first;     /* and in units */
	uint64_t x;         /* shared units of the run before it */
	uint64_t line;      /* fraction of the next one */
	uint64_t before;    /* contents introduced in the lane before the run */
	uint64_t contents;  /* and before this unit */
	uint64_t part;      /* fraction of the next one */
	/* Of age, in the pool; fractions times 2^64, which need not be kept below 1: */
	uint64_t turn; /* of the version */
	uint64_t step; /* in the run */
};

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
static uint32_t pool_for(double references, uint64_t distance, uint32_t unit)
{
	double least = 1.05 * references + 2;
	double pool = (double)distance / unit / 8;

	pool = pool > POOL_MAX ? POOL_MAX : pool;
	return prime_from((uint32_t)(pool > least ? pool : least));
}

/*
 * The phases of the lanes are 1/2 / lanes, 3/2 / lanes, ..., which makes the sum of the rounded
 * counts the rounded sum (Hermite's identity). Their order keeps it close after any number of lanes;
 * lane 0, which has two contents from the start, is given them early. Of more lanes than there are
 * phases, as many as there are keep the sum each time.
 */
static void phases_init(struct dgen_plan *plan)
{
	uint32_t lanes = plan->lanes.value < DGEN_PHASES ? (uint32_t)plan->lanes.value :
							   DGEN_PHASES;
	uint32_t hop = coprime_near(0.618 * lanes, lanes);

	for (uint32_t lane = 0; lane < lanes; lane++) {
		uint32_t place = (lane * hop + lanes - 1) % lanes;

		plan->phases[lane] = (2 * place + 1) * ((UINT64_C(1) << 63) / lanes);
	}
}

static void lanes_init(struct dgen_plan *plan, uint64_t distance, uint32_t unit)
{
	uint64_t lanes = 1 + (distance / unit + plan->run.value - 1) / plan->run.value;

	if (lanes > DGEN_PHASES)
		lanes = (lanes + DGEN_PHASES - 1) / DGEN_PHASES * DGEN_PHASES;
	plan->lanes = dgen_divisor(lanes);
	plan->row = dgen_divisor(lanes * plan->run.value);
	plan->exact = plan->row.reciprocal / 2 / plan->pool;
	phases_init(plan);
}

/* How many units a run has, and how many of them are shared; *run may be too large. */
static void run_init(struct dgen_plan *plan, const struct dgen_options *o, uint64_t distance,
		     uint32_t unit, double *run)
{
	const double ratio = o->dedup_ratio, hot = o->dedup_skew / 100;
	/* The least at which no more than all units are shared. */
	const double least = ratio * (1 - hot) + hot;
	const double r = least > REFERENCES ? least : REFERENCES;
	double part, references;

	for (plan->pool = pool_for(r, distance, unit);;
	     plan->pool = prime_from((uint32_t)plan->pool + 1)) {
		plan->newest = plan->pool - (uint64_t)(hot * (double)plan->pool + 0.5);
		part = 1 - (double)plan->newest / (double)plan->pool;
		*run = (double)plan->pool * (1 - 1 / r) / (1 - 1 / ratio) + 0.5;
		if (!(hot > 0))
			return;
		*run = floor((double)plan->pool * (r - 1) / (r - part) / (1 - 1 / ratio) + 0.5);
		if (*run < (double)plan->pool)
			*run = (double)plan->pool;
		/* Where few contents come with a run, its length may be too coarse. */
		references = (double)plan->newest / ((double)plan->pool - *run * (1 - 1 / ratio)) +
			     part;
		if (references > 0.8 * r && references < 1.6 * r)
			return;
	}
}

/*
 * Position p of a run is shared where floor((p * pool + lead) / run) steps up: a little early, as a tiny
 * file has two shared contents from the start. In the line as in its inverse what is rounded off is given
 * back at the start. That, and what a spot is too far on (find_run()), is less than the least fraction that occurs, so
 * both are exact over a whole run.
 */
static void line_init(struct dgen_plan *plan)
{
	const uint64_t run = plan->run.value, pool = plan->pool, lead = run * 2 / 3;

	plan->slope = pool * plan->run.reciprocal;
	plan->lead = lead * plan->run.reciprocal + run * (pool + 1);
	plan->stride = (run << DGEN_SPOT) / pool;
	plan->spot = ((run - lead - 1) << DGEN_SPOT) / pool + 1 + pool;
}

void dgen_plan_init(struct dgen_plan *plan, const struct dgen_options *o, uint32_t unit)
{
	const uint64_t distance = o->dedup_window ? o->dedup_window : DISTANCE;
	double run = 0;
	uint64_t uniques;

	*plan = (struct dgen_plan){ .seed = dgen_mix(o->data_seed + DGEN_GOLDEN) };
	if (o->dedup_ratio > 1)
		run_init(plan, o, distance, unit, &run);
	if (o->dedup_ratio <= 1 || run > RUN_MAX) {
		plan->pool = 0;
		return;
	}
	plan->varied = o->dedup_skew > 0 || distance != DISTANCE;
	plan->run = dgen_divisor((uint64_t)run);
	uniques = plan->run.value - plan->pool;
	line_init(plan);
	plan->prime = dgen_divisor(plan->pool);
	plan->turns = dgen_divisor(plan->pool - 1);
	plan->rate = (uint64_t)(((double)plan->run.value / o->dedup_ratio - (double)uniques) /
				(double)(plan->pool - 1) * 0x1p64);
	plan->places = dgen_divisor(plan->rate);
	lanes_init(plan, distance, unit);
}

/*
 * A content number says what content, and which one for that. Within a domain no two contents get the
 * same number. The kernel does the mixing. Shared contents have the top bit of what set.
 */
static inline struct dgen_content number(const struct place *w, uint64_t what, uint64_t which)
{
	return (struct dgen_content){ what + w->base.low, which + w->base.high };
}

static inline struct dgen_content shared(const struct place *w, uint64_t lane, uint64_t content)
{
	return number(w, DGEN_SHARED | lane, content);
}

/* a or b, without a branch. */
static inline uint64_t pick(bool first, uint64_t a, uint64_t b)
{
	return b ^ ((a ^ b) & -(uint64_t)first);
}

/* Contents introduced by the first x places of a lane; *part: the fraction of the next one. */
static inline uint64_t introduced(const struct dgen_plan *plan, uint64_t lane, uint64_t x,
				  uint64_t *part)
{
	return dgen_whole(x, plan->rate, plan->phases[lane % DGEN_PHASES], part);
}

/* Shared units of a run before a spot of it; *line: the fraction of the next one. */
static inline uint64_t shared_before(const struct dgen_plan *plan, uint64_t spot, uint64_t *line)
{
	return dgen_whole(spot, plan->pool, plan->lead, line);
}

/*
 * Its run; in parts, since what is looked up early lies in memory until it is wanted. A block at a random offset
 * waits for its number: so what is left of a division is not multiplied back, but goes on as a fraction of the
 * quotient. Its error is below half a shared unit, and so of no account (see line_init); far out, where it
 * were not, the division is corrected first.
 */
static inline __attribute__((always_inline)) void find_run(const struct dgen_plan *plan,
							   struct place *w, uint64_t unit)
{
	uint64_t in_row, part;

	if (unit < plan->exact) {
		w->row = dgen_div_small(unit, &plan->row, &part);
		w->lane = dgen_whole(part, plan->lanes.value, 0, &w->spot);
	} else {
		w->row = dgen_divide(unit, &plan->row, &in_row);
		w->lane = dgen_div_small(in_row, &plan->run, &w->spot);
	}
	w->first = dgen_mulhi(w->spot, plan->run.value);
	w->before = introduced(plan, w->lane, w->row * (plan->pool - 1), &part);
}

/* And what comes before it there. */
static inline __attribute__((always_inline)) void find_unit(const struct dgen_plan *plan,
							    struct place *w)
{
	w->x = shared_before(plan, w->spot, &w->line);
	w->contents = introduced(plan, w->lane, w->row * (plan->pool - 1) + w->x, &w->part);
}

static inline __attribute__((always_inline)) void find_turn(const struct dgen_plan *plan,
							    struct place *w)
{
	const uint64_t one = plan->prime.reciprocal + 1;

	w->turn = one * (w->version < plan->pool ? w->version : dgen_mod(w->version, &plan->prime));
	w->step = one * (1 + dgen_mod_small(w->row + w->lane, &plan->turns));
}

/*
 * Does a content come with this shared unit? One comes with one of the first pool - 1 units of a run, so that the
 * second of the two of which one takes it lies within the run. *part: the fraction of the next one after it.
 */
static inline bool brings_newest(const struct dgen_plan *plan, const struct place *w,
				 uint64_t *part)
{
	const uint64_t rate = pick(w->x < plan->pool - 1, plan->rate, 0), sum = w->part + rate;

	/* By hand: gcc 12 makes two additions of __builtin_add_overflow() here, the second with the sum of the first. */
	*part = sum;
	return sum < rate;
}

/* Did one come with the one before? Just after that the fraction is below rate. */
static inline bool after_newest(const struct dgen_plan *plan, const struct place *w)
{
	return (w->part < plan->rate) & (w->x > 0);
}

/* Where in its run a shared unit is, times 2^DGEN_SPOT. */
static inline uint64_t spot_of(const struct dgen_plan *plan, uint64_t x)
{
	return plan->spot + x * plan->stride;
}

/* Of the two units around the place where one came: does the first take it, not the one behind? */
static inline bool first_takes(uint64_t version, uint64_t contents)
{
	return (version ^ contents) & 1;
}

/*
 * A reference while the pool grows. Few contents are there yet, so all lanes draw from each other's.
 * A lane that has not two yet leaves it to lane 0, which has two from the start. contents: those of
 * this lane that may be taken.
 */
static struct dgen_content grown(const struct dgen_plan *plan, const struct place *w,
				 uint64_t contents)
{
	uint64_t slot = w->row * plan->pool + w->x, part;
	uint64_t hash = dgen_mix(slot ^ w->lane << 48 ^ w->base.low);
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

/* Contents of a lane that came before a unit; own: those of its own. */
static uint64_t came(const struct dgen_plan *plan, const struct place *w, uint64_t lane,
		     uint64_t own)
{
	uint64_t part;

	return lane == w->lane ? own :
				 introduced(plan, lane,
					    (w->row + (lane < w->lane)) * (plan->pool - 1), &part);
}

/*
 * The same of a plan that is varied, whose lanes may be many, or have less than one new content in a
 * row: a lane that has been reached, and those before it until they have two, so that a version can
 * differ from the one before.
 */
static struct dgen_content grown_varied(const struct dgen_plan *plan, const struct place *w,
					uint64_t own)
{
	uint64_t slot = w->row * plan->pool + w->x, lanes = plan->lanes.value;
	uint64_t hash = dgen_mix(dgen_mix(slot ^ w->base.low) + w->lane);
	uint64_t reached = w->row ? lanes : w->lane + 1;
	uint64_t lane = dgen_mulhi(hash, reached), sum = came(plan, w, lane, own), turn;

	for (uint64_t i = 1; sum < 2 && i < LANES_TRIED && i < reached; i++) {
		lane = lane ? lane - 1 : reached - 1;
		sum += came(plan, w, lane, own);
	}
	if (sum < 2) {
		/* The first two of lane 0 are there from the start. */
		return shared(w, 0, (hash + w->version) & 1);
	}
	turn = (hash & 0xffffffff) + w->version % sum;
	turn = turn % sum;
	for (;; lane = lane + 1 < reached ? lane + 1 : 0) {
		uint64_t here = came(plan, w, lane, own);

		if (turn < here)
			return shared(w, lane, turn);
		turn -= here;
	}
}

static struct dgen_content growing_unit(const struct dgen_plan *plan, struct place *w)
{
	const bool after = after_newest(plan, w), second = !first_takes(w->version, w->contents);
	const bool brings = brings_newest(plan, w, &w->part), takes = second & (brings | after);
	const bool paired = w->part < 2 * plan->rate;
	uint64_t own;

	w->contents += brings;
	/* The first two of lane 0 are there from the start. */
	if (takes && w->contents && (w->lane || w->contents > 2))
		return shared(w, w->lane, w->contents - 1);
	/* The other unit of its pair takes an older one, so the two always differ. */
	own = w->contents - (paired && w->contents);
	return plan->varied ? grown_varied(plan, w, own) : grown(plan, w, own);
}

/*
 * What a shared unit takes that takes no new content: one of the newest of its lane, or a hot one, as far
 * back from the newest before the run.
 */
static inline uint64_t of_age(const struct dgen_plan *plan, const struct place *w)
{
	const uint64_t age = dgen_mulhi(w->turn + (w->x + 1) * w->step, plan->pool);

	return pick(age < plan->newest, w->before, plan->pool) - 1 - age;
}

/* Apart, so that the place of others need not lie in memory. */
static __attribute__((noinline)) struct dgen_content
one_growing(const struct dgen_plan *plan, uint64_t domain, uint64_t version, uint64_t unit)
{
	struct place w = { .base = dgen_plan_base(plan, domain), .version = version };

	find_run(plan, &w, unit);
	find_unit(plan, &w);
	if (w.line + plan->slope >= plan->slope)
		return number(&w, unit, version);
	return growing_unit(plan, &w);
}

/*
 * A unit where the pools have grown, and on to the next of its run. At random offsets the answers are anybody's guess,
 * so it costs less to compute all that may be wanted.
 */
static inline __attribute__((always_inline)) struct dgen_content
grown_unit(const struct dgen_plan *plan, struct place *w, uint64_t unit)
{
	uint64_t part, which = of_age(plan, w);
	const bool is_shared = w->line + plan->slope < plan->slope;
	const bool after = after_newest(plan, w), brings = brings_newest(plan, w, &part);
	/* Of the unit with which one comes it is the first, of the next the second: so both ask for the same parity. */
	const bool takes = (brings | after) & !first_takes(w->version, w->contents);
	struct dgen_content content;

	which = pick(takes, w->contents - !brings, which);
	content = number(w, pick(is_shared, DGEN_SHARED | w->lane, unit),
			 pick(is_shared, which, w->version));
	w->line += plan->slope;
	w->contents += brings & is_shared;
	w->part = pick(is_shared, part, w->part);
	w->x += is_shared;
	return content;
}

static inline __attribute__((always_inline)) void find_grown(const struct dgen_plan *plan,
							     struct place *w, uint64_t domain)
{
	find_unit(plan, w);
	find_turn(plan, w);
	w->base = dgen_plan_base(plan, domain);
}

struct dgen_content dgen_plan_shared(const struct dgen_plan *plan, uint64_t domain,
				     uint64_t version, uint64_t unit)
{
	struct place w = { .version = version };

	find_run(plan, &w, unit);
	if (w.before < plan->pool)
		return one_growing(plan, domain, version, unit);
	find_grown(plan, &w, domain);
	return grown_unit(plan, &w, unit);
}

struct dgen_pair dgen_plan_shared_pair(const struct dgen_plan *plan, uint64_t domain,
				       uint64_t version, uint64_t unit)
{
	struct place w = { .version = version };
	struct dgen_pair pair;

	find_run(plan, &w, unit);
	if ((w.before < plan->pool) | (w.first + 1 == plan->run.value)) {
		pair.one = dgen_plan_shared(plan, domain, version, unit);
		pair.other = dgen_plan_shared(plan, domain, version, unit + 1);
		return pair;
	}
	find_grown(plan, &w, domain);
	pair.one = grown_unit(plan, &w, unit);
	pair.other = grown_unit(plan, &w, unit + 1);
	return pair;
}

static inline void number_in_turn(struct dgen_content first, size_t count, struct dgen_content *out)
{
	dgen_words next = { first.low, first.high };

#pragma GCC unroll 4
	for (size_t i = 0; i < count; i++) {
		dgen_put_number(&out[i], next);
		next += (dgen_words){ 1, 0 };
	}
}

static __attribute__((noinline)) void run_growing(const struct dgen_plan *plan, uint64_t domain,
						  uint64_t version, uint64_t unit, size_t count,
						  struct dgen_content *out)
{
	struct place w = { .base = dgen_plan_base(plan, domain), .version = version };

	find_run(plan, &w, unit);
	find_unit(plan, &w);
	for (size_t i = 0; i < count; i++) {
		struct dgen_content content;

		w.line += plan->slope;
		if (w.line >= plan->slope) {
			content = number(&w, unit + i, version);
		} else {
			content = growing_unit(plan, &w);
			w.x++;
		}
		dgen_put_number(&out[i], (dgen_words){ content.low, content.high });
	}
}

/*
 * Of a branch that is guessed wrong the blocks that are to be filled learn late. So there is none below but
 * the loops', which go on for as many units as any part of a run of count units has; what is not in this one
 * goes behind it.
 */
static inline void put_at(struct dgen_content *out, uint64_t place, uint64_t count, uint64_t low,
			  uint64_t high)
{
	dgen_put_number(&out[pick(place < count, place, count)], (dgen_words){ low, high });
}

/* The shared ones among the next count units of the run, as if they took an older content. */
static inline __attribute__((always_inline)) void put_older(const struct dgen_plan *plan,
							    const struct place *w, uint64_t count,
							    bool hot, struct dgen_content *out)
{
	const struct dgen_content older = shared(w, w->lane, w->before - 1);
	const uint64_t hotter = w->before - plan->pool;
	/* Else each is loaded again behind each store. */
	const uint64_t pool = plan->pool, newest = plan->newest, step = w->step,
		       stride = plan->stride;
	uint64_t turn = w->turn + (w->x + 1) * step;
	uint64_t spot = spot_of(plan, w->x) - (w->first << DGEN_SPOT);

	for (uint64_t n = dgen_mulhi(count, plan->slope) + 1; n; n--) {
		const uint64_t age = dgen_mulhi(turn, pool), place = spot >> DGEN_SPOT;
		const uint64_t high = older.high - age - (hot && age >= newest ? hotter : 0);

		/* So many less one are there in any such part: only the last may lie behind it. */
		if (n > 1)
			dgen_put_number(&out[place], (dgen_words){ older.low, high });
		else
			put_at(out, place, count, older.low, high);
		turn += step;
		spot += stride;
	}
}

/* Those of them that take a new one. */
static inline void put_newest(const struct dgen_plan *plan, const struct place *w, uint64_t count,
			      struct dgen_content *out)
{
	/* The unit before may have brought what this one takes. */
	const uint64_t back = pick(w->x > 0, plan->rate, 0);
	const uint64_t places = dgen_mulhi(count, plan->slope) + 2;
	uint64_t part = w->part - back, at = w->x - (w->x > 0);
	struct dgen_content newest = shared(w, w->lane, w->contents - (w->part < back));

	for (uint64_t n = dgen_mulhi(places, plan->rate) + 1; n; n--, newest.high++) {
		const uint64_t skip = dgen_div(~part, &plan->places) + 1;
		const uint64_t contents = newest.high - w->base.high + 1;
		uint64_t taker;

		at += skip;
		part += skip * plan->rate;
		taker = spot_of(plan, at - first_takes(w->version, contents)) >> DGEN_SPOT;
		put_at(out, pick(at < plan->pool, taker - w->first, count), count, newest.low,
		       newest.high);
	}
}

/* All as if they were unique, then the shared ones: else each would be a guess. */
static inline __attribute__((always_inline)) size_t run_shared(const struct dgen_plan *plan,
							       uint64_t domain, uint64_t version,
							       uint64_t unit, size_t count,
							       bool hot, struct dgen_content *out)
{
	struct place w = { .version = version };

	find_run(plan, &w, unit);
	if (count > plan->run.value - w.first)
		count = plan->run.value - w.first;
	if (w.before < plan->pool) {
		run_growing(plan, domain, version, unit, count, out);
		return count;
	}
	w.base = dgen_plan_base(plan, domain);
	number_in_turn(number(&w, unit, version), count, out);
	find_unit(plan, &w);
	find_turn(plan, &w);
	put_older(plan, &w, count, hot, out);
	put_newest(plan, &w, count, out);
	return count;
}

/* Each apart: compilers make one loop of two, which decides it for each unit. */
static __attribute__((noinline)) size_t run_alike(const struct dgen_plan *plan, uint64_t domain,
						  uint64_t version, uint64_t unit, size_t count,
						  struct dgen_content *out)
{
	return run_shared(plan, domain, version, unit, count, false, out);
}

static __attribute__((noinline)) size_t run_hot(const struct dgen_plan *plan, uint64_t domain,
						uint64_t version, uint64_t unit, size_t count,
						struct dgen_content *out)
{
	return run_shared(plan, domain, version, unit, count, true, out);
}

size_t dgen_plan_run(const struct dgen_plan *plan, uint64_t domain, uint64_t version, uint64_t unit,
		     size_t count, struct dgen_content *out)
{
	if (!plan->pool) {
		number_in_turn(dgen_plan_unique(plan, domain, version, unit), count, out);
		return count;
	}
	if (plan->newest < plan->pool)
		return run_hot(plan, domain, version, unit, count, out);
	return run_alike(plan, domain, version, unit, count, out);
}
