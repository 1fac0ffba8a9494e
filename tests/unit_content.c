// SPDX-License-Identifier: GPL-2.0-only
/* The content: the same bytes from every kernel and call, as compressible as asked for. */
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
#include <pthread.h>
#include <cmocka.h>
#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include "dgen.h"
#include "shares.h"

#define SIZE ((size_t)1 << 20)
#define OPTIONS(dedup, compress, unit, chunk, seed)                                                \
	{                                                                                          \
		.dedup_ratio = (dedup), .compress_ratio = (compress), .dedup_unit = (unit),        \
		.compress_chunk = (chunk), .data_seed = (seed)                                     \
	}
/* Of a mix for one codec and record, blocks of a unit differ in their random bytes. */
#define BLOCKS_DIFFER(unit, chunk)                                                                 \
	{                                                                                          \
		.dedup_ratio = 2, .dedup_unit = (unit), .compress_chunk = (chunk),                 \
		.compress_mix = { { 1300, 4000, 0 }, { 3000, 3000, 64 }, { 8000, 3000, 0 } },      \
		.compress_codec = DGEN_LZO, .compress_record = 4096                                \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const kernels[] = { "portable", "aesni", "avx2", "vaes", "avx512", "neon" };

static struct dgen *create(const char *kernel, const struct dgen_options *options)
{
	struct dgen *dgen;
	char why[DGEN_WHY_MAX];

	if (kernel)
		setenv("DGEN_KERNEL", kernel, 1);
	else
		unsetenv("DGEN_KERNEL");
	if (dgen_create(options, &dgen, why))
		fail_msg("%s", why);
	unsetenv("DGEN_KERNEL");
	return dgen;
}

static struct dgen *make(const char *kernel, double dedup, double compress, uint32_t unit,
			 uint32_t chunk, uint64_t seed)
{
	struct dgen_options options = OPTIONS(dedup, compress, unit, chunk, seed);

	return create(kernel, &options);
}

/* The same, or where few is set with two ratios and few values. */
static struct dgen *make_either(const char *kernel, uint32_t unit, uint32_t chunk, bool few)
{
	struct dgen_options options = OPTIONS(3, 2.5, unit, chunk, 4);

	if (few)
		assert_int_equal(dgen_mix_parse("1.5/60/64:3/40/200", &options, NULL), 0);
	return create(kernel, &options);
}

static bool have(const char *kernel)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	struct dgen *dgen;
	int err;

	setenv("DGEN_KERNEL", kernel, 1);
	err = dgen_create(&options, &dgen, NULL);
	unsetenv("DGEN_KERNEL");
	if (!err)
		dgen_destroy(dgen);
	return !err;
}

static uint8_t *buffer(size_t size)
{
	uint8_t *p = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	assert_non_null(p);
	memset(p, 0xa5, size);
	return p;
}

/* The data format. Another value here is another format: raise DGEN_FORMAT with it. */
static void golden_vectors(void **state)
{
	static const struct {
		double dedup, compress;
		uint32_t unit, chunk, codec, record;
		uint64_t seed, version, offset;
		double skew;
		uint64_t window;
		const char *mix; /* or NULL */
		uint64_t hash;
	} vectors[] = {
#include "golden.h"
	};
	uint8_t *p = buffer(SIZE);

	(void)state;
	for (size_t k = 0; k < COUNT(kernels); k++) {
		if (!have(kernels[k])) {
			print_message("kernel %s: not on this processor\n", kernels[k]);
			continue;
		}
		for (size_t i = 0; i < COUNT(vectors); i++) {
			struct dgen_options options = OPTIONS(vectors[i].dedup, vectors[i].compress,
							      vectors[i].unit, vectors[i].chunk,
							      vectors[i].seed);
			struct dgen *dgen;
			uint64_t hash;

			options.compress_codec = vectors[i].codec;
			options.compress_record = vectors[i].record;
			options.dedup_skew = vectors[i].skew;
			options.dedup_window = vectors[i].window;
			if (vectors[i].mix)
				assert_int_equal(dgen_mix_parse(vectors[i].mix, &options, NULL), 0);
			dgen = create(kernels[k], &options);

			dgen_fill(dgen, dgen_domain("golden"), vectors[i].version,
				  vectors[i].offset, p, SIZE);
			hash = XXH3_64bits(p, SIZE);
			if (hash != vectors[i].hash)
				fail_msg("kernel %s, vector %zu: 0x%016llx", kernels[k], i,
					 (unsigned long long)hash);
			dgen_destroy(dgen);
		}
	}
	free(p);
}

