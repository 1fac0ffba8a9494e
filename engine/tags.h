/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_TAGS_H
#define DGEN_TAGS_H

#include "job.h"

/*
 * Before the seed is needed: opens the tags that a job with these options needs, or gives NULL. The
 * seed of a verify_state_file that is there already is taken over where none is set. 0, or
 * -errno after one line.
 */
int tags_open(struct thread_data *td, struct options *options, struct track **track);

/* The largest divisor of grain that I/O of this direction is a multiple of. */
uint64_t tags_grain(const struct thread_data *td, enum fio_ddir ddir, uint64_t grain);

/* In setup, in the main process: finds the tags of the job's files. 0, or -errno after one line. */
int tags_setup(struct job *job);

/* In the job itself, before its first I/O: maps them. 0, or -errno after one line. */
int tags_init(struct job *job);

/* The job ends. What it wrote is flushed first, where the tags outlive it. */
void tags_leave(struct job *job);

#endif
