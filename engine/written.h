/* SPDX-License-Identifier: GPL-2.0-only */
/* What the jobs of a run write: where they are going to, known in setup, and where they did, when they have ended. */
#ifndef DGEN_WRITTEN_H
#define DGEN_WRITTEN_H

#include <stdio.h>

#include "job.h"

/* What a command that verifies must name, as a group's jobs have it. */
struct written_by {
	const struct run_group *group;
	struct options options;
	unsigned int iodepth;
	bool mixed; /* what of the options is none of the data's differs between its jobs */
};

/* Before jobs are forked. 0 or -errno. */
int written_load(void);

/* In setup, in the order of the jobs: a job and the files that it will write, trim or remove. */
void written_plan(const struct job *job);

/* NULL: none of the group was planned in this process. */
const struct written_by *written_by(const struct run_group *group);

/* How many ranges there are so far: those that are trimmed, when the job begins. */
unsigned int written_count(void);

/* A part of a file as a job leaves it. Of versions, or trimmed. False: there is no room to note it. */
struct written_range {
	const struct run_group *group;
	uint64_t domain; /* of the file's name */
	uint64_t start, end;
	uint64_t file_size;
	uint64_t lowest, highest; /* version */
	unsigned int began;       /* written_count() when the job began */
	bool trimmed;
};
bool written_add(const struct written_range *range);

/* The parts of one file, or of several with the same offset and end, that one command can verify. */
struct written_part {
	uint64_t start, end;
	uint64_t sizes; /* all of the ends, or-ed */
	uint64_t lowest, highest;
	const char *const *names;
	unsigned int nr_names;
	bool whole; /* up to the ends of the files, */
	bool even;  /* which are the same */
};

/*
 * Calls put for each of them. Those of one file that touch or overlap are one; with bridged the gaps between them
 * are part of it. NULL, or why not all can be told, in the words of a line; then put was not called.
 */
const char *written_parts(const struct run_group *group, bool bridged,
			  void (*put)(const struct written_part *part, unsigned int number,
				      unsigned int count, void *data),
			  void *data);

#endif