/* Any part, at any offset and length, is that part of the whole; not a byte beyond it is written. */
static void check_parts(const struct dgen *dgen, const char *what, uint8_t *whole, uint8_t *part)
{
	dgen_fill(dgen, 1, 2, 0, whole, SIZE);
	for (int i = 0; i < 200; i++) {
		size_t at = (size_t)rand() % SIZE;
		size_t n = (size_t)rand() % 30000;
		uint8_t *to = part + rand() % 64 + 1;

		if (i % 2) {
			at -= at % 512;
			n -= n % 512;
		}
		if (at + n > SIZE)
			n = SIZE - at;
		to[-1] = to[n] = 0x5c;
		dgen_fill(dgen, 1, 2, at, to, n);
		if (memcmp(to, whole + at, n) || to[-1] != 0x5c || to[n] != 0x5c)
			fail_msg("%s: %zu bytes at %zu", what, n, at);
	}
}

static void any_part(void **state)
{
	static const uint32_t units[] = { 512, 1536, 4096, 6144, 65536, 2 << 20 };
	static const uint32_t chunks[] = { 0, 64, 128, 256, 512, 2048, 4096, 12288, 65536 };
	uint8_t *whole = buffer(SIZE), *part = buffer(SIZE);
	char what[80];

	(void)state;
	srand(2);
	for (size_t k = 0; k < COUNT(kernels); k++) {
		if (!have(kernels[k]))
			continue;
		for (size_t i = 0; i < 2 * COUNT(units) * COUNT(chunks); i++) {
			const uint32_t unit = units[i / 2 % COUNT(units)];
			const uint32_t chunk = chunks[i / 2 / COUNT(units)];
			struct dgen *dgen;

			if (chunk > unit)
				continue;
			snprintf(what, sizeof(what), "%s, unit %u, chunk %u%s", kernels[k], unit,
				 chunk, i % 2 ? ", few values" : "");
			dgen = make_either(kernels[k], unit, chunk, i % 2);
			check_parts(dgen, what, whole, part);
			dgen_destroy(dgen);
		}
	}
	free(whole);
	free(part);
}

/* One bit is wrong: it is found where it is, and nothing is found in front of it or without it. */
static void check_flipped(const struct dgen *dgen, const char *kernel, uint64_t offset, uint8_t *p,
			  size_t n, size_t bad)
{
	size_t found;

	p[bad] ^= (uint8_t)(1 << bad % 8);
	found = dgen_compare(dgen, 1, 2, offset, p, n);
	if (found != bad)
		fail_msg("%s: %zu bytes from %llu, byte %zu is wrong, not %zu", kernel, n,
			 (unsigned long long)offset, bad, found);
	if (dgen_compare(dgen, 1, 2, offset, p, bad) != bad)
		fail_msg("%s: %zu bytes from %llu are right", kernel, bad,
			 (unsigned long long)offset);
	p[bad] ^= (uint8_t)(1 << bad % 8);
}

