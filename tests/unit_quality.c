// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data is random: by itself, and as XOR and difference of neighbours in every direction. Seeds
 * are fixed, so a result never changes; the bounds are six standard deviations and wider.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <xxhash.h>

#include "dgen.h"

#define SIZE ((size_t)16 << 20)
#define UNIT 4096
#define LINE 64
#define SIGMAS 6

static struct dgen *make(uint64_t seed)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	struct dgen *dgen;

	options.data_seed = seed;
	assert_int_equal(dgen_create(&options, &dgen, NULL), 0);
	return dgen;
}

static uint8_t *buffer(size_t size)
{
	uint8_t *p = aligned_alloc(4096, size);

	assert_non_null(p);
	return p;
}

/* Why data is not random. The tests of the tests below want to know. */
static char verdict[256];

static bool caught(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says why; false, for the test that caught it. */
static bool caught(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict, sizeof(verdict), format, args);
	va_end(args);
	return false;
}

/* Each of the first 4096 bits of a unit, over all units: as often one as zero. */
static bool bits_balanced(const char *what, const uint8_t *p)
{
	enum { bits = 4096 };
	const double n = (double)SIZE * 8 / bits, sum_max = bits + SIGMAS * sqrt(2.0 * bits);
	static uint32_t ones[bits];
	double sum = 0;

	memset(ones, 0, sizeof(ones));
	for (size_t i = 0; i < SIZE * 8; i++)
		ones[i % bits] += p[i / 8] >> i % 8 & 1;
	for (int i = 0; i < bits; i++) {
		double z = (2 * ones[i] - n) / sqrt(n);

		sum += z * z;
		if (fabs(z) > SIGMAS)
			return caught("%s: bit %d is one in %u of %.0f", what, i, ones[i], n);
	}
	if (sum > sum_max)
		return caught("%s: chi-square of bits %.0f, at most %.0f", what, sum, sum_max);
	return true;
}

/* Chi-square of a histogram with as many cells; too even is as wrong as too uneven. */
static bool histogram_flat(const char *what, const char *of, const uint32_t *count, size_t cells,
			   double total)
{
	double expected = total / (double)cells, sum = 0, freedom = (double)cells - 1;

	for (size_t i = 0; i < cells; i++)
		sum += (count[i] - expected) * (count[i] - expected) / expected;
	if (fabs(sum - freedom) > SIGMAS * sqrt(2 * freedom))
		return caught("%s: chi-square of %s is %.0f, expected %.0f", what, of, sum,
			      freedom);
	return true;
}

static bool bytes_flat(const char *what, const uint8_t *p)
{
	static uint32_t bytes[256], pairs[65536], at[16][256];

	memset(bytes, 0, sizeof(bytes));
	memset(pairs, 0, sizeof(pairs));
	memset(at, 0, sizeof(at));
	for (size_t i = 0; i < SIZE; i++) {
		bytes[p[i]]++;
		at[i % 16][p[i]]++;
	}
	for (size_t i = 0; i < SIZE; i += 2)
		pairs[p[i] << 8 | p[i + 1]]++;
	for (int i = 0; i < 16; i++)
		if (!histogram_flat(what, "bytes of one lane position", at[i], 256,
				    (double)SIZE / 16))
			return false;
	return histogram_flat(what, "bytes", bytes, 256, (double)SIZE) &&
	       histogram_flat(what, "pairs of bytes", pairs, 65536, (double)SIZE / 2);
}

/* Words that lie far[i] bytes apart agree in half of their bits. */
static bool lags_unrelated(const char *what, const uint8_t *p)
{
	static const size_t far[] = { 16, 32, 64, 128, 1024, 2048, 4096, 8192, 65536 };

	for (size_t f = 0; f < sizeof(far) / sizeof(far[0]); f++) {
		double n = 8.0 * (double)(SIZE - far[f]);
		uint64_t differ = 0;

		for (size_t i = 0; i + far[f] < SIZE; i += 8) {
			uint64_t a, b;

			memcpy(&a, p + i, 8);
			memcpy(&b, p + i + far[f], 8);
			differ += (uint64_t)__builtin_popcountll(a ^ b);
		}
		if (fabs(2 * (double)differ - n) > SIGMAS * sqrt(n))
			return caught("%s: %llu of %.0f bits differ at a distance of %zu", what,
				      (unsigned long long)differ, n, far[f]);
	}
	return true;
}

