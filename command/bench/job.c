// SPDX-License-Identifier: GPL-2.0-only
/* Composes the fio job. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "bench.h"
#include "fio.h"
#include "human.h"

#define GEN_THREADS_MAX 64 /* of the engine, for each job */

bool job_user_has(const struct bench *bench, const char *option)
{
	const size_t length = strlen(option);

	for (char **each = bench->fio_options; each && *each; each++)
		if (!strncmp(*each, "--", 2) && !strncmp(*each + 2, option, length) &&
		    ((*each)[2 + length] == '=' || !(*each)[2 + length]))
			return true;
	return false;
}

/* One line of the job. fio would let it win over its command line. */
static void __attribute__((format(printf, 4, 5)))
put(const struct bench *bench, FILE *out, const char *option, const char *format, ...)
{
	va_list arguments;

	if (job_user_has(bench, option))
		return;
	fprintf(out, "%s=", option);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
}

/* As short as fio reads it. */
static void put_bytes(const struct bench *bench, FILE *out, const char *option, uint64_t bytes)
{
	if (bytes && bytes % (1 << 20) == 0)
		put(bench, out, option, "%" PRIu64 "m", bytes >> 20);
	else if (bytes && bytes % 1024 == 0)
		put(bench, out, option, "%" PRIu64 "k", bytes >> 10);
	else
		put(bench, out, option, "%" PRIu64, bytes);
}

static bool is_plain(const char *word)
{
	return *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-_=./:,+%")];
}

static void put_head(const struct bench *bench, FILE *out)
{
	const char *engine = fio_engine();

	fputs("#", out);
	for (int i = 0; i < bench->argc; i++)
		/* A line must stay one. */
		fprintf(out, is_plain(bench->argv[i]) ? " %s" : " '%s'",
			strpbrk(bench->argv[i], "\n\r") ? "..." : bench->argv[i]);
	fprintf(out, "\n#\n#\tfio --ioengine=external:%s", engine ? engine : "libdgen_engine.so");
	for (char **each = bench->fio_options; each && *each; each++)
		fprintf(out, is_plain(*each) ? " %s" : " '%s'",
			strpbrk(*each, "\n\r") ? "..." : *each);
	fputs(" FILE\n#\n", out);
	if (bench->profile)
		fprintf(out, "# Profile %s. ", bench->profile->name);
	else
		fputs("# ", out);
	fprintf(out, "%u %s of %u buffers of %s: %s of memory.\n\n", bench->shape.writers,
		workers(bench, bench->shape.writers), bench->shape.depth,
		human(bench->shape.buffer_size), human(shape_pool(&bench->shape)));
}

/* As it was typed. Whoever reads the job wants to see the ratios, if they are 1. */
static void put_data(const struct bench *bench, FILE *out)
{
	for (int option = DATA_DEDUP_RATIO; option < DATA_END; option++) {
		const char *typed = bench->data.typed[option - DATA_DEDUP_RATIO];

		if (typed || option <= DATA_COMPRESS_RATIO)
			put(bench, out, data_engine_name(option), "%s", typed ? typed : "1");
	}
}

static void put_global(const struct bench *bench, FILE *out)
{
	unsigned int threads = (unsigned int)bench->max_threads / bench->shape.writers;

	fputs("[global]\n", out);
	put_data(bench, out);
	if (bench->seed_set)
		put(bench, out, "data_seed", "0x%016" PRIx64, bench->data.options.data_seed);
	if (bench->backend)
		put(bench, out, "backend", "%s", bench->backend);
	if (bench->numa_mode)
		put(bench, out, "numa_mode", "%s", bench->numa_mode);
	/* With fewer than one for each writer these make the data themselves. */
	if (threads > GEN_THREADS_MAX)
		threads = GEN_THREADS_MAX;
	if (threads)
		put(bench, out, "gen_threads", "%u", threads);
	if (bench->run_ms)
		put(bench, out, "report", "0");
	if (bench->report)
		put(bench, out, "report_file", "%s", bench->report);
	if (!job_user_has(bench, "readwrite"))
		put(bench, out, "rw", "%s", bench->read ? "read" : "write");
	if (bench->verify)
		put(bench, out, "verify", "crc32c");
	put(bench, out, "direct", "%d", !bench->buffered);
	/* Else the page cache is measured. */
	if (bench->buffered && !bench->read)
		put(bench, out, "end_fsync", "1");
	put(bench, out, "thread", "1");
	put(bench, out, "group_reporting", "1");
}

