/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory that fio writes from and reads into. */
#ifndef DGEN_BUFFERS_H
#define DGEN_BUFFERS_H

#include "job.h"

/*
 * Has the buffers lie on huge pages where they can be had without asking the administrator. Where
 * the user chose with iomem=, or the inner engine has memory of its own, all stays as it is.
 */
void buffers_put_hooks(struct job *job);

#endif
