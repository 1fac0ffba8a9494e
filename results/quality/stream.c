// SPDX-License-Identifier: GPL-2.0-only
/* stream MODE [MiB]: C = 1 data on standard output. none: as it is; else XOR with a neighbour. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dgen.h"
#define SIZE ((size_t)1 << 20)
int main(int argc, char **argv)
{
	static uint8_t a[SIZE], b[SIZE + 4096];
	const char *mode = argc > 1 ? argv[1] : "data";
	uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX;
	struct dgen_options o = DGEN_OPTIONS_DEFAULT;
	struct dgen *one, *other;
	uint64_t domain = dgen_domain("quality");

	o.data_seed = 1;
	if (dgen_create(&o, &one, NULL))
		return 1;
	o.data_seed = 2;
	if (dgen_create(&o, &other, NULL))
		return 1;
	for (uint64_t i = 0; i < mib; i++) {
		uint64_t at = i * SIZE;

		dgen_fill(one, domain, 0, at, a, SIZE);
		if (!strcmp(mode, "unit"))
			dgen_fill(one, domain, 0, at + 4096, b, SIZE);
		else if (!strcmp(mode, "version"))
			dgen_fill(one, domain, 1, at, b, SIZE);
		else if (!strcmp(mode, "seed"))
			dgen_fill(other, domain, 0, at, b, SIZE);
		else if (!strcmp(mode, "domain"))
			dgen_fill(one, dgen_domain("qualitz"), 0, at, b, SIZE);
		for (size_t j = 0; j < SIZE; j++)
			a[j] ^= b[j];
		if (fwrite(a, 1, SIZE, stdout) != SIZE)
			return 0;
	}
	return 0;
}
