/* SPDX-License-Identifier: GPL-2.0-only */
/* Writers and buffers by the number of CPUs, and whether they fit into memory. */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

struct profile {
	const char *name;
	unsigned int cpus; /* from so many on */
	unsigned int writers, buffers;
	uint64_t buffer_size;
};

/* Buffers in flight: each writer has a part of the pool. */
struct shape {
	unsigned int writers, depth; /* depth: buffers of each writer */
	uint64_t buffer_size;
};

const struct profile *profile_for(unsigned int cpus);

static inline uint64_t shape_pool(const struct shape *shape)
{
	return (uint64_t)shape->writers * shape->depth * shape->buffer_size;
}

/* May a pool take so much where so much is free? fio itself and the kernel need some of it. */
bool shape_fits(const struct shape *shape, uint64_t memory);

/* Fewer buffers, then smaller ones, until they fit. -ENOMEM where even the smallest do not. */
int shape_reduce(struct shape *shape, uint64_t memory);

#endif
