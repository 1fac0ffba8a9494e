// SPDX-License-Identifier: GPL-2.0-only
/*
 * changed OLD NEW UNIT: prints how many units of UNIT bytes differ between two files at the same
 * place. cmp(1) tells only where the first difference is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	unsigned long changed = 0;
	static char old[1 << 20], new[1 << 20];
	size_t unit, got;
	FILE *a, *b;

	if (argc != 4)
		return 2;
	unit = strtoul(argv[3], NULL, 10);
	a = fopen(argv[1], "r");
	b = fopen(argv[2], "r");
	if (!a || !b || !unit || unit > sizeof(old))
		return 2;
	while ((got = fread(old, 1, unit, a)) > 0) {
		if (fread(new, 1, unit, b) != got)
			return 2;
		changed += memcmp(old, new, got) != 0;
	}
	printf("%lu\n", changed);
	return 0;
}
