/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of every kernel. A kernel file defines its vocabulary and includes this once:
 *
 *   vec                     a vector of bytes, 16, 32 or 64 of them
 *   vec load(p)             from unaligned memory
 *   void store(p, v)        to unaligned memory
 *   vec pair(low, high)     the two as little-endian bytes, in every 16-byte lane
 *   vec lane16(p)           16 bytes in every lane
 *   vec xor(a, b), and(a, b)
 *   vec zero()
 *   vec aes(t, v, key)      AESENC of each lane
 *   vec differ(d, a, b)     d, and the bits in which a and b differ
 *   bool any(v)             is any bit set?
 *
 * and where vec is a whole line and single bytes of it can be chosen, by the bits of a number:
 *
 *   PARTS                         says so
 *   void store_part(p, bytes, v)
 *   vec load_part(p, bytes, v)    the others are those of v
 */
#define VECS ((int)(DGEN_LINE / sizeof(vec))) /* in a line */
#define AT_ONCE (VECS > 2 ? 4 : 8)            /* lines that an iteration writes: a sector at most */

#define INLINED                                                                                    \
	inline __attribute__((always_inline)) /* constant arguments choose what is compiled */

#include <stdbool.h>
#include <string.h>

typedef uint16_t words __attribute__((vector_size(sizeof(vec))));

struct keys {
	vec k0[VECS], k1[VECS];
};

/* Where a block goes, or is looked for, and what is made of its keys. */
struct place {
	vec differs; /* bits that were found otherwise */
	words symbols, round;
	uint8_t *block; /* its byte 0, which may lie before the span that is there */
	bool compare;   /* a constant */
	bool few;       /* mostly a constant: bytes take few values */
};

static inline uint8_t *block_of(uint8_t *at, uint32_t begin)
{
	return (uint8_t *)((uintptr_t)at - begin);
}

static INLINED void put(struct place *p, uint8_t *at, vec v)
{
	if (p->compare)
		p->differs = differ(p->differs, load(at), v);
	else
		store(at, v);
}

/* A number in memory, loaded as it was stored (dgen_put_number()): at once. */
static inline vec number_at(const struct dgen_content *number)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return lane16((const uint8_t *)number);
#else
	return pair(number->low, number->high);
#endif
}

/* One in registers. Left to themselves, compilers store its words and load both at once, which waits for the stores. */
static INLINED vec number_of(struct dgen_content number)
{
	__asm__("" : "+r"(number.low));
	return pair(number.low, number.high);
}

static INLINED struct place place(uint8_t *block, bool compare)
{
	return (struct place){ .block = block, .compare = compare, .differs = zero() };
}

static INLINED void set_few(struct place *p, const struct dgen_shape *shape, bool varies)
{
	/* Varied chunks end often: no more zeros there, which would lengthen matches, than calibrated for. */
	const uint16_t round = varies ? 255 : 0;

	p->few = true;
	p->symbols = (words){ 0 } + shape->symbols;
	p->round = (words){ 0 } + round;
}

/*
 * Of each byte a value below symbols, all as likely as each other to within 1 / 8; zero stays zero. Both
 * bytes of a word are treated alike, so it does not matter which is which.
 */
static inline vec few_values(const struct place *p, vec v)
{
	words w;

	memcpy(&w, &v, sizeof(w));
	w = ((w & 0xff) * p->symbols + p->round) >> 8 |
	    (((w >> 8) * p->symbols + p->round) & 0xff00);
	memcpy(&v, &w, sizeof(w));
	return v;
}

/*
 * Two rounds make every byte of the number felt in all sixteen, two more tell the lanes apart:
 * neighbouring numbers have unrelated keys.
 */
static inline void set_keys(struct keys *keys, const struct dgen_tables *t, vec number)
{
	vec r2 = lane16(t->rounds[2]), r3 = lane16(t->rounds[3]);
	vec n = aes(t, aes(t, number, lane16(t->rounds[0])), lane16(t->rounds[1]));

	for (int i = 0; i < VECS; i++) {
		vec a = xor(n, load(t->lanes[0] + i * sizeof(vec)));
		vec b = xor(n, load(t->lanes[1] + i * sizeof(vec)));

		keys->k0[i] = aes(t, aes(t, a, r2), r3);
		keys->k1[i] = aes(t, aes(t, b, r2), r3);
	}
}

