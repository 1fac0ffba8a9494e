// SPDX-License-Identifier: GPL-2.0-only
/* The plan: how many units share a content, for any part, version and mix of versions. */
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

#include "dgen.h"
#include "plan.h"

#define MIB ((size_t)1 << 20)
#define DOMAIN 77
#define FACTOR UINT64_C(0xd1342543de82ef95) /* large and odd: sums of small numbers differ */

static const double ratios[] = { 1, 1.01, 1.1, 1.25, 1.5, 2, 3, 3.7, 5, 8, 10, 12, 20, 50, 100 };
static const uint32_t units[] = { 512, 4096, 8192, 65536 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Hot sets, short and long distances, both; windows far beyond the files. */
static const struct variant {
	double skew;
	uint64_t window;
} variants[] = {
	{ 20, 0 },       { 50, 1 << 16 },  { 90, 0 },      { 0, 1 << 16 },
	{ 0, 16 << 20 }, { 60, 16 << 20 }, { 0, 1 << 30 }, { 90, UINT64_C(1) << 40 },
};

static struct dgen *vary(double ratio, uint32_t unit, uint64_t seed, const struct variant *variant)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	struct dgen *dgen;
	char why[DGEN_WHY_MAX];

	options.dedup_ratio = ratio;
	options.dedup_unit = unit;
	options.data_seed = seed;
	options.dedup_skew = variant->skew;
	options.dedup_window = variant->window;
	if (dgen_create(&options, &dgen, why))
		fail_msg("%s", why);
	return dgen;
}

static struct dgen *make(double ratio, uint32_t unit, uint64_t seed)
{
	return vary(ratio, unit, seed, &(struct variant){ 0, 0 });
}

static struct dgen_content *plan(const struct dgen *dgen, uint64_t version, size_t count)
{
	struct dgen_content *out = malloc(count * sizeof(*out));

	assert_non_null(out);
	for (size_t i = 0; i < count; i++)
		out[i] = dgen_content(dgen, DOMAIN, version, i);
	return out;
}

static bool same(struct dgen_content a, struct dgen_content b)
{
	return a.low == b.low && a.high == b.high;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dgen_content));
}

static size_t distinct(const struct dgen_content *contents, size_t count)
{
	struct dgen_content *sorted = malloc(count * sizeof(*sorted));
	size_t found = 1;

	assert_non_null(sorted);
	memcpy(sorted, contents, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++)
		found += !same(sorted[i], sorted[i - 1]);
	free(sorted);
	return found;
}

/* As the acceptance figures have it: a part of units / D, or some distinct units where that is coarser. */
static void check_ratio(const char *what, const struct dgen_content *contents, size_t count,
			double ratio, uint32_t unit, double part, double least)
{
	double wanted = (double)count / ratio, found = (double)distinct(contents, count);

	if (fabs(found - wanted) > fmax(least, wanted * part))
		fail_msg("%s: D=%g, unit %u, %zu units: %g distinct, %.2f wanted", what, ratio,
			 unit, count, found, wanted);
}

/* Files of many sizes, and one with another version throughout: any prefix is one. */
static void prefixes(void **state)
{
	static const double sizes[] = { 4, 5.3, 17, 40.01, 64, 100, 256 };

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++)
		for (size_t r = 0; r < COUNT(ratios) && ratios[r] <= 50; r++) {
			size_t most = 256 * MIB / units[u];
			struct dgen *dgen = make(ratios[r], units[u], 5 * r + u);

			if (most > 1 << 17)
				most = 1 << 17;
			for (uint64_t version = 0; version < 4; version += 3) {
				struct dgen_content *c = plan(dgen, version, most);

				for (size_t s = 0; s < COUNT(sizes); s++) {
					size_t n = (size_t)(sizes[s] * MIB) / units[u];

					if (n > most)
						break;
					check_ratio("prefix", c, n, ratios[r], units[u],
						    sizes[s] < 64 ? 0.03 : 0.002, 1);
				}
				free(c);
			}
			dgen_destroy(dgen);
		}
}

/* Half overwritten, an eighth overwritten, four versions at random: 256 MiB keep the ratio. */
static void mixtures(void **state)
{
	static const unsigned masks[] = { 1, 7, 3 };

	(void)state;
	srand(1);
	for (size_t u = 1; u < COUNT(units) - 1; u++)
		for (size_t r = 0; r < COUNT(ratios) && ratios[r] <= 50; r++) {
			size_t n = 256 * MIB / units[u];
			struct dgen *dgen = make(ratios[r], units[u], r);
			struct dgen_content *v[4], *mix = malloc(n * sizeof(*mix));

			assert_non_null(mix);
			for (uint64_t i = 0; i < 4; i++)
				v[i] = plan(dgen, i, n);
			for (size_t m = 0; m < COUNT(masks); m++) {
				for (size_t i = 0; i < n; i++) {
					unsigned x = (unsigned)rand() >> 8 & masks[m];

					mix[i] = v[masks[m] == 7 ? x == 0 : x][i];
				}
				check_ratio("mixture", mix, n, ratios[r], units[u], 0.01, 1);
			}
			for (int i = 0; i < 4; i++)
				free(v[i]);
			free(mix);
			dgen_destroy(dgen);
		}
}

