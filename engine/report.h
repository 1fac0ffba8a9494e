/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_REPORT_H
#define DGEN_REPORT_H

#include "job.h"

/* In setup: so that a later job of the group can name all of its files. */
void report_note_names(const struct job *job);

/* When a job has written, and its tags are still there: which versions it leaves behind. */
void report_note_versions(struct job *job, struct run_result *result);

/* When the last job of a group has ended. */
void report_say(const struct job *job);

#endif