static INLINED vec line_part(const struct keys *keys, const struct dgen_tables *t,
			     const uint8_t *line, int i, const struct place *p)
{
	const vec v = aes(t, xor(load(line + i * sizeof(vec)), keys->k0[i]), keys->k1[i]);

	return p->few ? few_values(p, v) : v;
}

static INLINED void put_line(const struct keys *keys, const struct dgen_tables *t,
			     const uint8_t *line, uint8_t *at, struct place *p)
{
	for (int i = 0; i < VECS; i++)
		put(p, at + i * sizeof(vec), line_part(keys, t, line, i, p));
}

/* The line in which the random bytes end; the span goes on with zeros. */
static INLINED void put_last_line(const struct keys *keys, const struct dgen_tables *t,
				  const uint8_t *line, const vec mask[VECS], uint8_t *at,
				  struct place *p)
{
	for (int i = 0; i < VECS; i++)
		put(p, at + i * sizeof(vec), and(line_part(keys, t, line, i, p), mask[i]));
}

static inline const uint8_t *line_at(const struct dgen_tables *t, uint32_t at)
{
	return (const uint8_t *)t->lines + at;
}

/* Leaves the first bytes of a line. */
static INLINED void set_mask(vec mask[VECS], const struct dgen_tables *t, uint32_t bytes)
{
	const uint8_t *ones = (const uint8_t *)t->masks + bytes * DGEN_LINE;

	for (int i = 0; i < VECS; i++)
		mask[i] = load(ones + i * sizeof(vec));
}

/*
 * Memory hears of the next block before this one is made: processors fetch ahead to the end of a page, and do not
 * look up the next before something is wanted of it. One line does; each more of them costs more in caches than it
 * gains beyond (Zen 4). Asked for in the loop, near its end, it cost a tenth in caches and as much beyond (Zen 5).
 *
 * Stores around the caches would spare memory the read before a write. Measured on Zen 5 they gained
 * nothing to a half with 16 buffers of 8 MiB, lost a third with 16 of 1 MiB and most in the caches; a
 * call sees its own length, not the pool it is part of, so there are none.
 */
static INLINED void announce(const struct place *p, uint32_t at)
{
	if (p->compare)
		__builtin_prefetch(p->block + at, 0);
	else
		__builtin_prefetch(p->block + at, 1);
}

static INLINED void put_some(const struct keys *keys, const struct dgen_tables *t,
			     const uint8_t *line, uint8_t *at, struct place *p)
{
#pragma GCC unroll 16
	for (int i = 0; i < AT_ONCE; i++)
		put_line(keys, t, line + i * DGEN_LINE, at + i * DGEN_LINE, p);
}

/* Lines [begin, end) of a block, counted in bytes. */
static INLINED void put_lines(const struct keys *keys, const struct dgen_tables *t, uint32_t begin,
			      uint32_t end, struct place *p)
{
	const uint8_t *line = line_at(t, begin), *const stop = line_at(t, end);
	uint8_t *at = p->block + begin;

	/* Few iterations, so that their end is predicted and the next block's keys begin early. */
	for (; stop - line >= AT_ONCE * DGEN_LINE; line += AT_ONCE * DGEN_LINE) {
		put_some(keys, t, line, at, p);
		at += AT_ONCE * DGEN_LINE;
	}
	for (; line < stop; line += DGEN_LINE, at += DGEN_LINE)
		put_line(keys, t, line, at, p);
}

/* The same where nobody can guess how many these are: the last ones at once, some of them again. */
static INLINED void put_any_lines(const struct keys *keys, const struct dgen_tables *t,
				  uint32_t begin, uint32_t end, struct place *p)
{
	const uint32_t some = AT_ONCE * DGEN_LINE;

	if (end - begin < some) {
		put_lines(keys, t, begin, end, p);
		return;
	}
	for (; end - begin >= some; begin += some)
		put_some(keys, t, line_at(t, begin), p->block + begin, p);
	if (begin < end)
		put_some(keys, t, line_at(t, end - some), p->block + end - some, p);
}

/* Bytes [begin, end) of a block, begin on a line, and zeros to the end of the last line. */
static INLINED void put_random(const struct keys *keys, const struct dgen_tables *t, uint32_t begin,
			       uint32_t end, struct place *p)
{
	const uint32_t last = end & ~(DGEN_LINE - 1u);
	vec mask[VECS];

	put_lines(keys, t, begin, last, p);
	if (end % DGEN_LINE) {
		set_mask(mask, t, end % DGEN_LINE);
		put_last_line(keys, t, line_at(t, last), mask, p->block + last, p);
	}
}

