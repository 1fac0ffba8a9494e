/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_FINDINGS_H
#define DGEN_FINDINGS_H

#include "job.h"

/* Before jobs are forked. 0 or -errno. */
int findings_load(void);

/*
 * One unit, or a part of one, is not as version has it. Units in a row with the same fault are told as
 * one: when another comes, or with findings_flush().
 */
void findings_unit(struct job *job, const struct job_file *file, uint64_t offset,
		   const uint8_t *found, size_t length, uint64_t version);

void findings_flush(struct job *job);

/* A place ("was trimmed", "was never written") is not zero. */
void findings_not_zero(struct job *job, const struct job_file *file, uint64_t offset,
		       const uint8_t *found, size_t length, const char *why);

/* A read found the end of the file before this. */
void findings_missing(struct job *job, const struct job_file *file, uint64_t offset,
		      uint64_t length);

/* When a group has ended: a line for each file in which something was found since the last time. */
void findings_say(struct run_group *group);

#endif
