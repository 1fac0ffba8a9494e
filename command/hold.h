/* SPDX-License-Identifier: GPL-2.0-only */
/* Block devices that are to be overwritten. */
#ifndef COMMAND_HOLD_H
#define COMMAND_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of a block device, in bytes. 0, or -errno after a complaint that calls it name. */
int device_size(const char *name, const char *path, uint64_t *size);

/*
 * May all data of the block device go? Not without --yes-destroy-data, and never where somebody uses it or a
 * partition of it. A file descriptor, while which is open nobody can mount it and which a program run from
 * here inherits; or -errno after a complaint.
 */
int device_hold(const char *name, const char *path, dev_t device, uint64_t size, bool may_destroy);

#endif
