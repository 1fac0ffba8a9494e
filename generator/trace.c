// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inverts the kernel. Of two lines of a lane, MC(SR(SB(L ^ K0))) ^ K1 each with known L, the
 * exclusive or is free of K1; undoing MixColumns and ShiftRows leaves for each byte of K0 an equation
 * of two S-boxes, with two solutions or four (E. Biham, A. Shamir, Differential Cryptanalysis of
 * DES-like Cryptosystems, 1991). A third line settles most, and more lines the rest. K0 and a line
 * give K1; K0 gives the number by undoing four rounds; that K1 follows from the same number is a
 * check of 128 bits, which chance does not pass.
 */
#include "trace.h"

#include <string.h>

#define LANE 16
#define LINES_MIN 3
#define LINES_MAX 8                   /* leave no doubt */
#define KEYS_MAX 4096                 /* tried where some bytes of the key are ambiguous */
#define VERSIONS_MAX 128              /* the plan's choices repeat after twice the pool */
#define GUESSES_MAX 1000              /* versions tried for an unknown domain */
#define GUESS_UNITS (1 << 18)         /* visited for it */
#define PLAUSIBLE (UINT64_C(1) << 40) /* units of a domain, contents of a lane */
#define WALK 64                       /* units planned at a time */
#define GOLDEN_INVERSE UINT64_C(0xf1de83e19937733d) /* modulo 2^64 */

_Static_assert(DGEN_GOLDEN *GOLDEN_INVERSE == 1, "inverse");

/* A lane of a line: what the table has, and what was made of it. */
struct pair {
	const uint8_t *from, *to;
};

struct boxes {
	uint8_t s[256], inverse[256];
};

static void boxes_init(const struct dgen_tables *t, struct boxes *boxes)
{
	for (int i = 0; i < 256; i++) {
		/* The second byte of a column is the plain S-box. */
		boxes->s[i] = (uint8_t)(t->aes[0][i] >> 8);
		boxes->inverse[boxes->s[i]] = (uint8_t)i;
	}
}

static void xor_lane(uint8_t *v, const uint8_t *by)
{
	for (int i = 0; i < LANE; i++)
		v[i] ^= by[i];
}

static uint8_t times2(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

static void mix_columns(uint8_t *v)
{
	for (uint8_t *c = v; c < v + LANE; c += 4) {
		uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];

		c[0] ^= all ^ times2(c[0] ^ c[1]);
		c[1] ^= all ^ times2(c[1] ^ c[2]);
		c[2] ^= all ^ times2(c[2] ^ c[3]);
		c[3] ^= all ^ times2(c[3] ^ first);
	}
}

/* Its fourth power is the identity. */
static void unmix_columns(uint8_t *v)
{
	for (int i = 0; i < 3; i++)
		mix_columns(v);
}

static void shift_rows(uint8_t *v, int by)
{
	uint8_t old[LANE];

	memcpy(old, v, LANE);
	for (int column = 0; column < 4; column++)
		for (int row = 0; row < 4; row++)
			v[row + 4 * column] = old[row + 4 * ((column + by * row) & 3)];
}

/* AESENC */
static void do_round(const struct boxes *boxes, const uint8_t *key, uint8_t *v)
{
	for (int i = 0; i < LANE; i++)
		v[i] = boxes->s[v[i]];
	shift_rows(v, 1);
	mix_columns(v);
	xor_lane(v, key);
}

static void undo_linear(uint8_t *v)
{
	unmix_columns(v);
	shift_rows(v, 3);
}

static void undo_round(const struct boxes *boxes, const uint8_t *key, uint8_t *v)
{
	xor_lane(v, key);
	undo_linear(v);
	for (int i = 0; i < LANE; i++)
		v[i] = boxes->inverse[v[i]];
}

static uint64_t little64(const uint8_t *p)
{
	uint64_t x = 0;

	for (int i = 7; i >= 0; i--)
		x = x << 8 | p[i];
	return x;
}

