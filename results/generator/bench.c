// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast the generator fills, beside memset, memcpy, plain vector stores, fio's own fill function, the
 * scalar generator of other benchmarks, and the kernels' work in straightforward C. make bench-generator
 * builds and runs it.
 *
 * All contestants take turns in one process, round by round, so that a neighbour on the machine or a
 * change of the clock rate meets all of them. A rate is bytes per second of CPU time. A ratio is the
 * median of the ratios of the rounds, not the ratio of the medians.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contestants.h"
#include "kernel.h"
#include "shares.h"

#define LIST_MAX 8
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static const char *const operation_names[] = {
	[FILL] = "fill",
	[REFILL] = "refill",   /* what was filled before */
	[COMPARE] = "compare", /* only reads what it wrote before the clock ran */
};

static struct settings {
	const char *json;
	double dedup[LIST_MAX], compress[LIST_MAX];
	size_t dedups, compresses;
	int rounds;
	double seconds; /* of a contestant in a round */
} settings = { .dedup = { 1, 2 },
	       .compress = { 1, 2 },
	       .dedups = 2,
	       .compresses = 2,
	       .rounds = 15,
	       .seconds = 0.010 };

void die(const char *message)
{
	fprintf(stderr, "bench: %s\n", message);
	exit(1);
}

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Every D with every C. */
static void add_kernels(struct field *field, const char *kernel, struct access access,
			enum operation operation)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;

	options.data_seed = 1;
	for (size_t d = 0; d < settings.dedups; d++)
		for (size_t k = 0; k < settings.compresses; k++) {
			options.dedup_ratio = settings.dedup[d];
			options.compress_ratio = settings.compress[k];
			add_kernel(field, kernel, access, operation, &options);
		}
}

/* ---------------------------------------------------------------- rounds */

struct pool {
	size_t size, count;
};

/* Goes over the pool with I/Os of the contestant's size until the time is up; bytes per second. */
static double rate(struct contestant *c, uint8_t *memory, size_t bytes, double seconds)
{
	size_t slot = (c->access.size + 4095) / 4096 * 4096, done = 0, until = 0;
	double begin, spent;

	c->memory = memory;
	if (c->operation != FILL)
		dgen_fill(c->dgen, 1, 0, 0, memory, bytes);
	begin = cpu_time();
	do {
		/* The clock is a system call. */
		for (until += 4 * MIB; done < until;)
			for (size_t at = 0; at + slot <= bytes; at += slot) {
				c->fill(c, memory + at, c->access.size);
				done += c->access.size;
			}
		spent = cpu_time() - begin;
	} while (spent < seconds);
	return (double)done / spent;
}

static void progress(const char *title, int round)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (round < settings.rounds)
		fprintf(stderr, "\r%-40s round %d of %d ", title, round + 1, settings.rounds);
	else
		fprintf(stderr, "\r%60s\r", "");
}

