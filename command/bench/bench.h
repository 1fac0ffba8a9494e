/* SPDX-License-Identifier: GPL-2.0-only */
/* What was asked for, and the job that follows from it. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "data.h"
#include "profile.h"
#include "target.h"

struct bench {
	/* As typed; what was not is 0 or NULL. */
	int argc;
	char **argv;
	char **fio_options; /* behind --, ends with NULL */
	bool automatic;
	uint64_t cpus; /* of --auto=CPUS */
	bool size_set;
	const char *size_typed, *buffer_count_typed;
	uint64_t size, buffer_size, buffer_count, writers;
	struct data data;
	const char *numa_mode, *backend, *json, *tune;
	uint64_t max_threads, runtime;
	const char *report; /* where the engine writes it as JSON, or NULL */
	uint64_t run_ms;    /* of a run of tune(), rather than runtime */
	bool seed_set;      /* the seed is in data */
	bool buffered, verify, read, print_job, may_destroy;

	struct target *targets;
	unsigned int nr_targets;
	const struct profile *profile; /* NULL without --auto */
	struct shape shape;
};

/* Decide bench->shape and what goes to each target, check memory and space. 0 or -errno. */
int plan_make(struct bench *bench);

/* The shape that the options ask for. */
int plan_shape(struct bench *bench);

/* "writers", "reader". */
const char *workers(const struct bench *bench, uint64_t count);

/* Has this option been given to fio, behind the --? It wins then. */
bool job_user_has(const struct bench *bench, const char *option);

/* The fio job. 0 or -errno. */
int job_write(const struct bench *bench, FILE *out);

/* Time about a minute's runs of jobs around bench->shape. 0 or -errno. */
int tune(struct bench *bench);

#endif
