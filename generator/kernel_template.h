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

struct keys {
	vec k0[VECS], k1[VECS];
};

/* Where blocks go, or are looked for. */
struct place {
	uint8_t *at;
	bool compare; /* a constant */
	vec differs;  /* bits that were found otherwise */
};

static INLINED void put(struct place *p, vec v)
{
	if (p->compare)
		p->differs = differ(p->differs, load(p->at), v);
	else
		store(p->at, v);
	p->at += sizeof(vec);
}

/*
 * Two rounds make every byte of the number felt in all sixteen, two more tell the lanes apart:
 * neighbouring numbers have unrelated keys.
 */
static inline void set_keys(struct keys *keys, const struct dgen_tables *t,
			    struct dgen_content number)
{
	vec r2 = lane16(t->rounds[2]), r3 = lane16(t->rounds[3]);
	vec n;

	/*
	 * Numbers are written as two words. Were they read as one vector, that would wait until both
	 * words, and the block before them, have left the store buffer.
	 */
	__asm__("" : "+r"(number.low));
	n = aes(t, aes(t, pair(number.low, number.high), lane16(t->rounds[0])),
		lane16(t->rounds[1]));

	for (int i = 0; i < VECS; i++) {
		vec a = xor(n, load(t->lanes[0] + i * sizeof(vec)));
		vec b = xor(n, load(t->lanes[1] + i * sizeof(vec)));

		keys->k0[i] = aes(t, aes(t, a, r2), r3);
		keys->k1[i] = aes(t, aes(t, b, r2), r3);
	}
}

static inline vec line_part(const struct keys *keys, const struct dgen_tables *t,
			    const uint8_t *line, int i)
{
	return aes(t, xor(load(line + i * sizeof(vec)), keys->k0[i]), keys->k1[i]);
}

static INLINED void put_line(const struct keys *keys, const struct dgen_tables *t,
			     const uint8_t *line, struct place *p)
{
	for (int i = 0; i < VECS; i++)
		put(p, line_part(keys, t, line, i));
}

