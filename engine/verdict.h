/* SPDX-License-Identifier: GPL-2.0-only */
/* What held a run up, from where the time went. Knows neither fio nor I/O. */
#ifndef DGEN_VERDICT_H
#define DGEN_VERDICT_H

#include <stdbool.h>

/* What was measured of one job, or of several added up; seconds of the jobs' own threads. */
struct times {
	double run;
	double make;   /* data made or compared; on a CPU */
	double await;  /* for helper threads that make it */
	double wait;   /* for the back end */
	double submit; /* in the back end's hooks otherwise */
	double cpu;    /* on a CPU */
	double delay;  /* ready to run, without a CPU */
	double late;   /* of which on waking up from sleep */
	double rate;   /* reached, as a part of what fio was told to; 0: no rate= or the like */
	bool limited;  /* rate=, rate_iops= or thinktime= */
	bool has_delay;
};

/* Where all of the run time went: these parts add up to 1. */
struct parts {
	double generator;
	double storage;
	double submission; /* fio and system calls */
	double held_back;  /* by fio itself: rate=, thinktime= */
};

enum verdict {
	VERDICT_STORAGE,
	VERDICT_GENERATOR,
	VERDICT_BALANCED,
	VERDICT_SUBMISSION,
	VERDICT_RATE,
	VERDICT_NONE /* too short to tell */
};

void verdict_parts(const struct times *times, struct parts *parts);
enum verdict verdict_find(const struct times *times, const struct parts *parts);
const char *verdict_name(enum verdict verdict);

#endif
