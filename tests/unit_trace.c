// SPDX-License-Identifier: GPL-2.0-only
/* The way back: every sector that has enough random bytes leads to its place, and no other does. */
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
#include "mix.h"
#include "trace.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FILE_SIZE (UINT64_C(1) << 30)
#define LINES_ENOUGH 3

static struct dgen *make(double dedup, double compress, uint32_t unit, uint32_t chunk)
{
	struct dgen_options options = { .dedup_ratio = dedup,
					.compress_ratio = compress,
					.dedup_unit = unit,
					.compress_chunk = chunk,
					.data_seed = 99 };
	struct dgen *dgen;
	char why[DGEN_WHY_MAX];

	if (dgen_create(&options, &dgen, why))
		fail_msg("%s", why);
	return dgen;
}

static uint64_t pseudo(uint64_t *state)
{
	return dgen_mix(*state += DGEN_GOLDEN);
}

/* Lines whose first lane is random, and two bytes more, as the last ones may be zero by chance. */
static int random_lines(const uint8_t *sector)
{
	int count = 0;

	for (const uint8_t *line = sector; line < sector + DGEN_SECTOR; line += DGEN_LINE) {
		int end = DGEN_LINE;

		while (end && !line[end - 1])
			end--;
		count += end >= 16 + 2;
	}
	return count;
}

/* One sector of a file: the place found has the same bytes, and is this one where only this has them. */
static bool check(const struct dgen *dgen, uint32_t unit, uint64_t domain, uint64_t version,
		  uint64_t offset)
{
	struct dgen_search search = { domain,      FILE_SIZE, offset, version > 3 ? version - 3 : 0,
				      version + 2, 1 << 20 };
	uint32_t at = (uint32_t)(offset % unit % DGEN_BLOCK);
	uint8_t sector[DGEN_SECTOR];
	struct dgen_content number, wanted = dgen_content(dgen, domain, version, offset / unit);
	const struct dgen_content base = dgen_plan_base(dgen_inside(dgen).plan, domain);
	struct dgen_source source;

	dgen_fill(dgen, domain, version, offset, sector, sizeof(sector));
	if (!dgen_trace(dgen, sector, sizeof(sector), at, &number)) {
		assert_true(random_lines(sector) < LINES_ENOUGH);
		return false;
	}
	assert_int_equal(number.low, wanted.low);
	assert_int_equal(number.high, wanted.high + offset % unit / DGEN_BLOCK * DGEN_GOLDEN);
	assert_true(dgen_locate(dgen, number, &search, &source));
	assert_int_equal(source.offset % unit, offset % unit - at);
	assert_int_equal(dgen_compare(dgen, domain, source.version, source.offset + at, sector,
				      sizeof(sector)),
			 sizeof(sector));
	if ((number.low - base.low) & DGEN_SHARED)
		return true;
	assert_int_equal(source.offset + at, offset);
	assert_int_equal(source.version, version);
	return true;
}

static void every_plan_leads_back(void **state)
{
	static const double dedup[] = { 1, 1.3, 2, 5, 10, 50 };
	static const double compress[] = { 1, 1.5, 2, 4, 8 };
	static const uint32_t units[] = { 512, 1024, 4096, 6144, 65536, 1 << 20 };
	static const uint32_t chunks[] = { 0, 64, 256, 512, 2048, 8192 };
	uint64_t random = 1, found = 0, tried = 0;

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++)
		for (size_t i = 0; i < COUNT(dedup) * COUNT(compress) * COUNT(chunks); i++) {
			uint32_t chunk = chunks[i / COUNT(dedup) / COUNT(compress)];
			struct dgen *dgen;

			if (chunk > units[u])
				continue;
			dgen = make(dedup[i % COUNT(dedup)],
				    compress[i / COUNT(dedup) % COUNT(compress)], units[u], chunk);
			for (int n = 0; n < 40; n++, tried++) {
				/* Half of them where the pools grow. */
				uint64_t sectors = (n & 1 ? FILE_SIZE : 8 << 20) / DGEN_SECTOR;
				uint64_t offset = pseudo(&random) % sectors * DGEN_SECTOR;

				found += check(dgen, units[u], dgen_domain("a"),
					       pseudo(&random) % 5, offset);
			}
			dgen_destroy(dgen);
		}
	/* At ratios of 4 and 8 most sectors are zeros. */
	assert_true(found > tried / 3);
}

static void versions_of_unique_units_need_no_search(void **state)
{
	static const uint64_t versions[] = { 1 << 20, UINT64_C(1) << 40, DGEN_VERSION_MAX };
	static const uint32_t units[] = { 65536, 65536, 4096 };

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct dgen *dgen = make(1, 1, units[i], 0);

		assert_true(check(dgen, units[i], 5, versions[i], 12345 * DGEN_SECTOR));
		dgen_destroy(dgen);
	}
}

/* At the wrong position in a block no sector leads anywhere. */
static void position_is_told(void **state)
{
	struct dgen *dgen = make(1, 1, 4096, 0);
	uint8_t sector[DGEN_SECTOR];
	struct dgen_content number;

	(void)state;
	for (uint32_t is = 0; is < DGEN_BLOCK; is += DGEN_SECTOR) {
		dgen_fill(dgen, 1, 0, 40960 + is, sector, sizeof(sector));
		for (uint32_t at = 0; at < DGEN_BLOCK; at += DGEN_SECTOR)
			assert_int_equal(dgen_trace(dgen, sector, sizeof(sector), at, &number),
					 at == is);
	}
	dgen_destroy(dgen);
}

