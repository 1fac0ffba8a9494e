/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of every kernel. A kernel file defines its vocabulary and includes this once:
 *
 *   vec                     a vector of bytes, 16, 32 or 64 of them
 *   vec load(p)             from unaligned memory
 *   void store(p, v)        to unaligned memory
 *   vec number(low, high)   the two as little-endian bytes, in every 16-byte lane
 *   vec lane16(p)           16 bytes in every lane
 *   vec xor(a, b)
 *   vec zero()
 *   vec aes(t, v, key)      AESENC of each lane
 */
#include <string.h>

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

static inline void write_line(const struct keys *keys, const struct dgen_tables *t, uint32_t line,
			      uint8_t *out)
{
	for (int i = 0; i < VECS; i++)
		store(out + i * sizeof(vec),
		      aes(t, xor(load(t->lines[line] + i * sizeof(vec)), keys->k0[i]),
			  keys->k1[i]));
}

static inline uint8_t *write_random(const struct keys *keys, const struct dgen_tables *t,
				    const struct dgen_span *span, uint8_t *out)
{
	uint32_t line = span->line, end = line + span->random / DGEN_LINE;
	uint32_t rest = span->random % DGEN_LINE;

	for (; line < end; line++, out += DGEN_LINE)
		write_line(keys, t, line, out);
	if (rest) {
		/* The span goes on to the end of the line, with zeros. */
		write_line(keys, t, line, out);
		memset(out + rest, 0, DGEN_LINE - rest);
		out += DGEN_LINE;
	}
	return out;
}

static void fill(const struct dgen_tables *t, const struct dgen_span *spans, size_t count,
		 uint8_t *out)
{
	for (const struct dgen_span *span = spans; span < spans + count; span++) {
		uint8_t *end = out + span->random + span->zeros;
		struct keys keys;

		if (span->random) {
			set_keys(&keys, t, span->low, span->high);
			out = write_random(&keys, t, span, out);
		}
		for (; out < end; out += DGEN_LINE)
			for (int i = 0; i < VECS; i++)
				store(out + i * sizeof(vec), zero());
	}
}
