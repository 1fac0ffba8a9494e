/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the data goes: files and block devices. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
	const char *name;
	bool device;
	bool exists;
	uint64_t size;      /* what it has now */
	uint64_t allocated; /* of a file: what it need not get any more */
	uint64_t wanted;    /* what is to be written or read */
	dev_t file_system;
	ino_t inode; /* of a file that is not there yet: of its directory; of a device: its number */
	uint64_t space; /* that is free in the file system */
	int held;       /* of a device: open, so that nobody mounts it meanwhile; or -1 */
};

/*
 * Look at target->name. All return 0, or -errno after a complaint. A device that is written is one
 * that may be destroyed and that nobody uses.
 */
int target_look(struct target *target, bool reads, bool may_destroy);

/* Are two of them the same? */
int target_check_distinct(const struct target *targets, unsigned int count);

/* Is there room for what is wanted of all of them? */
int target_check_space(const struct target *targets, unsigned int count);

#endif
