// SPDX-License-Identifier: GPL-2.0-only
/* AVX2 with VAES: 32 bytes at a time. */
#include "kernel.h"
#include "kernel_x86.h"

#include <immintrin.h>

typedef __m256i vec;

static inline vec load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

static inline void store(uint8_t *p, vec v)
{
	_mm256_storeu_si256((__m256i *)p, v);
}

static inline vec lane16(const uint8_t *p)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}

static inline vec pair(uint64_t low, uint64_t high)
{
	return _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)high, (long long)low));
}

static inline vec xor (vec a, vec b) { return _mm256_xor_si256(a, b); }

		static inline vec
	and (vec a, vec b)
{
	return _mm256_and_si256(a, b);
}

static inline vec zero(void)
{
	return _mm256_setzero_si256();
}

static inline vec aes(const struct dgen_tables *t, vec v, vec key)
{
	(void)t;
	return _mm256_aesenc_epi128(v, key);
}

static inline vec differ(vec d, vec a, vec b)
{
	return _mm256_or_si256(d, _mm256_xor_si256(a, b));
}

static inline int any(vec v)
{
	return !_mm256_testz_si256(v, v);
}

#include "kernel_template.h"

/* The builtin asks the system (XCR0) as well as the processor. */
static int usable(void)
{
	return __builtin_cpu_supports("avx2") && has_vaes();
}

const struct dgen_kernel dgen_kernel_vaes = { "vaes", usable, FILL, COMPARE };