/*
 * Zeros from at, on a line, to end or a little further: to the end of a line at most. Counted from the block's start:
 * with pointers as in put_lines() it is a sixth slower beyond the caches at C = 2 (Zen 5; in them 4 % faster).
 */
static INLINED void put_zeros(struct place *p, size_t at, size_t end)
{
	/* No pragma here: compilers take it for the outer loop too, and then guess where that ends. */
	for (; at + AT_ONCE * DGEN_LINE <= end; at += AT_ONCE * DGEN_LINE)
		for (int i = 0; i < AT_ONCE * VECS; i++)
			put(p, p->block + at + i * sizeof(vec), zero());
	for (; at < end; at += sizeof(vec)) {
		/* Else compilers make this a call of memset, and save all registers around it. */
		__asm__("" : "+r"(at));
		put(p, p->block + at, zero());
	}
}

/* Bytes [at, stop) of a block, which lie in one chunk; random, stale: where in the block these end. */
static INLINED void put_chunk(const struct keys *keys, const struct dgen_tables *t, uint32_t at,
			      uint32_t stop, uint32_t random, uint32_t stale, struct place *p)
{
	random = random < stop ? random : stop;
	if (at < random) {
		put_random(keys, t, at, random, p);
		at = (random + DGEN_LINE - 1) & ~(DGEN_LINE - 1u);
	}
	put_zeros(p, at, stale < stop ? stale : stop);
}

static INLINED void put_block(const struct keys *keys, const struct dgen_tables *t,
			      const struct dgen_shape *shape, struct dgen_span span,
			      struct place *p)
{
	if (shape->chunk == DGEN_BLOCK) {
		put_chunk(keys, t, span.begin, span.end, shape->random, shape->stale, p);
		return;
	}
	for (uint32_t at = span.begin, stop; at < span.end; at = stop) {
		const uint32_t size = shape->chunk, chunk = at & ~(size - 1);

		stop = chunk + size < span.end ? chunk + size : span.end;
		put_chunk(keys, t, at, stop, chunk + shape->random, chunk + shape->stale, p);
	}
}

/* Bytes [begin, end) of a block, which lie in one line; false if others were found. */
static INLINED bool put_part_of_line(const vec line[VECS], uint32_t begin, uint32_t end,
				     struct place *p)
{
	const uint32_t size = end - begin, skip = begin % DGEN_LINE;
#ifdef PARTS
	uint64_t bytes = UINT64_MAX >> (DGEN_LINE - size) << skip;
	uint8_t *at = p->block + begin - skip;

	if (!p->compare) {
		store_part(at, bytes, line[0]);
		return true;
	}
	return !any(differ(zero(), load_part(at, bytes, line[0]), line[0]));
#else
	uint8_t bytes[DGEN_LINE];

	for (int i = 0; i < VECS; i++)
		store(bytes + i * sizeof(vec), line[i]);
	if (p->compare)
		return !memcmp(p->block + begin, bytes + skip, size);
	memcpy(p->block + begin, bytes + skip, size);
	return true;
#endif
}

/*
 * Of blocks that are all random, or one chunk, or several. What is done once a block costs much more than its
 * instructions: the shape in memory, a number in two loads and a branch for the last one a sixth together, in caches
 * (Zen 5). What lies on the stack costs as much: so there is one function for each kind, with what it needs in
 * registers, and nothing to decide of the line in which random bytes end.
 */
static INLINED size_t blocks(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, const struct dgen_shape *shape, uint32_t size,
			     uint8_t *at, bool sparse, bool chunked, bool few, bool compare)
{
	const struct dgen_content *number = numbers, *last = numbers + count - 1;
	const uint32_t chunk = chunked && shape->chunk < size ? shape->chunk : size;
	const uint32_t end = sparse ? shape->random & ~(DGEN_LINE - 1u) : size;
	const uint32_t stale = shape->stale < chunk ? shape->stale : chunk;
	struct place p = place(at, compare);
	struct keys keys, next;
	vec mask[VECS];

	if (few)
		set_few(&p, shape, false);
	set_mask(mask, t, shape->random % DGEN_LINE);
	set_keys(&next, t, number_at(number));
	for (; number <= last; number++) {
		uint32_t begin = 0;

		/* A block ahead: the keys take long, but need not wait for the stores. */
		keys = next;
		set_keys(&next, t, number_at(number + (number < last)));
		announce(&p, size);
		do {
			const uint32_t to = begin + end;

			put_lines(&keys, t, begin, to, &p);
			if (!sparse)
				break;
			put_last_line(&keys, t, line_at(t, to), mask, p.block + to, &p);
			put_zeros(&p, to + DGEN_LINE, begin + stale);
			begin += chunk;
		} while (chunked && begin < size);
		if (compare && any(p.differs))
			return (size_t)(number - numbers);
		p.block += size;
	}
	return count;
}

