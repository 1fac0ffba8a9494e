// SPDX-License-Identifier: GPL-2.0-only
/* Plain C, any processor and byte order: AES by table lookup, 16 bytes at a time. */
#include "kernel.h"

#include <string.h>

typedef struct {
	uint32_t w
		[4]; /* byte i of the lane is byte i % 4, from the least significant, of w[i / 4] */
} vec;

static inline uint32_t little(uint32_t x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap32(x);
#else
	return x;
#endif
}

static inline vec load(const uint8_t *p)
{
	vec v;

	memcpy(&v, p, sizeof(v));
	for (int i = 0; i < 4; i++)
		v.w[i] = little(v.w[i]);
	return v;
}

static inline void store(uint8_t *p, vec v)
{
	for (int i = 0; i < 4; i++)
		v.w[i] = little(v.w[i]);
	memcpy(p, &v, sizeof(v));
}

static inline vec lane16(const uint8_t *p)
{
	return load(p);
}

static inline vec pair(uint64_t low, uint64_t high)
{
	return (vec){ { (uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high,
			(uint32_t)(high >> 32) } };
}

static inline vec xor
		(vec a, vec b) {
			for (int i = 0; i < 4; i++)
				a.w[i] ^= b.w[i];
			return a;
		}

		static inline vec
	and (vec a, vec b)
{
	for (int i = 0; i < 4; i++)
		a.w[i] &= b.w[i];
	return a;
}

static inline vec zero(void)
{
	return (vec){ { 0 } };
}

static inline vec aes(const struct dgen_tables *t, vec v, vec key)
{
	vec out;

	for (int i = 0; i < 4; i++)
		out.w[i] = t->aes[0][v.w[i] & 0xff] ^ t->aes[1][v.w[(i + 1) & 3] >> 8 & 0xff] ^
			   t->aes[2][v.w[(i + 2) & 3] >> 16 & 0xff] ^
			   t->aes[3][v.w[(i + 3) & 3] >> 24] ^ key.w[i];
	return out;
}

static inline vec differ(vec d, vec a, vec b)
{
	for (int i = 0; i < 4; i++)
		d.w[i] |= a.w[i] ^ b.w[i];
	return d;
}

static inline int any(vec v)
{
	return (v.w[0] | v.w[1] | v.w[2] | v.w[3]) != 0;
}

#include "kernel_template.h"

static int usable(void)
{
	return 1;
}

const struct dgen_kernel dgen_kernel_portable = { "portable", usable, FILL, COMPARE };
