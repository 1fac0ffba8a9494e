// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

#define MANY_CPUS 16384
#define LINE_LENGTH 4096

/* The number in the first line of DIRECTORY/NAME, or of its line KEY; false where there is none ("max"). */
static bool read_value(const char *directory, const char *name, const char *key, uint64_t *value)
{
	char path[PATH_MAX], line[256];
	size_t length = key ? strlen(key) : 0;
	bool found = false;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (key && (strncmp(line, key, length) || line[length] != ' '))
			continue;
		found = sscanf(line + length, "%" SCNu64, value) == 1;
		if (!key)
			break;
	}
	fclose(file);
	return found;
}

/* Is word one of a list that commas separate? */
static bool has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	while (list) {
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return false;
}

/* Path of our cgroup as /proc/self/cgroup has it: with that controller, or of version 2 (NULL). */
static bool own_path(const char *root, const char *controller, char *path)
{
	char name[PATH_MAX], line[LINE_LENGTH];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "%s/proc/self/cgroup", root);
	file = fopen(name, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		char *list = strchr(line, ':'), *end;

		line[strcspn(line, "\n")] = '\0';
		end = list ? strchr(list + 1, ':') : NULL;
		if (!end)
			continue;
		*end = '\0';
		found = controller ? has_word(list + 1, controller) : !list[1];
		if (found)
			snprintf(path, PATH_MAX, "%s", end + 1);
	}
	if (file)
		fclose(file);
	return found;
}

/* One line of mountinfo: where it is mounted, and what of the hierarchy, if it is that one. */
static bool hierarchy(char *line, const char *controller, char *of, char *at)
{
	char type[64], options[1024];
	const char *rest = strstr(line, " - ");

	if (!rest || sscanf(rest, " - %63s %*s %1023s", type, options) != 2)
		return false;
	if (controller ? strcmp(type, "cgroup") || !has_word(options, controller) :
			 strcmp(type, "cgroup2"))
		return false;
	return sscanf(line, "%*s %*s %*s %4095s %4095s", of, at) == 2;
}

/*
 * Directory of our cgroup, and the length of it up to where the hierarchy is mounted. A container
 * sees a part of the hierarchy, at whose top it is.
 */
static bool own_directory(const char *root, const char *controller, char *directory, size_t *top)
{
	char path[PATH_MAX], name[PATH_MAX], line[LINE_LENGTH], of[PATH_MAX], at[PATH_MAX];
	bool found = false;
	const char *below = path;
	FILE *file;

	if (!own_path(root, controller, path))
		return false;
	snprintf(name, sizeof(name), "%s/proc/self/mountinfo", root);
	file = fopen(name, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = hierarchy(line, controller, of, at);
	if (file)
		fclose(file);
	if (!found)
		return false;
	if (strcmp(of, "/") && !strncmp(path, of, strlen(of)))
		below = path + strlen(of);
	*top = (size_t)snprintf(directory, PATH_MAX, "%s%s", root, at);
	if (*top >= PATH_MAX || *top + strlen(below) >= PATH_MAX)
		return false;
	strcpy(directory + *top, below);
	return true;
}

/* The least of what limit() says for our cgroup and those above it. */
static uint64_t least(const char *root, const char *controller,
		      uint64_t (*limit)(const char *directory))
{
	char directory[PATH_MAX];
	uint64_t lowest = UINT64_MAX;
	size_t top;

	if (!own_directory(root, controller, directory, &top))
		return UINT64_MAX;
	for (;;) {
		const uint64_t here = limit(directory);
		char *slash = strrchr(directory, '/');

		if (here < lowest)
			lowest = here;
		if (strlen(directory) <= top || !slash)
			return lowest;
		*slash = '\0';
	}
}

static uint64_t whole_cpus(uint64_t quota, uint64_t period)
{
	/* Version 1 writes -1 for none, which reads as a very large number. */
	if (!period || quota > INT64_MAX)
		return UINT64_MAX;
	return quota < period ? 1 : quota / period + (quota % period != 0);
}

static uint64_t cpus_v1(const char *directory)
{
	uint64_t quota, period;

	if (!read_value(directory, "cpu.cfs_quota_us", NULL, &quota) ||
	    !read_value(directory, "cpu.cfs_period_us", NULL, &period))
		return UINT64_MAX;
	return whole_cpus(quota, period);
}

static uint64_t cpus_v2(const char *directory)
{
	char path[PATH_MAX];
	uint64_t quota, period;
	bool found;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/cpu.max", directory) >= (int)sizeof(path))
		return UINT64_MAX;
	file = fopen(path, "re");
	if (!file)
		return UINT64_MAX;
	found = fscanf(file, "%" SCNu64 " %" SCNu64, &quota, &period) == 2;
	fclose(file);
	return found ? whole_cpus(quota, period) : UINT64_MAX;
}

/* What is left of a limit; the page cache makes room, but not its part that is a tmpfs. */
static uint64_t left(const char *directory, const char *limit, const char *usage, const char *cache,
		     const char *shared)
{
	uint64_t most, used, cached = 0, kept = 0;

	if (!read_value(directory, limit, NULL, &most) ||
	    !read_value(directory, usage, NULL, &used))
		return UINT64_MAX;
	read_value(directory, "memory.stat", cache, &cached);
	read_value(directory, "memory.stat", shared, &kept);
	cached -= kept < cached ? kept : cached;
	used -= cached < used ? cached : used;
	return used < most ? most - used : 0;
}

static uint64_t memory_v1(const char *directory)
{
	return left(directory, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache",
		    "total_shmem");
}

static uint64_t memory_v2(const char *directory)
{
	return left(directory, "memory.max", "memory.current", "file", "shmem");
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t machine_cgroup_cpus(const char *root)
{
	return lesser(least(root, "cpu", cpus_v1), least(root, NULL, cpus_v2));
}

uint64_t machine_cgroup_memory(const char *root)
{
	return lesser(least(root, "memory", memory_v1), least(root, NULL, memory_v2));
}

unsigned int machine_cpus(void)
{
	const size_t size = CPU_ALLOC_SIZE(MANY_CPUS);
	cpu_set_t *set = CPU_ALLOC(MANY_CPUS);
	uint64_t cpus = 0;

	if (set && !sched_getaffinity(0, size, set))
		cpus = (uint64_t)CPU_COUNT_S(size, set);
	CPU_FREE(set);
	if (!cpus) {
		const long online = sysconf(_SC_NPROCESSORS_ONLN);

		cpus = online > 0 ? (uint64_t)online : 1;
	}
	return (unsigned int)lesser(cpus, machine_cgroup_cpus(""));
}

uint64_t machine_memory(void)
{
	uint64_t available = UINT64_MAX;

	if (read_value("/proc", "meminfo", "MemAvailable:", &available))
		available *= 1024;
	return lesser(available, machine_cgroup_memory(""));
}
