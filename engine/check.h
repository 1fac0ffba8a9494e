/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_CHECK_H
#define DGEN_CHECK_H

#include "job.h"

/* A read is over: its data is compared, what is wrong is told, and fio learns of it. */
void check_read(struct job *job, struct io_state *state, struct io_u *io_u);

/*
 * A run was killed while it wrote a grain, whose tag has TRACK_BUSY: which tag is right for what is
 * there? TRACK_BUSY if none is: it is damaged. length: at least 1.
 */
uint8_t check_left_tag(struct job *job, const struct job_file *file, size_t grain, uint8_t tag,
		       const uint8_t *data, size_t length);

#endif
