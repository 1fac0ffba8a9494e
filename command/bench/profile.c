// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>

#include "profile.h"

#define BESIDE (64u << 20) /* what else a run needs */
#define FEWEST_BUFFERS 4   /* of a writer, before they get smaller */
#define SMALLEST_BUFFER (64u << 10)

/* jobs/auto*.fio say the same, and a test compares. A machine between two takes the smaller. */
static const struct profile profiles[] = {
	{ "auto8", 0, 4, 128, 4 << 20 },       { "auto16", 12, 8, 256, 8 << 20 },
	{ "auto32", 32, 12, 512, 8 << 20 },    { "auto64", 64, 16, 512, 8 << 20 },
	{ "auto128", 128, 32, 1024, 8 << 20 },
};

const struct profile *profile_for(unsigned int cpus)
{
	const struct profile *found = profiles;

	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (cpus >= profiles[i].cpus)
			found = &profiles[i];
	return found;
}

static uint64_t room(uint64_t memory)
{
	const uint64_t most = memory - memory / 10;

	return most > BESIDE ? most - BESIDE : 0;
}

bool shape_fits(const struct shape *shape, uint64_t memory)
{
	return shape_pool(shape) <= room(memory);
}

int shape_reduce(struct shape *shape, uint64_t memory)
{
	const uint64_t most = room(memory) / shape->writers;
	const unsigned int fewest = shape->depth < FEWEST_BUFFERS ? shape->depth : FEWEST_BUFFERS;

	if (shape_fits(shape, memory))
		return 0;
	while (most / shape->buffer_size < fewest && shape->buffer_size > SMALLEST_BUFFER)
		shape->buffer_size /= 2;
	/* Buffers were of any multiple of 4 KiB. */
	shape->buffer_size -= shape->buffer_size % 4096;
	if (!shape->buffer_size || most < shape->buffer_size)
		return -ENOMEM;
	if (most / shape->buffer_size < shape->depth)
		shape->depth = (unsigned int)(most / shape->buffer_size);
	return 0;
}