static void race(struct field *field, const char *title, size_t bytes)
{
	uint8_t *memory = aligned_alloc(2 * MIB, (bytes + 2 * MIB - 1) / (2 * MIB) * (2 * MIB));

	if (!memory)
		die("out of memory");
	memset(memory, 1, bytes);
	for (int round = -1; round < settings.rounds; round++) {
		progress(title, round);
		for (size_t turn = 0; turn < field->count; turn++) {
			/* The slow ones first: after them caches hold what neighbours did meanwhile. */
			size_t i = turn < REFERENCES ? REFERENCES - 1 - turn : turn;
			double r = rate(&field->all[i], memory, bytes, settings.seconds);

			/* The first round warms up. */
			if (round >= 0)
				field->all[i].rates[round] = r;
		}
	}
	progress(title, settings.rounds);
	free(memory);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread {
	double q1, median, q3;
};

/* Of the rates, or of their ratios to those of the other. */
static struct spread spread(const struct contestant *c, const struct contestant *other)
{
	double values[ROUNDS_MAX] = { 0 };
	size_t n = (size_t)settings.rounds;

	for (size_t i = 0; i < n; i++)
		values[i] = other ? c->rates[i] / other->rates[i] : c->rates[i];
	qsort(values, n, sizeof(*values), compare);
	return (struct spread){ values[n / 4], values[n / 2], values[n - 1 - n / 4] };
}

/* ---------------------------------------------------------------- output */

static FILE *json;
static const char *separator = "";

static void what(const struct contestant *c, char *name, size_t size)
{
	if (c->dgen)
		snprintf(name, size, "%s%s%s D=%g C=%g", c->name, c->operation ? " " : "",
			 c->operation ? operation_names[c->operation] : "", c->dedup, c->compress);
	else
		snprintf(name, size, "%s", c->name);
}

static void json_row(const struct contestant *c, const struct field *field, struct pool pool)
{
	struct spread s = spread(c, NULL);

	if (!json)
		return;
	fprintf(json, "%s\n\t\t{\"pool\": {\"bytes\": %zu, \"count\": %zu}, \"what\": \"%s\"",
		separator, pool.size, pool.count, c->name);
	separator = ",";
	if (c->dgen)
		fprintf(json, ", \"operation\": \"%s\"", operation_names[c->operation]);
	if (c->dgen)
		fprintf(json, ", \"dedup_ratio\": %g, \"compress_ratio\": %g", c->dedup,
			c->compress);
	if (c->data)
		fprintf(json, ", \"data\": \"%s\"", c->data);
	fprintf(json, ", \"access\": \"%s\", \"io_bytes\": %zu", c->access.name, c->access.size);
	fprintf(json, ", \"gbps\": {\"q1\": %.3f, \"median\": %.3f, \"q3\": %.3f}", s.q1 * 1e-9,
		s.median * 1e-9, s.q3 * 1e-9);
	for (int i = 0; i < REFERENCES; i++)
		fprintf(json, "%s\"%s\": %.4f", i ? ", " : ", \"ratio_to\": {", reference_names[i],
			spread(c, &field->all[i]).median);
	fprintf(json, "}}");
}

static void show_pool(const struct field *field, struct pool pool)
{
	printf("\nPool of %zu KiB x %zu\n", pool.size / KIB, pool.count);
	printf("%-27s %7s %15s ", "", "GB/s", "quartiles");
	for (int i = 0; i < REFERENCES; i++)
		printf(" %*s", i < FIO ? 6 : 12, reference_names[i]);
	printf("\n");
	for (size_t i = 0; i < field->count; i++) {
		const struct contestant *c = &field->all[i];
		struct spread s = spread(c, NULL);
		char name[64];

		what(c, name, sizeof(name));
		printf("%-27s %7.1f %7.1f-%7.1f ", name, s.median * 1e-9, s.q1 * 1e-9, s.q3 * 1e-9);
		for (int j = 0; j < REFERENCES; j++)
			printf(" %*.2f", j < FIO ? 6 : 12, spread(c, &field->all[j]).median);
		printf("\n");
		json_row(c, field, pool);
	}
	fflush(stdout);
}

static void pools(const char *only)
{
	static const struct pool all[] = { { 4 * KIB, 1 },   { 4 * KIB, 16 }, { 64 * KIB, 1 },
					   { 64 * KIB, 16 }, { MIB, 1 },      { MIB, 16 },
					   { 8 * MIB, 1 },   { 8 * MIB, 16 } };
	static struct field field;

	for (size_t i = 0; i < COUNT(all); i++) {
		struct pool p = all[i];
		char title[64];

		snprintf(title, sizeof(title), "pool of %zu KiB x %zu", p.size / KIB, p.count);
		add_references(&field, p.size);
		for (const struct dgen_kernel *const *k = dgen_kernels; *k; k++)
			for (int operation = FILL; operation <= COMPARE; operation++)
				if ((*k)->usable() && (!only || !strcmp(only, (*k)->name)))
					add_kernels(&field, (*k)->name,
						    (struct access){ "runs", p.size, p.size,
								     false },
						    operation);
		race(&field, title, p.size * p.count);
		show_pool(&field, p);
		drop(&field);
	}
}

/*
 * The same 1 MiB of memory, in I/Os of several kinds. The data is the best kernel's; it goes over the
 * memory 4 KiB at a time, so an odd length leaves gaps.
 */
static void accesses(const char *kernel)
{
	static const struct access all[] = {
		{ "runs of 1 MiB", MIB, MIB, false },
		{ "64 KiB at random", 64 * KIB, 4096, true },
		{ "4 KiB in sequence", 4096, 4096, false },
		{ "4 KiB at random", 4096, 4096, true },
		{ "4 KiB at random sectors", 4096, 512, true },
		{ "2 KiB at random sectors", 2048, 512, true },
		{ "4001 bytes at random 4 KiB", 4001, 4096, true },
		{ "4001 bytes at random bytes", 4001, 1, true },
		{ "65001 bytes at random 4 KiB", 65001, 4096, true },
	};
	static struct field field;
	size_t per = settings.dedups * settings.compresses;

	add_references(&field, MIB);
	for (size_t i = 0; i < COUNT(all); i++)
		add_kernels(&field, kernel, all[i], FILL);
	race(&field, "I/O of several kinds", MIB);
	printf("\n1 MiB of memory, %s: GB/s (and to runs of 1 MiB)\n%-28s", kernel, "");
	for (size_t j = 0; j < per; j++)
		printf("      D=%-3g C=%-3g", field.all[REFERENCES + j].dedup,
		       field.all[REFERENCES + j].compress);
	for (size_t i = 0; i < COUNT(all); i++) {
		printf("\n%-28s", all[i].name);
		for (size_t j = 0; j < per; j++) {
			const struct contestant *runs = &field.all[REFERENCES + j];
			const struct contestant *c = runs + i * per;

			printf("  %7.1f (%4.2f)", spread(c, NULL).median * 1e-9,
			       spread(c, runs).median);
			json_row(c, &field, (struct pool){ MIB, 1 });
		}
	}
	printf("\n");
	drop(&field);
}

/* Data of several kinds in caches, by every kernel. */
static void kinds(const char *only)
{
	static const struct {
		const char *name, *compress; /* as compress_ratio */
		uint32_t chunk;
		double zeros;
	} all[] = {
		{ "incompressible", "1", 0, 0 },
		{ "2", "2", 0, 0 },
		{ "2, chunks of 512 bytes", "2", 512, 0 },
		{ "2, chunks of 256", "2", 256, 0 },
		{ "2, chunks of 64", "2", 64, 0 },
		{ "2, 64 values", "2/100/64", 0, 0 },
		{ "2, 64 values, chunks of 64", "2/100/64", 64, 0 },
		{ "1/30:2/40:4/30", "1/30:2/40:4/30", 0, 0 },
		{ "1, a fifth is zero", "1", 0, 20 },
	};
	static struct field field;
	const struct pool pool = { 64 * KIB, 8 };
	size_t nr_kernels = 0;

	add_references(&field, pool.size);
	for (const struct dgen_kernel *const *k = dgen_kernels; *k; k++) {
		if (!(*k)->usable() || (only && strcmp(only, (*k)->name)))
			continue;
		nr_kernels++;
		for (size_t i = 0; i < COUNT(all); i++) {
			const struct access access = { "runs", pool.size, pool.size, false };
			struct dgen_options options = DGEN_OPTIONS_DEFAULT;
			char why[DGEN_WHY_MAX];

			options.data_seed = 1;
			options.compress_chunk = all[i].chunk;
			options.zero_percentage = all[i].zeros;
			if (dgen_mix_parse(all[i].compress, &options, why))
				die(why);
			add_kernel(&field, (*k)->name, access, FILL, &options)->data = all[i].name;
		}
	}
	race(&field, "data of several kinds", pool.size * pool.count);
	printf("\n%zu x %zu KiB of memory: GB/s (and to incompressible data)\n%-28s", pool.count,
	       pool.size / KIB, "compress_ratio");
	for (size_t k = 0; k < nr_kernels; k++)
		printf(" %15s", field.all[REFERENCES + k * COUNT(all)].name);
	for (size_t i = 0; i < COUNT(all); i++) {
		printf("\n%-28s", all[i].name);
		for (size_t k = 0; k < nr_kernels; k++) {
			const struct contestant *plain = &field.all[REFERENCES + k * COUNT(all)];

			printf(" %8.1f (%4.2f)", spread(plain + i, NULL).median * 1e-9,
			       spread(plain + i, plain).median);
			json_row(plain + i, &field, pool);
		}
	}
	printf("\n");
	drop(&field);
}

/* ---------------------------------------------------------------- two threads */

struct worker {
	struct contestant contestant;
	int cpu;
	size_t bytes;
	double rates[ROUNDS_MAX];
	pthread_barrier_t *barrier;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	uint8_t *memory = aligned_alloc(2 * MIB, w->bytes);
	cpu_set_t set;

	if (!memory)
		die("out of memory");
	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	memset(memory, 1, w->bytes);
	for (int round = 0; round < settings.rounds; round++) {
		if (w->barrier)
			pthread_barrier_wait(w->barrier);
		w->rates[round] = rate(&w->contestant, memory, w->bytes, 4 * settings.seconds);
	}
	free(memory);
	return NULL;
}

static void run_workers(struct worker *workers, unsigned int count)
{
	pthread_barrier_t barrier;
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, count);
	for (unsigned int i = 0; i < count; i++) {
		workers[i].barrier = &barrier;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			die("no thread can be started");
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

/* One thread, then two at once, each on a CPU of its own; what two fill to what one does. */
static void scale(struct contestant *c, const int *cpus, size_t bytes)
{
	struct worker one, two[2];
	struct contestant alone = *c, both = *c;
	char name[64];

	one = (struct worker){ .contestant = *c, .cpu = cpus[0], .bytes = bytes };
	for (int i = 0; i < 2; i++)
		two[i] = (struct worker){ .contestant = *c, .cpu = cpus[i], .bytes = bytes };
	run_workers(&one, 1);
	run_workers(two, 2);
	for (int i = 0; i < settings.rounds; i++) {
		alone.rates[i] = one.rates[i];
		both.rates[i] = two[0].rates[i] + two[1].rates[i];
	}
	what(c, name, sizeof(name));
	printf("%-22s %10zu %8.1f %8.1f %6.2f\n", name, bytes / KIB,
	       spread(&alone, NULL).median * 1e-9, spread(&both, NULL).median * 1e-9,
	       spread(&both, NULL).median / spread(&alone, NULL).median);
	if (!json)
		return;
	fprintf(json, "%s\n\t\t{\"what\": \"%s\", \"bytes\": %zu, \"one\": %.3f, \"two\": %.3f}",
		separator, name, bytes, spread(&alone, NULL).median * 1e-9,
		spread(&both, NULL).median * 1e-9);
	separator = ",";
}

static void threads(const char *kernel)
{
	static struct field field;
	static const size_t sizes[] = { MIB, 128 * MIB };
	int cpus[2], found = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			cpus[found++] = i;
	if (found < 2) {
		printf("\nTwo threads: skipped, there is one CPU\n");
		return;
	}
	printf("\nTwo threads on CPUs %d and %d\n%-22s %10s %8s %8s %6s\n", cpus[0], cpus[1], "",
	       "KiB each", "1: GB/s", "2: GB/s", "ratio");
	for (size_t s = 0; s < COUNT(sizes); s++) {
		add_references(&field, MIB);
		add_kernels(&field, kernel, (struct access){ "runs", MIB, MIB, false }, FILL);
		for (size_t i = 0; i < field.count; i++)
			if (i == MEMSET || i >= REFERENCES)
				scale(&field.all[i], cpus, sizes[s]);
		drop(&field);
	}
}

/* ---------------------------------------------------------------- main */

static void usage(FILE *to)
{
	fprintf(to,
		"usage: bench [--quick] [--json=FILE] [--dedup=LIST] [--compress=LIST] [--kernel=NAME]\n"
		"  --quick         a tenth of the rounds' time, to try it\n"
		"  --json=FILE     the figures, too\n"
		"  --dedup=1,2     ratios to combine with each other\n"
		"  --compress=1,2\n"
		"  --kernel=NAME   only this one of the kernels\n");
}

static size_t list(const char *option, char *values, double *out)
{
	size_t count = 0;

	for (char *word = strtok(values, ","); word; word = strtok(NULL, ",")) {
		char *end;

		if (count == LIST_MAX) {
			fprintf(stderr, "bench: %s: at most %d values\n", option, LIST_MAX);
			exit(1);
		}
		out[count++] = strtod(word, &end);
		if (end == word || *end) {
			fprintf(stderr, "bench: %s=%s: numbers are allowed\n", option, word);
			exit(1);
		}
	}
	return count;
}

static const char *parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "json", required_argument, NULL, 'j' },
		{ "dedup", required_argument, NULL, 'd' },
		{ "compress", required_argument, NULL, 'c' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *kernel = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			settings.rounds = 3;
			settings.seconds = 0.0005;
			break;
		case 'j':
			settings.json = optarg;
			break;
		case 'd':
			settings.dedups = list("--dedup", optarg, settings.dedup);
			break;
		case 'c':
			settings.compresses = list("--compress", optarg, settings.compress);
			break;
		case 'k':
			kernel = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(1);
		}
	if (optind < argc) {
		usage(stderr);
		exit(1);
	}
	return kernel;
}

