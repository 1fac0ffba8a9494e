// SPDX-License-Identifier: GPL-2.0-only
/* The diagnosis: what happened to a unit, and the line that tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dgen.h"
#include "diagnose.h"
#include "mix.h"

#define UNIT 4096u
#define SIZE (UINT64_C(256) << 20)
#define HERE (UINT64_C(1000) * UNIT)
#define NEWEST 3 /* the version that must be there */

static struct verify_place places[] = { { "a", 0, SIZE }, { "b", 0, SIZE } };
static struct verify_finding finding;
static char line[VERIFY_LINE_MAX];
static uint8_t data[1 << 20];

static struct dgen *make(double dedup, double compress, uint32_t unit, uint32_t chunk,
			 uint64_t seed)
{
	struct dgen_options options = { .dedup_ratio = dedup,
					.compress_ratio = compress,
					.dedup_unit = unit,
					.compress_chunk = chunk,
					.data_seed = seed };
	struct dgen *dgen;
	char why[DGEN_WHY_MAX];

	places[0].domain = dgen_domain("a");
	places[1].domain = dgen_domain("b");
	if (dgen_create(&options, &dgen, why))
		fail_msg("%s", why);
	return dgen;
}

static void fill(const struct dgen *dgen, size_t place, uint64_t version, uint64_t offset,
		 size_t at, size_t length)
{
	dgen_fill(dgen, places[place].domain, version, offset, data + at, length);
}

static void diagnose(const struct dgen *dgen, uint32_t unit, uint64_t offset, uint32_t length)
{
	verify_diagnose(dgen, unit, places, 2, 0, offset, data, length, NEWEST, 0, NEWEST,
			&finding);
	verify_describe(&finding, line, sizeof(line));
}

static void says(enum verify_kind kind, const char *text)
{
	if (finding.kind != kind || !strstr(line, text))
		fail_msg("%s, no '%s': %s", verify_kind_name(finding.kind), text, line);
}

static void right_is_right(void **state)
{
	struct dgen *dgen = make(2, 2, UNIT, 0, 1);

	(void)state;
	fill(dgen, 0, NEWEST, HERE, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	assert_int_equal(finding.kind, VERIFY_RIGHT);
	dgen_destroy(dgen);
}

static void small_damage(void **state)
{
	struct dgen *dgen = make(1, 2, UNIT, 0, 1);

	(void)state;
	fill(dgen, 0, NEWEST, HERE, 0, UNIT);
	data[17] ^= 0x20;
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_BITS, "a: offset 4096000, unit 1000, bytes 17-17 of 4096: flipped bits, 1 bit");
	data[3000] ^= 1;
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_BITS, "bytes 17-3000 of 4096: flipped bits, 2 bits");
	fill(dgen, 0, NEWEST, HERE, 0, UNIT);
	data[4095] = 0xff;
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_BYTES, "damaged bytes: byte 4095 is 0xff, must be 0x00");
	for (int i = 500; i < 564; i++)
		data[i] = (uint8_t)~data[i];
	data[4095] = 0;
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_BYTES, "bytes 500-563 of 4096: damaged bytes: 64 bytes differ");
	dgen_destroy(dgen);
}

static void zeros(void **state)
{
	struct dgen *dgen = make(1, 2, UNIT, 0, 1);

	(void)state;
	memset(data, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_ZEROS, "bytes 0-2018 of 4096: zeros; lost");
	assert_true(finding.whole);
	fill(dgen, 0, NEWEST, HERE, 0, UNIT);
	memset(data + 512, 0, 1024);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_ZEROS, "zeros: sector 0 right, sectors 1-2 zeros, sectors 3-7 right; lost");
	assert_false(finding.whole);
	dgen_destroy(dgen);
}

static void versions(void **state)
{
	struct dgen *dgen = make(2, 1, UNIT, 0, 1);

	(void)state;
	fill(dgen, 0, 1, HERE, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_STALE, "stale: version 1 where 3 must be");
	fill(dgen, 0, NEWEST, HERE, 0, 1536);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_TORN, "torn with version 1: sectors 0-2 right, sectors 3-7 of version 1");
	fill(dgen, 0, 2, HERE, 0, 512);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MIXED,
	     "mixed: sector 0 of version 2, sectors 1-2 right, sectors 3-7 of version 1");
	dgen_destroy(dgen);
	/* A unique unit's version is known however new it is. */
	dgen = make(1, 1, UNIT, 0, 1);
	fill(dgen, 0, 123456, HERE, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_NEWER, "newer: version 123456 where 3 must be");
	dgen_destroy(dgen);
}

static void other_places(void **state)
{
	struct dgen *dgen = make(1, 1, UNIT, 0, 1);

	(void)state;
	fill(dgen, 0, NEWEST, HERE - UNIT, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MISDIRECTED,
	     "holds what belongs to offset 4091904 of this file, 4096 bytes behind");
	fill(dgen, 1, 2, 5 * UNIT, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MISDIRECTED, "holds what belongs to b offset 20480 (version 2)");
	dgen_fill(dgen, dgen_domain("c"), 7, 3 * UNIT, data, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MISDIRECTED, "to offset 12288 of a file that is not checked here (version 7)");
	/* Written 512 bytes too far in front: sectors of two units. */
	fill(dgen, 0, NEWEST, HERE + 512, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MISDIRECTED,
	     "belongs to offset 4096512 of this file, 512 bytes before its place");
	fill(dgen, 0, NEWEST, HERE, 0, UNIT);
	fill(dgen, 1, NEWEST, HERE + 1024, 1024, 512);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MISDIRECTED,
	     "misdirected: sectors 0-1 right, sector 2 of b offset 4097024, sectors");
	dgen_destroy(dgen);
}