static void compare_kernel(const char *kernel, uint32_t chunk, bool few, size_t size, uint8_t *part)
{
	static const uint32_t units[] = { 512, 1536, 4096, 65536 };

	for (size_t u = 0; u < COUNT(units); u++) {
		struct dgen *dgen = make_either("portable", units[u], chunk, few);
		struct dgen *tested = make_either(kernel, units[u], chunk, few);
		uint8_t *copy = part + u + 1;

		dgen_fill(dgen, 1, 2, 0, copy, size);
		/* Each byte of several blocks, from the start and from an odd offset. */
		for (size_t bad = 0; bad < size; bad++) {
			check_flipped(tested, kernel, 0, copy, size, bad);
			if (bad >= 77)
				check_flipped(tested, kernel, 77, copy + 77, size - 77, bad - 77);
		}
		/* Each offset in a line with each length of a few lines, around the end of a block. */
		for (size_t at = 4096 - 130; at < 4096 + 66; at++)
			for (size_t n = 1; n < 200; n++) {
				if (dgen_compare(tested, 1, 2, at, copy + at, n) != n)
					fail_msg("%s: %zu bytes from %zu are right", kernel, n, at);
				check_flipped(tested, kernel, at, copy + at, n, (at + n * 7) % n);
			}
		assert_int_equal(dgen_compare(tested, 1, 2, 5, copy, 0), 0);
		dgen_destroy(tested);
		dgen_destroy(dgen);
	}
}

static void compare_finds_a_bit(void **state)
{
	const size_t size = 3 * 4096 + 100;
	uint8_t *part = buffer(size + 64);

	(void)state;
	for (size_t k = 0; k < COUNT(kernels); k++)
		for (uint32_t chunk = 0; chunk <= 256 && have(kernels[k]); chunk += 64)
			if (chunk != 192) {
				compare_kernel(kernels[k], chunk, false, size, part);
				compare_kernel(kernels[k], chunk, true, size, part);
			}
	free(part);
}

