/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_REPLAY_H
#define DGEN_REPLAY_H

#include "job.h"

/* Does the job replay a log, an iolog or a blktrace? */
static inline bool replays(const struct thread_data *td)
{
	return td->flags & TD_F_READ_IOLOG;
}

/*
 * An I/O of a log has been sent. With its last one the log is over: fio is not to look for more in it, for it would
 * find that the job is done, and take no completion any more.
 */
void replay_sent(struct thread_data *td);

#endif
