// SPDX-License-Identifier: GPL-2.0-only
/* The public interface: options, and ranges of a domain into blocks for the kernel. */
#include "allowed.h"
#include "dgen.h"
#include "kernel.h"
#include "plan.h"
#include "shares.h"
#include "tally.h"
#include "trace.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32 /* units planned, blocks filled at a time */

/*
 * Buffers begin on a page, mostly. A load waits for a store shortly before it to the same place of another
 * page: where the lines that blocks are made of lay just before, in their page, what is made of them, that
 * cost up to a tenth. So they begin on a page, too.
 */
#define PAGE 4096

struct dgen {
	struct dgen_tables tables;
	const struct dgen_kernel *kernel;
	struct dgen_divisor unit, chunk; /* bytes */
	uint32_t shift; /* of a byte's offset to its unit; 0: its size is no power of two */
	struct dgen_shape fresh,
		again;   /* if simple: what a buffer held is unknown, or was made here */
	bool simple;     /* a unit is one block of equal chunks, and so are all */
	uint32_t batch;  /* of units that are one or a few such blocks; else 0 */
	bool grouped;    /* units lie in runs, or some are zero */
	bool each;       /* a unit is one block, but has its own random bytes, or is grouped */
	uint32_t random; /* bytes at the start of a chunk */
	uint32_t most;   /* of them in any unit */
	uint32_t tail;   /* bytes of a unit's last chunk, if that is shorter */
	uint32_t whole_chunks;   /* bytes of a unit before that */
	bool blockwise;          /* blocks of a unit differ as units do */
	uint32_t blocks;         /* of a unit */
	uint32_t nr_parts;       /* that units differ by; 0: all are alike */
	struct dgen_divisor run; /* units */
	struct dgen_zeros zeros;
	struct part {
		uint64_t begin;   /* the content's fraction, times 2^32, from which on it is this */
		uint64_t stretch; /* 2^64 / its share, times 2^32 */
		struct dgen_random random;
		uint32_t kind;   /* of shapes */
		uint32_t number; /* in compress_mix */
	} parts[DGEN_PARTS_MAX];
	struct dgen_plan plan;
};

_Static_assert(!offsetof(struct dgen, tables) && !offsetof(struct dgen_tables, lines),
	       "lines begin on a page");

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
	return dgen_refuse(why, "DGEN_KERNEL=%.32s: this machine has%.100s", name, usable);
}

static uint32_t kind_of(uint16_t chunk, uint16_t symbols)
{
	return (struct dgen_shape){ .chunk = chunk, .symbols = symbols }.kind;
}

/* Where all units are alike there is one, or none if their random bytes are the same, too. */
static void parts_init(struct dgen *dgen, const struct dgen_options *o, uint32_t chunk,
		       uint16_t period)
{
	const uint64_t all = UINT64_C(1) << 32;
	const struct dgen_part *part = o->compress_mix;
	uint64_t begin = 0, end = 0;
	uint32_t share = 0;

	for (size_t i = 0; i < DGEN_PARTS_MAX && part[i].ratio; i++, begin = end) {
		share += part[i].share;
		end = share * all / 10000;
		if (end > begin)
			dgen->parts[dgen->nr_parts++] = (struct part){
				.begin = begin,
				.stretch = (uint64_t)(((unsigned __int128)all << 32) /
						      (end - begin)),
				.random = dgen_random_bytes(o, chunk, part[i].ratio / 1000.0),
				.kind = kind_of(period, part[i].symbols),
				.number = (uint32_t)i,
			};
	}
	if (part->ratio)
		return;
	dgen->parts[0] = (struct part){
		.stretch = all,
		.random = dgen_random_bytes(o, chunk, o->compress_ratio),
		.kind = kind_of(period, 0),
	};
	dgen->random = (uint32_t)(dgen->parts[0].random.low >> 32);
	dgen->nr_parts = dgen->parts[0].random.width > 0;
}

/* Random bytes of a chunk, in the unit that has most of them. */
static uint32_t most_random(const struct dgen *dgen)
{
	uint32_t most = dgen->random;

	for (uint32_t i = 0; i < dgen->nr_parts; i++) {
		const struct dgen_random *r = &dgen->parts[i].random;
		const uint64_t end = r->low + ((uint64_t)r->width << 32);
		const uint32_t whole = (uint32_t)((end + UINT32_MAX) >> 32);

		most = whole > most ? whole : most;
	}
	return most;
}

