/* SPDX-License-Identifier: GPL-2.0-only */
/* The io_uring inner engine: an ordinary engine of fio, which knows nothing of content. */
#ifndef DGEN_URING_H
#define DGEN_URING_H

struct thread_data;

/* td->eo of the engine; the options have the names and meanings of fio's own io_uring engine. */
struct uring_options {
	struct thread_data *td; /* fio writes it */
	unsigned int hipri;
	unsigned int fixedbufs;
	unsigned int registerfiles;
	unsigned int sqthread_poll;
	unsigned int sqthread_poll_cpu;
	unsigned int sqthread_poll_cpu_set;
	unsigned int nonvectored;
	unsigned int nowait;
	unsigned int force_async;
};

extern const struct ioengine_ops uring_ops;

#endif
