/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_MIX_H
#define DGEN_MIX_H

#include <stdbool.h>
#include <stdint.h>

#define DGEN_GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio, odd */
#define DGEN_SQRT2 UINT64_C(0x6a09e667f3bcc909)  /* 2^64 times the square root of 2, less 1, odd */

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

/* a * b + c, of which the lower half counts as a fraction; both of one multiplication. */
static inline uint64_t dgen_whole(uint64_t a, uint64_t b, uint64_t c, uint64_t *fraction)
{
	const unsigned __int128 sum = (unsigned __int128)a * b + c;

	*fraction = (uint64_t)sum;
	return (uint64_t)(sum >> 64);
}

/*
 * A divisor, 1 or more, with its reciprocal: multiplications instead of a division, without a branch
 * and exact for every dividend. The reciprocal is rounded down, so a quotient is right or one less,
 * which its remainder tells (Granlund, Montgomery: Division by invariant integers using
 * multiplication, PLDI 1994).
 */
struct dgen_divisor {
	uint64_t value, reciprocal;
};

static inline struct dgen_divisor dgen_divisor(uint64_t value)
{
	return (struct dgen_divisor){ value, UINT64_MAX / value };
}

static inline uint64_t dgen_divide(uint64_t x, const struct dgen_divisor *d, uint64_t *rest)
{
	uint64_t quotient = dgen_mulhi(x, d->reciprocal), over = x - quotient * d->value;
	bool less = over >= d->value;

	*rest = over - (d->value & -(uint64_t)less);
	return quotient + less;
}

static inline uint64_t dgen_div(uint64_t x, const struct dgen_divisor *d)
{
	uint64_t rest;

	return dgen_divide(x, d, &rest);
}

static inline uint64_t dgen_mod(uint64_t x, const struct dgen_divisor *d)
{
	uint64_t rest;

	dgen_divide(x, d, &rest);
	return rest;
}

/*
 * The quotient where x times a divisor of 2 or more is below 2^64. Then the reciprocal rounded up is as exact, and
 * nothing is left to correct. Its fraction, times 2^64, is that of the remainder and less than one.
 */
static inline uint64_t dgen_div_small(uint64_t x, const struct dgen_divisor *d, uint64_t *fraction)
{
	return dgen_whole(x, d->reciprocal + 1, 0, fraction);
}

/* Of that, the remainder alone. */
static inline uint64_t dgen_mod_small(uint64_t x, const struct dgen_divisor *d)
{
	return dgen_mulhi(x * (d->reciprocal + 1), d->value);
}

#endif
