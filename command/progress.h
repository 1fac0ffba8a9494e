/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMMAND_PROGRESS_H
#define COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;
	uint64_t size;        /* bytes in all; 0: not known */
	uint64_t start, next; /* milliseconds */
};

void progress_start(struct progress *progress, bool quiet, uint64_t size);
void progress_show(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

#endif
