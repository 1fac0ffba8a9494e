// SPDX-License-Identifier: GPL-2.0-only
/*
 * The binary interface of libdgen.so.1: what fails here breaks programs that were built before, and
 * asks for another soname. tests/library.bats checks the symbols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dgen.h"

#define AT(type, member, offset, size)                                                             \
	_Static_assert(offsetof(struct type, member) == (offset) &&                                \
			       sizeof(((struct type *)0)->member) == (size),                       \
		       #type "." #member)

AT(dgen_options, dedup_ratio, 0, 8);
AT(dgen_options, compress_ratio, 8, 8);
AT(dgen_options, dedup_unit, 16, 4);
AT(dgen_options, compress_chunk, 20, 4);
AT(dgen_options, data_seed, 24, 8);
AT(dgen_options, compress_codec, 32, 4);
AT(dgen_options, compress_record, 36, 4);
AT(dgen_options, zero_percentage, 40, 8);
AT(dgen_options, compress_mix, 48, 48);
AT(dgen_options, dedup_run, 96, 4);
AT(dgen_options, reserved_32, 100, 4);
AT(dgen_options, dedup_skew, 104, 8);
AT(dgen_options, dedup_window, 112, 8);
AT(dgen_options, reserved, 120, 8);
_Static_assert(sizeof(struct dgen_options) == 128, "struct dgen_options");

AT(dgen_part, ratio, 0, 4);
AT(dgen_part, share, 4, 2);
AT(dgen_part, symbols, 6, 2);
_Static_assert(sizeof(struct dgen_part) == 8, "struct dgen_part");

AT(dgen_content, low, 0, 8);
AT(dgen_content, high, 8, 8);
_Static_assert(sizeof(struct dgen_content) == 16, "struct dgen_content");

_Static_assert(DGEN_LZ4 == 0 && DGEN_ZSTD == 1 && DGEN_DEFLATE == 2 && DGEN_LZO == 3, "dgen_codec");

_Static_assert(DGEN_WHY_MAX == 160, "callers have buffers of this size");

/* By pointers of these types: a changed signature does not compile. */
static void signatures(void **state)
{
	int (*create)(const struct dgen_options *, struct dgen **, char *) = dgen_create;
	void (*destroy)(struct dgen *) = dgen_destroy;
	uint64_t (*domain)(const char *) = dgen_domain;
	void (*fill)(const struct dgen *, uint64_t, uint64_t, uint64_t, void *, size_t) = dgen_fill;
	void (*refill)(const struct dgen *, uint64_t, uint64_t, uint64_t, void *,
		       size_t) = dgen_refill;
	uint64_t (*period)(const struct dgen *) = dgen_period;
	size_t (*differ)(const struct dgen *, uint64_t, uint64_t, uint64_t, const void *,
			 size_t) = dgen_compare;
	struct dgen_content (*content)(const struct dgen *, uint64_t, uint64_t,
				       uint64_t) = dgen_content;
	const char *(*kernel)(const struct dgen *) = dgen_kernel;
	uint64_t (*fresh_seed)(void) = dgen_fresh_seed;
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	struct dgen *dgen;
	char buffer[64];

	(void)state;
	assert_int_equal(create(&options, &dgen, NULL), 0);
	fill(dgen, domain("name"), 0, 0, buffer, sizeof(buffer));
	refill(dgen, domain("name"), 0, period(dgen), buffer, sizeof(buffer));
	assert_int_equal(differ(dgen, domain("name"), 0, period(dgen), buffer, sizeof(buffer)), 64);
	fill(dgen, domain("name"), 0, 0, buffer, sizeof(buffer));
	assert_int_equal(differ(dgen, domain("name"), 0, 0, buffer, sizeof(buffer)), 64);
	assert_int_not_equal(content(dgen, 1, 0, 0).low, content(dgen, 2, 0, 0).low);
	assert_non_null(kernel(dgen));
	assert_int_not_equal(fresh_seed(), fresh_seed());
	destroy(dgen);
	destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
