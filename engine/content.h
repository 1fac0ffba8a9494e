/* SPDX-License-Identifier: GPL-2.0-only */
/* The content layer: fills what an inner engine of fio writes. */
#ifndef DGEN_CONTENT_H
#define DGEN_CONTENT_H

struct thread_data;
struct ioengine_ops;

/* Once, in the process that parses the job file, before any job is forked. 0 or -errno. */
int content_load(void);

/* The hooks of the ops that fio loads. Each puts the inner engine in place of these ops. */
int content_setup(struct thread_data *td);
int content_init(struct thread_data *td);

/* The ops that fio loads. */
extern struct ioengine_ops entry_ops;

#endif