/* Of blocks that are one chunk each, and differ in their random bytes. */
static INLINED size_t each(const struct dgen_tables *t, const struct dgen_content *numbers,
			   size_t count, const struct dgen_shape *shapes, uint32_t size,
			   uint8_t *at, bool compare)
{
	struct place p = place(at, compare);
	struct keys keys, next;
	vec mask[VECS];

	set_keys(&next, t, number_at(numbers));
	for (size_t i = 0; i < count; i++) {
		const uint32_t random = shapes[i].random, stale = shapes[i].stale;
		const uint32_t end = random < size ? random & ~(DGEN_LINE - 1u) : size;

		keys = next;
		set_keys(&next, t, number_at(numbers + i + (i + 1 < count)));
		announce(&p, size);
		put_lines(&keys, t, 0, end, &p);
		if (end < size) {
			set_mask(mask, t, random % DGEN_LINE);
			put_last_line(&keys, t, line_at(t, end), mask, p.block + end, &p);
			put_zeros(&p, end + DGEN_LINE, stale < size ? stale : size);
		}
		if (compare && any(p.differs))
			return i;
		p.block += size;
	}
	return count;
}

/* A span of a block that is one chunk, from line to line. */
static INLINED bool block(const struct dgen_tables *t, struct dgen_content number,
			  const struct dgen_shape *shape, struct dgen_span span, uint8_t *at,
			  bool sparse, bool compare)
{
	struct place p = place(block_of(at, span.begin), compare);
	struct keys keys;

	set_keys(&keys, t, number_of(number));
	if (sparse)
		put_chunk(&keys, t, span.begin, span.end, shape->random, shape->stale, &p);
	else
		put_lines(&keys, t, span.begin, span.end, &p);
	return !compare || !any(p.differs);
}

/*
 * Chunks below DGEN_CHUNK_VARIED are there to make compressors work as on real files, where matches are
 * a few dozen bytes apart and no two alike: were all chunks of one length, branches would be predicted. So of
 * two neighbours one has as many more random bytes as the other has less, up to none or all, by a byte of
 * the block's key.
 */
struct varied {
	uint32_t chunk, mean, room; /* these two in 1 / DGEN_VARIED_PARTS of a byte */
	_Alignas(DGEN_LINE) uint8_t key[DGEN_LINE];
};

static INLINED void set_varied(struct varied *v, const struct dgen_shape *shape, uint32_t chunk)
{
	const uint32_t rest = chunk * DGEN_VARIED_PARTS - shape->random;

	v->chunk = chunk;
	v->mean = shape->random;
	v->room = shape->random < rest ? shape->random : rest;
}

static INLINED void set_key(struct varied *v, const struct keys *keys)
{
	for (int i = 0; i < VECS; i++)
		store(v->key + i * sizeof(vec), keys->k0[i]);
}

/* How many bytes of a chunk are random, of the first or of the other one of the pair at this byte. */
static inline uint32_t random_in_chunk(const struct varied *v, uint32_t pair, bool first)
{
	const int32_t by = (v->key[pair / DGEN_LINE] - 128) * (int32_t)v->room;

	return (128 * v->mean + (uint32_t)(first ? by : -by)) / (128 * DGEN_VARIED_PARTS);
}

/* A chunk, with no branch for where it ends: that is anybody's guess. */
static INLINED void put_varied(const struct keys *keys, const struct dgen_tables *t, uint32_t at,
			       uint32_t size, uint32_t random, struct place *p)
{
	vec mask[VECS];

	for (uint32_t i = 0; i < size; i += DGEN_LINE) {
		const uint32_t here = size == DGEN_LINE || random < DGEN_LINE ? random : DGEN_LINE;

		random -= here;
		set_mask(mask, t, here);
		put_last_line(keys, t, line_at(t, at + i), mask, p->block + at + i, p);
	}
}

