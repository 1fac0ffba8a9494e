/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_MIX_H
#define DGEN_MIX_H

#include <stdint.h>

#define DGEN_GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio, odd */

/*
 * A bijection of 64-bit numbers in which every output bit depends on every input bit: the finaliser
 * of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014),
 * with David Stafford's constants "Mix13".
 */
static inline uint64_t dgen_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The upper half of the 128-bit product. */
static inline uint64_t dgen_mulhi(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 64);
}

/*
 * A divisor with its reciprocal: a multiplication instead of a division, exact for every dividend
 * (Granlund, Montgomery: Division by invariant integers using multiplication, PLDI 1994; the
 * reciprocal is rounded up, its error stays below one unit while dividend * divisor < 2^64).
 */
struct dgen_divisor {
	uint64_t value, reciprocal;
};

static inline struct dgen_divisor dgen_divisor(uint64_t value)
{
	return (struct dgen_divisor){ value, value > 1 ? UINT64_MAX / value + 1 : 0 };
}

static inline uint64_t dgen_div(uint64_t x, const struct dgen_divisor *d)
{
	/* 2^40 times the largest divisor in use, 2^24, is 2^64. */
	if (x >> 40)
		return d->value ? x / d->value : 0;
	/* The reciprocal of 1 does not fit. */
	return d->value > 1 ? dgen_mulhi(x, d->reciprocal) : x;
}

static inline uint64_t dgen_mod(uint64_t x, const struct dgen_divisor *d)
{
	return x - dgen_div(x, d) * d->value;
}

#endif
