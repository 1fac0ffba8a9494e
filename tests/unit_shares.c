// SPDX-License-Identifier: GPL-2.0-only
/* Units that differ: zero ones, mixes of compression ratios, runs. Shares are exact in any window. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>
#include <xxhash.h>

#include "dgen.h"
#include "shares.h"
#include "trace.h"

#define DOMAIN 77
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct dgen *make(double dedup, const char *mix, double zero, uint32_t unit, uint32_t run)
{
	struct dgen_options options = { .dedup_ratio = dedup,
					.dedup_unit = unit,
					.data_seed = 11,
					.zero_percentage = zero,
					.dedup_run = run };
	char why[DGEN_WHY_MAX];
	struct dgen *dgen;

	assert_int_equal(dgen_mix_parse(mix, &options, NULL), 0);
	if (dgen_create(&options, &dgen, why))
		fail_msg("%s", why);
	return dgen;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

/* The data format, on every kernel. */
static void golden_vectors(void **state)
{
	static const char *const kernels[] = {
		"portable", "aesni", "avx2", "vaes", "avx512", "neon"
	};
	static const struct {
		double dedup;
		const char *mix;
		double zero;
		uint32_t unit, run;
		uint64_t hash;
	} vectors[] = {
		{ 1, "1", 25, 4096, 0, UINT64_C(0x17208b7d4b44d255) },
		{ 2.5, "1/20:2/50:4/30", 0, 4096, 0, UINT64_C(0x64d5e02bb214e0f5) },
		{ 2.5, "1/20:2/50/40:4/30/64", 33.3, 6144, 6144 * 8, UINT64_C(0x24d898cb5a1bc722) },
		{ 3, "2", 10, 512, 65536, UINT64_C(0x94313d0c44358083) },
		{ 1, "1.5/60/100:8/40", 0, 65536, 0, UINT64_C(0x5dde7d1ebe817705) },
	};
	size_t size = 1 << 20;
	uint8_t *p = malloc(size);

	(void)state;
	assert_non_null(p);
	for (size_t k = 0; k < COUNT(kernels); k++) {
		struct dgen_options probe = DGEN_OPTIONS_DEFAULT;
		struct dgen *dgen;

		setenv("DGEN_KERNEL", kernels[k], 1);
		if (dgen_create(&probe, &dgen, NULL))
			continue;
		dgen_destroy(dgen);
		for (size_t i = 0; i < COUNT(vectors); i++) {
			dgen = make(vectors[i].dedup, vectors[i].mix, vectors[i].zero,
				    vectors[i].unit, vectors[i].run);
			dgen_fill(dgen, DOMAIN, 3, 12345, p, size);
			if (XXH3_64bits(p, size) != vectors[i].hash)
				fail_msg("kernel %s, vector %zu: 0x%016llx", kernels[k], i,
					 (unsigned long long)XXH3_64bits(p, size));
			dgen_destroy(dgen);
		}
	}
	unsetenv("DGEN_KERNEL");
	free(p);
}

/* In any window, to within one unit of what was asked for; units are zero if their number is 0. */
static void zeros_are_exact(void **state)
{
	static const double shares[] = { 0.1, 5, 12.5, 50, 99 };
	uint8_t unit[512];

	(void)state;
	for (size_t s = 0; s < COUNT(shares); s++) {
		struct dgen *dgen = make(2, "2", shares[s], 512, 0);

		for (uint64_t first = 0; first < UINT64_C(1) << 40; first = first * 7 + 999) {
			int zeros = 0;

			for (uint64_t i = 0; i < 3000; i++) {
				struct dgen_content c = dgen_content(dgen, DOMAIN, 1, first + i);
				bool zero = !c.low && !c.high;

				zeros += zero;
				if (i % 16)
					continue;
				dgen_fill(dgen, DOMAIN, 1, (first + i) * 512, unit, 512);
				assert_int_equal(is_zero(unit, 512), zero);
			}
			if (fabs(zeros - 30 * shares[s]) > 1.01)
				fail_msg("%g %%: %d of 3000 from %llu", shares[s], zeros,
					 (unsigned long long)first);
		}
		dgen_destroy(dgen);
	}
}

