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
 * Where vec is a whole line (Zen 5), zeros are written faster than memory takes them, unless it heard of
 * them before. So the random part of a block announces the same lines of the next, and others that lie
 * zeros bytes behind. With smaller ones (Zen 3) that costs a tenth in caches, a fifth beyond.
 *
 * Stores around the caches would spare memory the read before a write. Measured on Zen 5 they gained
 * nothing to a half with 16 buffers of 8 MiB, lost a third with 16 of 1 MiB and most in the caches; a
 * call sees its own length, not the pool it is part of, so there are none.
 */
static inline void announce(uint8_t *out, uint32_t zeros)
{
	if (!zeros)
		return;
	__builtin_prefetch(out + DGEN_BLOCK, 1);
	__builtin_prefetch(out + DGEN_BLOCK + zeros, 1);
}

/* Bytes [begin, end) of a block, begin on a line, and zeros to the end of the last line. */
static INLINED void put_random(const struct keys *keys, const struct dgen_tables *t, uint32_t begin,
			       uint32_t end, uint32_t zeros, struct place *p)
{
	const uint8_t *const lines = (const uint8_t *)t->lines;
	const uint8_t *line = lines + begin, *stop = lines + end / DGEN_LINE * DGEN_LINE;

	/* Few iterations, so that their end is predicted and the next block's keys begin early. */
	for (; stop - line >= AT_ONCE * DGEN_LINE; line += AT_ONCE * DGEN_LINE)
#pragma GCC unroll 16
		for (int i = 0; i < AT_ONCE; i++) {
			announce(p->at, zeros);
			put_line(keys, t, line + i * DGEN_LINE, p);
		}
	for (; line < stop; line += DGEN_LINE)
		put_line(keys, t, line, p);
	if (end % DGEN_LINE)
		put_last_line(keys, t, line, end % DGEN_LINE, p);
}

static INLINED void put_zeros(struct place *p, const uint8_t *end)
{
	while (end - p->at >= AT_ONCE * DGEN_LINE)
#pragma GCC unroll 16
		for (int i = 0; i < AT_ONCE * VECS; i++)
			put(p, zero());
	while (p->at < end) {
		/* Else compilers make this a call of memset, and save all registers around it. */
		__asm__("" : "+r"(p->at));
		put(p, zero());
	}
}

static INLINED void put_block(const struct keys *keys, const struct dgen_tables *t,
			      struct dgen_shape shape, bool last, struct place *p)
{
	const bool announces = VECS == 1 && !p->compare && !last && shape.random < shape.chunk &&
			       (shape.stale >= shape.chunk || shape.stale >= shape.end);
	uint32_t zeros = announces ? shape.chunk / 2 : 0;