/*
 * Codecs are sensitive to how many chunks of a record are alike, and storage to how records differ in size: the
 * table was measured with each block's random bytes on their own, however large the unit is.
 */
static bool is_blockwise(const struct dgen *dgen)
{
	bool differ = false;

	for (uint32_t i = 0; i < dgen->nr_parts; i++)
		differ = differ || dgen->parts[i].random.width;
	return differ && dgen->unit.value > DGEN_BLOCK && dgen->chunk.value <= DGEN_BLOCK;
}

/* Runs of units are to the plan what units are else. */
static void places_init(struct dgen *dgen, const struct dgen_options *o)
{
	uint32_t unit = o->dedup_unit, run = o->dedup_run ? o->dedup_run : unit;

	dgen->run = dgen_divisor(run / unit);
	dgen->blocks = (unit + DGEN_BLOCK - 1) / DGEN_BLOCK;
	dgen->zeros.share = (uint64_t)(o->zero_percentage / 100 * 0x1p64);
	dgen->grouped = run > unit || dgen->zeros.share;
	dgen_plan_init(&dgen->plan, o, run);
}

/* Which units are made many at a time. */
static void ways_init(struct dgen *dgen)
{
	const uint64_t unit = dgen->unit.value;
	const bool alike = !dgen->nr_parts && !dgen->grouped;
	bool plain = dgen->fresh.kind == kind_of(DGEN_BLOCK, 0);

	dgen->simple = alike && unit <= DGEN_BLOCK && !dgen->tail;
	if (dgen->simple || (alike && unit % DGEN_BLOCK == 0 && dgen->chunk.value <= DGEN_BLOCK &&
			     dgen->blocks <= BATCH / 2))
		dgen->batch = BATCH / dgen->blocks;
	for (uint32_t i = 0; i < dgen->nr_parts; i++)
		plain = plain && dgen->parts[i].kind == dgen->fresh.kind;
	dgen->each = !alike && plain && unit <= DGEN_BLOCK;
}

