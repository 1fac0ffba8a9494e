// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan: many units from anywhere, in any steps, get what they get one by one; the ratio holds for
 * what a user sees; zeros lie evenly; a content leads back to a place that has it.
 */
#include <math.h>

#include "fuzz.h"
#include "plan.h"
#include "shares.h"
#include "trace.h"

#define UNITS_MAX 300u
#define PREFIX (4u << 20) /* bytes, from which on the ratio holds to 3 % */
#define SEARCH (64u << 20)
#define VERSIONS (UINT64_C(1) << 40) /* larger ones are not told from block numbers */

static struct dgen_content contents[PREFIX / 512 + 1];

static bool same(struct dgen_content a, struct dgen_content b)
{
	return a.low == b.low && a.high == b.high;
}

static void check_units(const struct dgen_plan *plan, uint64_t domain, uint64_t version,
			uint64_t unit, size_t count, size_t step)
{
	for (size_t done = 0; done < count; done += step) {
		if (step > count - done)
			step = count - done;
		dgen_plan_units(plan, domain, version, unit + done, step, contents + done);
	}
	for (size_t i = 0; i < count; i++)
		must(same(contents[i], dgen_plan_unit(plan, domain, version, unit + i)));
}

/* By a table with open places: sorting them would be most of the fuzzer's time. */
static size_t distinct(size_t count)
{
	static uint32_t table[4 * PREFIX / 512]; /* index of a content + 1 */
	const size_t mask = sizeof(table) / sizeof(table[0]) - 1;
	size_t found = 0;

	memset(table, 0, sizeof(table));
	for (uint32_t i = 0; i < count; i++) {
		const struct dgen_content c = contents[i];
		size_t at = (c.low * 0x9e3779b97f4a7c15 + c.high) * 0x9e3779b97f4a7c15 >> 40 & mask;

		while (table[at] && !same(contents[table[at] - 1], c))
			at = (at + 1) & mask;
		found += !table[at];
		table[at] = i + 1;
	}
	return found;
}

/* As the unit tests have it, up to 50:1; of as few as 64 units, one more may be missing. */
static void check_ratio(const struct dgen_plan *plan, double ratio, uint32_t unit, uint64_t domain,
			uint64_t version)
{
	const size_t count = PREFIX / unit;
	const double wanted = (double)count / ratio;

	dgen_plan_units(plan, domain, version, 0, count, contents);
	must(fabs((double)distinct(count) - wanted) <= fmax(2.5, 0.03 * wanted));
}

static void check_zeros(double percentage, uint64_t first, size_t count)
{
	const struct dgen_zeros zeros = { (uint64_t)(percentage / 100 * 0x1p64) };
	uint64_t rank, before, found = 0;

	dgen_is_zero(&zeros, first, &before);
	for (uint64_t i = first; i < first + count; i++) {
		bool zero = dgen_is_zero(&zeros, i, &rank);

		must(rank == before + (i - first) - found);
		if (!zero)
			must(dgen_place_of(&zeros, rank) == i);
		found += zero;
	}
	must(fabs((double)found - (double)count * percentage / 100) <= 1 + 1e-9 * (double)count);
}

/* Where a block is found again there is that block. */
static void check_search(const struct dgen *dgen, const struct dgen_options *o, uint64_t domain,
			 uint64_t version, uint64_t place)
{
	const uint64_t unit = place % (SEARCH / o->dedup_unit);
	struct dgen_content number = dgen_content(dgen, domain, version, unit), back;
	struct dgen_search search = {
		domain, SEARCH, unit * o->dedup_unit, version > 3 ? version - 3 : 0, version, 10000
	};
	struct dgen_source source;

	/* A unit that is zero has no content. */
	if (!number.low && !number.high)
		return;
	if (!dgen_locate(dgen, number, &search, &source))
		return;
	must(source.offset < SEARCH && source.domain == domain);
	back = dgen_content(dgen, domain, source.version, source.offset / o->dedup_unit);
	must(same(back, number));
	/* It tries many places: for one input of eight, or it would be most of the fuzzer's time. */
	if (place % 8 == 0 && dgen_guess(dgen, number, 0, &source)) {
		back = dgen_content(dgen, source.domain, source.version,
				    source.offset / o->dedup_unit);
		must(same(back, number));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct dgen_options o = take_options(&in);
	uint64_t domain = take(&in, 8), version = take(&in, 8), unit = take(&in, 8);
	size_t count = take(&in, 2) % UNITS_MAX, step = take(&in, 1) % 80 + 1;
	double percentage = (double)take(&in, 2) / 0xffff * 99;
	uint64_t place = take(&in, 3);
	struct dgen_plan plan;
	struct dgen *dgen;
	char why[DGEN_WHY_MAX] = "";

	if (dgen_create(&o, &dgen, why)) {
		must_be_a_line(why, sizeof(why));
		return -1;
	}
	if (unit > UINT64_MAX / o.dedup_unit - count)
		unit /= o.dedup_unit;
	dgen_plan_init(&plan, &o, o.dedup_unit);
	check_units(&plan, domain, version, unit, count, step);
	/* Longer windows, and hot contents, take longer to reach it. */
	if (o.dedup_ratio <= 50 && !(o.dedup_skew > 0) && !o.dedup_window)
		check_ratio(&plan, o.dedup_ratio, o.dedup_unit, domain, version);
	check_zeros(percentage, unit >> 9, count);
	check_search(dgen, &o, domain, version % VERSIONS, place);
	dgen_destroy(dgen);
	return 0;
}