/* Of unique data, in windows of 1000: units by how many random bytes they begin with. */
static void mix_is_exact(void **state)
{
	static const int wanted[] = { 200, 500, 300 };
	struct dgen *dgen = make(1, "1/20:2/50:4/30", 0, 4096, 0);
	uint8_t *p = malloc(4096);

	(void)state;
	assert_non_null(p);
	for (uint64_t version = 0; version < 5; version++)
		for (uint64_t first = version * 12347; first < 60000; first = first * 3 + 1000) {
			int found[3] = { 0 };

			for (uint64_t i = 0; i < 1000; i++) {
				dgen_fill(dgen, DOMAIN, version, (first + i) * 4096, p, 4096);
				found[is_zero(p + 3000, 1000) + is_zero(p + 1500, 1000)]++;
			}
			for (int i = 0; i < 3; i++)
				if (abs(found[i] - wanted[i]) > 4)
					fail_msg("from %llu: %d of 1000, not %d",
						 (unsigned long long)first, found[i], wanted[i]);
		}
	free(p);
	dgen_destroy(dgen);
}

/* Any part is that part of the whole, and dgen_compare() sees every bit. */
static void any_part(void **state)
{
	size_t size = 1 << 19;
	uint8_t *whole = malloc(size), *part = malloc(size);
	static const uint32_t units[] = { 512, 4096, 6144, 65536 };

	(void)state;
	assert_true(whole && part);
	srand(3);
	for (size_t u = 0; u < COUNT(units); u++) {
		struct dgen *dgen = make(2, "1/20:2/50/50:4/30", 20, units[u], 4 * units[u]);

		dgen_fill(dgen, DOMAIN, 9, 0, whole, size);
		for (int i = 0; i < 300; i++) {
			size_t at = (size_t)rand() % size, n = (size_t)rand() % 30000 + 1, bit;

			n = at + n > size ? size - at : n;
			dgen_fill(dgen, DOMAIN, 9, at, part, n);
			assert_memory_equal(part, whole + at, n);
			assert_int_equal(dgen_compare(dgen, DOMAIN, 9, at, part, n), n);
			bit = (size_t)rand() % n;
			part[bit] ^= 4;
			assert_int_equal(dgen_compare(dgen, DOMAIN, 9, at, part, n), bit);
		}
		dgen_destroy(dgen);
	}
	free(whole);
	free(part);
}

static int by_number(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dgen_content));
}

/* All options together: D of what is not zero, in a prefix and after random overwrites. */
static void dedup_is_exact(void **state)
{
	static const size_t counts[] = { 4096, 40000, 160000 };
	struct dgen *dgen = make(2.5, "1/20:2/50:4/30", 20, 4096, 16384);
	struct dgen_content *c = malloc(160000 * sizeof(*c));

	(void)state;
	assert_non_null(c);
	srand(5);
	for (size_t k = 0; k < 2 * COUNT(counts); k++) {
		const bool overwritten = k >= COUNT(counts);
		const size_t count = counts[k % COUNT(counts)];
		size_t distinct = 0, rest = 0;

		for (size_t i = 0; i < count; i++) {
			c[rest] = dgen_content(dgen, DOMAIN, overwritten ? rand() & 1 : 0, i);
			rest += c[rest].low || c[rest].high;
		}
		qsort(c, rest, sizeof(*c), by_number);
		for (size_t i = 0; i < rest; i++)
			distinct += !i || by_number(&c[i], &c[i - 1]);
		/* Overwrites may lose what came last, and has one reference there. */
		if (fabs((double)rest / (double)distinct / 2.5 - 1) >
		    (overwritten ? 0.01 : 0.001) + 12.0 / (double)count)
			fail_msg("%zu units, overwritten: %d: %g", count, overwritten,
				 (double)rest / (double)distinct);
	}
	free(c);
	dgen_destroy(dgen);
}