int dgen_create(const struct dgen_options *options, struct dgen **out, char *why)
{
	uint32_t unit = options->dedup_unit;
	uint32_t chunk = options->compress_chunk;
	uint16_t period;
	const struct dgen_kernel *kernel = NULL;
	struct dgen *dgen;
	int err;

	if (!chunk)
		chunk = unit < DGEN_BLOCK ? unit : DGEN_BLOCK;
	err = dgen_check(options, chunk, why);
	if (!err)
		err = choose_kernel(&kernel, why);
	if (err)
		return err;

	dgen = aligned_alloc(PAGE, (sizeof(*dgen) + PAGE - 1) / PAGE * PAGE);
	if (!dgen) {
		dgen_refuse(why, "out of memory");
		return -ENOMEM;
	}
	memset(dgen, 0, sizeof(*dgen));
	dgen->kernel = kernel;
	dgen->unit = dgen_divisor(unit);
	dgen->chunk = dgen_divisor(chunk);
	dgen->shift = unit & (unit - 1) ? 0 : (uint32_t)__builtin_ctz(unit);
	/* Of chunks within a block; a block where it has one. */
	period = (uint16_t)(chunk < unit && chunk < DGEN_BLOCK ? chunk : DGEN_BLOCK);
	parts_init(dgen, options, chunk, period);
	dgen->most = most_random(dgen);
	dgen->blockwise = is_blockwise(dgen);
	places_init(dgen, options);
	dgen->tail = unit % chunk;
	dgen->whole_chunks = unit - dgen->tail;
	dgen->fresh.kind = dgen->again.kind = kind_of(period, 0);
	dgen->fresh.random = dgen->again.random = dgen->random;
	dgen->fresh.stale = chunk;
	dgen->again.stale = dgen->most;
	ways_init(dgen);
	dgen_tables_init(&dgen->tables, options->data_seed);
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
	return (struct dgen_inside){ &dgen->tables, &dgen->plan,
				     &dgen->zeros,  (uint32_t)dgen->unit.value,
				     dgen->blocks,  (uint32_t)dgen->run.value };
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

/* Where units lie in runs, or some are zero. False: this one is. */
static bool grouped_content(const struct dgen *dgen, uint64_t domain, uint64_t version,
			    uint64_t unit, struct dgen_content *content)
{
	uint64_t inside, rank, place = dgen_divide(unit, &dgen->run, &inside);

	*content = (struct dgen_content){ 0, 0 };
	if (dgen_is_zero(&dgen->zeros, place, &rank))
		return false;
	*content = dgen_plan_unit(&dgen->plan, domain, version, rank);
	/* As if the run were one unit, of more blocks. */
	content->high += inside * dgen->blocks * DGEN_GOLDEN;
	return true;
}

struct dgen_content dgen_content(const struct dgen *dgen, uint64_t domain, uint64_t version,
				 uint64_t unit)
{
	struct dgen_content content;

	if (!dgen->grouped)
		return dgen_plan_unit(&dgen->plan, domain, version, unit);
	grouped_content(dgen, domain, version, unit, &content);
	return content;
}

/* The unit in which a byte is, and where in it; what comes first, and all waits for. */
static inline uint64_t unit_of(const struct dgen *dgen, uint64_t offset, uint64_t *at)
{
	if (!dgen->shift)
		return dgen_divide(offset, &dgen->unit, at);
	*at = offset & (dgen->unit.value - 1);
	return offset >> dgen->shift;
}

/* What is done with a range, piece by piece. */
struct task {
	const struct dgen *dgen;
	const struct dgen_operation *operation;
	uint8_t *at;              /* in the buffer; stays where a block was not as it should be */
	uint32_t stale;           /* a chunk in the buffer is zero from here on */
	struct dgen_tally *tally; /* NULL: nobody counts */
};

/* The first size bytes of count blocks; like all below false if it ends in one of them. */
static inline bool do_blocks(struct task *t, const struct dgen_content *numbers, size_t count,
			     const struct dgen_shape *shape, uint32_t size)
{
	size_t done = t->operation->blocks(&t->dgen->tables, numbers, count, shape, size, t->at);

	t->at += done * size;
	return done == count;
}

/* Any span of one block. */
static inline bool do_block(struct task *t, struct dgen_content number,
			    const struct dgen_shape *shape, struct dgen_span span)
{
	if (!t->operation->block(&t->dgen->tables, number, shape, span, t->at))
		return false;
	t->at += span.end - span.begin;
	return true;
}

/* The numbers of count blocks of a unit, of which the first has this one. */
static inline void number_blocks(const struct dgen_content *first, uint32_t count,
				 struct dgen_content *out)
{
	dgen_words number = { first->low, first->high };

	for (uint32_t i = 0; i < count; i++, number += (dgen_words){ 0, DGEN_GOLDEN })
		dgen_put_number(&out[i], number);
}

/* Blocks [from, to) of a unit, that have random of a chunk's bytes each, or of one block a span. */
static bool do_alike(struct task *t, struct dgen_content content, uint32_t from, uint32_t to,
		     const struct dgen_shape *shape, struct dgen_span span)
{
	struct dgen_content numbers[BATCH];

	content.high += from * DGEN_GOLDEN;
	if (to - from == 1)
		return do_block(t, content, shape, span);
	while (from < to) {
		uint32_t count = to - from < BATCH ? to - from : BATCH;

		number_blocks(&content, count, numbers);
		content.high += count * DGEN_GOLDEN;
		if (!do_blocks(t, numbers, count, shape, DGEN_BLOCK))
			return false;
		from += count;
	}
	return true;
}

/* Bytes [at, end) of a unit, in which the first random bytes of each chunk are random. */
static bool do_part(struct task *t, struct dgen_content content, uint32_t at, uint32_t end,
		    uint32_t random, uint32_t stale, uint32_t kind)
{
	const struct dgen *dgen = t->dgen;
	uint32_t chunk = (uint32_t)dgen->chunk.value;

	while (at < end) {
		uint32_t block = at / DGEN_BLOCK, start = block * DGEN_BLOCK, count = 1;
		struct dgen_shape shape = { .kind = kind, .random = random, .stale = stale };
		struct dgen_span span = { at - start, DGEN_BLOCK };

		if (chunk > DGEN_BLOCK) {
			/* The chunk's random bytes end in some later block, in this one or before. */
			uint32_t before = (uint32_t)dgen_mod(start, &dgen->chunk);

			shape.random = random > before ? random - before : 0;
			shape.stale = stale > before ? stale - before : 0;
		}
		if (end - start < DGEN_BLOCK)
			span.end = end - start;
		else if (!span.begin && chunk <= DGEN_BLOCK)
			count = (end - start) / DGEN_BLOCK;
		if (!do_alike(t, content, block, block + count, &shape, span))
			return false;
		at = start + (count - 1) * DGEN_BLOCK + span.end;
	}
	return true;
}

/*
 * What units differ by is even over any run of units, and of contents of a lane, since multiples of an
 * irrational number spread so (H. Weyl). fraction: times 2^32, within the part.
 */
static const struct part *part_of(const struct dgen *dgen, const struct dgen_content *content,
				  uint64_t *fraction)
{
	uint64_t all = (content->low * DGEN_GOLDEN + content->high * DGEN_SQRT2) >> 32;
	const struct part *part = dgen->parts;

	/* Anybody's guess, so without a branch. */
	for (uint32_t i = 1; i < dgen->nr_parts; i++)
		part += all >= dgen->parts[i].begin;
	*fraction = (uint64_t)((unsigned __int128)(all - part->begin) * part->stretch >> 32);
	return part;
}

static uint32_t random_of(const struct part *part, uint64_t fraction)
{
	return (uint32_t)((part->random.low + fraction * part->random.width) >> 32);
}

/* Bytes [at, end) of a unit, in which random ones of each chunk are random; kind: of their shapes. */
static bool do_chunks(struct task *t, struct dgen_content content, uint32_t at, uint32_t end,
		      uint32_t random, uint32_t kind)
{
	const struct dgen *dgen = t->dgen;
	uint32_t whole = dgen->whole_chunks, stop = end < whole ? end : whole;
	uint64_t tail = dgen->tail, chunk = dgen->chunk.value;

	if (at < stop && !do_part(t, content, at, stop, random, t->stale, kind))
		return false;
	if (stop >= end)
		return true;
	/* A last chunk that is shorter has its share of random bytes. */
	return do_part(t, content, at > stop ? at : stop, end, (uint32_t)(random * tail / chunk),
		       (uint32_t)(t->stale * tail / chunk), kind);
}

/* Bytes [at, end) of a unit whose blocks differ, evenly again. */
static __attribute__((noinline)) bool do_blockwise(struct task *t,
						   const struct dgen_content *content, uint32_t at,
						   uint32_t end, const struct part *part,
						   uint64_t fraction)
{
	for (uint32_t stop; at < end; at = stop) {
		uint32_t block = at / DGEN_BLOCK;
		uint64_t here = (uint32_t)(fraction + block * (DGEN_GOLDEN >> 32));

		stop = (block + 1) * DGEN_BLOCK < end ? (block + 1) * DGEN_BLOCK : end;
		if (!do_chunks(t, *content, at, stop, random_of(part, here), part->kind))
			return false;
	}
	return true;
}

/* Bytes [at, end) of a unit. */
static bool do_unit(struct task *t, const struct dgen_content *content, uint32_t at, uint32_t end)
{
	const struct dgen *dgen = t->dgen;
	const struct part *part;
	uint64_t fraction;

	if (t->tally && !dgen->nr_parts)
		dgen_tally_note(t->tally, content, 0, at, end);
	if (!dgen->nr_parts)
		return do_chunks(t, *content, at, end, dgen->random, dgen->fresh.kind);
	part = part_of(dgen, content, &fraction);
	if (t->tally)
		dgen_tally_note(t->tally, content, part->number, at, end);
	if (dgen->blockwise)
		return do_blockwise(t, content, at, end, part, fraction);
	return do_chunks(t, *content, at, end, random_of(part, fraction), part->kind);
}

/* Of a unit that may be zero, or lies in a run. */
static __attribute__((noinline)) bool do_grouped(struct task *t, uint64_t domain, uint64_t version,
						 uint64_t unit, uint32_t at, uint32_t end)
{
	struct dgen_content content;

	if (grouped_content(t->dgen, domain, version, unit, &content))
		return do_unit(t, &content, at, end);
	return do_chunks(t, content, at, end, 0, t->dgen->fresh.kind);
}

/* Whole units, whose blocks are all alike. */
static bool do_units(struct task *t, uint64_t domain, uint64_t version, uint64_t unit, size_t count,
		     const struct dgen_shape *shape)
{
	const struct dgen *dgen = t->dgen;
	const uint32_t size = (uint32_t)dgen->unit.value;
	struct dgen_content contents[BATCH + 1], blocks[BATCH];
	const struct dgen_content *numbers = dgen->blocks == 1 ? contents : blocks;

	while (count) {
		size_t part = count < dgen->batch ? count : dgen->batch;

		dgen_plan_units(&dgen->plan, domain, version, unit, part, contents);
		if (t->tally)
			dgen_tally_units(t->tally, contents, part, size);
		for (size_t i = 0; numbers == blocks && i < part; i++)
			number_blocks(&contents[i], dgen->blocks, &blocks[i * dgen->blocks]);
		if (!do_blocks(t, numbers, part * dgen->blocks, shape,
			       size < DGEN_BLOCK ? size : DGEN_BLOCK))
			return false;
		unit += part;
		count -= part;
	}
	return true;
}

/* Of a whole unit that is one block; notes it. *content is given, but that of a grouped one is found here. */
static struct dgen_shape shape_of(const struct task *t, uint64_t domain, uint64_t version,
				  uint64_t unit, struct dgen_content *content)
{
	const struct dgen *dgen = t->dgen;
	const uint32_t size = (uint32_t)dgen->unit.value;
	struct dgen_shape shape = { .kind = dgen->fresh.kind,
				    .random = dgen->random,
				    .stale = t->stale };
	const struct part *part = dgen->parts;
	uint64_t fraction;

	if (dgen->grouped && !grouped_content(dgen, domain, version, unit, content)) {
		shape.random = 0;
		return shape;
	}
	if (dgen->nr_parts) {
		part = part_of(dgen, content, &fraction);
		shape.random = random_of(part, fraction);
	}
	if (t->tally)
		dgen_tally_note(t->tally, content, part->number, 0, size);
	return shape;
}

/* Whole units that are one block, but differ. */
static bool do_each(struct task *t, uint64_t domain, uint64_t version, uint64_t unit, size_t count)
{
	const struct dgen *dgen = t->dgen;
	const uint32_t size = (uint32_t)dgen->unit.value;
	struct dgen_content contents[BATCH + 1];
	struct dgen_shape shapes[BATCH];

	while (count) {
		const size_t part = count < BATCH ? count : BATCH;
		size_t done;

		if (!dgen->grouped)
			dgen_plan_units(&dgen->plan, domain, version, unit, part, contents);
		for (size_t i = 0; i < part; i++)
			shapes[i] = shape_of(t, domain, version, unit + i, &contents[i]);
		done = t->operation->each(&dgen->tables, contents, part, shapes, size, t->at);
		t->at += done * size;
		if (done < part)
			return false;
		unit += part;
		count -= part;
	}
	return true;
}

/* A part of a unit that is one block of equal chunks. */
static inline bool do_simple(struct task *t, uint64_t domain, uint64_t version, uint64_t unit,
			     const struct dgen_shape *shape, struct dgen_span span)
{
	const struct dgen_content content = dgen_plan_unit(&t->dgen->plan, domain, version, unit);

	if (t->tally)
		dgen_tally_note(t->tally, &content, 0, span.begin, span.end);
	return do_block(t, content, shape, span);
}

/* How many bytes were done before a block that was not as it should be; length if all were. */
static size_t do_range(const struct dgen *dgen, const struct dgen_operation *operation,
		       const struct dgen_shape *shape, uint64_t domain, uint64_t version,
		       uint64_t offset, uint8_t *buffer, size_t length, struct dgen_tally *tally)
{
	struct task task = { dgen, operation, buffer, shape->stale, tally };
	const size_t size = dgen->unit.value;
	uint64_t at; /* in the first unit */
	uint64_t unit = unit_of(dgen, offset, &at);
	size_t left = length;
	bool go_on = true;

	while (left && go_on) {
		size_t step = left < size - at ? left : size - at, units = 1;
		struct dgen_span span = { (uint32_t)at, (uint32_t)(at + step) };

		if (dgen->batch && !at && left >= 2 * size) {
			units = dgen_div(left, &dgen->unit);
			step = units * size;
			go_on = do_units(&task, domain, version, unit, units, shape);
		} else if (dgen->each && !at && left >= 2 * size) {
			units = dgen_div(left, &dgen->unit);
			step = units * size;
			go_on = do_each(&task, domain, version, unit, units);
		} else if (dgen->simple) {
			go_on = do_simple(&task, domain, version, unit, shape, span);
		} else if (dgen->grouped) {
			go_on = do_grouped(&task, domain, version, unit, span.begin, span.end);
		} else {
			struct dgen_content content = dgen_plan_unit(&dgen->plan, domain, version,
								     unit);

			go_on = do_unit(&task, &content, span.begin, span.end);
		}
		unit += units;
		left -= step;
		at = 0;
	}
	return (size_t)(task.at - buffer);
}

/* Bytes of two units, each of which is one block of equal chunks; at: where in the first. */
static inline __attribute__((always_inline)) size_t
do_pair(const struct dgen *dgen, const struct dgen_operation *operation,
	const struct dgen_shape *shape, uint64_t domain, uint64_t version, uint64_t unit,
	uint64_t at, uint8_t *buffer, size_t length)
{
	const size_t first = dgen->unit.value - at;
	/* Both before either is done: what comes behind the stores of a block is late. */
	const struct dgen_pair pair = dgen_plan_pair(&dgen->plan, domain, version, unit);

	if (!operation->block(&dgen->tables, pair.one, shape,
			      (struct dgen_span){ (uint32_t)at, (uint32_t)(at + first) }, buffer))
		return 0;
	if (!operation->block(&dgen->tables, pair.other, shape,
			      (struct dgen_span){ 0, (uint32_t)(length - first) }, buffer + first))
		return first;
	return length;
}

/*
 * I/Os of one unit or parts of two come most, and each store beside those of their blocks costs as much as
 * one of these. So each function goes on to the next with its arguments where they are, and saves few
 * registers on the way: to one for a part of one unit, where none or some are shared, and one for the rest.
 */
#define WORK(name, operation, shape)                                                               \
	static __attribute__((noinline))                                                           \
	size_t name##_more(const struct dgen *dgen, uint64_t domain, uint64_t version,             \
			   uint64_t offset, uint8_t *buffer, size_t length)                        \
	{                                                                                          \
		uint64_t at, unit = unit_of(dgen, offset, &at);                                    \
                                                                                                   \
		if (dgen->simple && length > dgen->unit.value - at &&                              \
		    length <= 2 * dgen->unit.value - at)                                           \
			return do_pair(dgen, operation, shape, domain, version, unit, at, buffer,  \
				       length);                                                    \
		return do_range(dgen, operation, shape, domain, version, offset, buffer, length,   \
				NULL);                                                             \
	}                                                                                          \
	WORK_OF_UNIT(name, unique, dgen_plan_unique, operation, shape)                             \
	WORK_OF_UNIT(name, shared, dgen_plan_shared, operation, shape)                             \
	static inline size_t name(const struct dgen *dgen, uint64_t domain, uint64_t version,      \
				  uint64_t offset, uint8_t *buffer, size_t length)                 \
	{                                                                                          \
		if (dgen->plan.pool)                                                               \
			return name##_shared(dgen, domain, version, offset, buffer, length);       \
		return name##_unique(dgen, domain, version, offset, buffer, length);               \
	}

