// SPDX-License-Identifier: GPL-2.0-only
/* AVX-512F and BW with VAES: a line at a time. */
#include "kernel.h"
#include "kernel_x86.h"

#include <immintrin.h>

typedef __m512i vec;

static inline vec load(const uint8_t *p)
{
	return _mm512_loadu_si512((const __m512i *)p);
}

static inline void store(uint8_t *p, vec v)
{
	_mm512_storeu_si512((__m512i *)p, v);
}

static inline vec lane16(const uint8_t *p)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
}

static inline vec pair(uint64_t low, uint64_t high)
{
	/* Without a shuffle between lanes on the way: a block waits for its number. */
	return _mm512_mask_set1_epi64(_mm512_set1_epi64((long long)low), 0xaa, (long long)high);
}

static inline vec xor (vec a, vec b) { return _mm512_xor_si512(a, b); }

		static inline vec
	and (vec a, vec b)
{
	return _mm512_and_si512(a, b);
}

static inline vec zero(void)
{
	return _mm512_setzero_si512();
}

static inline vec aes(const struct dgen_tables *t, vec v, vec key)
{
	(void)t;
	return _mm512_aesenc_epi128(v, key);
}

static inline vec differ(vec d, vec a, vec b)
{
	return _mm512_ternarylogic_epi64(d, a, b, 0xf6);
}

static inline int any(vec v)
{
	return _mm512_test_epi64_mask(v, v) != 0;
}

/* No byte that is not chosen is touched. */
#define PARTS
static inline void store_part(uint8_t *p, uint64_t bytes, vec v)
{
	_mm512_mask_storeu_epi8(p, bytes, v);
}

static inline vec load_part(const uint8_t *p, uint64_t bytes, vec v)
{
	return _mm512_mask_loadu_epi8(v, bytes, p);
}

#include "kernel_template.h"

/* The builtin asks the system (XCR0) as well as the processor. */
static int usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       has_vaes();
}

const struct dgen_kernel dgen_kernel_avx512 = { "avx512", usable, FILL, COMPARE };
