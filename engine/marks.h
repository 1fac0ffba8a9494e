/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_MARKS_H
#define DGEN_MARKS_H

#include "job.h"

/*
 * Where a read, write or trim of a tracked file lies, and room for its tags. 0, -ENOMEM, or -ENOSPC for
 * a place behind the last tag: with fill_device= those end where the device is full.
 */
int marks_locate(struct io_state *state);

/*
 * Notes the versions that a write to a tracked file gives to its grains: those that follow on what
 * they have. The answer is the newest of them.
 */
uint64_t marks_prepare_write(struct io_state *state);

/* Makes the data of such a write. Any thread. */
void marks_fill(const struct job *job, const struct io_state *state, uint8_t *buffer,
		struct dgen_tally *tally);

/* Before an I/O is sent: false where it must wait for another one that overlaps with it. */
bool marks_send(struct job *job, struct io_state *state, struct io_u *io_u);

/* It was not sent after all (FIO_Q_BUSY). */
void marks_unsend(struct io_state *state);

/* A write, trim or sync is over, with or without an error. */
void marks_complete(struct job *job, struct io_state *state, const struct io_u *io_u);

/* Flushes a file, and notes that; not one that is elsewhere. */
void marks_flush(const struct job *job, struct job_file *file);

#endif