/* Of blocks that are pairs of such chunks, of this size. */
static INLINED size_t varied(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, const struct dgen_shape *shape, uint32_t size,
			     uint8_t *at, uint32_t chunk, bool few, bool compare)
{
	struct place p = place(at, compare);
	struct varied v;
	struct keys keys;

	if (few)
		set_few(&p, shape, true);
	set_varied(&v, shape, chunk);
	for (size_t i = 0; i < count; i++, p.block += size) {
		set_keys(&keys, t, number_at(numbers + i));
		set_key(&v, &keys);
		for (uint32_t pair = 0; pair < size; pair += 2 * chunk) {
			put_varied(&keys, t, pair, chunk, random_in_chunk(&v, pair, true), &p);
			put_varied(&keys, t, pair + chunk, chunk, random_in_chunk(&v, pair, false),
				   &p);
		}
		if (compare && any(p.differs))
			return i;
	}
	return count;
}

/* Each with its lines in a row. */
static INLINED size_t varied_blocks(const struct dgen_tables *t, const struct dgen_content *numbers,
				    size_t count, const struct dgen_shape *shape, uint32_t size,
				    uint8_t *at, bool compare)
{
	if (shape->chunk == DGEN_LINE)
		return varied(t, numbers, count, shape, size, at, DGEN_LINE, false, compare);
	if (shape->chunk == 2 * DGEN_LINE)
		return varied(t, numbers, count, shape, size, at, 2 * DGEN_LINE, false, compare);
	return varied(t, numbers, count, shape, size, at, 4 * DGEN_LINE, false, compare);
}

/* How many bytes of the line at this byte are random; v: NULL, or as its chunks are varied. */
static inline uint32_t random_in_line(const struct dgen_shape *shape, const struct varied *v,
				      uint32_t line)
{
	const uint32_t size = shape->chunk, chunk = line & ~(size - 1), pair = chunk & ~size;
	const uint32_t random = chunk +
				(v ? random_in_chunk(v, pair, chunk == pair) : shape->random);

	if (random <= line)
		return 0;
	return random - line < DGEN_LINE ? random - line : DGEN_LINE;
}

/* Bytes [begin, end) of one line of a block. */
static INLINED bool put_part(const struct keys *keys, const struct dgen_tables *t,
			     const struct dgen_shape *shape, const struct varied *v, uint32_t begin,
			     uint32_t end, struct place *p)
{
	const uint32_t at = begin & ~(DGEN_LINE - 1u);
	vec line[VECS], mask[VECS];

	set_mask(mask, t, random_in_line(shape, v, at));
	for (int i = 0; i < VECS; i++)
		line[i] = and(line_part(keys, t, line_at(t, at), i, p), mask[i]);
	return put_part_of_line(line, begin, end, p);
}

/* Any bytes of one block, that may begin or end within a line. */
static INLINED bool odd(const struct dgen_tables *t, struct dgen_content number,
			const struct dgen_shape *shape, struct dgen_span span, uint8_t *out,
			bool varies, bool few, bool compare)
{
	struct place p = place(block_of(out, span.begin), compare);
	const uint32_t begin = span.begin, end = span.end;
	struct varied varied = { 0 }, *const v = varies ? &varied : NULL;
	struct keys keys;

	if (few)
		set_few(&p, shape, varies);
	set_keys(&keys, t, number_of(number));
	if (varies) {
		set_varied(v, shape, shape->chunk);
		set_key(v, &keys);
	}
	span.begin = (begin + DGEN_LINE - 1) & ~(DGEN_LINE - 1u);
	span.end = end & ~(DGEN_LINE - 1u);
	if (begin < span.begin &&
	    !put_part(&keys, t, shape, v, begin, end < span.begin ? end : span.begin, &p))
		return false;
	if (end < span.begin)
		return true;
	if (varies)
		for (uint32_t at = span.begin; at < span.end; at += DGEN_LINE)
			put_varied(&keys, t, at, DGEN_LINE, random_in_line(shape, v, at), &p);
	else if (shape->chunk == DGEN_BLOCK && shape->random >= span.end)
		put_any_lines(&keys, t, span.begin, span.end, &p);
	else
		put_block(&keys, t, shape, span, &p);
	if (span.end < end && !put_part(&keys, t, shape, v, span.end, end, &p))
		return false;
	return !compare || !any(p.differs);
}

/*
 * What is done otherwise is apart, each with all arguments where they are ("used" keeps them there): one goes on to
 * the other without a stack, and the shortest needs no saved registers.
 */
