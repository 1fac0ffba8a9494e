/* SPDX-License-Identifier: GPL-2.0-only */
/* The vocabulary of the kernels that go a lane at a time; their encoding is the compiler's choice. */
#ifndef DGEN_KERNEL_X86_LANE_H
#define DGEN_KERNEL_X86_LANE_H

#include <wmmintrin.h>

typedef __m128i vec;

static inline vec load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

static inline void store(uint8_t *p, vec v)
{
	_mm_storeu_si128((__m128i *)p, v);
}

static inline vec lane16(const uint8_t *p)
{
	return load(p);
}

static inline vec pair(uint64_t low, uint64_t high)
{
	return _mm_set_epi64x((long long)high, (long long)low);
}

static inline vec xor (vec a, vec b) { return _mm_xor_si128(a, b); }

		static inline vec
	and (vec a, vec b)
{
	return _mm_and_si128(a, b);
}

static inline vec zero(void)
{
	return _mm_setzero_si128();
}

static inline vec aes(const struct dgen_tables *t, vec v, vec key)
{
	(void)t;
	return _mm_aesenc_si128(v, key);
}

static inline vec differ(vec d, vec a, vec b)
{
	return _mm_or_si128(d, _mm_xor_si128(a, b));
}

static inline int any(vec v)
{
	return _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) != 0xffff;
}

#endif
