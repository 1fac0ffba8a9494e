// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDTH 30
#define LINE 78

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_begin(struct progress *progress, bool on)
{
	progress->on = on;
	progress->shown = false;
	progress->begin = now();
}

void progress_show(struct progress *progress, uint64_t done)
{
	const double gib = 1u << 30;
	double seconds = now() - progress->begin;
	double speed = seconds > 0 ? (double)done / seconds : 0;
	double part = progress->total ? (double)done / (double)progress->total : 0;
	char bar[WIDTH + 1];
	int filled;

	/* What ends at once needs no bar. */
	if (!progress->on || seconds < 0.5)
		return;
	progress->shown = true;
	if (!progress->total) {
		fprintf(stderr, "\r%.2f GiB, %.2f GiB/s ", (double)done / gib, speed / gib);
		return;
	}
	if (part > 1)
		part = 1;
	filled = (int)(part * WIDTH);
	memset(bar, ' ', WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %% of %.2f GiB, %.2f GiB/s, %.0f s left ", bar, 100 * part,
		(double)progress->total / gib, speed / gib,
		speed > 0 ? ((double)progress->total - (double)done) / speed : 0);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r%*s\r", LINE, "");
}
