/* SPDX-License-Identifier: GPL-2.0-only */
/* gen_threads=: threads that make a job's data while earlier I/O is on its way. */
#ifndef DGEN_AHEAD_H
#define DGEN_AHEAD_H

#include "job.h"

enum {
	/* To hand over less costs more than to make it. */
	AHEAD_MIN_BYTES = 8192,
};

/*
 * After the inner engine's init, in the job's own process: starts the threads, and puts hooks before
 * job->ops. Does nothing, and says why, where the inner engine does one I/O at a time. 0 or -errno.
 */
int ahead_start(struct job *job);

/* I/Os that fio has queued, and that are neither with the inner engine nor told to fio as complete. */
unsigned int ahead_unreaped(const struct job *job);

/* Ends the threads; may be called again. Before the buffers of the job are freed. */
void ahead_stop(struct job *job);

void ahead_free(struct job *job);

#endif
