/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring of the io_uring inner engine, and what is registered with it. */
#ifndef DGEN_URING_H
#define DGEN_URING_H

#include <liburing.h>

#include "async.h"

struct uring {
	struct async async;
	struct io_uring ring;
	bool ready;
	int broken;            /* -errno of a call that failed for good; 0: none did */
	unsigned int prepared; /* for force_async */

	const void **buffers; /* registered, by io_u->index */
	unsigned int nr_buffers;
	unsigned long long buffer_size;

	struct fio_file **files; /* registered, by slot of the table */
	unsigned int nr_files;
};

/*
 * Makes the ring, with the best flags that this kernel takes, and registers what it can. To be
 * called by the task that submits, when fio has its buffers. 0 or -errno.
 */
int uring_setup(struct thread_data *td, struct uring *u);
void uring_exit(struct uring *u);

/* Hooks of fio: a file is registered from its opening to its closing. */
int uring_open_file(struct thread_data *td, struct fio_file *f);
int uring_close_file(struct thread_data *td, struct fio_file *f);

#endif
