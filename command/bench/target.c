// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hold.h"
#include "human.h"
#include "target.h"
#include "values.h"

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

static int look_at_device(struct target *target, dev_t device, bool reads, bool may_destroy)
{
	const int err = device_size(target->name, target->name, &target->size);

	target->device = true;
	if (err || reads)
		return err;
	target->held = device_hold(target->name, target->name, device, target->size, may_destroy);
	return target->held < 0 ? target->held : 0;
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
