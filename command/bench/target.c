// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "human.h"
#include "target.h"
#include "values.h"

#define LINE_LENGTH 4096

/* Does the name stay what it is in a line of a job file? */
static int check_name(const char *name)
{
	const size_t length = strlen(name);

	if (!length)
		return refuse("output", name, "the name of a file or of a block device");
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return refuse("output", "...", "a name without control characters");
	if (strpbrk(name, "$`\\\"#;") || name[0] == ' ' || name[length - 1] == ' ')
		return refuse(
			"output", name,
			"a name without any of $ ` \\ \" # ; nor spaces around it: fio reads it "
			"from a job file");
	return 0;
}

/* Is "major:minor" this device or a partition of it? */
static bool is_part(dev_t device, unsigned int major_number, unsigned int minor_number)
{
	char path[PATH_MAX], real[PATH_MAX], whole[64];
	const char *slash;

	if (major_number == major(device) && minor_number == minor(device))
		return true;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major_number, minor_number);
	if (access(path, F_OK))
		return false;
	/* A partition's directory lies in that of the whole device. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major_number, minor_number);
	if (!realpath(path, real))
		return false;
	slash = NULL;
	for (FILE *file = fopen(real, "re"); file; fclose(file), file = NULL)
		slash = fgets(whole, sizeof(whole), file);
	snprintf(path, sizeof(path), "%u:%u\n", major(device), minor(device));
	return slash && !strcmp(whole, path);
}

/* What is it mounted on? A system of several devices has a number of its own, but names one. */
static bool find_mount(dev_t device, char *where)
{
	char line[LINE_LENGTH], source[PATH_MAX];
	unsigned int major_number, minor_number;
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, " - ");
		struct stat status;

		if (!rest || sscanf(line, "%*s %*s %u:%u %*s %4095s", &major_number, &minor_number,
				    where) != 3)
			continue;
		found = is_part(device, major_number, minor_number);
		if (!found && sscanf(rest, " - %*s %4095s", source) == 1 && source[0] == '/' &&
		    !stat(source, &status) && S_ISBLK(status.st_mode))
			found = is_part(device, major(status.st_rdev), minor(status.st_rdev));
	}
	if (file)
		fclose(file);
	return found;
}

static bool is_swap(dev_t device)
{
	char line[LINE_LENGTH], name[PATH_MAX];
	FILE *file = fopen("/proc/swaps", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		struct stat status;

		found = sscanf(line, "%4095s", name) == 1 && name[0] == '/' &&
			!stat(name, &status) && S_ISBLK(status.st_mode) &&
			is_part(device, major(status.st_rdev), minor(status.st_rdev));
	}
	if (file)
		fclose(file);
	return found;
}

/*
 * The kernel knows all who use a device or a partition of it: to open it exclusively fails then,
 * and while it is open so, nobody can mount it.
 */
static int hold(struct target *target, dev_t device)
{
	char where[PATH_MAX] = "";

	if (find_mount(device, where)) {
		complain("%s: mounted on %s; its data is not destroyed", target->name, where);
		return -EBUSY;
	}
	if (is_swap(device)) {
		complain("%s: in use as swap; its data is not destroyed", target->name);
		return -EBUSY;
	}
	/* Without O_CLOEXEC: fio inherits it. */
	target->held = open(target->name, O_RDONLY | O_EXCL);
	if (target->held >= 0)
		return 0;
	if (errno == EBUSY)
		complain("%s: in use by the kernel (a mount, swap, RAID, LVM, a loop device); its "
			 "data is not destroyed",
			 target->name);
	else
		complain("%s: %s", target->name, strerror(errno));
	return -errno;
}

static int look_at_device(struct target *target, dev_t device, bool reads, bool may_destroy)
{
	int err = 0, fd;

	target->device = true;
	fd = open(target->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &target->size))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err) {
		complain("%s: %s", target->name, strerror(-err));
		return err;
	}
	if (reads)
		return 0;
	if (!may_destroy) {
		complain("%s: a block device of %s, which will lose all its data; say "
			 "--yes-destroy-data if that is wanted",
			 target->name, human(target->size));
		return -EPERM;
	}
	return hold(target, device);
}

static int look_at_directory(struct target *target)
{
	char copy[PATH_MAX];
	const char *directory;
	struct statvfs system;
	struct stat status;

	snprintf(copy, sizeof(copy), "%s", target->name);
	directory = dirname(copy);
	if (stat(directory, &status) || statvfs(directory, &system) ||
	    (!target->exists && access(directory, W_OK))) {
		complain("%s: %s", target->name, strerror(errno));
		return -errno;
	}
	if (!target->exists) {
		target->file_system = status.st_dev;
		target->inode = status.st_ino;
	}
	target->space = (uint64_t)system.f_bavail * system.f_frsize;
	return 0;
}

static int look_at_file(struct target *target, const struct stat *status, bool reads)
{
	if (!S_ISREG(status->st_mode)) {
		complain("%s: %s; it must be a file or a block device", target->name,
			 S_ISDIR(status->st_mode) ? "a directory" : "neither a file nor a device");
		return -EINVAL;
	}
	if (access(target->name, reads ? R_OK : W_OK)) {
		complain("%s: %s", target->name, strerror(errno));
		return -errno;
	}
	target->exists = true;
	target->size = (uint64_t)status->st_size;
	target->allocated = (uint64_t)status->st_blocks * 512;
	target->file_system = status->st_dev;
	target->inode = status->st_ino;
	return 0;
}

int target_look(struct target *target, bool reads, bool may_destroy)
{
	struct stat status;
	int err = check_name(target->name);

	target->held = -1;
	if (err)
		return err;
	if (!stat(target->name, &status)) {
		if (S_ISBLK(status.st_mode)) {
			target->exists = true;
			target->inode = status.st_rdev;
			return look_at_device(target, status.st_rdev, reads, may_destroy);
		}
		err = look_at_file(target, &status, reads);
		if (err)
			return err;
	} else if (errno != ENOENT || reads) {
		complain("%s: %s", target->name, strerror(errno));
		return -errno;
	}
	return look_at_directory(target);
}

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static bool same(const struct target *a, const struct target *b)
{
	return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
	       a->file_system == b->file_system &&
	       (a->exists || !strcmp(last_part(a->name), last_part(b->name)));
}

int target_check_distinct(const struct target *targets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int j = 0; j < i; j++) {
			if (!same(&targets[i], &targets[j]))
				continue;
			complain("--output=%s: the same as --output=%s", targets[i].name,
				 targets[j].name);
			return -EINVAL;
		}
	return 0;
}

static int check_device(const struct target *target)
{
	if (target->wanted <= target->size)
		return 0;
	complain("%s: has %s, less than the %s asked for; use a smaller --size", target->name,
		 human(target->size), human(target->wanted));
	return -ENOSPC;
}

int target_check_space(const struct target *targets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct target *target = &targets[i];
		uint64_t needed = 0;

		if (target->device) {
			if (check_device(target))
				return -ENOSPC;
			continue;
		}
		/* All that lie on the same file system share its room. */
		for (unsigned int j = 0; j < count; j++)
			if (!targets[j].device && targets[j].file_system == target->file_system &&
			    targets[j].wanted > targets[j].allocated)
				needed += targets[j].wanted - targets[j].allocated;
		if (needed <= target->space)
			continue;
		complain("%s: %s more are needed, but %s are free; use a smaller --size or another "
			 "--output",
			 target->name, human(needed), human(target->space));
		return -ENOSPC;
	}
	return 0;
}
