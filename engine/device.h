/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device is in use for. Knows nothing of fio: dgen and dgen-bench ask it too. */
#ifndef DGEN_DEVICE_H
#define DGEN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The block device of the same disk as a character device: of /dev/sg0, /dev/ng0n1. False for a character device
 * of anything else; else with its name in path, of at most size bytes. Reads /sys only; from any thread.
 */
bool device_of_character(dev_t character, dev_t *device, char *path, size_t size);

/*
 * Is the device, or a partition of it, mounted, swap, or a part of a RAID or volume group? True with a
 * text in use, of at most size bytes: "mounted on /srv". What cannot be found out is not in use. Reads
 * /proc and /sys only; from any thread.
 */
bool device_in_use(dev_t device, char *use, size_t size);

/*
 * Does the device hold a table of partitions: one that the kernel has read, a GPT, or an MBR whose
 * entries can be partitions? Not where it cannot be read. From any thread.
 */
bool device_has_partitions(const char *path, dev_t device);

#endif