/* The number that has K0 in lane 0; false if it does not have that K1 there. */
static bool number_of(const struct dgen_tables *t, const struct boxes *boxes, const uint8_t *k0,
		      const uint8_t *k1, struct dgen_content *number)
{
	uint8_t n[LANE], check[LANE];

	memcpy(n, k0, LANE);
	undo_round(boxes, t->rounds[3], n);
	undo_round(boxes, t->rounds[2], n);
	xor_lane(n, t->lanes[0]);
	memcpy(check, n, LANE);
	xor_lane(check, t->lanes[1]);
	do_round(boxes, t->rounds[2], check);
	do_round(boxes, t->rounds[3], check);
	if (memcmp(check, k1, LANE))
		return false;
	undo_round(boxes, t->rounds[1], n);
	undo_round(boxes, t->rounds[0], n);
	*number = (struct dgen_content){ little64(n), little64(n + 8) };
	return true;
}

/* What each byte of K0 may be. */
struct candidates {
	uint8_t values[LANE][256];
	uint32_t count[LANE];
	uint32_t keys; /* in all */
};

static bool fits(const struct boxes *boxes, const struct pair *lines, int count,
		 uint8_t differences[][LANE], int byte, uint8_t key)
{
	uint8_t first = boxes->s[lines[0].from[byte] ^ key];

	for (int i = 1; i < count; i++)
		if ((first ^ boxes->s[lines[i].from[byte] ^ key]) != differences[i][byte])
			return false;
	return true;
}

static bool find_candidates(const struct boxes *boxes, const struct pair *lines, int count,
			    struct candidates *c)
{
	uint8_t differences[LINES_MAX][LANE];

	for (int i = 1; i < count; i++) {
		memcpy(differences[i], lines[0].to, LANE);
		xor_lane(differences[i], lines[i].to);
		undo_linear(differences[i]);
	}
	c->keys = 1;
	for (int byte = 0; byte < LANE; byte++) {
		c->count[byte] = 0;
		for (int key = 0; key < 256; key++)
			if (fits(boxes, lines, count, differences, byte, (uint8_t)key))
				c->values[byte][c->count[byte]++] = (uint8_t)key;
		if (!c->count[byte])
			return false;
		c->keys *= c->count[byte];
		if (c->keys > KEYS_MAX)
			return false;
	}
	return true;
}

static bool solve(const struct dgen_tables *t, const struct pair *lines, int count,
		  struct dgen_content *number)
{
	static const uint8_t none[LANE];
	struct candidates c;
	struct boxes boxes;

	boxes_init(t, &boxes);
	if (!find_candidates(&boxes, lines, count, &c))
		return false;
	for (uint32_t i = 0; i < c.keys; i++) {
		uint8_t k0[LANE], k1[LANE];
		uint32_t rest = i;

		for (int byte = 0; byte < LANE; rest /= c.count[byte++])
			k0[byte] = c.values[byte][rest % c.count[byte]];
		memcpy(k1, k0, LANE);
		xor_lane(k1, lines[0].from);
		do_round(&boxes, none, k1);
		xor_lane(k1, lines[0].to);
		if (number_of(t, &boxes, k0, k1, number))
			return true;
	}
	return false;
}

/* Is the first lane of a line random as a whole? Random bytes come first, so if one is not zero from its end on. */
static bool is_random(const uint8_t *line)
{
	for (int i = LANE - 1; i < DGEN_LINE; i++)
		if (line[i])
			return true;
	return false;
}

bool dgen_trace(const struct dgen *dgen, const uint8_t *data, uint32_t length, uint32_t at,
		struct dgen_content *number)
{
	const struct dgen_tables *t = dgen_inside(dgen).tables;
	struct pair lines[LINES_MAX];
	int count = 0;

