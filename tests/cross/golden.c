// SPDX-License-Identifier: GPL-2.0-only
/* The golden vectors with every kernel, for processors under emulation: needs nothing but libc. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dgen.h"
#include "shares.h"

#define SIZE ((size_t)1 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	double dedup, compress;
	uint32_t unit, chunk, codec, record;
	uint64_t seed, version, offset;
	double skew;
	uint64_t window;
	const char *mix; /* or NULL */
	uint64_t hash;
} vectors[] = {
#include "tests/golden.h"
};

static int check(const char *kernel, size_t i, uint8_t *buffer)
{
	struct dgen_options options = { .dedup_ratio = vectors[i].dedup,
					.compress_ratio = vectors[i].compress,
					.dedup_unit = vectors[i].unit,
					.compress_chunk = vectors[i].chunk,
					.compress_codec = vectors[i].codec,
					.compress_record = vectors[i].record,
					.data_seed = vectors[i].seed,
					.dedup_skew = vectors[i].skew,
					.dedup_window = vectors[i].window };
	char why[DGEN_WHY_MAX];
	struct dgen *dgen;
	uint64_t hash;
	size_t same;

	if (vectors[i].mix && dgen_mix_parse(vectors[i].mix, &options, why)) {
		printf("vector %zu: %s\n", i, why);
		return 1;
	}
	if (dgen_create(&options, &dgen, why)) {
		printf("kernel %s: %s\n", kernel, why);
		return 1;
	}
	if (strcmp(dgen_kernel(dgen), kernel)) {
		printf("kernel %s: got %s\n", kernel, dgen_kernel(dgen));
		return 1;
	}
	dgen_fill(dgen, dgen_domain("golden"), vectors[i].version, vectors[i].offset, buffer, SIZE);
	hash = XXH3_64bits(buffer, SIZE);
	/* Right up to a bit, odd in place and length. */
	buffer[SIZE - 99] ^= 8;
	same = dgen_compare(dgen, dgen_domain("golden"), vectors[i].version, vectors[i].offset + 33,
			    buffer + 33, SIZE - 66);
	dgen_destroy(dgen);
	if (hash == vectors[i].hash && same == SIZE - 99 - 33)
		return 0;
	printf("kernel %s, vector %zu: 0x%016llx, compare %zu\n", kernel, i,
	       (unsigned long long)hash, same);
	return 1;
}

/* Arguments: the kernels that must be there. */
int main(int argc, char **argv)
{
	static uint8_t buffer[SIZE];
	int failures = argc < 2;

	for (int k = 1; k < argc; k++) {
		setenv("DGEN_KERNEL", argv[k], 1);
		for (size_t i = 0; i < COUNT(vectors); i++)
			failures += check(argv[k], i, buffer);
	}
	return failures != 0;
}
