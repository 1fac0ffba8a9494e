// SPDX-License-Identifier: GPL-2.0-only
/* The public interface: options, and ranges of a domain into blocks for the kernel. */
#include "calibration.h"
#include "dgen.h"
#include "kernel.h"
#include "plan.h"
#include "trace.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512u
#define UNIT_MAX (16u << 20)
#define RANDOM_MIN 16 /* bytes of a chunk that keep contents apart */
#define BATCH 64      /* units planned, blocks filled at a time */

/*
 * A codec's size for a 4 KiB chunk of r random bytes and zeros is A + B r. lz4 and zstd -3 differ in
 * A by 9 bytes; this is the middle, so that both show C within 1.2 % up to C = 10.
 */
#define CODEC_A 24.3
#define CODEC_B 1.0025

struct dgen {
	struct dgen_tables tables;
	struct dgen_plan plan;
	const struct dgen_kernel *kernel;
	struct dgen_divisor unit, chunk; /* bytes */
	uint32_t period;                 /* of chunks within a block; a block where it has one */
	uint32_t random;                 /* bytes at the start of a chunk */
	uint32_t last_random;            /* of a unit's last chunk, if that is shorter */
	uint32_t whole_chunks;           /* bytes of a unit before that */
	bool simple;                     /* a unit is one block of equal chunks, and so are all */
	struct dgen_random mixed;        /* random, where units differ in it */
};

static int refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *why, const char *format, ...)
{
	va_list args;

	if (why) {
		va_start(args, format);
		vsnprintf(why, DGEN_WHY_MAX, format, args);
		va_end(args);
	}
	return -EINVAL;
}

/* Neither unset: the middle of LZ4 and zstd. */
static bool is_calibrated(const struct dgen_options *o)
{
	return o->compress_codec || o->compress_record;
}

static uint32_t record_of(const struct dgen_options *o)
{
	return o->compress_record ? o->compress_record : DGEN_RECORD_MIN;
}

/* Random bytes in a chunk that compresses C:1; chunks below 4 KiB share the overhead of a record. */
static struct dgen_random random_bytes(const struct dgen_options *o, uint32_t chunk)
{
	double random = chunk;

	if (o->compress_ratio > 1 && is_calibrated(o))
		return dgen_calibrated(o->compress_codec, record_of(o), chunk, o->compress_ratio);
	if (o->compress_ratio > 1)
		random = (chunk / o->compress_ratio - CODEC_A * chunk / DGEN_BLOCK) / CODEC_B + 0.5;
	return (struct dgen_random){ (uint64_t)random << 32, 0 };
}

static double largest_ratio(const struct dgen_options *o, uint32_t chunk)
{
	if (is_calibrated(o))
		return dgen_calibrated_most(o->compress_codec, record_of(o), chunk, RANDOM_MIN);
	return chunk / (RANDOM_MIN * CODEC_B + CODEC_A * chunk / DGEN_BLOCK);
}

static int check_ratio(const struct dgen_options *o, uint32_t chunk, char *why)
{
	double most = largest_ratio(o, chunk);

	/* Comparisons that NaN fails. */
	if (o->compress_ratio >= 1 && o->compress_ratio <= most)
		return 0;
	most = floor(most * 10) / 10;
	if (is_calibrated(o))
		return refuse(why,
			      "compress_ratio=%g: a number from 1 to %.4g is allowed, with %s in "
			      "compress_record=%u, compress_chunk=%u",
			      o->compress_ratio, most, dgen_codecs[o->compress_codec], record_of(o),
			      chunk);
	return refuse(why,
		      "compress_ratio=%g: a number from 1 to %.4g is allowed, with "
		      "compress_chunk=%u",
		      o->compress_ratio, most, chunk);
}