static void shifted_compressible(void **state)
{
	static const double ratios[] = { 1, 2, 4, 8, 30 };
	static const uint32_t chunks[] = { 512, 1024, 4096 };

	(void)state;
	for (size_t i = 0; i < 15; i++) {
		double ratio = ratios[i % 5];
		uint32_t chunk = chunks[i / 5];
		struct dgen *dgen;

		if (ratio * 20 > chunk)
			continue;
		dgen = make(10, ratio, UNIT, chunk, 3);
		for (int n = 1; n < 60; n++) {
			uint64_t offset = HERE + dgen_mix((uint64_t)n) % 10000 * UNIT;

			fill(dgen, 0, NEWEST, offset - 512, 0, UNIT);
			diagnose(dgen, UNIT, offset, UNIT);
			if (finding.kind == VERIFY_MISDIRECTED && finding.whole)
				continue;
			fail_msg("C=%g, chunk %u: %s", ratio, chunk, line);
		}
		dgen_destroy(dgen);
	}
}

static void what_is_not_ours(void **state)
{
	struct dgen *dgen = make(2, 2, UNIT, 0, 1), *other = make(2, 2, UNIT, 0, 2);

	(void)state;
	fill(other, 0, NEWEST, HERE, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_OTHER_SEED, "not of this seed");
	memset(data, 0xaa, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_UNKNOWN, "bytes differ; no data of this seed");
	memset(data, 0xaa, 512);
	fill(dgen, 0, 1, HERE + 512, 512, UNIT - 512);
	diagnose(dgen, UNIT, HERE, UNIT);
	says(VERIFY_MIXED, "sector 0 unknown, ");
	dgen_destroy(other);
	dgen_destroy(dgen);
}

/* Parts of large units, parts of sectors, the largest unit. */
static void parts_and_sizes(void **state)
{
	static const uint32_t units[] = { 512, 1536, 65536, 1 << 20 };
	uint64_t random = 1;

	(void)state;
	for (size_t u = 0; u < 4; u++) {
		struct dgen *dgen = make(1, 1, units[u], 0, 5);

		for (int n = 0; n < 50; n++) {
			uint64_t unit = dgen_mix(random++) % 100;
			uint32_t at = (uint32_t)(dgen_mix(random++) % units[u]);
			uint32_t length = 1 + (uint32_t)(dgen_mix(random++) % (units[u] - at));

			if (length < 32)
				continue;
			fill(dgen, 0, 1, unit * units[u] + at, 0, length);
			diagnose(dgen, units[u], unit * units[u] + at, length);
			says(VERIFY_STALE, "version");
			memset(data, 0, length);
			diagnose(dgen, units[u], unit * units[u] + at, length);
			says(VERIFY_ZEROS, "zeros");
		}
		dgen_destroy(dgen);
	}
}

/* Ten thousand units of rubbish, in seconds at most: nothing is searched without an end. */
static void rubbish_ends(void **state)
{
	struct dgen *dgen = make(10, 1, UNIT, 0, 1);
	uint64_t random = 9;

	(void)state;
	for (int n = 0; n < 10000; n++) {
		for (size_t i = 0; i < UNIT; i += 8) {
			uint64_t word = dgen_mix(random++);

			memcpy(data + i, &word, 8);
		}
		diagnose(dgen, UNIT, HERE + n * UINT64_C(4096), UNIT);
		says(VERIFY_OTHER_SEED, "");
	}
	dgen_destroy(dgen);
}

static void neighbours_merge(void **state)
{
	struct dgen *dgen = make(1, 1, UNIT, 0, 1);
	struct verify_finding first;

	(void)state;
	fill(dgen, 0, 1, HERE, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	first = finding;
	fill(dgen, 0, 1, HERE + UNIT, 0, UNIT);
	diagnose(dgen, UNIT, HERE + UNIT, UNIT);
	assert_true(verify_merge(&first, &finding));
	assert_false(verify_merge(&first, &finding));
	verify_describe(&first, line, sizeof(line));
	assert_non_null(strstr(line, "a: offset 4096000, units 1000-1001, 8192 bytes: stale"));
	fill(dgen, 0, 2, HERE + 2 * UNIT, 0, UNIT);
	diagnose(dgen, UNIT, HERE + 2 * UNIT, UNIT);
	assert_false(verify_merge(&first, &finding));
	dgen_destroy(dgen);
}

static void a_line_is_cut_where_it_must(void **state)
{
	struct dgen *dgen = make(1, 1, UNIT, 0, 1);
	char little[20];
	int length;

	(void)state;
	memset(data, 0, UNIT);
	diagnose(dgen, UNIT, HERE, UNIT);
	length = verify_describe(&finding, little, sizeof(little));
	assert_int_equal(length, strlen(line));
	assert_int_equal(strlen(little), sizeof(little) - 1);
	assert_memory_equal(little, line, sizeof(little) - 1);
	assert_int_equal(verify_describe(&finding, NULL, 0), length);
	dgen_destroy(dgen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_is_right),
		cmocka_unit_test(small_damage),
		cmocka_unit_test(zeros),
		cmocka_unit_test(versions),
		cmocka_unit_test(other_places),
		cmocka_unit_test(shifted_compressible),
		cmocka_unit_test(what_is_not_ours),
		cmocka_unit_test(parts_and_sizes),
		cmocka_unit_test(rubbish_ends),
		cmocka_unit_test(neighbours_merge),
		cmocka_unit_test(a_line_is_cut_where_it_must),
	};

	return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
