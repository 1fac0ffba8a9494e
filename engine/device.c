/* SPDX-License-Identifier: GPL-2.0-only */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"

#define LINE_LENGTH 4096
/* Widths for scanf() that leave room in PATH_MAX. */
#define WORD "%4095s"

/* ---- the device behind a character device ---- */

/* The first line of a small file, without its end; false where there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	const bool found = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	if (found)
		line[strcspn(line, "\n")] = '\0';
	return found;
}

/* The first name in a directory, or false. */
static bool first_in(const char *path, char *name, size_t size)
{
	DIR *dir = opendir(path);
	bool found = false;

	for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
		found = entry->d_name[0] != '.';
		if (found)
			snprintf(name, size, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool device_of_character(dev_t character, dev_t *device, char *path, size_t size)
{
	char at[PATH_MAX], real[PATH_MAX], name[NAME_MAX + 1], numbers[64];
	unsigned int major_number, minor_number;

	snprintf(at, sizeof(at), "/sys/dev/char/%u:%u/device/block", major(character),
		 minor(character));
	if (!first_in(at, name, sizeof(name))) {
		/* ng0n1 is the other name of nvme0n1, and lies where the kernel likes. */
		snprintf(at, sizeof(at), "/sys/dev/char/%u:%u", major(character), minor(character));
		if (!realpath(at, real) || strncmp(strrchr(real, '/'), "/ng", 3) != 0)
			return false;
		snprintf(name, sizeof(name), "nvme%s", strrchr(real, '/') + 3);
	}
	snprintf(at, sizeof(at), "/sys/class/block/%s/dev", name);
	if (!read_line(at, numbers, sizeof(numbers)) ||
	    sscanf(numbers, "%u:%u", &major_number, &minor_number) != 2)
		return false;
	*device = makedev(major_number, minor_number);
	snprintf(path, size, "/dev/%s", name);
	return true;
}

/* ---- in use ---- */

/* Is "major:minor" this device or a partition of it? */
static bool is_part(dev_t device, unsigned int major_number, unsigned int minor_number)
{
	char path[PATH_MAX], real[PATH_MAX], whole[64];

	if (major_number == major(device) && minor_number == minor(device))
		return true;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major_number, minor_number);
	if (access(path, F_OK))
		return false;
	/* A partition's directory lies in that of the whole device. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major_number, minor_number);
	if (!realpath(path, real))
		return false;
	snprintf(path, sizeof(path), "%u:%u", major(device), minor(device));
	return read_line(real, whole, sizeof(whole)) && !strcmp(whole, path);
}

static bool names_part(dev_t device, const char *name)
{
	struct stat status;

	return name[0] == '/' && !stat(name, &status) && S_ISBLK(status.st_mode) &&
	       is_part(device, major(status.st_rdev), minor(status.st_rdev));
}

/* What is it mounted on? A system of several devices has a number of its own, but names one. */
static bool find_mount(dev_t device, char where[PATH_MAX])
{
	char line[LINE_LENGTH], source[PATH_MAX];
	unsigned int major_number, minor_number;
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(line, "%*s %*s %u:%u %*s " WORD, &major_number, &minor_number,
				    where) != 3)
			continue;
		found = is_part(device, major_number, minor_number) ||
			(sscanf(rest, " - %*s " WORD, source) == 1 && names_part(device, source));
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

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, WORD, name) == 1 && names_part(device, name);
	if (file)
		fclose(file);
	return found;
}

/* Is there a partition? With holder, one that is in use: by which device? */
static bool any_partition(dev_t device, char *holder, size_t size)
{
	char of_device[64], path[PATH_MAX];
	DIR *dir;
	bool found = false;

	snprintf(of_device, sizeof(of_device), "/sys/dev/block/%u:%u", major(device),
		 minor(device));
	dir = opendir(of_device);
	for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "%s/%s/partition", of_device, entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/%s/holders", of_device, entry->d_name);
		found = !holder || first_in(path, holder, size);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool device_in_use(dev_t device, char *use, size_t size)
{
	char where[PATH_MAX] = "", path[64], holder[256];

	if (find_mount(device, where)) {
		snprintf(use, size, "mounted on %s", where);
		return true;
	}
	if (is_swap(device)) {
		snprintf(use, size, "in use as swap");
		return true;
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(device), minor(device));
	if (!first_in(path, holder, sizeof(holder)) &&
	    !any_partition(device, holder, sizeof(holder)))
		return false;
	snprintf(use, size, "in use by %s", holder);
	return true;
}

/* ---- partitions ---- */

static uint32_t le32(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/*
 * The two bytes of an MBR's signature stand at the end of many a boot sector too, and random data
 * has them one time in 65536: so its entries must be such as well.
 */
static bool is_mbr(const unsigned char *sector)
{
	unsigned int used = 0;

	if (sector[510] != 0x55 || sector[511] != 0xaa)
		return false;
	for (const unsigned char *entry = sector + 446; entry < sector + 510; entry += 16) {
		const bool empty = !entry[4] && !le32(entry + 12);

		if (entry[0] & 0x7f || (!empty && (!entry[4] || !le32(entry + 8))))
			return false;
		used += !empty;
	}
	return used > 0;
}

bool device_has_partitions(const char *path, dev_t device)
{
	static const char gpt[] = "EFI PART";
	unsigned char head[4096 + sizeof(gpt)];
	ssize_t got;
	int fd;

	if (any_partition(device, NULL, 0))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	got = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (fd >= 0)
		close(fd);
	/* A GPT's head is in the second block, of 512 or of 4096 bytes. */
	return got == (ssize_t)sizeof(head) &&
	       (!memcmp(head + 512, gpt, sizeof(gpt) - 1) ||
		!memcmp(head + 4096, gpt, sizeof(gpt) - 1) || is_mbr(head));
}