	for (uint32_t line = 0; line < length && count < LINES_MAX; line += DGEN_LINE)
		if (is_random(data + line))
			lines[count++] = (struct pair){ t->lines[(at + line) / DGEN_LINE],
							data + line };
	return count >= LINES_MIN && solve(t, lines, count, number);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool same(struct dgen_content a, struct dgen_content b)
{
	return a.low == b.low && a.high == b.high;
}

/* A shared content, and the units that may have it. */
struct hunt {
	struct dgen_content content;
	uint64_t domain, version, near; /* unit */
	uint64_t best;                  /* UINT64_MAX: none yet */
	uint64_t left;                  /* units to visit at most */
};

static void visit(const struct dgen_plan *plan, struct hunt *hunt, uint64_t from, uint64_t to)
{
	struct dgen_content contents[WALK + 1];

	for (uint64_t unit = from; unit < to && hunt->left;) {
		size_t count = to - unit < WALK ? (size_t)(to - unit) : WALK;

		if (count > hunt->left)
			count = (size_t)hunt->left;
		hunt->left -= count;
		dgen_plan_units(plan, hunt->domain, hunt->version, unit, count, contents);
		for (size_t i = 0; i < count; i++)
			if (same(contents[i], hunt->content) &&
			    (hunt->best == UINT64_MAX ||
			     distance(unit + i, hunt->near) < distance(hunt->best, hunt->near)))
				hunt->best = unit + i;
		unit += count;
	}
}

/* Rows of a lane, as far as there are so many units. */
static void visit_rows(const struct dgen_plan *plan, struct hunt *hunt, uint64_t lane,
		       uint64_t first, uint64_t last, uint64_t units)
{
	const uint64_t run = plan->run.value;

	for (uint64_t row = first; row <= last; row++) {
		uint64_t from = (row * plan->lanes.value + lane) * run;

		if (from >= units)
			break;
		visit(plan, hunt, from, from + run < units ? from + run : units);
	}
}

/* The rows in which a lane's content lives, and one more on either side for roundings. */
static void rows_of(const struct dgen_plan *plan, uint64_t content, uint64_t *first, uint64_t *last)
{
	double per_row = (double)plan->rate * (plan->pool - 1) / 0x1p64;
	double from = ((double)content - 2) / per_row - 2;

	*first = from > 0 ? (uint64_t)from : 0;
	*last = (uint64_t)(((double)content + plan->pool + 2) / per_row) + 2;
}

/* The unit of a shared content nearest to hunt->near at hunt->version. */
static bool find_shared(const struct dgen_plan *plan, uint64_t lane, uint64_t content,
			uint64_t units, struct hunt *hunt)
{
	uint64_t run = plan->run.value, lanes = plan->lanes.value, first, last;

	rows_of(plan, content, &first, &last);
	hunt->best = UINT64_MAX;
	if (content < plan->pool - plan->newest) {
		/* A hot one comes in every row once all have come. */
		const uint64_t row = hunt->near / (run * lanes);

		visit_rows(plan, hunt, lane, row > 0 ? row - 1 : 0, row + 1, units);
		if (hunt->best != UINT64_MAX)
			return true;
	}
	if (content < 2 * plan->pool) {
		/* While the pools grow all lanes draw from it. */
		uint64_t end = (last + 1) * lanes * run;

		visit(plan, hunt, 0, end < units ? end : units);
		return hunt->best != UINT64_MAX;
	}
	visit_rows(plan, hunt, lane, first, last, units);
	return hunt->best != UINT64_MAX;
}

/* Ranks of places, which are runs of units, as the plan numbers them: those before an offset. */
static uint64_t ranks(const struct dgen_inside *in, uint64_t offset)
{
	uint64_t place = offset / ((uint64_t)in->run * in->unit), rank;

	dgen_is_zero(in->zeros, place, &rank);
	return rank;
}

static uint64_t all_ranks(const struct dgen_inside *in, uint64_t size)
{
	const uint64_t place = (uint64_t)in->run * in->unit;

	/* The last one may be there in part. */
	return ranks(in, size + (size % place ? place : 0));
}

/* Where a block of the place of a rank is. */
static uint64_t offset_of(const struct dgen_inside *in, uint64_t rank, uint32_t block)
{
	const uint64_t unit = dgen_place_of(in->zeros, rank) * in->run + block / in->blocks;

	return unit * in->unit + (uint64_t)(block % in->blocks) * DGEN_BLOCK;
}

/* Of what the blocks of a place would make it the smallest: all others are huge. */
static uint64_t which(uint64_t high, uint32_t blocks, uint32_t *block)
{
	uint64_t best = high;

	*block = 0;
	for (uint32_t b = 1; b < blocks; b++)
		if (high - b * DGEN_GOLDEN < best) {
			best = high - b * DGEN_GOLDEN;
			*block = b;
		}
	return best;
}

/* The rank of a place that has it, and its version. */
static bool locate_shared(const struct dgen_inside *in, struct dgen_search *search, uint64_t lane,
			  uint64_t content, uint64_t *rank, uint64_t *version)
{
	const struct dgen_content base = dgen_plan_base(in->plan, search->domain);
	struct hunt hunt = { .content = { base.low + (DGEN_SHARED | lane), base.high + content },
			     .domain = search->domain,
			     .near = ranks(in, search->near),
			     .left = search->units };
	uint64_t units = all_ranks(in, search->size);
	bool found = false;

	for (int i = 0; i < VERSIONS_MAX && !found && hunt.left; i++) {
		hunt.version = search->newest - (uint64_t)i;
		found = find_shared(in->plan, lane, content, units, &hunt);
		if (hunt.version <= search->oldest)
			break;
	}
	*version = hunt.version;
	*rank = hunt.best;
	search->units = hunt.left;
	return found;
}

bool dgen_locate(const struct dgen *dgen, struct dgen_content number, struct dgen_search *search,
		 struct dgen_source *source)
{
	const struct dgen_inside in = dgen_inside(dgen);
	const struct dgen_content base = dgen_plan_base(in.plan, search->domain);
	uint64_t what = number.low - base.low, rank = what, version, content;
	uint64_t lane = what & ~DGEN_SHARED;
	uint32_t block;