	for (uint32_t at = shape.begin; at < shape.end;) {
		uint32_t chunk = at & ~(shape.chunk - 1);
		uint32_t stop = chunk + shape.chunk < shape.end ? chunk + shape.chunk : shape.end;
		uint32_t random = chunk + shape.random < stop ? chunk + shape.random : stop;
		uint32_t stale = chunk + shape.stale < stop ? chunk + shape.stale : stop;
		uint8_t *begin = p->at;

		if (at < random)
			put_random(keys, t, at, random, zeros, p);
		put_zeros(p, begin - at + stale);
		p->at = begin + (stop - at);
		at = stop;
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
static inline uint32_t random_in_line(struct dgen_shape shape, uint32_t at)
{
	uint32_t line = at & ~(DGEN_LINE - 1u), random = (line & ~(shape.chunk - 1)) + shape.random;

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

/* Bytes of one block that begin or end within a line. */
static INLINED bool odd(const struct dgen_tables *t, struct dgen_content number,
			struct dgen_shape shape, uint8_t *out, bool compare)
{
	struct place p = { out, compare, zero() };
	uint32_t begin = shape.begin, end = shape.end;
	struct keys keys;

	set_keys(&keys, t, number);
	shape.begin = (begin + DGEN_LINE - 1) & ~(DGEN_LINE - 1u);
	shape.end = end & ~(DGEN_LINE - 1u);
	if (begin < shape.begin && !put_part(&keys, t, random_in_line(shape, begin), begin,
					     end < shape.begin ? end : shape.begin, &p))
		return false;
	if (end < shape.begin)
		return true;
	put_block(&keys, t, shape, true, &p);
	if (shape.end < end &&
	    !put_part(&keys, t, random_in_line(shape, shape.end), shape.end, end, &p))
		return false;
	return !compare || !any(p.differs);
}

static INLINED size_t blocks(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, struct dgen_shape shape, uint8_t *at, bool compare)
{
	struct place p = { at, compare, zero() };
	struct keys keys, next;

	set_keys(&next, t, numbers[0]);
	for (size_t i = 0; i < count; i++) {
		/* A block ahead: the keys take long, but need not wait for the stores. */
		keys = next;
		if (i + 1 < count)
			set_keys(&next, t, numbers[i + 1]);
		put_block(&keys, t, shape, i + 1 == count, &p);
		if (compare && any(p.differs))
			return i;
	}
	return count;
}

/*
 * Chunks below DGEN_CHUNK_VARIED are there to make compressors work as on real files, where matches are
 * a few dozen bytes apart and no two alike: were all chunks of one length, branches would be predicted. So of
 * two neighbours one has as many more random bytes as the other has less, up to none or all, by a byte of
 * the block's key. This is the number of them in the line at this byte.
 */
static inline uint32_t varied_in_line(const uint8_t key[DGEN_LINE], struct dgen_shape shape,
				      uint32_t at)
{
	const uint32_t all = shape.chunk * DGEN_VARIED_PARTS;
	const uint32_t room = shape.random < all - shape.random ? shape.random : all - shape.random;
	const int32_t by = key[(at & ~(2 * shape.chunk - 1)) / DGEN_LINE] - 128;
	const int32_t sum = (int32_t)(128 * shape.random) +
			    (at & shape.chunk ? -by : by) * (int32_t)room;
	const int32_t random = sum / (128 * DGEN_VARIED_PARTS) - (int32_t)(at & (shape.chunk - 1));

	if (random <= 0)
		return 0;
	return random < DGEN_LINE ? (uint32_t)random : DGEN_LINE;
}

static INLINED bool put_varied(const struct keys *keys, const struct dgen_tables *t,
			       struct dgen_shape shape, struct place *p)
{
	uint8_t key[DGEN_LINE];

	for (int i = 0; i < VECS; i++)
		store(key + i * sizeof(vec), keys->k0[i]);
	for (uint32_t at = shape.begin, stop; at < shape.end; at = stop) {
		uint32_t line = at & ~(DGEN_LINE - 1u), random = varied_in_line(key, shape, line);

		stop = line + DGEN_LINE < shape.end ? line + DGEN_LINE : shape.end;
		if (stop - at == DGEN_LINE)
			put_last_line(keys, t, (const uint8_t *)t->lines + line, random, p);
		else if (!put_part(keys, t, random, at, stop, p))
			return false;
	}
	return true;
}

static INLINED size_t varied(const struct dgen_tables *t, const struct dgen_content *numbers,
			     size_t count, struct dgen_shape shape, uint8_t *at, bool compare)
{
	struct place p = { at, compare, zero() };
	struct keys keys;

	for (size_t i = 0; i < count; i++) {
		set_keys(&keys, t, numbers[i]);
		if (!put_varied(&keys, t, shape, &p) || (compare && any(p.differs)))
			return i;
	}
	return count;
}

static __attribute__((noinline)) size_t fill_varied(const struct dgen_tables *t,
						    const struct dgen_content *numbers,
						    size_t count, const struct dgen_shape *shape,
						    uint8_t *out)
{
	return varied(t, numbers, count, *shape, out, false);
}

static __attribute__((noinline)) size_t compare_varied(const struct dgen_tables *t,
						       const struct dgen_content *numbers,
						       size_t count, const struct dgen_shape *shape,
						       uint8_t *found)
{
	return varied(t, numbers, count, *shape, found, true);
}

/* Apart, so that whole blocks need no room on the stack. */
static __attribute__((noinline)) size_t fill_odd(const struct dgen_tables *t,
						 struct dgen_content number,
						 const struct dgen_shape *shape, uint8_t *out)
{
	return odd(t, number, *shape, out, false);
}

static __attribute__((noinline)) size_t compare_odd(const struct dgen_tables *t,
						    struct dgen_content number,
						    const struct dgen_shape *shape, uint8_t *found)
{
	return odd(t, number, *shape, found, true);
}

static size_t fill(const struct dgen_tables *t, const struct dgen_content *numbers, size_t count,
		   const struct dgen_shape *shape, uint8_t *out)
{
	if (shape->chunk < DGEN_CHUNK_VARIED)
		return fill_varied(t, numbers, count, shape, out);
	if ((shape->begin | shape->end) % DGEN_LINE)
		return fill_odd(t, numbers[0], shape, out);
	return blocks(t, numbers, count, *shape, out, false);
}

static size_t compare(const struct dgen_tables *t, const struct dgen_content *numbers, size_t count,
		      const struct dgen_shape *shape, uint8_t *found)
{
	if (shape->chunk < DGEN_CHUNK_VARIED)
		return compare_varied(t, numbers, count, shape, found);
	if ((shape->begin | shape->end) % DGEN_LINE)
		return compare_odd(t, numbers[0], shape, found);
	return blocks(t, numbers, count, *shape, found, true);
}
