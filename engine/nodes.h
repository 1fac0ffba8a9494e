/* SPDX-License-Identifier: GPL-2.0-only */
/* numa_mode=: jobs spread over the NUMA nodes, each with its memory and its helper threads. */
#ifndef DGEN_NODES_H
#define DGEN_NODES_H

#include "job.h"

/* Refuses numa_mode=force beside fio's own placement. 0, or -errno with a line. */
int nodes_check(struct thread_data *td);

/* In the order of the jobs: those that may be placed get a number. */
void nodes_join(struct job *job);

/*
 * In the job's own thread, before it touches its memory and starts threads: binds it to the CPUs of
 * a node. What it touches first then lies in the memory of that node, and its threads inherit
 * the binding.
 */
void nodes_init(struct job *job);

/* Of this machine. */
unsigned int nodes_count(void);

#endif
