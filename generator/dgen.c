// SPDX-License-Identifier: GPL-2.0-only
/* The public interface: options, and ranges of a domain into spans for the kernel. */
#include "dgen.h"
#include "kernel.h"
#include "plan.h"

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
#define BATCH 64      /* units planned, spans filled at a time */

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
	uint32_t random;                 /* bytes at the start of a chunk */
	uint32_t last_random;            /* of a unit's last chunk, if that is shorter */
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

/* Random bytes in a chunk that compresses C:1; chunks below 4 KiB share the overhead of a record. */
static double random_bytes(double ratio, uint32_t chunk)
{
	return (chunk / ratio - CODEC_A * chunk / DGEN_BLOCK) / CODEC_B;
}

static double largest_ratio(uint32_t chunk)
{
	return chunk / (RANDOM_MIN * CODEC_B + CODEC_A * chunk / DGEN_BLOCK);
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
	if (chunk < SECTOR || chunk > o->dedup_unit || chunk % SECTOR)
		return refuse(
			why,
			"compress_chunk=%u: a multiple of 512 from 512 to dedup_unit=%u is allowed",
			chunk, o->dedup_unit);
	if (!(o->compress_ratio >= 1 && o->compress_ratio <= largest_ratio(chunk)))
		return refuse(
			why,
			"compress_ratio=%g: a number from 1 to %.4g is allowed, with compress_chunk=%u",
			o->compress_ratio, floor(largest_ratio(chunk) * 10) / 10, chunk);
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
	dgen->random = chunk;
	if (options->compress_ratio > 1)
		dgen->random = (uint32_t)(random_bytes(options->compress_ratio, chunk) + 0.5);
	dgen->last_random = (uint32_t)((uint64_t)dgen->random * (unit % chunk) / chunk);
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
	struct dgen_space space = dgen_plan_space(&dgen->plan, domain, version);
	struct dgen_content content;

	dgen_plan_units(&dgen->plan, &space, unit, 1, &content);
	return content;
}

/* Spans on their way to the kernel. */
struct queue {
	const struct dgen *dgen;
	uint8_t *out;
	size_t count;
	struct dgen_span spans[BATCH];
};

static void flush(struct queue *q)
{
	q->dgen->kernel->fill(&q->dgen->tables, q->spans, q->count, q->out);
	for (size_t i = 0; i < q->count; i++)
		q->out += q->spans[i].random + q->spans[i].zeros;
	q->count = 0;
}

static inline void push(struct queue *q, struct dgen_content content, uint32_t at, uint32_t random,
			uint32_t zeros)
{
	if (q->count == BATCH)
		flush(q);
	q->spans[q->count++] = (struct dgen_span){
		.low = content.low,
		.high = content.high + at / DGEN_BLOCK * DGEN_GOLDEN,
		.line = at % DGEN_BLOCK / DGEN_LINE,
		.random = random,
		.zeros = zeros,
	};
}

/* Bytes [at, end) of a unit, whose chunks and blocks each start anew at its beginning. */
static void push_unit(struct queue *q, struct dgen_content content, uint32_t at, uint32_t end)
{
	const struct dgen *dgen = q->dgen;
	uint32_t unit = (uint32_t)dgen->unit.value, chunk = (uint32_t)dgen->chunk.value;
	uint32_t start = at ? (uint32_t)(dgen_div(at, &dgen->chunk) * chunk) : 0;

	for (; at < end; start += chunk) {
		uint32_t stop = start + chunk < end ? start + chunk : end;
		uint32_t random = start + (start + chunk > unit ? dgen->last_random : dgen->random);

		while (at < stop) {
			uint32_t block = (at / DGEN_BLOCK + 1) * DGEN_BLOCK;
			uint32_t to = block < stop ? block : stop;
			uint32_t bytes = random <= at ? 0 : (random < to ? random : to) - at;

			push(q, content, at, bytes, to - at - bytes);
			at = to;
		}
	}
}

/* offset and length are multiples of DGEN_LINE. */
static void fill_lines(const struct dgen *dgen, const struct dgen_space *space, uint64_t offset,
		       uint8_t *out, size_t length)
{
	struct dgen_content contents[BATCH];
	struct queue q;
	uint32_t size = (uint32_t)dgen->unit.value;
	uint64_t unit = dgen_div(offset, &dgen->unit);
	uint64_t at = offset - unit * size; /* in the first unit */

	/* An initialiser would clear the spans, which costs as much as filling 2 KiB. */
	q.dgen = dgen;
	q.out = out;
	q.count = 0;
	while (length) {
		uint64_t left = at + length;
		size_t count = left >= (uint64_t)BATCH * size ?
				       BATCH :
				       (size_t)dgen_div(left + size - 1, &dgen->unit);

		dgen_plan_units(&dgen->plan, space, unit, count, contents);
		for (size_t i = 0; i < count; i++) {
			uint64_t end = at + length < size ? at + length : size;

			push_unit(&q, contents[i], (uint32_t)at, (uint32_t)end);
			length -= (size_t)(end - at);
			at = 0;
		}
		unit += count;
	}
	flush(&q);
}

void dgen_fill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
	       void *buffer, size_t length)
{
	struct dgen_space space = dgen_plan_space(&dgen->plan, domain, version);
	uint8_t *out = buffer;
	uint8_t line[DGEN_LINE];

	while (length && (offset % DGEN_LINE || length < DGEN_LINE)) {
		size_t skip = offset % DGEN_LINE, part = DGEN_LINE - skip;

		if (part > length)
			part = length;
		fill_lines(dgen, &space, offset - skip, line, DGEN_LINE);
		memcpy(out, line + skip, part);
		out += part;
		offset += part;
		length -= part;
	}
	if (length) {
		size_t whole = length - length % DGEN_LINE;

		fill_lines(dgen, &space, offset, out, whole);
		if (length > whole)
			dgen_fill(dgen, domain, version, offset + whole, out + whole,
				  length - whole);
	}
}
