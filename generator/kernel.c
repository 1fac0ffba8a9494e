// SPDX-License-Identifier: GPL-2.0-only
/* The kernels there are, and the tables they share. */
#include "kernel.h"
#include "mix.h"

#include <string.h>

extern const struct dgen_kernel dgen_kernel_portable;
#ifdef __x86_64__
extern const struct dgen_kernel dgen_kernel_avx512;
extern const struct dgen_kernel dgen_kernel_vaes;
extern const struct dgen_kernel dgen_kernel_avx2;
extern const struct dgen_kernel dgen_kernel_aesni;
#endif
#ifdef __aarch64__
extern const struct dgen_kernel dgen_kernel_neon;
#endif

/*
 * Without AES instructions there is the portable kernel only. Byte shuffles can look up the S-box: with
 * SSSE3 that was 0.95 to 1.11 times as fast as the portable kernel, so processors with SSE2 alone gain
 * nothing; with AVX2 twice as fast, but what has AVX2 has AES-NI too, unless a hypervisor hides it.
 */
const struct dgen_kernel *const dgen_kernels[] = {
#ifdef __x86_64__
	&dgen_kernel_avx512,   &dgen_kernel_vaes,
	&dgen_kernel_avx2,     &dgen_kernel_aesni,
#endif
#ifdef __aarch64__
	&dgen_kernel_neon,
#endif
	&dgen_kernel_portable, NULL,
};

static uint8_t times2(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

static uint8_t rotate(uint8_t x, int by)
{
	return (uint8_t)(x << by | x >> (8 - by));
}

/* AESENC column by column: SubBytes and MixColumns in one table for each row (FIPS 197, 5.1). */
static void aes_init(uint32_t aes[4][256])
{
	uint8_t x = 1, inverse = 1, sbox[256];

	/* x runs through the powers of 3, inverse through those of 1/3: all but zero. */
	do {
		x ^= times2(x);
		inverse ^= (uint8_t)(inverse << 1);
		inverse ^= (uint8_t)(inverse << 2);
		inverse ^= (uint8_t)(inverse << 4);
		if (inverse & 0x80)
			inverse ^= 0x09;
		sbox[x] = inverse ^ rotate(inverse, 1) ^ rotate(inverse, 2) ^ rotate(inverse, 3) ^
			  rotate(inverse, 4) ^ 0x63;
	} while (x != 1);
	sbox[0] = 0x63;

	for (int i = 0; i < 256; i++) {
		uint32_t s = sbox[i], s2 = times2(sbox[i]);
		uint32_t column = s2 | s << 8 | s << 16 | (s ^ s2) << 24;

		for (int row = 0; row < 4; row++) {
			aes[row][i] = column;
			column = column << 8 | column >> 24;
		}
	}
}

static void random_bytes(uint64_t *state, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = dgen_mix(*state += DGEN_GOLDEN);

		for (int j = 0; j < 8; j++)
			out[i + j] = (uint8_t)(word >> 8 * j);
	}
}

void dgen_tables_init(struct dgen_tables *t, uint64_t seed)
{
	uint64_t state = dgen_mix(seed ^ UINT64_C(0x6467656e2d6c696e)); /* "dgen-lin" */

	random_bytes(&state, (uint8_t *)t->lines, sizeof(t->lines));
	random_bytes(&state, (uint8_t *)t->lanes, sizeof(t->lanes));
	random_bytes(&state, (uint8_t *)t->rounds, sizeof(t->rounds));
	aes_init(t->aes);
	for (size_t i = 0; i <= DGEN_LINE; i++)
		memset(t->masks[i], 0xff, i); /* the rest is zero */
}