static void every_version_changes_every_unit(void **state)
{
	(void)state;
	for (size_t u = 0; u < COUNT(units); u++)
		for (size_t r = 0; r < COUNT(ratios); r++) {
			struct dgen *dgen = make(ratios[r], units[u], r);
			size_t n = 50000, kept = 0;
			struct dgen_content *last = plan(dgen, 0, n);

			for (uint64_t version = 1; version < 5; version++) {
				struct dgen_content *now = plan(dgen, version, n);

				for (size_t i = 0; i < n; i++)
					kept += same(last[i], now[i]);
				free(last);
				last = now;
			}
			free(last);
			if (kept)
				fail_msg("D=%g, unit %u: %zu units kept", ratios[r], units[u],
					 kept);
			dgen_destroy(dgen);
		}
}

/* Where a file is large enough, references to a content lie 1 MiB apart. */
static void references_lie_apart(void **state)
{
	(void)state;
	for (size_t u = 1; u < COUNT(units); u++)
		for (size_t r = 1; r < COUNT(ratios); r++) {
			size_t window = MIB / units[u], n = 4 * window;
			/* Past the growing pools: 12 rows of lanes, or D of them. */
			uint64_t first = 1 << 20;
			struct dgen *dgen = make(ratios[r], units[u], r);
			struct dgen_content *c = malloc(n * sizeof(*c));

			assert_non_null(c);
			for (uint64_t version = 0; version < 2; version++) {
				for (size_t i = 0; i < n; i++)
					c[i] = dgen_content(dgen, DOMAIN, version, first + i);
				for (size_t i = 0; i + window <= n; i += window / 4)
					if (distinct(c + i, window) != window)
						fail_msg("D=%g, unit %u: a content twice in 1 MiB",
							 ratios[r], units[u]);
			}
			free(c);
			dgen_destroy(dgen);
		}
}

/* A storage that dedups at twice the unit finds next to nothing, at either alignment. */
static void pairs_do_not_repeat(void **state)
{
	(void)state;
	for (size_t r = 0; r < COUNT(ratios) && ratios[r] <= 50; r++) {
		struct dgen *dgen = make(ratios[r], 4096, 3);
		size_t n = 1 << 18;
		struct dgen_content *c = plan(dgen, 0, n);

		for (size_t shift = 0; shift < 2; shift++) {
			size_t count = (n - shift) / 2, found;
			struct dgen_content *pair = malloc(count * sizeof(*pair));

			assert_non_null(pair);
			for (size_t i = 0; i < count; i++) {
				struct dgen_content a = c[shift + 2 * i], b = c[shift + 2 * i + 1];

				pair[i].low = a.low * FACTOR + b.low;
				pair[i].high = a.high * FACTOR + b.high;
			}
			found = distinct(pair, count);
			if ((double)count / (double)found > 1.06)
				fail_msg("D=%g, shift %zu: %.3f:1 at twice the unit", ratios[r],
					 shift, (double)count / (double)found);
			free(pair);
		}
		free(c);
		dgen_destroy(dgen);
	}
}

/* Other seeds, neighbours too, and other domains share nothing; the same domain shares all. */
static void seeds_and_domains(void **state)
{
	size_t n = 20000;
	struct dgen *dgen[3] = { make(4, 4096, 1), make(4, 4096, 2), make(4, 4096, 1) };
	struct dgen_content *c = malloc(4 * n * sizeof(*c));
	uint64_t domain = dgen_domain("a"), other = dgen_domain("b");

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < n; i++) {
		c[i] = dgen_content(dgen[0], domain, 0, i);
		c[n + i] = dgen_content(dgen[1], domain, 0, i);
		c[2 * n + i] = dgen_content(dgen[0], other, 0, i);
		c[3 * n + i] = dgen_content(dgen[2], domain, 0, i);
	}
	assert_int_equal(distinct(c, 3 * n),
			 distinct(c, n) + distinct(c + n, n) + distinct(c + 2 * n, n));
	assert_int_equal(distinct(c, 4 * n), distinct(c, 3 * n));
	assert_memory_equal(c, c + 3 * n, n * sizeof(*c));
	for (int i = 0; i < 3; i++)
		dgen_destroy(dgen[i]);
	free(c);
}

