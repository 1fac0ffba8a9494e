/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks on the path of each I/O. */
#ifndef DGEN_PATH_H
#define DGEN_PATH_H

#include "job.h"

void path_put_hooks(struct job *job);

/*
 * Makes the data of a prepared write: bytes [from, to) of its buffer, which is all of it where versions
 * are tracked. Any thread.
 */
void path_fill(const struct job *job, const struct io_state *state, uint64_t from, uint64_t to,
	       void *buffer, struct dgen_tally *tally);

/* Between fio's queue hook, or what comes before it, and the inner engine's. */
enum fio_q_status path_send(struct job *job, struct io_u *io_u);

/* For what fio is going to see as an event. */
void path_ended(struct thread_data *td, struct io_u *io_u);

/*
 * At the end of a job, before its buffers are freed: waits for what is in flight where fio, once it takes a job
 * for done, does not: with latency_target=, and where a replayed log breaks off.
 */
void path_finish(struct job *job);

#endif