/* Some writers in a row, each with its part of the file. */
struct part {
	const struct target *target;
	unsigned int writers, depth;
	uint64_t block, offset, each; /* bytes */
	bool rest;                    /* shorter than a buffer */
};

static void put_part(const struct bench *bench, FILE *out, unsigned int *number,
		     const struct part *part)
{
	fprintf(out, "\n[%s", bench->read ? "read" : "write");
	if (++*number > 1)
		fprintf(out, "-%u", *number);
	fputs("]\nfilename=", out);
	for (const char *c = part->target->name; *c; c++)
		fprintf(out, *c == ':' ? "\\%c" : "%c", *c);
	fputc('\n', out);
	/* --yes-destroy-data was said. */
	if (part->target->device && !bench->read)
		fputs("allow_partitioned_write=1\n", out);
	put_bytes(bench, out, "bs", part->block);
	fprintf(out, "iodepth=%u\n", part->depth);
	if (part->writers > 1)
		fprintf(out, "numjobs=%u\n", part->writers);
	if (part->offset)
		put_bytes(bench, out, "offset", part->offset);
	put_bytes(bench, out, "size", part->each);
	if (part->writers > 1)
		put_bytes(bench, out, "offset_increment", part->each);
	/* A rest written over and over would be another workload. */
	if (part->rest || (!bench->runtime && !bench->run_ms))
		return;
	if (bench->run_ms)
		put(bench, out, "runtime", "%" PRIu64 "ms", bench->run_ms);
	else
		put(bench, out, "runtime", "%" PRIu64, bench->runtime);
	put(bench, out, "time_based", "1");
}

/* fio warns of several writers to verify in one job: it does not see that each has its own part. */
static void put_parts(const struct bench *bench, FILE *out, unsigned int *number, struct part *part)
{
	const unsigned int writers = part->writers;

	if (bench->verify && !bench->read)
		part->writers = 1;
	for (unsigned int done = 0; done < writers; done += part->writers) {
		put_part(bench, out, number, part);
		part->offset += part->writers * part->each;
	}
}

/* Whole buffers, dealt out evenly; then what is left of the target. */
static void put_target(const struct bench *bench, FILE *out, unsigned int *number,
		       const struct target *target, unsigned int writers)
{
	const struct shape *shape = &bench->shape;
	const uint64_t blocks = target->wanted / shape->buffer_size;
	const uint64_t each = blocks / writers;
	const unsigned int longer = (unsigned int)(blocks % writers);
	struct part part = { .target = target, .depth = shape->depth, .block = shape->buffer_size };

	if (longer) {
		part.writers = longer;
		part.each = (each + 1) * shape->buffer_size;
		put_parts(bench, out, number, &part);
	}
	if (each) {
		part.writers = writers - longer;
		part.each = each * shape->buffer_size;
		put_parts(bench, out, number, &part);
	}
	if (part.offset == target->wanted)
		return;
	part.rest = true;
	part.writers = part.depth = 1;
	part.block = part.each = target->wanted - part.offset;
	put_parts(bench, out, number, &part);
}

int job_write(const struct bench *bench, FILE *out)
{
	const unsigned int targets = bench->nr_targets, writers = bench->shape.writers;
	unsigned int number = 0;

	put_head(bench, out);
	put_global(bench, out);
	for (unsigned int i = 0; i < targets; i++)
		put_target(bench, out, &number, &bench->targets[i],
			   writers / targets + (i < writers % targets));
	return 0;
}
