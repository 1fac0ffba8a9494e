// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into fio: memory that the engine asks for, itself, is not there.
 *
 *	FAULT_NTH   only the allocation of this number fails, counted over all processes from 1
 *	FAULT_FROM  those from this number on fail
 *	FAULT_LOG   a file, which gets a line for each that does
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong *count;
static unsigned long nth, from;
static int log_fd = -1;
static _Thread_local bool inside;

static unsigned long number(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("FAULT_LOG");

	nth = number("FAULT_NTH");
	from = number("FAULT_FROM");
	if (path)
		log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	count = (atomic_ulong *)syscall(SYS_mmap, NULL, sizeof(*count), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static bool is_engine(const void *caller)
{
	Dl_info info;
	bool is;

	if (inside)
		return false;
	inside = true;
	is = dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libdgen_engine");
	inside = false;
	return is;
}

static bool fails(const void *caller, const char *what, size_t size)
{
	unsigned long n;
	char line[80];

	if (!count || !is_engine(caller))
		return false;
	n = ++*count;
	if (n != nth && (!from || n < from))
		return false;
	if (log_fd >= 0 && snprintf(line, sizeof(line), "%s %lu %zu\n", what, n, size) > 0 &&
	    write(log_fd, line, strlen(line)) < 0)
		_exit(99);
	errno = ENOMEM;
	return true;
}

#define FAILS(what, size) fails(__builtin_return_address(0), what, size)

void *malloc(size_t size)
{
	return FAILS("malloc", size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t each, size_t size)
{
	return FAILS("calloc", size) ? NULL : __libc_calloc(each, size);
}

void *realloc(void *old, size_t size)
{
	return FAILS("realloc", size) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return FAILS("aligned_alloc", size) ? NULL : __libc_memalign(alignment, size);
}

char *strdup(const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = FAILS("strdup", size) ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (FAILS("mmap", size))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (FAILS("mmap", size))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}
