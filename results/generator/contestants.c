// SPDX-License-Identifier: GPL-2.0-only
#include "contestants.h"
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fio's, from its source: with the flags it was configured with, and with those of its Makefile. */
void fio_fill_configured(void *buffer, unsigned int length, uint64_t seed);
void fio_fill_native(void *buffer, unsigned int length, uint64_t seed);
/* fio's source refers to it in a function that is not called here. */
int cpy_pattern(void);

int cpy_pattern(void)
{
	return 0;
}

const char *const reference_names[REFERENCES] = {
	[MEMSET] = "memset",     [STORES] = "stores",         [MEMCPY] = "memcpy",
	[FIO] = "fio",           [FIO_NATIVE] = "fio-native", [XOSHIRO] = "xoshiro256++",
	[FIPS_197] = "FIPS 197",
};

static void fill_memset(struct contestant *c, uint8_t *out, size_t size)
{
	memset(out, (int)c->state[0]++, size);
	__asm__ volatile("" : : "r"(out) : "memory");
}

static void fill_memcpy(struct contestant *c, uint8_t *out, size_t size)
{
	memcpy(out, c->source, size);
	__asm__ volatile("" : : "r"(out) : "memory");
}

/* The widest stores that the processor has, and nothing else; size is a multiple of 512. */
#define STORES_BY(bytes, ...)                                                                      \
	typedef uint64_t vec##bytes __attribute__((vector_size(bytes), may_alias));                \
	__VA_ARGS__ static void stores##bytes(struct contestant *c, uint8_t *out, size_t size)     \
	{                                                                                          \
		vec##bytes v = { 0 }, *to = (vec##bytes *)out, *end = (vec##bytes *)(out + size);  \
                                                                                                   \
		for (size_t i = 0; i < bytes / 8; i++)                                             \
			v[i] = c->state[0] + i;                                                    \
		c->state[0]++;                                                                     \
		for (; to < end; to += 512 / bytes)                                                \
			for (size_t i = 0; i < 512 / bytes; i++)                                   \
				to[i] = v;                                                         \
		__asm__ volatile("" : : "r"(out) : "memory");                                      \
	}

STORES_BY(16)
#ifdef __x86_64__
STORES_BY(32, __attribute__((target("avx2"))))
STORES_BY(64, __attribute__((target("avx512f"))))
#endif

static void fill_stores(struct contestant *c, uint8_t *out, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		stores64(c, out, size);
	else if (__builtin_cpu_supports("avx2"))
		stores32(c, out, size);
	else
#endif
		stores16(c, out, size);
}

static void fill_fio(struct contestant *c, uint8_t *out, size_t size)
{
	fio_fill_configured(out, (unsigned int)size, ++c->state[0] * UINT64_C(0x9e3779b97f4a7c15));
}

