/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of every kernel. A kernel file defines its vocabulary and includes this once:
 *
 *   vec                     a vector of bytes, 16, 32 or 64 of them
 *   vec load(p)             from unaligned memory
 *   void store(p, v)        to unaligned memory
 *   vec number(low, high)   the two as little-endian bytes, in every 16-byte lane
 *   vec lane16(p)           16 bytes in every lane
 *   vec xor(a, b), and(a, b)
 *   vec zero()
 *   vec aes(t, v, key)      AESENC of each lane
 */
#define VECS ((int)(DGEN_LINE / sizeof(vec))) /* in a line */

struct keys {
	vec k0[VECS], k1[VECS];
};

/* Two rounds with distinct lane constants: every key bit depends on every bit of the number. */
static inline void set_keys(struct keys *keys, const struct dgen_tables *t, uint64_t low,
			    uint64_t high)
{
	vec n = number(low, high), r0 = lane16(t->rounds[0]), r1 = lane16(t->rounds[1]);

	for (int i = 0; i < VECS; i++) {
		vec a = xor(n, load(t->lanes[0] + i * sizeof(vec)));
		vec b = xor(n, load(t->lanes[1] + i * sizeof(vec)));

		keys->k0[i] = aes(t, aes(t, a, r0), r1);
		keys->k1[i] = aes(t, aes(t, b, r0), r1);
	}
}

static inline vec line_part(const struct keys *keys, const struct dgen_tables *t,
			    const uint8_t *line, int i)
{
	return aes(t, xor(load(line + i * sizeof(vec)), keys->k0[i]), keys->k1[i]);
}

static inline void write_line(const struct keys *keys, const struct dgen_tables *t,
			      const uint8_t *line, uint8_t *out)
{
	for (int i = 0; i < VECS; i++)
		store(out + i * sizeof(vec), line_part(keys, t, line, i));
}

/* The line in which the random bytes end; the span goes on with zeros. */
static inline void write_last_line(const struct keys *keys, const struct dgen_tables *t,
				   const uint8_t *line, uint32_t bytes, uint8_t *out)
{
	const uint8_t *mask = dgen_mask + DGEN_LINE - bytes;

	for (int i = 0; i < VECS; i++)
		store(out + i * sizeof(vec),
		      and(line_part(keys, t, line, i), load(mask + i * sizeof(vec))));
}

static inline uint8_t *write_random(const struct keys *keys, const struct dgen_tables *t,
				    const struct dgen_span *span, uint8_t *out)
{
	const uint8_t *line = t->lines[span->line];
	const uint8_t *end = line + span->random / DGEN_LINE * DGEN_LINE;

	/* Few iterations, so that their end is predicted and the next span's keys begin early. */
	for (; end - line >= 8 * DGEN_LINE; line += 8 * DGEN_LINE, out += 8 * DGEN_LINE)
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
			write_line(keys, t, line + i * DGEN_LINE, out + i * DGEN_LINE);
	for (; line < end; line += DGEN_LINE, out += DGEN_LINE)
		write_line(keys, t, line, out);
	if (span->random % DGEN_LINE) {
		write_last_line(keys, t, line, span->random % DGEN_LINE, out);
		out += DGEN_LINE;
	}
	return out;
}

static inline uint8_t *write_zeros(uint8_t *out, uint8_t *end)
{
	for (; end - out >= 8 * DGEN_LINE; out += 8 * DGEN_LINE)
#pragma GCC unroll 32
		for (int i = 0; i < 8 * VECS; i++)
			store(out + i * sizeof(vec), zero());
	for (; out < end; out += sizeof(vec))
		store(out, zero());
	return out;
}

static void fill(const struct dgen_tables *t, const struct dgen_span *spans, size_t count,
		 uint8_t *out)
{
	struct keys keys, next;

	if (!count)
		return;
	set_keys(&next, t, spans[0].low, spans[0].high);
	for (const struct dgen_span *span = spans; span < spans + count; span++) {
		uint8_t *end = out + span->random + span->zeros;

		/* A span ahead: the keys take long, but do not wait for the stores. */
		keys = next;
		if (span + 1 < spans + count)
			set_keys(&next, t, span[1].low, span[1].high);
		out = write_random(&keys, t, span, out);
		out = write_zeros(out, end);
	}
}
