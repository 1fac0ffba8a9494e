// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded: any pread() beyond the first 8 MiB meets a bad sector. With KILLED_AT=FILE the first one of a process
 * that was forked since, which makes that file, is the last thing that it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t loaded;

static __attribute__((constructor)) void note_process(void)
{
	loaded = getpid();
}

static ssize_t bad_pread(int fd, void *buffer, size_t length, off_t offset)
{
	const char *mark = getenv("KILLED_AT");

	if (mark && getpid() != loaded && open(mark, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0)
		raise(SIGKILL);
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
