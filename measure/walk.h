/* SPDX-License-Identifier: GPL-2.0-only */
/* Which files the paths of a command line stand for. */
#ifndef MEASURE_WALK_H
#define MEASURE_WALK_H

#include "source.h"

struct walk;

struct found_file {
	const char *path; /* until the next call; "-" is standard input */
	uint64_t size;    /* of the whole file; 0 for a stream */
	bool stream;
	bool sparse; /* holds less than its size says */
};

/* totals are counted as files are found; notes: say what is left out. */
struct walk *walk_open(char **paths, unsigned int count, const struct source_options *options,
		       struct source_totals *totals, bool notes);
void walk_close(struct walk *walk);

/* 1, 0 at the end, or -errno with a line in why. Empty files are counted and left out. */
int walk_next(struct walk *walk, struct found_file *found, char *why, size_t why_size);

#endif
