// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills a file with 64 MiB that deduplicate 2:1 and compress 3:1.
 *
 *	cc fill.c $(pkg-config --cflags --libs dgen) -o fill && ./fill FILE
 */
#include <dgen.h>
#include <stdio.h>

static char buffer[1 << 20];

int main(int argc, char **argv)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	char why[DGEN_WHY_MAX];
	struct dgen *dgen;
	FILE *file;

	if (argc != 2) {
		fputs("Usage: fill FILE\n", stderr);
		return 1;
	}
	options.dedup_ratio = 2;
	options.compress_ratio = 3;
	options.data_seed = 1; /* dgen_fresh_seed() gives other data in each run */
	if (dgen_create(&options, &dgen, why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	file = fopen(argv[1], "wb");
	for (uint64_t offset = 0; file && offset < 64 << 20; offset += sizeof(buffer)) {
		dgen_fill(dgen, dgen_domain(argv[1]), 0, offset, buffer, sizeof(buffer));
		if (fwrite(buffer, sizeof(buffer), 1, file) != 1)
			break;
	}
	dgen_destroy(dgen);
	if (!file || ferror(file) || fclose(file)) {
		perror("fill");
		return 1;
	}
	return 0;
}