/* A sector that can be traced leads to a place that has it. */
static void traces_lead_back(void **state)
{
	struct dgen *dgen = make(2, "1/50:2/50", 20, 8192, 32768);
	uint8_t sector[DGEN_SECTOR];
	int traced = 0, here = 0;

	(void)state;
	for (uint64_t i = 0; i < 4000; i++) {
		uint64_t offset = i * 7919 % 131072 * DGEN_SECTOR;
		struct dgen_search search = { DOMAIN, 64 << 20, offset, 0, 2, 1 << 20 };
		struct dgen_content number;
		struct dgen_source source;

		dgen_fill(dgen, DOMAIN, 2, offset, sector, sizeof(sector));
		if (!dgen_trace(dgen, sector, sizeof(sector), offset % DGEN_BLOCK, &number))
			continue;
		traced++;
		assert_true(dgen_locate(dgen, number, &search, &source));
		source.offset += offset % DGEN_BLOCK;
		here += source.offset == offset;
		assert_int_equal(dgen_compare(dgen, DOMAIN, source.version, source.offset, sector,
					      sizeof(sector)),
				 sizeof(sector));
	}
	assert_true(traced > 2000);
	assert_true(here > traced / 2);
	dgen_destroy(dgen);
}

static void texts(void **state)
{
	static const char *const good[] = { "1/20:2/50:4/30", "1.5/12.5:2/87.5/40" };
	static const char *const bad[] = { "",
					   "1/20",
					   "1/50:2/60",
					   "1/50:0.5/50",
					   "1/50/8:2/50",
					   "a/50:2/50",
					   "1/50:2/50:",
					   "1/50:2/-50",
					   "1/x:2",
					   "1/10:1/10:1/10:1/10:1/10:1/10:1/40",
					   "nan/50:1/50",
					   "3:1" };
	static const char *const wrong[][2] = {
		{ "1/20:2/30", "add up to 100, here 50" },
		{ "1/60:2/50", "add up to 100, here 110" },
		{ "1/33.3:2/33.3", "here 66.6" },
		{ "1/50:2/50:3", "leave some" },
		{ "2/100/20", "SYMBOLS must be a whole number, 32 to 255" },
		{ "2/100/33.5", "SYMBOLS" },
		{ "1/150", "PERCENT must be 0 to 100" },
		{ "0.5/50:2", "RATIO must be 1 to 10000" },
		{ "1/:1/:1/:1/:1/:1/:1/", "at most 6 ratios" },
		{ "0.5", "a number from 1 on" },
		{ "x/50:2", "a number from 1 on" },
	};
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	char text[DGEN_MIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(dgen_mix_parse(good[i], &options, NULL), 0);
		dgen_mix_print(&options, text);
		assert_string_equal(text, good[i]);
	}
	/* As in bssplit. */
	assert_int_equal(dgen_mix_parse("1/20:2/:4/", &options, NULL), 0);
	dgen_mix_print(&options, text);
	assert_string_equal(text, "1/20:2/40:4/40");
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!dgen_mix_parse(bad[i], &options, NULL))
			fail_msg("'%s' was taken", bad[i]);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(dgen_mix_parse(wrong[i][0], &options, text), -EINVAL);
		if (!strstr(text, wrong[i][1]))
			fail_msg("'%s': '%s'", wrong[i][0], text);
	}
	assert_int_equal(dgen_mix_parse("3", &options, NULL), 0);
	assert_int_equal(options.compress_mix[0].ratio, 0);
	options.compress_ratio = 100.0 / 63;
	dgen_mix_print(&options, text);
	assert_int_equal(dgen_mix_parse(text, &options, NULL), 0);
	assert_true(options.compress_ratio == 100.0 / 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_vectors), cmocka_unit_test(zeros_are_exact),
		cmocka_unit_test(mix_is_exact),   cmocka_unit_test(any_part),
		cmocka_unit_test(dedup_is_exact), cmocka_unit_test(traces_lead_back),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