/* What the table of measured sizes does not have. */
static int check_calibration(const struct dgen_options *o, uint32_t chunk, char *why)
{
	if (o->compress_codec > DGEN_LZO)
		return refuse(why, "compress_codec=%u: 0 to %d is allowed", o->compress_codec,
			      DGEN_LZO);
	if (!dgen_calibrated_record(record_of(o)))
		return refuse(why, "compress_record=%u: a power of two from %u to %u is allowed",
			      o->compress_record, DGEN_RECORD_MIN, DGEN_RECORD_MAX);
	if (o->dedup_unit % chunk || !dgen_calibrated_chunk(record_of(o), chunk))
		return refuse(why,
			      "compress_chunk=%u: with compress_record=%u, a power of two or a "
			      "multiple of that which divides dedup_unit=%u is allowed",
			      chunk, record_of(o), o->dedup_unit);
	return 0;
}

static int check(const struct dgen_options *o, uint32_t chunk, char *why)
{
	/* Comparisons that NaN fails. */
	if (!(o->dedup_ratio >= 1 && o->dedup_ratio <= DGEN_DEDUP_MAX))
		return refuse(why, "dedup_ratio=%g: a number from 1 to %g is allowed",
			      o->dedup_ratio, DGEN_DEDUP_MAX);
	if (o->dedup_unit < SECTOR || o->dedup_unit > UNIT_MAX || o->dedup_unit % SECTOR)
		return refuse(why, "dedup_unit=%u: a multiple of 512 from 512 to %u is allowed",
			      o->dedup_unit, UNIT_MAX);
	if (chunk != o->dedup_unit &&
	    (chunk < SECTOR || chunk > o->dedup_unit ||
	     (chunk < DGEN_BLOCK ? chunk & (chunk - 1) : chunk % DGEN_BLOCK)))
		return refuse(why,
			      "compress_chunk=%u: 512, 1024, 2048, multiples of 4096 up to "
			      "dedup_unit=%u, and that itself are allowed",
			      chunk, o->dedup_unit);
	if (is_calibrated(o) && check_calibration(o, chunk, why))
		return -EINVAL;
	if (check_ratio(o, chunk, why))
		return -EINVAL;
	/* From a program that was built for a later library. */
	for (size_t i = 0; i < sizeof(o->reserved) / sizeof(o->reserved[0]); i++)
		if (o->reserved[i])
			return refuse(
				why,
				"reserved[%zu]=%llu: this libdgen knows no such option, 0 is allowed",
				i, (unsigned long long)o->reserved[i]);
	return 0;
}

static int choose_kernel(const struct dgen_kernel **kernel, char *why)
{
	const char *name = getenv("DGEN_KERNEL");
	char usable[DGEN_WHY_MAX] = "";
	size_t used = 0;

	for (const struct dgen_kernel *const *k = dgen_kernels; *k; k++) {
		if (!(*k)->usable())
			continue;
		if (!name || !*name || !strcmp(name, (*k)->name)) {
			*kernel = *k;
			return 0;
		}
		used += (size_t)snprintf(usable + used, sizeof(usable) - used, " %s", (*k)->name);
	}
	return refuse(why, "DGEN_KERNEL=%.32s: this machine has%.100s", name, usable);
}

int dgen_create(const struct dgen_options *options, struct dgen **out, char *why)
{
	uint32_t unit = options->dedup_unit;
	uint32_t chunk = options->compress_chunk;
	const struct dgen_kernel *kernel = NULL;
	struct dgen *dgen;
	int err;

	if (!chunk)
		chunk = unit < DGEN_BLOCK ? unit : DGEN_BLOCK;
	err = check(options, chunk, why);
	if (!err)
		err = choose_kernel(&kernel, why);
	if (err)
		return err;

	dgen = aligned_alloc(64, (sizeof(*dgen) + 63) / 64 * 64);
	if (!dgen) {
		refuse(why, "out of memory");
		return -ENOMEM;
	}
	memset(dgen, 0, sizeof(*dgen));
	dgen->kernel = kernel;
	dgen->unit = dgen_divisor(unit);
	dgen->chunk = dgen_divisor(chunk);
	dgen->period = chunk < unit && chunk < DGEN_BLOCK ? chunk : DGEN_BLOCK;
	dgen->mixed = random_bytes(options, chunk);
	dgen->random = (uint32_t)(dgen->mixed.low >> 32);
	dgen->last_random = (uint32_t)((uint64_t)dgen->random * (unit % chunk) / chunk);
	dgen->whole_chunks = unit - unit % chunk;
	dgen->simple = unit <= DGEN_BLOCK && !(unit % chunk) && !dgen->mixed.width;
	dgen_tables_init(&dgen->tables, options->data_seed);
	dgen_plan_init(&dgen->plan, options->dedup_ratio, unit, options->data_seed);
	*out = dgen;
	return 0;
}