/* The line in which the random bytes end; the span goes on with zeros. */
static INLINED void put_last_line(const struct keys *keys, const struct dgen_tables *t,
				  const uint8_t *line, uint32_t bytes, struct place *p)
{
	const uint8_t *mask = dgen_mask + DGEN_LINE - bytes;

	for (int i = 0; i < VECS; i++)
		put(p, and(line_part(keys, t, line, i), load(mask + i * sizeof(vec))));
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
static INLINED void announce(const struct place *p, const uint8_t *next)
{
	if (next && p->compare)
		__builtin_prefetch(next, 0);
	else if (next)
		__builtin_prefetch(next, 1);
}

/*
 * Bytes [begin, end) of a block, begin on a line, and zeros to the end of the last line. next: where the next
 * block goes, or NULL.
 */
static INLINED void put_random(const struct keys *keys, const struct dgen_tables *t, uint32_t begin,
			       uint32_t end, const uint8_t *next, struct place *p)
{
	const uint8_t *const lines = (const uint8_t *)t->lines;
	const uint8_t *line = lines + begin, *stop = lines + end / DGEN_LINE * DGEN_LINE;

	announce(p, next);
	/* Few iterations, so that their end is predicted and the next block's keys begin early. */
	for (; stop - line >= AT_ONCE * DGEN_LINE; line += AT_ONCE * DGEN_LINE) {
#pragma GCC unroll 16
		for (int i = 0; i < AT_ONCE; i++)
			put_line(keys, t, line + i * DGEN_LINE, p);
	}
	for (; line < stop; line += DGEN_LINE)
		put_line(keys, t, line, p);
	if (end % DGEN_LINE)
		put_last_line(keys, t, line, end % DGEN_LINE, p);
}

static INLINED void put_zeros(struct place *p, const uint8_t *end)
{
	/* No pragma here: compilers take it for the outer loop too, and then guess where that ends. */
	while (end - p->at >= AT_ONCE * DGEN_LINE)
		for (int i = 0; i < AT_ONCE * VECS; i++)
			put(p, zero());
	while (p->at < end) {
		/* Else compilers make this a call of memset, and save all registers around it. */
		__asm__("" : "+r"(p->at));
		put(p, zero());
	}
}

/* Bytes [at, stop) of a block, which lie in one chunk; random, stale: where in the block these end. */
static INLINED void put_chunk(const struct keys *keys, const struct dgen_tables *t, uint32_t at,
			      uint32_t stop, uint32_t random, uint32_t stale, const uint8_t *next,
			      struct place *p)
{
	uint8_t *begin = p->at;

	random = random < stop ? random : stop;
	if (at < random)
		put_random(keys, t, at, random, next, p);
	put_zeros(p, begin - at + (stale < stop ? stale : stop));
	p->at = begin + (stop - at);
}

static INLINED void put_block(const struct keys *keys, const struct dgen_tables *t,
			      const struct dgen_shape *shape, struct dgen_span span,
			      const uint8_t *next, struct place *p)
{
	if (shape->chunk == DGEN_BLOCK) {
		put_chunk(keys, t, span.begin, span.end, shape->random, shape->stale, next, p);
		return;
	}
	for (uint32_t at = span.begin, stop; at < span.end; at = stop) {
		uint32_t chunk = at & ~(shape->chunk - 1);

		stop = chunk + shape->chunk < span.end ? chunk + shape->chunk : span.end;
		put_chunk(keys, t, at, stop, chunk + shape->random, chunk + shape->stale, NULL, p);
	}
}

/* Bytes [skip, skip + size) of a line; false if others were found. */
static INLINED bool put_part_of_line(const vec line[VECS], uint32_t skip, uint32_t size,
				     struct place *p)
{
#ifdef PARTS
	uint64_t bytes = UINT64_MAX >> (DGEN_LINE - size) << skip;

	p->at += size;
	if (!p->compare) {
		store_part(p->at - size - skip, bytes, line[0]);
		return true;
	}
	return !any(differ(zero(), load_part(p->at - size - skip, bytes, line[0]), line[0]));
#else
	uint8_t bytes[DGEN_LINE];

	for (int i = 0; i < VECS; i++)
		store(bytes + i * sizeof(vec), line[i]);
	p->at += size;
	if (p->compare)
		return !memcmp(p->at - size, bytes + skip, size);
	memcpy(p->at - size, bytes + skip, size);
	return true;
#endif
}

/* How many bytes of the line in which this byte is are random. */
static inline uint32_t random_in_line(const struct dgen_shape *shape, uint32_t at)
{
	uint32_t line = at & ~(DGEN_LINE - 1u);
	uint32_t random = (line & ~(shape->chunk - 1)) + shape->random;

	if (random <= line)
		return 0;
	return random - line < DGEN_LINE ? random - line : DGEN_LINE;
}

/* Bytes [begin, end) of one line of a block, of which the first random ones are. */
static INLINED bool put_part(const struct keys *keys, const struct dgen_tables *t, uint32_t random,
			     uint32_t begin, uint32_t end, struct place *p)
{
	uint32_t at = begin & ~(DGEN_LINE - 1u);
	const uint8_t *mask = dgen_mask + DGEN_LINE - random;
	vec line[VECS];

	for (int i = 0; i < VECS; i++)
		line[i] = and(line_part(keys, t, (const uint8_t *)t->lines + at, i),
			      load(mask + i * sizeof(vec)));
	return put_part_of_line(line, begin - at, end - begin, p);
}

/* Bytes of one block that may begin or end within a line. */
static INLINED bool odd(const struct dgen_tables *t, struct dgen_content number,
			const struct dgen_shape *shape, struct dgen_span span, uint8_t *out,
			bool compare)
{
	struct place p = { out, compare, zero() };
	uint32_t begin = span.begin, end = span.end;
	struct keys keys;

	set_keys(&keys, t, number);
	span.begin = (begin + DGEN_LINE - 1) & ~(DGEN_LINE - 1u);
	span.end = end & ~(DGEN_LINE - 1u);
	if (begin < span.begin && !put_part(&keys, t, random_in_line(shape, begin), begin,
					    end < span.begin ? end : span.begin, &p))
		return false;
	if (end < span.begin)
		return true;
	put_block(&keys, t, shape, span, NULL, &p);
	if (span.end < end &&
	    !put_part(&keys, t, random_in_line(shape, span.end), span.end, end, &p))
		return false;
	return !compare || !any(p.differs);
}

static INLINED size_t blocks(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, const struct dgen_shape *shape, uint32_t size,
			     uint8_t *at, bool compare)
{
	const struct dgen_content *number = numbers, *last = numbers + count - 1;
	struct place p = { at, compare, zero() };
	struct keys keys, next;

	set_keys(&next, t, *number);
	for (; number <= last; number++) {
		/* A block ahead: the keys take long, but need not wait for the stores. */
		keys = next;
		if (number < last)
			set_keys(&next, t, number[1]);
		put_block(&keys, t, shape, (struct dgen_span){ 0, size }, p.at + size, &p);
		if (compare && any(p.differs))
			return (size_t)(number - numbers);
	}
	return count;
}

/* A span of a block that is one chunk, from line to line. */
static INLINED bool block(const struct dgen_tables *t, struct dgen_content number,
			  const struct dgen_shape *shape, struct dgen_span span, uint8_t *at,
			  bool compare)
{
	struct place p = { at, compare, zero() };
	struct keys keys;

	set_keys(&keys, t, number);
	put_chunk(&keys, t, span.begin, span.end, shape->random, shape->stale, NULL, &p);
	return !compare || !any(p.differs);
}

/*
 * Chunks below DGEN_CHUNK_VARIED are there to make compressors work as on real files, where matches are
 * a few dozen bytes apart and no two alike: were all chunks of one length, branches would be predicted. So of
 * two neighbours one has as many more random bytes as the other has less, up to none or all, by a byte of
 * the block's key. This is the number of them in the line at this byte.
 */
static inline uint32_t varied_in_line(const uint8_t key[DGEN_LINE], const struct dgen_shape *shape,
				      uint32_t at)
{
	const uint32_t all = shape->chunk * DGEN_VARIED_PARTS;
	const uint32_t room = shape->random < all - shape->random ? shape->random :
								    all - shape->random;
	const int32_t by = key[(at & ~(2 * shape->chunk - 1)) / DGEN_LINE] - 128;
	const int32_t sum = (int32_t)(128 * shape->random) +
			    (at & shape->chunk ? -by : by) * (int32_t)room;
	const int32_t random = sum / (128 * DGEN_VARIED_PARTS) - (int32_t)(at & (shape->chunk - 1));

	if (random <= 0)
		return 0;
	return random < DGEN_LINE ? (uint32_t)random : DGEN_LINE;
}

static INLINED bool put_varied(const struct keys *keys, const struct dgen_tables *t,
			       const struct dgen_shape *shape, struct dgen_span span,
			       struct place *p)
{
	uint8_t key[DGEN_LINE];

	for (int i = 0; i < VECS; i++)
		store(key + i * sizeof(vec), keys->k0[i]);
	for (uint32_t at = span.begin, stop; at < span.end; at = stop) {
		uint32_t line = at & ~(DGEN_LINE - 1u), random = varied_in_line(key, shape, line);

		stop = line + DGEN_LINE < span.end ? line + DGEN_LINE : span.end;
		if (stop - at == DGEN_LINE)
			put_last_line(keys, t, (const uint8_t *)t->lines + line, random, p);
		else if (!put_part(keys, t, random, at, stop, p))
			return false;
	}
	return true;
}

static INLINED size_t varied(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, const struct dgen_shape *shape, struct dgen_span span,
			     uint8_t *at, bool compare)
{
	struct place p = { at, compare, zero() };
	struct keys keys;

	for (size_t i = 0; i < count; i++) {
		set_keys(&keys, t, numbers[i]);
		if (!put_varied(&keys, t, shape, span, &p) || (compare && any(p.differs)))
			return i;
	}
	return count;
}

/* What is rare is apart, with all arguments where they are: the rest needs neither stack nor saved registers. */
#define OPERATION(name, compares)                                                                  \
	static __attribute__((noinline))                                                           \
	size_t name##_varied(const struct dgen_tables *t, const struct dgen_content *numbers,      \
			     size_t count, const struct dgen_shape *shape, struct dgen_span span,  \
			     uint8_t *at)                                                          \
	{                                                                                          \
		return varied(t, numbers, count, shape, span, at, compares);                       \
	}                                                                                          \
	static __attribute__((noinline)) bool name##_odd(const struct dgen_tables *t,              \
							 struct dgen_content number,               \
							 const struct dgen_shape *shape,           \
							 struct dgen_span span, uint8_t *at)       \
	{                                                                                          \
		if (shape->chunk < DGEN_CHUNK_VARIED)                                              \
			return name##_varied(t, &number, 1, shape, span, at);                      \
		return odd(t, number, shape, span, at, compares);                                  \
	}                                                                                          \
	static size_t name##_blocks(const struct dgen_tables *t,                                   \
				    const struct dgen_content *numbers, size_t count,              \
				    const struct dgen_shape *shape, uint32_t size, uint8_t *at)    \
	{                                                                                          \
		if (shape->chunk < DGEN_CHUNK_VARIED)                                              \
			return name##_varied(t, numbers, count, shape,                             \
					     (struct dgen_span){ 0, size }, at);                   \
		return blocks(t, numbers, count, shape, size, at, compares);                       \
	}                                                                                          \
	static bool name##_block(const struct dgen_tables *t, struct dgen_content number,          \
				 const struct dgen_shape *shape, struct dgen_span span,            \
				 uint8_t *at)                                                      \
	{                                                                                          \
		if (shape->chunk < DGEN_BLOCK || (span.begin | span.end) % DGEN_LINE)              \
			return name##_odd(t, number, shape, span, at);                             \
		return block(t, number, shape, span, at, compares);                                \
	}

OPERATION(fill, false)
OPERATION(compare, true)

#define FILL                                                                                       \
	{                                                                                          \
		fill_blocks, fill_block                                                            \
	}
#define COMPARE                                                                                    \
	{                                                                                          \
		compare_blocks, compare_block                                                      \
	}
