// SPDX-License-Identifier: GPL-2.0-only
/*
 * Content: any options, seed, domain, version, offset, length. Every kernel makes the same bytes, at any
 * alignment and in any pieces, writes nowhere else, and finds the first byte that is not as it must be.
 */
#include "fuzz.h"
#include "kernel.h"

#define LENGTH_MAX 20000u
#define GUARD 64u /* bytes on either side, with which no neighbour is hit unseen */

struct range {
	uint64_t domain, version, offset;
	size_t length;
};

static uint8_t whole[LENGTH_MAX];

/* Every byte is one or the other before; a kernel that leaves one alone is seen. */
static void fill(const struct dgen *dgen, const struct range *r, size_t from, size_t to,
		 uint8_t *into, size_t align)
{
	uint8_t *room = malloc(to - from + 2 * GUARD + align);
	uint8_t *at = room + GUARD + align;

	must(room != NULL);
	memset(room, 0xa5, to - from + 2 * GUARD + align);
	dgen_fill(dgen, r->domain, r->version, r->offset + from, at, to - from);
	for (size_t i = 0; i < GUARD; i++)
		must(at[-1 - (ptrdiff_t)i] == 0xa5 && at[to - from + i] == 0xa5);
	memcpy(into, at, to - from);
	/* What else was filled in the same phase makes no difference. */
	dgen_fill(dgen, r->domain + 1, r->version + 1, (r->offset + from) % dgen_period(dgen), at,
		  to - from);
	dgen_refill(dgen, r->domain, r->version, r->offset + from, at, to - from);
	must(!memcmp(into, at, to - from));
	free(room);
}

static void check(const struct dgen *dgen, const struct range *r, size_t middle, size_t align,
		  uint8_t flip)
{
	static uint8_t parts[LENGTH_MAX];
	uint8_t *copy = malloc(r->length + align + 1);
	uint8_t *at = copy + align;

	must(copy != NULL);
	fill(dgen, r, 0, middle, parts, align);
	fill(dgen, r, middle, r->length, parts + middle, 63 - align);
	must(!memcmp(parts, whole, r->length));
	memcpy(at, whole, r->length);
	must(dgen_compare(dgen, r->domain, r->version, r->offset, at, r->length) == r->length);
	if (flip && middle < r->length) {
		at[middle] ^= flip;
		must(dgen_compare(dgen, r->domain, r->version, r->offset, at, r->length) == middle);
	}
	free(copy);
}

/* Units that have the same number, and those alone, have the same bytes. */
static void check_numbers(const struct dgen *dgen, const struct range *r, uint32_t unit)
{
	uint64_t first = r->offset / unit, other = first ^ (1 + r->version % 7);
	struct dgen_content a, b;
	bool same;

	if (unit > LENGTH_MAX || other > UINT64_MAX / unit - 1 || first > UINT64_MAX / unit - 1)
		return;
	a = dgen_content(dgen, r->domain, r->version, first);
	b = dgen_content(dgen, r->domain, r->version, other);
	same = a.low == b.low && a.high == b.high;
	dgen_fill(dgen, r->domain, r->version, first * unit, whole, unit);
	must((dgen_compare(dgen, r->domain, r->version, other * unit, whole, unit) == unit) ==
	     same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct dgen_options options = take_options(&in);
	struct range r = { take(&in, 8), take(&in, 8), take(&in, 8), 0 };
	size_t middle, align = take(&in, 1) % 64;
	uint8_t flip = (uint8_t)take(&in, 1);
	struct dgen *dgen;
	char why[DGEN_WHY_MAX] = "";
	bool first = true;

	r.length = take(&in, 2) % (LENGTH_MAX + 1);
	if (r.offset > UINT64_MAX - r.length)
		r.offset -= r.length;
	middle = take(&in, 2) % (r.length + 1);
	for (const struct dgen_kernel *const *k = dgen_kernels; *k; k++) {
		if (!(*k)->usable())
			continue;
		setenv("DGEN_KERNEL", (*k)->name, 1);
		if (dgen_create(&options, &dgen, why)) {
			must_be_a_line(why, sizeof(why));
			return -1;
		}
		must(!strcmp(dgen_kernel(dgen), (*k)->name));
		if (first)
			dgen_fill(dgen, r.domain, r.version, r.offset, whole, r.length);
		first = false;
		check(dgen, &r, middle, align, flip);
		if (!k[1])
			check_numbers(dgen, &r, options.dedup_unit);
		dgen_destroy(dgen);
	}
	return 0;
}
