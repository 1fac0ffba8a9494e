// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "engine/device.h"
#include "hold.h"
#include "human.h"
#include "values.h"

int device_size(const char *name, const char *path, uint64_t *size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, size))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		complain("%s: %s", name, strerror(-err));
	return err;
}

int device_hold(const char *name, const char *path, dev_t device, uint64_t size, bool may_destroy)
{
	char use[PATH_MAX];
	int held;

	if (!may_destroy) {
		complain("%s: a block device of %s, which will lose all its data; say "
			 "--yes-destroy-data if that is wanted",
			 name, human(size));
		return -EPERM;
	}
	if (device_in_use(device, use, sizeof(use))) {
		complain("%s: %s; its data is not destroyed", name, use);
		return -EBUSY;
	}
	/*
	 * The kernel knows all who use a device or a partition of it: to open it exclusively fails
	 * then. Without O_CLOEXEC, for fio.
	 */
	held = open(path, O_RDONLY | O_EXCL);
	if (held >= 0)
		return held;
	held = -errno;
	if (held == -EBUSY)
		complain("%s: in use by the kernel (a mount, swap, RAID, LVM, a loop device); its "
			 "data is not destroyed",
			 name);
	else
		complain("%s: %s", name, strerror(-held));
	return held;
}
