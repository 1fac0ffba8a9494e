// SPDX-License-Identifier: GPL-2.0-only
/* Decides writers and buffers, and who writes what; says what it took and why. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "human.h"
#include "machine.h"
#include "values.h"

/* The defaults without --auto. */
#define WRITERS 1
#define BUFFERS 250
#define BUFFER_SIZE (4u << 20)

#define DEPTH_MAX 32768 /* io_uring has no longer queue */
#define SECTOR 512      /* the least that O_DIRECT can take */

/* Told once all checks are passed: a refusal is one line. */
static char *notes;
static size_t notes_size;
static FILE *notes_to;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list arguments;

	if (!notes_to)
		notes_to = open_memstream(&notes, &notes_size);
	if (!notes_to)
		return;
	fprintf(notes_to, "%s: ", program);
	va_start(arguments, format);
	vfprintf(notes_to, format, arguments);
	va_end(arguments);
	fputc('\n', notes_to);
}

static void end_notes(bool tell)
{
	if (!notes_to)
		return;
	fclose(notes_to);
	notes_to = NULL;
	if (tell)
		fputs(notes, stderr);
	free(notes);
}

static bool is_null(const char *backend)
{
	return backend && (!strcmp(backend, "null") || !strcmp(backend, "fio:null"));
}

/* fio would say so amid its JSON. */
static bool is_synchronous(const char *backend)
{
	static const char *const names[] = { "fio:sync",    "fio:psync", "fio:vsync", "fio:pvsync",
					     "fio:pvsync2", "fio:mmap",  "fio:splice" };

	for (size_t i = 0; backend && i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(backend, names[i]))
			return true;
	return false;
}

const char *workers(const struct bench *bench, uint64_t count)
{
	static const char *const words[2][2] = { { "writers", "writer" }, { "readers", "reader" } };

	return words[bench->read][count == 1];
}

int plan_shape(struct bench *bench)
{
	struct shape *shape = &bench->shape;
	uint64_t buffers = BUFFERS;

	*shape = (struct shape){ .writers = WRITERS, .buffer_size = BUFFER_SIZE };
	if (bench->automatic) {
		const unsigned int cpus = bench->cpus ? (unsigned int)bench->cpus : machine_cpus();

		bench->profile = profile_for(cpus);
		shape->writers = bench->profile->writers;
		shape->buffer_size = bench->profile->buffer_size;
		buffers = bench->profile->buffers;
	}
	if (bench->writers)
		shape->writers = (unsigned int)bench->writers;
	if (bench->buffer_size)
		shape->buffer_size = bench->buffer_size;
	if (bench->buffer_count)
		buffers = bench->buffer_count;
	if (buffers < shape->writers) {
		complain("--buffer-count=%s: must be at least the number of writers, %u",
			 bench->buffer_count_typed, shape->writers);
		return -EINVAL;
	}
	if (buffers / shape->writers > DEPTH_MAX) {
		complain("--buffer-count=%s: must be at most %d for each of %u %s",
			 bench->buffer_count_typed, DEPTH_MAX, shape->writers,
			 workers(bench, shape->writers));
		return -EINVAL;
	}
	shape->depth = (unsigned int)(buffers / shape->writers);
	return 0;
}

/* What a read without --size covers is what is there. */
static int size_of_reads(struct bench *bench)
{
	uint64_t *buffer = &bench->shape.buffer_size;

	for (unsigned int i = 0; i < bench->nr_targets; i++) {
		struct target *target = &bench->targets[i];
		const uint64_t rest = target->size % SECTOR;

		target->wanted = target->size - rest;
		if (!target->wanted) {
			complain("%s: %s", target->name,
				 rest ? "has less than one sector of 512 bytes" : "is empty");
			return -EINVAL;
		}
		if (rest)
			say("%s: its last %" PRIu64 " bytes are less than a sector and not %s",
			    target->name, rest, bench->verify ? "verified" : "read");
		/* Below 4 KiB the whole of it, in sectors. */
		if (target->wanted < *buffer)
			*buffer = target->wanted < 4096 ? target->wanted :
							  target->wanted / 4096 * 4096;
	}
	return 0;
}

/* Whole buffers, dealt out evenly. A rest goes to the last one. */
static void deal_out(struct bench *bench)
{
	const uint64_t buffer = bench->shape.buffer_size, blocks = bench->size / buffer;
	const unsigned int targets = bench->nr_targets;

	for (unsigned int i = 0; i < targets; i++)
		bench->targets[i].wanted = (blocks / targets + (i < blocks % targets)) * buffer;
	bench->targets[targets - 1].wanted += bench->size % buffer;
}

static int check_reads(const struct bench *bench)
{
	for (unsigned int i = 0; i < bench->nr_targets; i++) {
		const struct target *target = &bench->targets[i];

		if (target->wanted <= target->size)
			continue;
		complain("%s: has %s, less than the %s to be read; use a smaller --size",
			 target->name, human(target->size), human(target->wanted));
		return -EINVAL;
	}
	return 0;
}

static int size_targets(struct bench *bench)
{
	const struct target *first = bench->targets;

	if (bench->read && !bench->size_set)
		return size_of_reads(bench);
	if (!bench->size_set && first->device && bench->nr_targets == 1 &&
	    first->size < bench->size) {
		bench->size = first->size;
		say("%s: has %s, all of it is taken", first->name, human(first->size));
	}
	if (bench->size < (uint64_t)bench->nr_targets * bench->shape.buffer_size)
		bench->shape.buffer_size = bench->size / bench->nr_targets / 4096 * 4096;
	if (!bench->shape.buffer_size) {
		complain("--size=%s: must be at least 4096 for each --output", bench->size_typed);
		return -EINVAL;
	}
	deal_out(bench);
	return bench->read ? check_reads(bench) : 0;
}

