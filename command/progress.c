// SPDX-License-Identifier: GPL-2.0-only
/* How far it is, where standard error is a terminal. */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EVERY 500 /* milliseconds */

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_start(struct progress *progress, bool quiet, uint64_t size)
{
	progress->shown = !quiet && isatty(STDERR_FILENO);
	progress->size = size;
	progress->start = milliseconds();
	progress->next = progress->start + EVERY;
}

void progress_show(struct progress *progress, uint64_t done)
{
	uint64_t now;

	if (!progress->shown)
		return;
	now = milliseconds();
	if (now < progress->next && (!progress->size || done < progress->size))
		return;
	progress->next = now + EVERY;
	fprintf(stderr, "\rdgen: %.2f ", (double)done / (1u << 30));
	if (progress->size)
		fprintf(stderr, "of %.2f ", (double)progress->size / (1u << 30));
	fprintf(stderr, "GiB, %.2f GB/s ",
		(double)done / 1e6 / (double)(now - progress->start + 1));
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputc('\n', stderr);
}
