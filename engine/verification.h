/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify=: every unit that is read is compared with what must be there; and the tracking of
 * versions that this needs where they cannot be computed.
 */
#ifndef DGEN_VERIFICATION_H
#define DGEN_VERIFICATION_H

#include "job.h"

/* Before jobs are forked. 0 or -errno. */
int verify_load(void);

/*
 * Before the seed is needed: opens the tags that a job with these options needs, or gives NULL. The
 * seed of a verify_state_file that is there already is taken over where none is set. 0, or
 * -errno after one line.
 */
int verify_open(struct thread_data *td, struct options *options, struct track **track);

/*
 * In setup, when the files are known: takes verify= over from fio, and finds their tags. 0, or
 * -errno after one line.
 */
int verify_setup(struct job *job);

/* In the job itself, before its first I/O. 0, or -errno after one line. */
int verify_init(struct job *job);

/* Does the job need the hooks below? */
static inline bool verify_used(const struct job *job)
{
	return job->verifies || job->track;
}

/* Fills the buffer of a write whose file is tracked. */
void verify_prepare_write(struct job *job, struct io_state *state, struct io_u *io_u);

/* Before an I/O is sent: false where it must wait for another one that overlaps with it. */
bool verify_send(struct job *job, struct io_state *state, struct io_u *io_u);

/* It was not sent after all (FIO_Q_BUSY). */
void verify_unsend(struct io_state *state);

/* All of it is over, with or without an error. */
void verify_complete(struct job *job, struct io_state *state, struct io_u *io_u);

/* The job ends: what it leaves behind; then its tags are given up. */
void verify_note_versions(struct job *job, struct run_result *result);
void verify_cleanup(struct job *job);

/* In setup: so that a later job of the group can name all of its files. */
void verify_note_names(const struct job *job);

/* Of a run_group, when its last job ends: what was wrong, and how to verify later. */
void verify_report(const struct job *job);

#endif
