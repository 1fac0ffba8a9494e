// SPDX-License-Identifier: GPL-2.0-only
/* NEON with the AES instructions of ARMv8: 16 bytes at a time. */
#include "kernel.h"

#include <arm_neon.h>
#include <sys/auxv.h>

#ifndef HWCAP_AES
#define HWCAP_AES (1 << 3)
#endif

typedef uint8x16_t vec;

static inline vec load(const uint8_t *p)
{
	return vld1q_u8(p);
}

static inline void store(uint8_t *p, vec v)
{
	vst1q_u8(p, v);
}

static inline vec lane16(const uint8_t *p)
{
	return load(p);
}

/* From integers, so that a big-endian system gets the same bytes. */
static inline vec pair(uint64_t low, uint64_t high)
{
	uint8_t bytes[16];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(low >> 8 * i);
		bytes[8 + i] = (uint8_t)(high >> 8 * i);
	}
	return load(bytes);
}

/* clang-format off */
static inline vec xor(vec a, vec b)
{
	return veorq_u8(a, b);
}

static inline vec and(vec a, vec b)
{
	return vandq_u8(a, b);
}
/* clang-format on */

static inline vec zero(void)
{
	return vdupq_n_u8(0);
}

/* AESE adds its key before the S-box, AESENC after MixColumns: so no key there, and one exor here. */
static inline vec aes(const struct dgen_tables *t, vec v, vec key)
{
	(void)t;
	return veorq_u8(vaesmcq_u8(vaeseq_u8(v, zero())), key);
}

static inline vec differ(vec d, vec a, vec b)
{
	return vorrq_u8(d, veorq_u8(a, b));
}

static inline int any(vec v)
{
	return vmaxvq_u8(v) != 0;
}

#include "kernel_template.h"

static int usable(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
}

const struct dgen_kernel dgen_kernel_neon = { "neon", usable, FILL, COMPARE };