/* Each compressor in its strongest mode gains nothing; those that are not there are named. */
static bool shrinks_not(const char *what, const uint8_t *p, size_t size)
{
	static const char *const commands[] = { "zstd -q -19 --long=27 -c", "xz -9e -c",
						"lz4 -q -9 -c", "brotli -q 11 -c" };
	char path[] = "/tmp/dgen-quality-XXXXXX", line[256];
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool shrinks = false;

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	for (size_t i = 0; !shrinks && i < sizeof(commands) / sizeof(commands[0]); i++) {
		unsigned long long got = 0;
		FILE *pipe;

		snprintf(line, sizeof(line),
			 "command -v %.*s >/dev/null || exit; %s < %s 2>/dev/null | wc -c",
			 (int)strcspn(commands[i], " "), commands[i], commands[i], path);
		pipe = popen(line, "r"); /* NOLINT(cert-env33-c): fixed words */
		if (!pipe || fscanf(pipe, "%llu", &got) != 1)
			print_message("%s: skipped, not installed\n", commands[i]);
		else if ((double)got < 0.999 * (double)size) {
			shrinks = true;
			caught("%s: %s makes %llu of %zu bytes", what, commands[i], got, size);
		}
		if (pipe)
			pclose(pipe);
	}
	unlink(path);
	return !shrinks;
}

static bool is_random(const char *what, const uint8_t *p)
{
	return bits_balanced(what, p) && bytes_flat(what, p) && lags_unrelated(what, p) &&
	       shrinks_not(what, p, (size_t)1 << 20);
}

static void random_enough(const char *what, const uint8_t *p)
{
	if (!is_random(what, p))
		fail_msg("%s", verdict);
}

static void data_is_random(void **state)
{
	struct dgen *dgen = make(1);
	uint8_t *p = buffer(SIZE);

	(void)state;
	dgen_fill(dgen, dgen_domain("quality"), 0, 0, p, SIZE);
	random_enough("data", p);
	free(p);
	dgen_destroy(dgen);
}

/* XOR, or difference of 64-bit words, of a and its neighbour b. */
static void combine(uint8_t *p, const uint8_t *a, const uint8_t *b, bool difference)
{
	for (size_t i = 0; i < SIZE; i += 8) {
		uint64_t x, y;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		x = difference ? x - y : x ^ y;
		memcpy(p + i, &x, 8);
	}
}

static void neighbours(const char *what, const uint8_t *a, const uint8_t *b)
{
	uint8_t *p = buffer(SIZE);
	char name[64];

	for (int difference = 0; difference < 2; difference++) {
		combine(p, a, b, difference);
		snprintf(name, sizeof(name), "%s of %s", difference ? "difference" : "XOR", what);
		random_enough(name, p);
	}
	free(p);
}