void dgen_destroy(struct dgen *dgen)
{
	free(dgen);
}

const char *dgen_kernel(const struct dgen *dgen)
{
	return dgen->kernel->name;
}

struct dgen_inside dgen_inside(const struct dgen *dgen)
{
	return (struct dgen_inside){ &dgen->tables, &dgen->plan, (uint32_t)dgen->unit.value };
}

uint64_t dgen_domain(const char *name)
{
	uint64_t hash = 0;

	for (; *name; name++)
		hash = dgen_mix(hash + (uint8_t)*name + DGEN_GOLDEN);
	return hash;
}

uint64_t dgen_fresh_seed(void)
{
	uint64_t seed;
	struct timespec now;

	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		return seed;
	/* A kernel before 3.17. Time and process tell runs apart, which is what a fresh seed is for. */
	clock_gettime(CLOCK_REALTIME, &now);
	return dgen_mix((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) ^
	       dgen_mix((uint64_t)getpid());
}

struct dgen_content dgen_content(const struct dgen *dgen, uint64_t domain, uint64_t version,
				 uint64_t unit)
{
	return dgen_plan_unit(&dgen->plan, domain, version, unit);
}

/* What is done with a range, piece by piece. */
struct task {
	const struct dgen *dgen;
	dgen_operation *operation;
	uint8_t *at; /* in the buffer; stays where a block was not as it should be */
};

/* Count blocks at once; like all below false if it ends in one of them. */
static inline bool do_blocks(struct task *t, const struct dgen_content *numbers, size_t count,
			     struct dgen_shape shape)
{
	size_t done = t->operation(&t->dgen->tables, numbers, count, shape, t->at);

	t->at += done * (shape.end - shape.begin);
	return done == count;
}

/*
 * Blocks [from, to) of a unit that are wanted whole, and have random of a chunk's bytes each: the
 * kernel takes them together.
 */
static bool do_alike(struct task *t, struct dgen_content content, uint32_t from, uint32_t to,
		     struct dgen_shape shape)
{
	struct dgen_content numbers[BATCH];

	while (from < to) {
		uint32_t count = to - from < BATCH ? to - from : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			numbers[i].low = content.low;
			numbers[i].high = content.high + (from + i) * DGEN_GOLDEN;
		}
		if (!do_blocks(t, numbers, count, shape))
			return false;
		from += count;
	}
	return true;
}

/* Bytes [at, end) of a unit, in which the first random bytes of each chunk are random. */
static bool do_part(struct task *t, struct dgen_content content, uint32_t at, uint32_t end,
		    uint32_t random)
{
	const struct dgen *dgen = t->dgen;
	uint32_t chunk = (uint32_t)dgen->chunk.value;

	while (at < end) {
		uint32_t block = at / DGEN_BLOCK, start = block * DGEN_BLOCK, count = 1;
		struct dgen_shape shape = { at - start, DGEN_BLOCK, dgen->period, random };

		if (chunk > DGEN_BLOCK) {
			/* The chunk's random bytes end in some later block, in this one or before. */
			uint32_t before = (uint32_t)dgen_mod(start, &dgen->chunk);

			shape.random = random > before ? random - before : 0;
		}
		if (end - start < DGEN_BLOCK)
			shape.end = end - start;
		else if (!shape.begin && chunk <= DGEN_BLOCK)
			count = (end - start) / DGEN_BLOCK;
		if (!do_alike(t, content, block, block + count, shape))
			return false;
		at = start + (count - 1) * DGEN_BLOCK + shape.end;
	}
	return true;
}

/*
 * The random bytes of a chunk where units differ in them: evenly over any run of units, and of contents
 * of a lane, since multiples of an irrational number spread so (H. Weyl).
 */
