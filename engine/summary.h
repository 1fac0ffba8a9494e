/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report=, report_file=: the report at the end of a run, about jobs that ran together: one for each
 * of fio's groups (stonewall and new_group begin another).
 */
#ifndef DGEN_SUMMARY_H
#define DGEN_SUMMARY_H

#include "job.h"
#include "verdict.h"

#define WRITERS_MAX 4096 /* fio has no more jobs */

/* One direction of a job's I/O: completion latency as fio has measured it. */
struct latency {
	uint64_t count; /* 0: not measured */
	double sum;     /* ns */
	uint64_t least, most;
	uint64_t plat[FIO_IO_U_PLAT_NR]; /* fio's histogram */
};

/* What a job leaves behind when it has ended. In memory that all jobs share. */
struct writer {
	atomic_bool ended;
	unsigned int group;
	bool shown; /* not report=0 */
	bool ran;   /* I/O was prepared */
	bool direct;
	bool stores; /* the back end is no fake, and writes to files or devices */
	bool thread;
	int error;
	char name[128];
	char target[256];
	char kernel[32];
	char path[PATH_LENGTH_MAX]; /* report_file= */
	char backend[BACKEND_MAX];
	struct dgen_options data;
	uint64_t version,
		next_version; /* that it wrote first, and after the last; next 0: it wrote none */
	unsigned int iodepth, gen_threads;
	int node;                   /* NUMA node that it was bound to; -1: none */
	double huge_part;           /* of its buffers, on huge pages; -1: not known */
	uint64_t block, block_min;  /* bytes, the largest and smallest */
	uint64_t started, ended_at; /* ns, of one clock for all */
	uint64_t written, read, trimmed;
	uint64_t ios[DDIR_RWDIR_CNT];
	uint64_t spent[2];        /* ns reading, writing; both at a time count for both */
	uint64_t filled, fill_ns; /* by all threads of the job, in thread time */
	uint64_t helped_ns;
	uint64_t busy_ns;         /* with I/O in flight */
	struct dgen_tally *tally; /* of what was written; shared with the job; NULL: none */
	struct times times;
	struct latency latency[2]; /* of reads, writes */
};

/* Jobs of one group that ended. */
struct group_view {
	const struct writer **writers;
	unsigned int count;
	unsigned int group;
};

/* Once, before any job is forked. 0 or -errno. */
int summary_load(void);

/* Refuses a report_file that cannot be written. 0, or -errno with a line. */
int summary_check(const struct options *options);

/* In the order of the jobs, from fio's main process. */
void summary_join(struct job *job);

/* When a job ends, or is not going to run. The last of a group prints and writes. */
void summary_leave(struct job *job);

/* At the end of fio's main process: the groups of which some jobs never left. */
void summary_finish(void);

/* The totals of several writers. */
struct total {
	double seconds; /* from the first start to the last end */
	uint64_t written, read, trimmed, filled;
	uint64_t ios[DDIR_RWDIR_CNT];
	double spent[2];       /* seconds in which some of them read, wrote */
	double fill_seconds;   /* thread time */
	double helper_seconds; /* of which helpers */
	double helpers;        /* helper threads times their jobs' run time, seconds */
	double busy;           /* part of the jobs' run time with I/O in flight */
	double cpu_missing;    /* part of run time that threads were ready, but had no CPU */
	double pool;           /* bytes of buffers */
	uint64_t version, next_version; /* the lowest, the highest */
	double dedup, compress;         /* ratios of what was issued; -1: not known */
	struct times times;             /* those of its fields that can be added up */
	struct parts parts;
	enum verdict verdict;
	struct latency latency[2];
};

void summary_add_up(const struct writer *const *writers, unsigned int count, struct total *total);

/* Nanoseconds that this part (0 to 1) of all I/O took at most. */
double summary_percentile(const struct latency *latency, double part);

/* What to do about the verdict; several lines, without a newline at the end. */
void summary_advise(FILE *out, const struct group_view *view, const struct total *total,
		    const char *indent);

/* What this machine is. */
struct machine {
	unsigned int cpus, cpus_usable, nodes;
	char kernel[160];
	char arch[80];
};
void summary_machine(struct machine *machine);

/* summary_text.c and summary_json.c */
void summary_print(FILE *out, const struct group_view *view);
void summary_json(FILE *out, const struct group_view *views, unsigned int count);

#endif