/* Far out: 2^50 bytes and more behave like the beginning. */
static void far_offsets(void **state)
{
	static const uint64_t firsts[] = { UINT64_C(1) << 38, UINT64_C(1) << 42,
					   UINT64_C(1) << 50 };

	(void)state;
	for (size_t f = 0; f < COUNT(firsts); f++)
		for (size_t r = 0; r < COUNT(ratios) && ratios[r] <= 20; r++) {
			struct dgen *dgen = make(ratios[r], 4096, 9);
			size_t n = 1 << 17;
			struct dgen_content *c = malloc(n * sizeof(*c));

			assert_non_null(c);
			for (size_t i = 0; i < n; i++)
				c[i] = dgen_content(dgen, DOMAIN, 0, firsts[f] + i);
			/* A part in the middle has references to contents outside of it. */
			check_ratio("far", c, n, ratios[r], 4096, 0.05, 1);
			free(c);
			dgen_destroy(dgen);
		}
}

/* With hot sets and other distances, too: any prefix, mixtures, and every unit changes. */
static void variants_keep_the_ratio(void **state)
{
	static const double sizes[] = { 4, 17, 64, 256 };
	static const double some[] = { 1.1, 2, 3.7, 10, 20 };
	const size_t n = 256 * MIB / 4096;
	struct dgen_content *mix = malloc(n * sizeof(*mix));

	(void)state;
	assert_non_null(mix);
	srand(2);
	for (size_t i = 0; i < COUNT(variants) * COUNT(some); i++) {
		const double ratio = some[i % COUNT(some)];
		const struct variant *variant = &variants[i / COUNT(some)];
		struct dgen *dgen = vary(ratio, 4096, i, variant);
		struct dgen_content *a = plan(dgen, 6, n), *b = plan(dgen, 7, n);
		char what[80];

		snprintf(what, sizeof(what), "skew %g, window %llu", variant->skew,
			 (unsigned long long)variant->window);
		for (size_t s = 0; s < COUNT(sizes); s++)
			check_ratio(what, a, (size_t)(sizes[s] * MIB) / 4096, ratio, 4096,
				    sizes[s] < 64 ? 0.03 : 0.002, 2);
		for (size_t u = 0; u < n; u++) {
			if (same(a[u], b[u]))
				fail_msg("%s, D=%g: unit %zu is kept", what, ratio, u);
			mix[u] = rand() & 256 ? a[u] : b[u];
		}
		/* What came in the last window has one reference, which an overwrite may lose. */
		check_ratio(what, mix, n, ratio, 4096, variant->window > 1 << 20 ? 0.03 : 0.01, 2);
		free(a);
		free(b);
		dgen_destroy(dgen);
	}
	free(mix);
}

struct reference {
	struct dgen_content content;
	uint64_t unit;
};

static int by_content(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;
	int differs = compare(&x->content, &y->content);

	return differs ? differs : (x->unit > y->unit) - (x->unit < y->unit);
}

/* Far in a file, where pools have grown: the part of the duplicates that hot contents have. */
static double hot_share(const struct dgen *dgen, uint64_t first, size_t n, uint64_t often,
			uint64_t *nearest)
{
	struct reference *all = malloc(n * sizeof(*all));
	size_t hot = 0, found = 0;

	assert_non_null(all);
	for (size_t i = 0; i < n; i++)
		all[i] = (struct reference){ dgen_content(dgen, DOMAIN, 1, first + i), i };
	qsort(all, n, sizeof(*all), by_content);
	*nearest = UINT64_MAX;
	for (size_t i = 0, from = 0; i < n; i++) {
		if (i > from && all[i].unit - all[i - 1].unit < *nearest)
			*nearest = all[i].unit - all[i - 1].unit;
		if (i + 1 < n && same(all[i].content, all[i + 1].content))
			continue;
		hot += i - from >= often ? i - from : 0;
		found++;
		from = i + 1;
	}
	free(all);
	return (double)hot / (double)(n - found);
}

/* Hot contents have the part that was asked for, and no two references lie closer than the window. */
static void references_are_as_asked(void **state)
{
	static const double some[] = { 1.5, 2, 5, 20 };

	(void)state;
	for (size_t i = 0; i < COUNT(variants) * COUNT(some); i++) {
		const double ratio = some[i % COUNT(some)];
		const struct variant *variant = &variants[i / COUNT(some)];
		const uint64_t window = (variant->window ? variant->window : MIB) / 4096;
		struct dgen *dgen;
		uint64_t nearest;
		double share;

		if (variant->window > 16 << 20)
			continue;
		dgen = vary(ratio, 4096, i, variant);
		/* Some hundreds of rows, or dozens of long ones. */
		share = hot_share(dgen, UINT64_C(1) << 26,
				  variant->window > 1 << 20 ? 1 << 19 : 1 << 17,
				  3 * (ratio > 12 ? 20 : 12), &nearest);
		if (variant->window <= 1 << 20 && fabs(share - variant->skew / 100) > 0.04)
			fail_msg("skew %g, D=%g: %.3f of the duplicates", variant->skew, ratio,
				 share);
		if (nearest < window)
			fail_msg("window %llu, D=%g: references %llu units apart",
				 (unsigned long long)variant->window, ratio,
				 (unsigned long long)nearest);
		dgen_destroy(dgen);
	}
}

