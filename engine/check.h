/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_CHECK_H
#define DGEN_CHECK_H

#include "job.h"

/* A read is over: its data is compared, what is wrong is told, and fio learns of it. */
void check_read(struct job *job, struct io_state *state, struct io_u *io_u);

#endif