#define BLOCKS(name)                                                                               \
	static __attribute__((noinline, used)) size_t name(                                        \
		const struct dgen_tables *t, const struct dgen_content *numbers, size_t count,     \
		const struct dgen_shape *shape, uint32_t size, uint8_t *at)
#define BLOCK(name)                                                                                \
	static __attribute__((noinline, used)) bool name(const struct dgen_tables *t,              \
							 struct dgen_content number,               \
							 const struct dgen_shape *shape,           \
							 struct dgen_span span, uint8_t *at)

#define OPERATION(name, compares)                                                                  \
	BLOCKS(name##_varied)                                                                      \
	{                                                                                          \
		return varied_blocks(t, numbers, count, shape, size, at, compares);                \
	}                                                                                          \
	BLOCKS(name##_few)                                                                         \
	{                                                                                          \
		const uint32_t chunk = shape->chunk;                                               \
                                                                                                   \
		if (chunk < DGEN_CHUNK_VARIED)                                                     \
			return varied(t, numbers, count, shape, size, at, chunk, true, compares);  \
		return blocks(t, numbers, count, shape, size, at,                                  \
			      shape->random < (chunk < size ? chunk : size), true, true,           \
			      compares);                                                           \
	}                                                                                          \
	BLOCKS(name##_chunks)                                                                      \
	{                                                                                          \
		return blocks(t, numbers, count, shape, size, at, true, true, false, compares);    \
	}                                                                                          \
	BLOCKS(name##_sparse)                                                                      \
	{                                                                                          \
		return blocks(t, numbers, count, shape, size, at, true, false, false, compares);   \
	}                                                                                          \
	BLOCKS(name##_blocks)                                                                      \
	{                                                                                          \
		if (shape->symbols)                                                                \
			return name##_few(t, numbers, count, shape, size, at);                     \
		if (shape->chunk < DGEN_CHUNK_VARIED)                                              \
			return name##_varied(t, numbers, count, shape, size, at);                  \
		if (shape->random < shape->chunk && shape->chunk < size)                           \
			return name##_chunks(t, numbers, count, shape, size, at);                  \
		if (shape->random < shape->chunk && shape->random < size)                          \
			return name##_sparse(t, numbers, count, shape, size, at);                  \
		return blocks(t, numbers, count, shape, size, at, false, false, false, compares);  \
	}                                                                                          \
	static __attribute__((noinline, used))                                                     \
	size_t name##_each(const struct dgen_tables *t, const struct dgen_content *numbers,        \
			   size_t count, const struct dgen_shape *shapes, uint32_t size,           \
			   uint8_t *at)                                                            \
	{                                                                                          \
		return each(t, numbers, count, shapes, size, at, compares);                        \
	}                                                                                          \
	BLOCK(name##_other_odd)                                                                    \
	{                                                                                          \
		return odd(t, number, shape, span, at, shape->chunk < DGEN_CHUNK_VARIED,           \
			   shape->symbols, compares);                                              \
	}                                                                                          \
	BLOCK(name##_odd)                                                                          \
	{                                                                                          \
		if (!span.begin && span.end == DGEN_BLOCK)                                         \
			return name##_blocks(t, &number, 1, shape, DGEN_BLOCK, at);                \
		if (shape->chunk < DGEN_CHUNK_VARIED || shape->symbols)                            \
			return name##_other_odd(t, number, shape, span, at);                       \
		return odd(t, number, shape, span, at, false, false, compares);                    \
	}                                                                                          \
	BLOCK(name##_sparse_block)                                                                 \
	{                                                                                          \
		return block(t, number, shape, span, at, true, compares);                          \
	}                                                                                          \
	BLOCK(name##_block)                                                                        \
	{                                                                                          \
		if (shape->chunk != DGEN_BLOCK || shape->symbols ||                                \
		    (span.begin | span.end) % DGEN_LINE)                                           \
			return name##_odd(t, number, shape, span, at);                             \
		if (shape->random < span.end)                                                      \
			return name##_sparse_block(t, number, shape, span, at);                    \
		return block(t, number, shape, span, at, false, compares);                         \
	}

OPERATION(fill, false)
OPERATION(compare, true)

#define FILL                                                                                       \
	{                                                                                          \
		fill_blocks, fill_each, fill_block                                                 \
	}
#define COMPARE                                                                                    \
	{                                                                                          \
		compare_blocks, compare_each, compare_block                                        \
	}