static const char *best_kernel(void)
{
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;
	char why[DGEN_WHY_MAX];
	const char *name;
	struct dgen *dgen;

	if (dgen_create(&options, &dgen, why))
		die(why);
	name = dgen_kernel(dgen);
	dgen_destroy(dgen);
	return name;
}

static void cpu_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(model, size, "unknown");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %127[^\n\"\\]", model) == 1)
			break;
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	const char *only = parse(argc, argv), *kernel;
	char model[128];

	if (only)
		setenv("DGEN_KERNEL", only, 1);
	kernel = best_kernel();
	cpu_model(model, sizeof(model));
	if (settings.json) {
		json = fopen(settings.json, "w");
		if (!json) {
			fprintf(stderr, "bench: %s: %s\n", settings.json, strerror(errno));
			return 1;
		}
		fprintf(json,
			"{\n\t\"cpu\": \"%s\",\n\t\"kernel\": \"%s\",\n\t\"rounds\": %d,\n"
			"\t\"seconds\": %g,\n\t\"results\": [",
			model, kernel, settings.rounds, settings.seconds);
	}
	printf("%s, best kernel %s; %d rounds, bytes per second of CPU time, medians of rates and of\n"
	       "ratios (to memset and so on) round by round\n",
	       model, kernel, settings.rounds);
	pools(only);
	accesses(kernel);
	kinds(only);
	if (json)
		fprintf(json, "\n\t],\n\t\"threads\": [");
	separator = "";
	threads(kernel);
	if (json && (fprintf(json, "\n\t]\n}\n") < 0 || fclose(json)))
		die("cannot write the file of --json");
	return 0;
}