static uint32_t mixed_random(const struct dgen *dgen, const struct dgen_content *content)
{
	uint64_t fraction = (content->low * DGEN_GOLDEN + content->high * DGEN_SQRT2) >> 32;

	return (uint32_t)((dgen->mixed.low + fraction * dgen->mixed.width) >> 32);
}

/* Bytes [at, end) of a unit. */
static bool do_unit(struct task *t, const struct dgen_content *content, uint32_t at, uint32_t end)
{
	/* A last chunk that is shorter has its share of random bytes. */
	const struct dgen *dgen = t->dgen;
	uint32_t whole = dgen->whole_chunks, stop = end < whole ? end : whole;
	uint32_t random = dgen->random;

	if (dgen->simple) {
		struct dgen_shape shape = { at, end, dgen->period, dgen->random };

		return do_blocks(t, content, 1, shape);
	}
	if (dgen->mixed.width)
		random = mixed_random(dgen, content);
	if (at < stop && !do_part(t, *content, at, stop, random))
		return false;
	return stop >= end || do_part(t, *content, at > stop ? at : stop, end, dgen->last_random);
}

/* Whole units of one block each. */
static bool do_units(struct task *t, uint64_t domain, uint64_t version, uint64_t unit, size_t count)
{
	const struct dgen *dgen = t->dgen;
	const struct dgen_shape shape = { 0, (uint32_t)dgen->unit.value, dgen->period,
					  dgen->random };
	struct dgen_content contents[BATCH];
	struct dgen_walk walk;

	dgen_walk_start(&dgen->plan, &walk, domain, version, unit);
	while (count) {
		size_t part = count < BATCH ? count : BATCH;

		dgen_walk_on(&dgen->plan, &walk, part, contents);
		if (!do_blocks(t, contents, part, shape))
			return false;
		count -= part;
	}
	return true;
}

/* How many bytes were done before a block that was not as it should be; length if all were. */
static size_t do_range(const struct dgen *dgen, dgen_operation *operation, uint64_t domain,
		       uint64_t version, uint64_t offset, uint8_t *buffer, size_t length)
{
	struct task task = { dgen, operation, buffer };
	size_t size = dgen->unit.value;
	uint64_t at; /* in the first unit */
	uint64_t unit = dgen_divide(offset, &dgen->unit, &at);
	size_t left = length;
	bool go_on = true;

	while (left && go_on) {
		size_t step = size - at, units = 1;

		if (dgen->simple && !at && left >= 2 * size) {
			units = dgen_div(left, &dgen->unit);
			step = units * size;
			go_on = do_units(&task, domain, version, unit, units);
		} else {
			struct dgen_content content = dgen_plan_unit(&dgen->plan, domain, version,
								     unit);

			step = left < step ? left : step;
			go_on = do_unit(&task, &content, (uint32_t)at, (uint32_t)(at + step));
		}
		unit += units;
		left -= step;
		at = 0;
	}
	return (size_t)(task.at - buffer);
}

void dgen_fill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
	       void *buffer, size_t length)
{
	do_range(dgen, dgen->kernel->fill, domain, version, offset, buffer, length);
}

/* The first difference, which lies in a block that begins at same; apart for its room on the stack. */
static __attribute__((noinline)) size_t find_difference(const struct dgen *dgen, uint64_t domain,
							uint64_t version, uint64_t offset,
							const uint8_t *found, size_t length,
							size_t same)
{
	uint8_t wanted[DGEN_BLOCK] = { 0 }; /* the analyser does not see the kernel write */
	size_t end = length - same > DGEN_BLOCK ? same + DGEN_BLOCK : length, i = same;

	dgen_fill(dgen, domain, version, offset + same, wanted, end - same);
	while (i < end && found[i] == wanted[i - same])
		i++;
	return i;
}

size_t dgen_compare(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		    const void *buffer, size_t length)
{
	/* This operation does not write. */
	size_t same = do_range(dgen, dgen->kernel->compare, domain, version, offset,
			       (uint8_t *)buffer, length);

	return same == length ?
		       length :
		       find_difference(dgen, domain, version, offset, buffer, length, same);
}
