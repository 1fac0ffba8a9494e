/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_REPLAY_H
#define DGEN_REPLAY_H

#include "job.h"

/* Does the job replay a log, an iolog or a blktrace? */
static inline bool replays(const struct thread_data *td)
{
	return td->flags & TD_F_READ_IOLOG;
}

/* What a log does is known when fio has read it. */
static inline bool may_write(const struct thread_data *td)
{
	return job_writes(td) || (replays(td) && !td->o.verify_only);
}

/* In the job itself, when fio has read the log: notes its files, and what it does to them. 0, or -errno, logged. */
int replay_init(struct job *job);

/* Of a log that fio reads in chunks: one more file of it has been opened. 0, or -errno, logged. */
int replay_add(struct job *job, const struct fio_file *f);

/* Only where replays(): is this I/O one for which there is a buffer? 0, or -EINVAL, logged. */
int replay_check(const struct thread_data *td, const struct io_u *io_u);

/* When the job ends: fio has set no sizes. */
void replay_note_sizes(struct job *job);

/*
 * Only where replays(): an I/O of the log has been sent. With its last one the log is over: fio is not to look for more in it, for it would
 * find that the job is done, and take no completion any more.
 */
void replay_sent(struct thread_data *td);

#endif