static void neighbours_are_unrelated(void **state)
{
	struct dgen *one = make(1), *other = make(2);
	uint8_t *a = buffer(SIZE + UNIT), *b = buffer(SIZE);
	uint64_t domain = dgen_domain("quality");

	(void)state;
	dgen_fill(one, domain, 0, 0, a, SIZE + UNIT);
	neighbours("units", a, a + UNIT);
	dgen_fill(one, domain, 1, 0, b, SIZE);
	neighbours("versions", a, b);
	dgen_fill(other, domain, 0, 0, b, SIZE);
	neighbours("seeds", a, b);
	dgen_fill(one, dgen_domain("qualitz"), 0, 0, b, SIZE);
	neighbours("domains", a, b);
	free(b);
	free(a);
	dgen_destroy(other);
	dgen_destroy(one);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool any_twice(uint64_t *hashes, size_t n)
{
	qsort(hashes, n, sizeof(*hashes), compare);
	for (size_t i = 1; i < n; i++)
		if (hashes[i] == hashes[i - 1])
			return true;
	return false;
}

static size_t hash_lines(const uint8_t *p, size_t size, uint64_t *hashes)
{
	size_t n = size / LINE;

	for (size_t i = 0; i < n; i++)
		hashes[i] = XXH3_64bits(p + i * LINE, LINE);
	return n;
}

/*
 * 64-byte blocks by their 64-bit hashes: 2^22 of them in 256 MiB collide by chance once in two
 * million seeds. DGEN_QUALITY_MIB asks for more: 4096 need 512 MiB of memory, one chance in 8000.
 */
static void no_block_repeats(void **state)
{
	const char *mib = getenv("DGEN_QUALITY_MIB");
	size_t mibs = mib ? strtoul(mib, NULL, 10) : 256, per = ((size_t)1 << 20) / LINE, n = 0;
	uint64_t *hashes = malloc(mibs * per * sizeof(*hashes));
	uint8_t *p = buffer((size_t)1 << 20);
	struct dgen *dgen = make(1);

	(void)state;
	assert_non_null(hashes);
	for (size_t i = 0; i < mibs; i++) {
		dgen_fill(dgen, dgen_domain("quality"), 0, (uint64_t)i << 20, p, (size_t)1 << 20);
		n += hash_lines(p, (size_t)1 << 20, hashes + n);
	}
	if (any_twice(hashes, n))
		fail_msg("a 64-byte block repeats within %zu MiB", mibs);
	print_message("no 64-byte block repeats within %zu MiB\n", mibs);
	free(hashes);
	free(p);
	dgen_destroy(dgen);
}

/* ---------------------------------------------------------------- tests of the tests */

/* Mutants: p holds good data, and becomes that of a bad generator. q is scratch. */

static void count_up(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (uint64_t i = 0; i < SIZE; i += 8)
		memcpy(p + i, &i, 8);
}

/* Each lane of 16 words multiplies: its low bits stay what they are. */
static void multiply_lanes(uint8_t *p, uint8_t *q)
{
	uint64_t lanes[16];

	(void)q;
	memcpy(lanes, p, sizeof(lanes));
	for (size_t i = 0; i < SIZE; i += 8) {
		uint64_t *lane = &lanes[i / 8 % 16];

		*lane = (*lane | 1) * UINT64_C(0x61c8864680b583eb);
		memcpy(p + i, lane, 8);
	}
}

/* One bit of a unit's 32768 is stuck, in every other unit. */
static void stick_bit(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (size_t i = 100; i < SIZE; i += (size_t)2 * UNIT)
		p[i] &= 0xf7;
}

/* Two values never come, two come twice as often; each bit stays balanced. */
static void avoid_values(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (size_t i = 0; i < SIZE; i++)
		if (p[i] == 0x00 || p[i] == 0xff)
			p[i] ^= 0x0f;
}

/* One of 512 pairs is two of the same. */
static void repeat_byte(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (size_t i = 0; i < SIZE; i += 1024)
		p[i + 1] = p[i];
}

/* A line of one unit in 16 comes again in the next unit. */
static void repeat_nearby(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (size_t i = 0; i < SIZE; i += (size_t)16 * UNIT)
		memcpy(p + i + UNIT, p + i, LINE);
}

/* 64 bytes of a unit come again half a megabyte later, where only a compressor looks. */
static void repeat_far(uint8_t *p, uint8_t *q)
{
	(void)q;
	for (size_t i = 0; i < (size_t)1 << 19; i += UNIT)
		memcpy(p + i + ((size_t)1 << 19) + 192, p + i, LINE);
}

/* The kernel without its round: table xor key. Each unit is random, two are not. */
static void skip_round(uint8_t *p, uint8_t *q)
{
	memcpy(q, p, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		p[i] = q[i % UNIT] ^ q[UNIT + i / UNIT * LINE + i % LINE];
	memcpy(q, p + UNIT, SIZE - UNIT);
	memcpy(q + SIZE - UNIT, p, UNIT);
	combine(p, p, q, false);
}

/* Numbers for keys, and added. */
static void skip_schedule(uint8_t *p, uint8_t *q)
{
	memcpy(q, p, UNIT);
	for (uint64_t i = 0; i < SIZE; i += 8) {
		uint64_t word;

		memcpy(&word, q + i % UNIT, 8);
		word += i / UNIT;
		memcpy(p + i, &word, 8);
	}
}

static void bad_generators_are_caught(void **state)
{
	static const struct {
		const char *what, *by;
		void (*spoil)(uint8_t *p, uint8_t *q);
	} mutants[] = {
		{ "a counter", "bit", count_up },
		{ "products", "bit", multiply_lanes },
		{ "a stuck bit", "bit 803", stick_bit },
		{ "avoided bytes", "bytes of one lane", avoid_values },
		{ "repeated bytes", "pairs of bytes", repeat_byte },
		{ "lines repeated nearby", "distance of 4096", repeat_nearby },
		{ "lines repeated far away", "makes", repeat_far },
		{ "no round", "", skip_round },
		{ "no key schedule", "", skip_schedule },
	};
	uint8_t *p = buffer(SIZE), *q = buffer(SIZE);
	struct dgen *dgen = make(1);

	(void)state;
	for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
		dgen_fill(dgen, dgen_domain("quality"), 0, 0, p, SIZE);
		mutants[i].spoil(p, q);
		if (is_random(mutants[i].what, p))
			fail_msg("%s: nothing noticed", mutants[i].what);
		print_message("caught: %s\n", verdict);
		assert_non_null(strstr(verdict, mutants[i].by));
	}
	free(q);
	free(p);
	dgen_destroy(dgen);
}

static void a_repeated_block_is_caught(void **state)
{
	size_t size = (size_t)1 << 20;
	uint64_t *hashes = malloc(size / LINE * sizeof(*hashes));
	uint8_t *p = buffer(size);
	struct dgen *dgen = make(1);

	(void)state;
	assert_non_null(hashes);
	dgen_fill(dgen, dgen_domain("quality"), 0, 0, p, size);
	assert_false(any_twice(hashes, hash_lines(p, size, hashes)));
	memcpy(p + size - LINE, p + LINE, LINE);
	assert_true(any_twice(hashes, hash_lines(p, size, hashes)));
	free(p);
	free(hashes);
	dgen_destroy(dgen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_is_random),
		cmocka_unit_test(neighbours_are_unrelated),
		cmocka_unit_test(no_block_repeats),
		cmocka_unit_test(bad_generators_are_caught),
		cmocka_unit_test(a_repeated_block_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