/* Units have the same bytes exactly when they have the same content number. */
static void numbers_stand_for_bytes(void **state)
{
	struct dgen *dgen = make(NULL, 6, 4, 4096, 0, 8);
	size_t n = 3000;
	struct dgen_content *number = malloc(n * sizeof(*number));
	XXH128_hash_t *hash = malloc(n * sizeof(*hash));
	uint8_t unit[4096];

	(void)state;
	assert_non_null(number);
	assert_non_null(hash);
	for (size_t i = 0; i < n; i++) {
		number[i] = dgen_content(dgen, 1, 0, i);
		dgen_fill(dgen, 1, 0, i * 4096, unit, sizeof(unit));
		hash[i] = XXH3_128bits(unit, sizeof(unit));
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if ((number[i].low == number[j].low && number[i].high == number[j].high) !=
			    XXH128_isEqual(hash[i], hash[j]))
				fail_msg("units %zu and %zu", i, j);
	free(number);
	free(hash);
	dgen_destroy(dgen);
}

static size_t lz4_size(const uint8_t *p, size_t size)
{
	char out[LZ4_COMPRESSBOUND(4096)];
	int n = LZ4_compress_default((const char *)p, out, (int)size, sizeof(out));

	return n > 0 && (size_t)n < size ? (size_t)n : size;
}

static size_t zstd_size(const uint8_t *p, size_t size)
{
	char out[8192];
	size_t n = ZSTD_compress(out, sizeof(out), p, size, 3);

	return n < size ? n : size;
}

static void compression(void **state)
{
	static const double ratios[] = { 1, 1.01, 1.2, 1.5, 2, 2.7, 3, 4, 5, 7, 8, 10 };
	static const struct {
		const char *name;
		size_t (*size)(const uint8_t *, size_t);
	} codecs[] = { { "lz4", lz4_size }, { "zstd -3", zstd_size } };
	static const uint8_t zeros[4096];
	uint8_t *p = buffer(SIZE);

	(void)state;
	for (size_t r = 0; r < COUNT(ratios); r++) {
		struct dgen *dgen = make(NULL, 2, ratios[r], 4096, 0, r);

		dgen_fill(dgen, 1, 0, 0, p, SIZE);
		for (size_t c = 0; c < COUNT(codecs); c++) {
			size_t bytes = 0;
			double found;

			for (size_t at = 0; at < SIZE; at += 4096) {
				bytes += codecs[c].size(p + at, 4096);
				assert_memory_not_equal(p + at, zeros, 4096);
			}
			found = (double)SIZE / (double)bytes;
			if (fabs(found / ratios[r] - 1) > 0.0125)
				fail_msg("C=%g: %s finds %.3f", ratios[r], codecs[c].name, found);
		}
		dgen_destroy(dgen);
	}
	free(p);
}

static uint32_t random_part(const uint8_t *chunk, uint32_t size)
{
	while (size && !chunk[size - 1])
		size--;
	return size;
}

/* Chunks below a sector: two have the same random bytes together, and each any number up to all of them. */
static void varied_chunks(void **state)
{
	uint8_t *p = buffer(SIZE);

	(void)state;
	for (uint32_t chunk = 64; chunk < 512; chunk *= 2) {
		struct dgen *dgen = make(NULL, 1, 2.2, 4096, chunk, 5);
		uint32_t least = chunk, most = 0, lowest = 2 * chunk, highest = 0, again = 0,
			 pairs = 0;

		dgen_fill(dgen, 1, 0, 0, p, SIZE);
		for (size_t at = 0; at < SIZE; at += 2 * chunk, pairs++) {
			uint32_t a = random_part(p + at, chunk);
			uint32_t b = random_part(p + at + chunk, chunk);

			least = a < least ? a : least;
			most = b > most ? b : most;
			again += at && a == random_part(p + at - 2 * chunk, chunk);
			/* A random byte is zero one time in 256. */
			if (a && b && p[at + a - 1] && p[at + chunk + b - 1]) {
				lowest = a + b < lowest ? a + b : lowest;
				highest = a + b > highest ? a + b : highest;
			}
		}
		if (least > 1 || most < chunk * 2 / 3 || highest - lowest > 4 || again * 10 > pairs)
			fail_msg(
				"chunk %u: from %u to %u, two together %u to %u, %u of %u as before",
				chunk, least, most, lowest, highest, again, pairs);
		dgen_destroy(dgen);
	}
	free(p);
}

/* For one codec and record units may differ in their random bytes: parts and comparing know it too. */
static void calibrated_parts(void **state)
{
	static const struct dgen_options some[] = {
		{ .dedup_ratio = 3,
		  .compress_ratio = 1.7,
		  .dedup_unit = 4096,
		  .data_seed = 4,
		  .compress_codec = DGEN_LZO,
		  .compress_record = 4096 },
		{ .dedup_ratio = 2,
		  .compress_ratio = 20,
		  .dedup_unit = 65536,
		  .compress_chunk = 512,
		  .data_seed = 4,
		  .compress_codec = DGEN_ZSTD,
		  .compress_record = 131072 },
		{ .dedup_ratio = 2,
		  .compress_ratio = 8,
		  .dedup_unit = 4096,
		  .compress_chunk = 64,
		  .compress_mix = { { 1100, 3000, 0 }, { 2500, 4000, 64 }, { 8000, 3000, 0 } } },
		BLOCKS_DIFFER(16384, 4096),
		BLOCKS_DIFFER(6144, 512),
		{ .dedup_ratio = 1,
		  .compress_ratio = 1.04,
		  .dedup_unit = 131072,
		  .compress_chunk = 65536,
		  .data_seed = 4,
		  .compress_codec = DGEN_DEFLATE,
		  .compress_record = 16384 },
	};
	uint8_t *whole = buffer(SIZE), *part = buffer(SIZE);

	(void)state;
	srand(3);
	for (size_t k = 0; k < COUNT(kernels); k++)
		for (size_t o = 0; o < COUNT(some) && have(kernels[k]); o++) {
			struct dgen *dgen = create("portable", &some[o]);
			struct dgen *tested = create(kernels[k], &some[o]);

			dgen_fill(dgen, 1, 2, 0, whole, SIZE);
			for (int i = 0; i < 500; i++) {
				size_t n = 1 + (size_t)rand() % 30000;
				size_t at = (size_t)rand() % (SIZE - n);

				dgen_fill(tested, 1, 2, at, part, n);
				if (memcmp(part, whole + at, n))
					fail_msg("%s, options %zu: %zu bytes at %zu", kernels[k], o,
						 n, at);
				assert_int_equal(dgen_compare(tested, 1, 2, at, part, n), n);
				check_flipped(tested, kernels[k], at, part, n, n / 3);
			}
			dgen_destroy(tested);
			dgen_destroy(dgen);
		}
	free(whole);
	free(part);
}

/* A buffer of whatever it holds, filled and then filled again, at places of the same phase. */
static void refill(const struct dgen *plain, const struct dgen *tested, const char *what)
{
	const size_t room = 40000, period = dgen_period(tested);
	uint8_t *p = buffer(room + 128), *wanted = buffer(room), *at;

	for (int i = 0; i < 60; i++) {
		size_t n = 1 + (size_t)rand() % (i % 2 ? 600 : room),
		       phase = (size_t)rand() % period;

		if (i % 3)
			phase = phase / 512 * 512;
		if (i % 3 > 1)
			n = (n + 511) / 512 * 512 < room ? (n + 511) / 512 * 512 : room;
		memset(p, 0xa5, room + 128);
		at = p + 64 - (i % 3 ? 0 : i % 5);
		dgen_fill(tested, 1, 0, (uint64_t)(rand() % 5000) * period + phase, at, n);
		for (int version = 1; version < 8; version++) {
			uint64_t offset = (uint64_t)(rand() % 5000) * period + phase;

			dgen_refill(tested, 2, version, offset, at, n);
			dgen_fill(plain, 2, version, offset, wanted, n);
			if (memcmp(at, wanted, n) || at[-1] != 0xa5 || at[n] != 0xa5)
				fail_msg("%s: %zu bytes from %llu", what, n,
					 (unsigned long long)offset);
		}
	}
	free(wanted);
	free(p);
}

static void refills(void **state)
{
	static const struct dgen_options some[] = {
		OPTIONS(1, 1, 4096, 0, 1),
		OPTIONS(2, 2, 4096, 0, 1),
		OPTIONS(3, 4, 512, 0, 2),
		OPTIONS(2, 2.7, 8192, 512, 3),
		OPTIONS(2, 1.5, 65536, 65536, 3),
		OPTIONS(2, 3, 10240, 4096, 3), /* its last chunk is shorter */
		OPTIONS(2, 3, 1536, 1536, 3),
		{ .dedup_ratio = 3,
		  .compress_ratio = 1.7,
		  .dedup_unit = 4096,
		  .zero_percentage = 30,
		  .compress_codec = DGEN_LZO,
		  .compress_record = 4096 },
		{ .dedup_ratio = 2,
		  .dedup_unit = 4096,
		  .dedup_run = 16384,
		  .zero_percentage = 20,
		  .compress_mix = { { 2000, 4000, 0 }, { 3000, 3000, 64 }, { 8000, 3000, 0 } } },
		BLOCKS_DIFFER(16384, 4096),
		BLOCKS_DIFFER(6144, 512),
		{ .dedup_ratio = 2,
		  .compress_ratio = 9,
		  .dedup_unit = 131072,
		  .compress_chunk = 16384,
		  .compress_codec = DGEN_ZSTD,
		  .compress_record = 131072 },
	};

	(void)state;
	srand(7);
	for (size_t k = 0; k < COUNT(kernels); k++)
		for (size_t o = 0; o < COUNT(some) && have(kernels[k]); o++) {
			struct dgen *plain = create("portable", &some[o]);
			struct dgen *tested = create(kernels[k], &some[o]);
			char what[40];

			snprintf(what, sizeof(what), "%s, options %zu", kernels[k], o);
			refill(plain, tested, what);
			assert_int_equal(some[o].dedup_unit % dgen_period(tested), 0);
			dgen_destroy(tested);
			dgen_destroy(plain);
		}
}

/* One plan, many threads: no locks are needed. */
struct filler {
	const struct dgen *dgen;
	const uint8_t *whole;
	size_t errors;
};

static void *fill_in_thread(void *arg)
{
	struct filler *f = arg;
	uint8_t *p = malloc(SIZE);

	for (int i = 0; p && i < 50; i++) {
		dgen_fill(f->dgen, 1, 0, 0, p, SIZE);
		f->errors += memcmp(p, f->whole, SIZE) != 0;
	}
	f->errors += !p;
	free(p);
	return NULL;
}

static void threads(void **state)
{
	struct dgen *dgen = make(NULL, 3, 2, 4096, 0, 6);
	uint8_t *whole = buffer(SIZE);
	struct filler fillers[4];
	pthread_t ids[4];

	(void)state;
	dgen_fill(dgen, 1, 0, 0, whole, SIZE);
	for (int i = 0; i < 4; i++) {
		fillers[i] = (struct filler){ dgen, whole, 0 };
		assert_int_equal(pthread_create(&ids[i], NULL, fill_in_thread, &fillers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(ids[i], NULL), 0);
		assert_int_equal(fillers[i].errors, 0);
	}
	free(whole);
	dgen_destroy(dgen);
}

/* A run of units is planned in another way than one: both must agree, far into a file too. */
static void runs_are_their_units(void **state)
{
	static const double ratios[] = { 1, 1.001, 1.3, 2, 3.7, 20, 1000 };
	const size_t count = 300, size = 512;
	uint8_t *run = buffer(count * size), *one = buffer(count * size);

	(void)state;
	srand(5);
	for (size_t r = 0; r < COUNT(ratios); r++)
		for (int i = 0; i < 300; i++) {
			struct dgen *dgen = make(NULL, ratios[r], 1, (uint32_t)size, 0, 6);
			uint64_t unit = (uint64_t)rand() << i % 20, version = (uint64_t)rand() % 5;

			dgen_fill(dgen, 1, version, unit * size, run, count * size);
			for (size_t u = 0; u < count; u++)
				dgen_fill(dgen, 1, version, (unit + u) * size, one + u * size,
					  size);
			if (memcmp(run, one, count * size))
				fail_msg("D = %g, units from %llu, version %llu", ratios[r],
					 (unsigned long long)unit, (unsigned long long)version);
			/* From within a unit into the next: two are planned in a way of their own. */
			for (size_t at = size / 8; at + size <= count * size; at += size) {
				dgen_fill(dgen, 1, version, unit * size + at, one, size);
				if (memcmp(run + at, one, size))
					fail_msg("D = %g, at %zu from unit %llu, version %llu",
						 ratios[r], at, (unsigned long long)unit,
						 (unsigned long long)version);
			}
			dgen_destroy(dgen);
		}
	free(one);
	free(run);
}

static void bad_options(void **state)
{
	static const struct {
		struct dgen_options options;
		const char *names, *value, *allowed;
	} bad[] = {
		{ OPTIONS(0.5, 1, 4096, 0, 0), "dedup_ratio", "0.5", "from 1 to 1000" },
		{ OPTIONS(NAN, 1, 4096, 0, 0), "dedup_ratio", "nan", "from 1 to 1000" },
		{ OPTIONS(INFINITY, 1, 4096, 0, 0), "dedup_ratio", "inf", "from 1 to 1000" },
		{ OPTIONS(1001, 1, 4096, 0, 0), "dedup_ratio", "1001", "from 1 to 1000" },
		{ OPTIONS(1, 0, 4096, 0, 0), "compress_ratio", "0", "from 1 to 101" },
		{ OPTIONS(1, NAN, 4096, 0, 0), "compress_ratio", "nan", "from 1 to 101" },
		{ OPTIONS(1, 102, 4096, 0, 0), "compress_ratio", "102", "from 1 to 101" },
		{ OPTIONS(1, 1, 0, 0, 0), "dedup_unit", "0", "multiple of 512" },
		{ OPTIONS(1, 1, 4000, 0, 0), "dedup_unit", "4000", "multiple of 512" },
		{ OPTIONS(1, 1, 1u << 25, 0, 0), "dedup_unit", "33554432", "16777216" },
		{ OPTIONS(1, 1, 4096, 1000, 0), "compress_chunk", "1000", "multiples of 4096" },
		{ OPTIONS(1, 1, 4096, 32, 0), "compress_chunk", "32", "from 64 to 2048" },
		{ OPTIONS(1, 99, 4096, 64, 0), "compress_ratio", "99", "lz4" },
		{ OPTIONS(1, 1, 65536, 6144, 0), "compress_chunk", "6144", "multiples of 4096" },
		{ OPTIONS(1, 1, 4096, 8192, 0), "compress_chunk", "8192", "dedup_unit=4096" },
		{ { 1, 1, 4096, 0, 0, 4, 0, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_codec",
		  "4",
		  "0 to 3" },
		{ { 1, 2, 4096, 0, 0, 1, 2048, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_record",
		  "2048",
		  "131072" },
		{ { 1, 2, 4096, 0, 0, 0, 12288, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_record",
		  "12288",
		  "power of two" },
		{ { 1, 2, 4096, 0, 0, 0, 262144, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_record",
		  "262144",
		  "131072" },
		{ { 1, 2, 12288, 12288, 0, 1, 8192, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_chunk",
		  "12288",
		  "8192" },
		{ { 1, 2, 6144, 0, 0, 1, 0, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_chunk",
		  "4096",
		  "dedup_unit=6144" },
		{ { 1, 99, 4096, 0, 0, 2, 4096, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "compress_ratio",
		  "99",
		  "78" },
		{ { 1, 99, 4096, 512, 0, 3, 8192, 0, { { 0 } }, 0, 0, 0, 0, { 0 } },
		  "lzo",
		  "compress_record=8192",
		  "21" },
		{ { .dedup_ratio = 1, .compress_ratio = 1, .dedup_unit = 4096, .reserved = { 7 } },
		  "reserved[0]",
		  "7",
		  "0 is allowed" },
	};
	struct dgen *dgen;
	char why[DGEN_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(dgen_create(&bad[i].options, &dgen, NULL), -EINVAL);
		assert_int_equal(dgen_create(&bad[i].options, &dgen, why), -EINVAL);
		if (!strstr(why, bad[i].names) || !strstr(why, bad[i].value) ||
		    !strstr(why, bad[i].allowed) || strchr(why, '\n'))
			fail_msg("case %zu: %s", i, why);
	}
	setenv("DGEN_KERNEL", "mmx", 1);
	assert_int_equal(dgen_create(&(struct dgen_options)DGEN_OPTIONS_DEFAULT, &dgen, why),
			 -EINVAL);
	assert_non_null(strstr(why, "DGEN_KERNEL=mmx"));
	assert_non_null(strstr(why, "portable"));
	unsetenv("DGEN_KERNEL");
}

static void fresh_seeds(void **state)
{
	(void)state;
	assert_int_not_equal(dgen_fresh_seed(), dgen_fresh_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_vectors),
		cmocka_unit_test(any_part),
		cmocka_unit_test(compare_finds_a_bit),
		cmocka_unit_test(numbers_stand_for_bytes),
		cmocka_unit_test(compression),
		cmocka_unit_test(threads),
		cmocka_unit_test(runs_are_their_units),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(fresh_seeds),
		cmocka_unit_test(calibrated_parts),
		cmocka_unit_test(refills),
		cmocka_unit_test(varied_chunks),
	};

	return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
