// SPDX-License-Identifier: GPL-2.0-only
/*
 * chunks MIN AVG MAX <DATA: content-defined chunks cut in one simple loop, a line with length and
 * FNV-1a hash for each, to judge those that dgen-measure cuts with many threads.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t table[256];

static void fill_table(void)
{
	uint64_t seed = 0;

	for (int i = 0; i < 256; i++) {
		uint64_t z;

		if (i == 0)
			seed = 1;
		seed += 0x9e3779b97f4a7c15;
		z = seed;
		z ^= z >> 30;
		z *= 0xbf58476d1ce4e5b9;
		z ^= z >> 27;
		z *= 0x94d049bb133111eb;
		z ^= z >> 31;
		table[i] = z;
	}
}

static int log2_of(unsigned long n)
{
	int bits = 0;

	while (n > 1) {
		n /= 2;
		bits++;
	}
	return bits;
}

int main(int argc, char **argv)
{
	unsigned long min, avg, max, length = 0;
	uint64_t gear = 0, fnv = 0xcbf29ce484222325;
	int c, bits;

	if (argc != 4)
		return 1;
	min = strtoul(argv[1], NULL, 10);
	avg = strtoul(argv[2], NULL, 10);
	max = strtoul(argv[3], NULL, 10);
	bits = log2_of(avg);
	fill_table();
	while ((c = getchar()) != EOF) {
		int wanted;

		length++;
		gear = 2 * gear + table[c];
		fnv = (fnv ^ (uint64_t)c) * 0x100000001b3;
		wanted = length < avg ? bits + 2 : bits - 2;
		if (length < max && (length < min || gear >> (64 - wanted)))
			continue;
		printf("%lu %016llx\n", length, (unsigned long long)fnv);
		length = 0;
		fnv = 0xcbf29ce484222325;
	}
	if (length)
		printf("%lu %016llx\n", length, (unsigned long long)fnv);
	return 0;
}
