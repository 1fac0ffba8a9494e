/* SPDX-License-Identifier: GPL-2.0-only */
/* What the jobs of one run of fio share, be they processes or threads. */
#ifndef DGEN_RUN_H
#define DGEN_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dgen.h"

struct options;
struct thread_data;

/* The jobs of a run that have the same data options: one line at the end is about all of them. */
struct run_group {
	atomic_int jobs;       /* not yet ended */
	atomic_int running;    /* of these, have begun */
	atomic_bool seed_said; /* the fresh seed has been printed */
	atomic_bool fallback_said;
	atomic_bool fake_said;        /* that verify= checks nothing */
	atomic_bool inline_said;      /* that gen_threads is not used */
	atomic_uint_fast64_t written; /* bytes */
	atomic_uint_fast64_t newest;  /* version that was written last, plus one; 0: none */
	atomic_uint_fast64_t checked, unchecked; /* bytes read */
	atomic_uint_fast64_t wrong;              /* units */
	atomic_uint lines;                       /* about them, told in full */
	/* What the jobs leave behind: */
	atomic_bool unknown;  /* not all versions can be told */
	atomic_bool removed;  /* by a job, at its end */
	atomic_bool separate; /* with create_serialize=0 jobs do not know each other's files */
	atomic_bool buffered; /* not O_DIRECT in the end */
	atomic_bool not_kept; /* a back end took writes, and stored no data */
	atomic_bool lost;     /* there was no room to note what was written */
	struct dgen_options data;
	uint64_t data_version;
};

/* Before jobs are forked. 0 or -errno. */
int run_load(void);

/* The seed of the jobs that name none: one for the whole run. */
uint64_t run_fresh_seed(void);

/* True once in a run: for the line about io_uring that is not to be had. */
bool run_first_substitute(void);

/* True once in a run: for the line about numa_mode=force that cannot be had. */
bool run_first_unplaced(void);

/* 0, 1, ...: of the jobs that are spread over NUMA nodes. */
unsigned int run_next_number(void);

/* The group of a job with these options, counting it in. Call it in the order of the jobs. */
struct run_group *run_join(const struct options *options);

/* What a job has done. */
struct run_result {
	uint64_t written;            /* bytes */
	uint64_t newest;             /* version written, plus one; 0: none */
	uint64_t checked, unchecked; /* bytes read */
	uint64_t wrong;              /* units */
	bool began;
	bool known;                              /* the versions that it leaves */
	bool separate, buffered, not_kept, lost; /* as in the group */
};

/* A job begins: it counts as running until it leaves. */
void run_begin(struct run_group *group);

/*
 * Adds it; then the job is no longer counted. True for the last of a group, which then has
 * printed the line about what was written.
 */
bool run_leave(struct run_group *group, const struct run_result *result);

/*
 * At the end of fio's main process: the groups of which jobs never left, for they were killed or fio was told to stop
 * before they began. Their lines are printed, with say for the rest. Does nothing in the processes of jobs.
 */
bool run_is_main(void);
void run_finish(void (*say)(struct run_group *group));

/* Does fio show the options of jobs, in JSON? */
bool run_output_has_options(void);

/* Is fio writing for people alone, so that a line of ours on its output harms nobody? */
bool run_output_is_normal(void);

/* One line on fio's output, from whatever process. Only where run_output_is_normal(). */
void run_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Before jobs are forked: so that what they say comes after what fio has said so far. */
void run_flush(void);

/* A number of bytes in the unit that suits it, in binary ones: 1.50 GiB. */
const char *run_size_text(char *text, size_t room, double bytes);
#define RUN_SIZE(bytes) run_size_text((char[32]){ 0 }, 32, bytes)

/* For warnings: one line on standard error, never on --output; the client's where a server of fio's runs the job. */
void run_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