/* Small chunks: too little in a sector, enough in a block. */
static void sectors_of_a_block_add_up(void **state)
{
	struct dgen *dgen = make(1, 4, 4096, 512);
	struct dgen_content number, wanted = dgen_content(dgen, 1, 7, 10);
	uint8_t block[DGEN_BLOCK];

	(void)state;
	dgen_fill(dgen, 1, 7, 40960, block, sizeof(block));
	assert_false(dgen_trace(dgen, block, DGEN_SECTOR, 0, &number));
	assert_true(dgen_trace(dgen, block, sizeof(block), 0, &number));
	assert_int_equal(number.low, wanted.low);
	assert_int_equal(number.high, wanted.high);
	dgen_destroy(dgen);
}

/* Contents that come in every row, and rows that are long. */
static void varied_plans_lead_back(void **state)
{
	static const struct {
		double dedup, skew;
		uint64_t window;
	} plans[] = {
		{ 2, 50, 0 },       { 5, 90, 0 },        { 2, 20, 1 << 16 },
		{ 3, 0, 16 << 20 }, { 2, 60, 64 << 20 },
	};
	uint64_t random = 11;

	(void)state;
	for (size_t i = 0; i < COUNT(plans); i++) {
		struct dgen_options options = DGEN_OPTIONS_DEFAULT;
		struct dgen *dgen;

		options.dedup_ratio = plans[i].dedup;
		options.dedup_skew = plans[i].skew;
		options.dedup_window = plans[i].window;
		assert_int_equal(dgen_create(&options, &dgen, NULL), 0);
		for (int n = 0; n < 200; n++) {
			uint64_t sectors = (n & 1 ? FILE_SIZE : 8 << 20) / DGEN_SECTOR;
			uint64_t offset = pseudo(&random) % sectors * DGEN_SECTOR;

			assert_true(
				check(dgen, 4096, dgen_domain("a"), pseudo(&random) % 5, offset));
		}
		dgen_destroy(dgen);
	}
}

static void unknown_domains_are_guessed(void **state)
{
	static const uint32_t units[] = { 512, 4096, 1 << 20 };
	uint64_t random = 3;

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		struct dgen *dgen = make(2, 1, units[u], 0);

		for (int n = 0; n < 100; n++) {
			uint64_t domain = pseudo(&random), version = pseudo(&random) % 50;
			uint64_t offset = pseudo(&random) % (FILE_SIZE / 512) * 512;
			uint32_t block = (uint32_t)(offset % units[u] / DGEN_BLOCK);
			uint32_t at = (uint32_t)(offset % units[u] % DGEN_BLOCK);
			uint8_t sector[DGEN_SECTOR];
			struct dgen_content number;
			struct dgen_source source;

			dgen_fill(dgen, domain, version, offset, sector, sizeof(sector));
			assert_true(dgen_trace(dgen, sector, sizeof(sector), at, &number));
			assert_true(dgen_guess(dgen, number, block, &source));
			assert_int_equal(source.domain, domain);
			assert_int_equal(dgen_compare(dgen, domain, source.version,
						      source.offset + at, sector, sizeof(sector)),
					 sizeof(sector));
		}
		dgen_destroy(dgen);
	}
}

static void other_data_leads_nowhere(void **state)
{
	struct dgen *dgen = make(2, 1, 4096, 0), *other;
	struct dgen_options options = {
		.dedup_ratio = 2, .compress_ratio = 1, .dedup_unit = 4096, .data_seed = 100
	};
	uint8_t sector[DGEN_SECTOR];
	struct dgen_content number;
	uint64_t random = 5;

	(void)state;
	assert_int_equal(dgen_create(&options, &other, NULL), 0);
	for (int n = 0; n < 20000; n++) {
		uint32_t length = 1 + (uint32_t)(pseudo(&random) % sizeof(sector));

		memset(sector, 0, sizeof(sector));
		if (n & 1)
			dgen_fill(other, 1, 0, n * UINT64_C(4096), sector, sizeof(sector));
		else
			for (uint32_t i = 0; i < length; i++)
				sector[i] = (uint8_t)pseudo(&random);
		assert_false(dgen_trace(dgen, sector, sizeof(sector), n / 2 % 8 * 512u, &number));
	}
	dgen_destroy(other);
	dgen_destroy(dgen);
}

static void comparing_finds_the_first_difference(void **state)
{
	struct dgen *dgen = make(2, 2, 4096, 0);
	static uint8_t data[40000];
	uint64_t random = 7;

	(void)state;
	for (int n = 0; n < 3000; n++) {
		uint64_t offset = pseudo(&random) % FILE_SIZE;
		size_t length = pseudo(&random) % sizeof(data), at;

		dgen_fill(dgen, 1, 2, offset, data, length);
		assert_int_equal(dgen_compare(dgen, 1, 2, offset, data, length), length);
		if (!length)
			continue;
		at = pseudo(&random) % length;
		data[at] ^= (uint8_t)(1 << n % 8);
		assert_int_equal(dgen_compare(dgen, 1, 2, offset, data, length), at);
		data[at + pseudo(&random) % (length - at)] ^= 1;
		assert_in_range(dgen_compare(dgen, 1, 2, offset, data, length), at, length);
	}
	dgen_destroy(dgen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_plan_leads_back),
		cmocka_unit_test(versions_of_unique_units_need_no_search),
		cmocka_unit_test(position_is_told),
		cmocka_unit_test(sectors_of_a_block_add_up),
		cmocka_unit_test(varied_plans_lead_back),
		cmocka_unit_test(unknown_domains_are_guessed),
		cmocka_unit_test(other_data_leads_nowhere),
		cmocka_unit_test(comparing_finds_the_first_difference),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