static void fill_fio_native(struct contestant *c, uint8_t *out, size_t size)
{
	fio_fill_native(out, (unsigned int)size, ++c->state[0] * UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

/* D. Blackman, S. Vigna: Scrambled linear pseudorandom number generators, ACM TOMS 47(4), 2021. */
static void fill_xoshiro(struct contestant *c, uint8_t *out, size_t size)
{
	uint64_t a = c->state[0], b = c->state[1], d = c->state[2], e = c->state[3];

	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = rotate(a + e, 23) + a, shifted = b << 17;

		d ^= a;
		e ^= b;
		b ^= d;
		a ^= e;
		d ^= shifted;
		e = rotate(e, 45);
		memcpy(out + i, &word, 8);
	}
	c->state[0] = a;
	c->state[1] = b;
	c->state[2] = d;
	c->state[3] = e;
}

static uint8_t times2(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

/* AESENC as FIPS 197 has it, byte by byte. */
static void aes_round(const struct dgen_tables *t, const uint8_t *in, const uint8_t *key,
		      uint8_t *out)
{
	for (int column = 0; column < 4; column++) {
		uint8_t a[4], all = 0;

		for (int row = 0; row < 4; row++) {
			/* The second byte of a column is the plain S-box. */
			a[row] = (uint8_t)(t->aes[0][in[(4 * column + 5 * row) % 16]] >> 8);
			all ^= a[row];
		}
		for (int row = 0; row < 4; row++)
			out[4 * column + row] = a[row] ^ all ^ times2(a[row] ^ a[(row + 1) % 4]) ^
						key[4 * column + row];
	}
}

/* What a kernel does to a block whose keys are there, in straightforward C. */
static void fill_fips197(struct contestant *c, uint8_t *out, size_t size)
{
	static struct dgen_tables t;
	const uint8_t *lines = t.lines[0], *key0 = t.lanes[0], *key1 = t.lanes[1];

	if (!c->state[0]++)
		dgen_tables_init(&t, 1);
	for (size_t i = 0; i < size; i += 16) {
		uint8_t lane[16];

		for (size_t j = 0; j < 16; j++)
			lane[j] = lines[i % DGEN_BLOCK + j] ^ key0[i % DGEN_LINE + j];
		aes_round(&t, lane, &key1[i % DGEN_LINE], out + i);
	}
}

static void fill_dgen(struct contestant *c, uint8_t *out, size_t size)
{
	uint64_t offset = c->state[0];

	c->state[0] += size;
	if (c->access.random) {
		/* The next one's, within 16 TiB: who asks for an I/O knows its offset before the last one is done. */
		c->state[1] = c->state[1] * UINT64_C(6364136223846793005) + 1442695040888963407;
		c->state[0] = c->state[1] >> 20 & -(uint64_t)c->access.align;
	}
	dgen_fill(c->dgen, 1, 0, offset, out, size);
}

/* From offsets that are multiples of the period. */
static void refill_dgen(struct contestant *c, uint8_t *out, size_t size)
{
	dgen_refill(c->dgen, 1, 0, c->state[0], out, size);
	c->state[0] += size;
}

static void compare_dgen(struct contestant *c, uint8_t *found, size_t size)
{
	uint64_t offset = (uint64_t)(found - c->memory);

	if (dgen_compare(c->dgen, 1, 0, offset, found, size) != size)
		die("dgen_compare() found a difference");
}

static struct contestant *add(struct field *field, const char *name,
			      void (*fill)(struct contestant *, uint8_t *, size_t))
{
	struct contestant *c = &field->all[field->count++];

	if (field->count > CONTESTANTS_MAX)
		die("too many combinations");
	*c = (struct contestant){ .fill = fill, .state = { 0, 1, 2, 3 } };
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

void add_references(struct field *field, size_t size)
{
	static void (*const fills[REFERENCES])(struct contestant *, uint8_t *, size_t) = {
		[MEMSET] = fill_memset,         [STORES] = fill_stores,
		[MEMCPY] = fill_memcpy,         [FIO] = fill_fio,
		[XOSHIRO] = fill_xoshiro,       [FIPS_197] = fill_fips197,
		[FIO_NATIVE] = fill_fio_native,
	};

	for (size_t i = 0; i < REFERENCES; i++)
		add(field, reference_names[i], fills[i])->access = (struct access){ "runs", size,
										    size, false };
	field->all[MEMCPY].source = aligned_alloc(4096, size);
	if (!field->all[MEMCPY].source)
		die("out of memory");
	memset(field->all[MEMCPY].source, 1, size);
}

struct contestant *add_kernel(struct field *field, const char *kernel, struct access access,
			      enum operation operation, const struct dgen_options *options)
{
	static void (*const fills[])(struct contestant *, uint8_t *,
				     size_t) = { fill_dgen, refill_dgen, compare_dgen };
	struct contestant *c = add(field, kernel, fills[operation]);
	char why[DGEN_WHY_MAX];

	c->access = access;
	c->operation = operation;
	c->dedup = options->dedup_ratio;
	c->compress = options->compress_ratio;
	setenv("DGEN_KERNEL", kernel, 1);
	if (dgen_create(options, &c->dgen, why))
		die(why);
	return c;
}

void drop(struct field *field)
{
	for (size_t i = 0; i < field->count; i++) {
		if (field->all[i].dgen)
			dgen_destroy(field->all[i].dgen);
		free(field->all[i].source);
	}
	field->count = 0;
}
