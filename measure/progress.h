/* SPDX-License-Identifier: GPL-2.0-only */
/* A bar on standard error. */
#ifndef MEASURE_PROGRESS_H
#define MEASURE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint64_t total; /* bytes; 0: not known */
	bool on, shown;
	double begin; /* seconds */
};

void progress_begin(struct progress *progress, bool on);
void progress_show(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress); /* wipes the line */

#endif
