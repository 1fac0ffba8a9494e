/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_MARKS_H
#define DGEN_MARKS_H

#include "job.h"

/*
 * Where a read, write or trim of a tracked file lies, and room for its tags. 0, -ENOMEM, or -ENOSPC for
 * a place behind the last tag: with fill_device= those end where the device is full.
 */
int marks_locate(struct io_state *state);

/* Fills the buffer of a write whose file is tracked, as the version that follows on its grains'. */
void marks_prepare_write(struct job *job, struct io_state *state, struct io_u *io_u);

/* Before an I/O is sent: false where it must wait for another one that overlaps with it. */
bool marks_send(struct job *job, struct io_state *state, struct io_u *io_u);

/* It was not sent after all (FIO_Q_BUSY). */
void marks_unsend(struct io_state *state);

/* A write, trim or sync is over, with or without an error. */
void marks_complete(struct job *job, struct io_state *state, const struct io_u *io_u);

/* Flushes a file, and notes that. */
void marks_flush(struct job_file *file);

#endif