#define WORK_OF_UNIT(name, kind, plan_of_kind, operation, shape)                                   \
	static __attribute__((noinline))                                                           \
	size_t name##_##kind(const struct dgen *dgen, uint64_t domain, uint64_t version,           \
			     uint64_t offset, uint8_t *buffer, size_t length)                      \
	{                                                                                          \
		uint64_t at, unit = unit_of(dgen, offset, &at);                                    \
		struct dgen_span span = { (uint32_t)at, (uint32_t)(at + length) };                 \
		struct dgen_content content;                                                       \
                                                                                                   \
		if (!dgen->simple || length - 1 >= dgen->unit.value - at)                          \
			return name##_more(dgen, domain, version, offset, buffer, length);         \
		content = plan_of_kind(&dgen->plan, domain, version, unit);                        \
		return (operation)->block(&dgen->tables, content, shape, span, buffer) ? length :  \
											 0;        \
	}

WORK(fill, &dgen->kernel->fill, &dgen->fresh)
WORK(refill, &dgen->kernel->fill, &dgen->again)
WORK(compare, &dgen->kernel->compare, &dgen->fresh)

void dgen_fill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
	       void *buffer, size_t length)
{
	fill(dgen, domain, version, offset, buffer, length);
}

void dgen_refill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		 void *buffer, size_t length)
{
	refill(dgen, domain, version, offset, buffer, length);
}

void dgen_fill_tallied(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		       void *buffer, size_t length, bool again, struct dgen_tally *tally)
{
	if (tally)
		do_range(dgen, &dgen->kernel->fill, again ? &dgen->again : &dgen->fresh, domain,
			 version, offset, buffer, length, tally);
	else if (again)
		refill(dgen, domain, version, offset, buffer, length);
	else
		fill(dgen, domain, version, offset, buffer, length);
}

uint64_t dgen_period(const struct dgen *dgen)
{
	return dgen->tail ? dgen->unit.value : dgen->chunk.value;
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
	size_t same = compare(dgen, domain, version, offset, (uint8_t *)buffer, length);

	return same == length ?
		       length :
		       find_difference(dgen, domain, version, offset, buffer, length, same);
}
