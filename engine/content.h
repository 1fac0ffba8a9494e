/* SPDX-License-Identifier: GPL-2.0-only */
/* The content layer: fills what an inner engine of fio writes. */
#ifndef DGEN_CONTENT_H
#define DGEN_CONTENT_H

#include "compat.h"

struct io_state;
struct job;

/* Once, in the process that parses the job file, before any job is forked. 0 or -errno. */
int content_load(void);

/* The hooks of the ops that fio loads. Each puts the inner engine in place of these ops. */
int content_setup(struct thread_data *td);
int content_init(struct thread_data *td);

/* Makes the data of a prepared write. Any thread. */
void content_fill(const struct job *job, const struct io_state *state, void *buffer);

/* Between fio's queue hook, or what comes before it, and the inner engine's. */
enum fio_q_status content_send(struct job *job, struct io_u *io_u);

/* For what fio is going to see as an event. */
void content_ended_event(struct thread_data *td, struct io_u *io_u);

/* The ops that fio loads. */
extern struct ioengine_ops entry_ops;

#endif