	if (what < all_ranks(&in, search->size)) {
		version = which(number.high - base.high, in.run * in.blocks, &block);
		if (version > DGEN_VERSION_MAX)
			return false;
	} else if (what & DGEN_SHARED && in.plan->pool && lane < in.plan->lanes.value) {
		content = which(number.high - base.high, in.run * in.blocks, &block);
		if (content > PLAUSIBLE ||
		    !locate_shared(&in, search, lane, content, &rank, &version))
			return false;
	} else {
		return false;
	}
	source->domain = search->domain;
	source->version = version;
	source->offset = offset_of(&in, rank, block);
	return true;
}

/* Contents of lanes are numbered from 0, so a lane gives the domain. */
static bool guess_shared(const struct dgen *dgen, const struct dgen_inside *in,
			 struct dgen_content number, uint32_t block, struct dgen_source *source)
{
	uint64_t high = number.high - in->plan->seed - block * DGEN_GOLDEN;

	if (!in->plan->pool)
		return false;
	for (uint64_t lane = 0; lane < in->plan->lanes.value; lane++) {
		struct dgen_search search = { .domain = number.low - in->plan->seed -
							(DGEN_SHARED | lane),
					      .size = PLAUSIBLE,
					      .newest = VERSIONS_MAX,
					      .units = GUESS_UNITS };

		if (high - search.domain * DGEN_GOLDEN <= PLAUSIBLE)
			return dgen_locate(dgen, number, &search, source);
	}
	return false;
}

/* What was found by arithmetic alone may be a place that has something else. */
static bool has(const struct dgen *dgen, const struct dgen_inside *in,
		const struct dgen_source *source, struct dgen_content number)
{
	struct dgen_content there = dgen_content(dgen, source->domain, source->version,
						 source->offset / in->unit);

	there.high += source->offset % in->unit / DGEN_BLOCK * DGEN_GOLDEN;
	return same(there, number);
}

/* block: of a place. */
static bool guess(const struct dgen *dgen, const struct dgen_inside *in, struct dgen_content number,
		  uint32_t block, struct dgen_source *source)
{
	uint64_t low = number.low - in->plan->seed;
	uint64_t high = number.high - in->plan->seed - block * DGEN_GOLDEN;

	for (uint64_t version = 0; version < GUESSES_MAX; version++) {
		uint64_t domain = (high - version) * GOLDEN_INVERSE;

		if (low - domain < PLAUSIBLE) {
			source->domain = domain;
			source->version = version;
			source->offset = offset_of(in, low - domain, block);
			if (has(dgen, in, source, number))
				return true;
		}
	}
	return guess_shared(dgen, in, number, block, source);
}

bool dgen_guess(const struct dgen *dgen, struct dgen_content number, uint32_t block,
		struct dgen_source *source)
{
	const struct dgen_inside in = dgen_inside(dgen);

	for (uint32_t unit = 0; unit < in.run; unit++)
		if (guess(dgen, &in, number, unit * in.blocks + block, source))
			return true;
	return false;
}
