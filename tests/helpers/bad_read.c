// SPDX-License-Identifier: GPL-2.0-only
/* Preloaded: any pread() beyond the first 8 MiB meets a bad sector. */
#include <errno.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t bad_pread(int fd, void *buffer, size_t length, off_t offset)
{
	if (offset >= 8 << 20) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, buffer, length, offset);
}

ssize_t pread(int fd, void *buffer, size_t length, off_t offset)
{
	return bad_pread(fd, buffer, length, offset);
}

ssize_t pread64(int fd, void *buffer, size_t length, off_t offset)
{
	return bad_pread(fd, buffer, length, offset);
}