/* 1 MiB asked for is what there is without asking; options out of range are told. */
static void variants_are_checked(void **state)
{
	static const struct {
		struct variant variant;
		const char *name, *allowed;
	} bad[] = {
		{ { -1, 0 }, "dedup_skew=-1", "0 to 90" },
		{ { 90.5, 0 }, "dedup_skew=90.5", "0 to 90" },
		{ { NAN, 0 }, "dedup_skew", "0 to 90" },
		{ { 0, 4095 }, "dedup_window=4095", "dedup_unit=4096" },
		{ { 0, (UINT64_C(1) << 40) + 1 }, "dedup_window", "1099511627776" },
	};
	struct dgen *usual = make(3, 4096, 1),
		    *same_as = vary(3, 4096, 1, &(struct variant){ 0, MIB });
	char why[DGEN_WHY_MAX];

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(same(dgen_content(usual, DOMAIN, 1, i),
				 dgen_content(same_as, DOMAIN, 1, i)));
	dgen_destroy(usual);
	dgen_destroy(same_as);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct dgen_options options = DGEN_OPTIONS_DEFAULT;

		options.dedup_skew = bad[i].variant.skew;
		options.dedup_window = bad[i].variant.window;
		assert_int_equal(dgen_create(&options, &usual, why), -EINVAL);
		if (!strstr(why, bad[i].name) || !strstr(why, bad[i].allowed))
			fail_msg("%s", why);
	}
}

/* Units planned together, by two and alone agree, wherever they begin. */
static void together_as_alone(void **state)
{
	static uint8_t whole[1 << 19], part[4096];

	(void)state;
	for (size_t v = 0; v < COUNT(variants); v++) {
		struct dgen *dgen = vary(2.5, 512, v, &variants[v]);

		for (uint64_t first = 0; first < UINT64_C(1) << 45;
		     first = first * 29 + 12345 * 512) {
			first -= first % 512;
			dgen_fill(dgen, DOMAIN, 3, first, whole, sizeof(whole));
			for (size_t at = 0; at < sizeof(whole); at += 512) {
				dgen_fill(dgen, DOMAIN, 3, first + at, part, 512);
				assert_memory_equal(part, whole + at, 512);
			}
			/* Two are planned in a way of their own. */
			for (size_t at = 0; at + 1024 <= sizeof(whole); at += 512) {
				dgen_fill(dgen, DOMAIN, 3, first + at, part, 1024);
				assert_memory_equal(part, whole + at, 1024);
			}
		}
		dgen_destroy(dgen);
	}
}

/* Where a row is found without a correction, it is the one that is found with it. */
static void rows_are_exact(void **state)
{
	(void)state;
	for (size_t u = 0; u < COUNT(units); u++)
		for (size_t r = 1; r < COUNT(ratios); r++)
			for (size_t v = 0; v < COUNT(variants); v++) {
				struct dgen_options options = DGEN_OPTIONS_DEFAULT;
				struct dgen_plan quick, careful;
				uint64_t number = 1;

				options.dedup_ratio = ratios[r];
				options.dedup_skew = variants[v].skew;
				options.dedup_window = variants[v].window;
				dgen_plan_init(&quick, &options, units[u]);
				careful = quick;
				careful.exact = 0;
				assert_true(quick.exact > 1 << 10);
				for (int i = 0; i < 600; i++) {
					uint64_t unit = number % quick.exact;
					struct dgen_content a, b;

					number *= FACTOR;
					if (i % 2)
						unit = quick.exact - 1 - unit % 1000;
					a = dgen_plan_shared(&quick, DOMAIN, 3, unit);
					b = dgen_plan_shared(&careful, DOMAIN, 3, unit);
					assert_int_equal(a.low, b.low);
					assert_int_equal(a.high, b.high);
				}
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),
		cmocka_unit_test(mixtures),
		cmocka_unit_test(every_version_changes_every_unit),
		cmocka_unit_test(references_lie_apart),
		cmocka_unit_test(pairs_do_not_repeat),
		cmocka_unit_test(seeds_and_domains),
		cmocka_unit_test(far_offsets),
		cmocka_unit_test(variants_keep_the_ratio),
		cmocka_unit_test(references_are_as_asked),
		cmocka_unit_test(variants_are_checked),
		cmocka_unit_test(together_as_alone),
		cmocka_unit_test(rows_are_exact),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