/* No more writers and buffers than there is work for; at least one writer for each target. */
static void bound_shape(struct bench *bench)
{
	struct shape *shape = &bench->shape;
	uint64_t least = UINT64_MAX, most = 0;
	unsigned int each;

	for (unsigned int i = 0; i < bench->nr_targets; i++) {
		const uint64_t blocks = bench->targets[i].wanted / shape->buffer_size;

		least = blocks < least ? blocks : least;
		most = blocks > most ? blocks : most;
	}
	least *= bench->nr_targets;
	if (shape->writers > least) {
		say("%u %s for %" PRIu64 " %s of %s: taking %" PRIu64, shape->writers,
		    workers(bench, shape->writers), least, least == 1 ? "buffer" : "buffers",
		    human(shape->buffer_size), least);
		shape->writers = (unsigned int)least;
	}
	if (shape->writers < bench->nr_targets) {
		const unsigned int buffers = shape->writers * shape->depth / bench->nr_targets;

		say("%u outputs: taking %u %s", bench->nr_targets, bench->nr_targets,
		    workers(bench, bench->nr_targets));
		shape->writers = bench->nr_targets;
		shape->depth = buffers ? buffers : 1;
	}
	/* There is one of each at least; the analyser does not see it. */
	each = bench->nr_targets ? shape->writers / bench->nr_targets : 0;
	if (each)
		most = (most + each - 1) / each;
	if (shape->depth > most)
		shape->depth = (unsigned int)most;
	if (is_synchronous(bench->backend) && shape->depth > 1) {
		say("%s has one I/O in flight: taking one buffer for each %s", bench->backend,
		    workers(bench, 1));
		shape->depth = 1;
	}
}

/* What was asked for is refused where it does not fit, what is ours gets smaller. */
static int check_memory(struct bench *bench)
{
	const uint64_t memory = machine_memory();
	const struct shape wanted = bench->shape;

	if (shape_fits(&wanted, memory))
		return 0;
	if (bench->buffer_count || bench->buffer_size || shape_reduce(&bench->shape, memory)) {
		complain("a pool of %u buffers of %s is %s, but %s of memory are free; use a "
			 "smaller --buffer-count or --buffer-size",
			 wanted.writers * wanted.depth, human(wanted.buffer_size),
			 human(shape_pool(&wanted)), human(memory));
		return -ENOMEM;
	}
	say("a pool of %u buffers of %s is %s, but %s of memory are free: taking %u of %s",
	    wanted.writers * wanted.depth, human(wanted.buffer_size), human(shape_pool(&wanted)),
	    human(memory), bench->shape.writers * bench->shape.depth,
	    human(bench->shape.buffer_size));
	return 0;
}

static void say_what(const struct bench *bench)
{
	const struct shape *shape = &bench->shape;
	const char *doing = bench->read ? "reading" : "writing";

	for (unsigned int i = 0; i < bench->nr_targets; i++) {
		const struct target *target = &bench->targets[i];

		if (!target->exists || target->device || bench->read || is_null(bench->backend))
			continue;
		say("%s: exists, its %s%s are overwritten in place", target->name,
		    target->size > target->wanted ? "first " : "",
		    human(target->size > target->wanted ? target->wanted : target->size));
	}
	if (bench->profile)
		say("%s, for %u CPUs", bench->profile->name,
		    bench->cpus ? (unsigned int)bench->cpus : machine_cpus());
	for (unsigned int i = 0; i < bench->nr_targets; i++)
		say("%s %s %s %s", doing, human(bench->targets[i].wanted),
		    bench->read ? "from" : "to", bench->targets[i].name);
	say("%u x %u %s of %s, %s in all", shape->writers, shape->depth,
	    shape->depth == 1 ? "buffer" : "buffers", human(shape->buffer_size),
	    human(shape_pool(shape)));
	if (bench->max_threads && bench->max_threads < shape->writers && !bench->read)
		say("--max-threads=%" PRIu64
		    ": fewer than one for each of %u writers, so these make their "
		    "data themselves",
		    bench->max_threads, shape->writers);
	/* With JSON the engine does not say it on the screen. */
	if (bench->json && bench->seed_set)
		say("data_seed=0x%016" PRIx64, bench->data.options.data_seed);
}

/* Drawn here, so that it can be told. */
static void draw_seed(struct bench *bench)
{
	if (bench->seed_set || !bench->json || bench->read)
		return;
	bench->data.options.data_seed = dgen_fresh_seed();
	bench->seed_set = true;
}

static int plan(struct bench *bench)
{
	int err = plan_shape(bench);

	for (unsigned int i = 0; !err && i < bench->nr_targets; i++)
		err = target_look(&bench->targets[i], bench->read, bench->may_destroy);
	if (!err)
		err = target_check_distinct(bench->targets, bench->nr_targets);
	if (!err)
		err = size_targets(bench);
	if (err)
		return err;
	bound_shape(bench);
	err = check_memory(bench);
	if (!err && !bench->read && !is_null(bench->backend))
		err = target_check_space(bench->targets, bench->nr_targets);
	return err;
}

int plan_make(struct bench *bench)
{
	const int err = plan(bench);

	if (!err) {
		draw_seed(bench);
		say_what(bench);
	}
	end_notes(!err);
	return err;
}
