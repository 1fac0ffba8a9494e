/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_REPORT_H
#define DGEN_REPORT_H

#include "job.h"

/* When a job ends, and its tags are still there: what it leaves behind. */
void report_note(struct job *job, struct run_result *result);

/* When the last job of a group has ended. */
void report_say(struct run_group *group);

#endif
