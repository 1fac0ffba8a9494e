// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "set.h"

#define NOTES 10 /* lines about what is left out */

struct walk {
	char **paths;
	unsigned int count, at;
	const struct source_options *options;
	struct source_totals *totals;
	struct set *inodes; /* that were seen */
	FTS *tree;          /* of paths[at] */
	bool had_stdin;
	bool notes;
	uint64_t noted; /* so many are left out */
};

struct walk *walk_open(char **paths, unsigned int count, const struct source_options *options,
		       struct source_totals *totals, bool notes)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return NULL;
	walk->paths = paths;
	walk->count = count;
	walk->options = options;
	walk->totals = totals;
	walk->notes = notes;
	memset(totals, 0, sizeof(*totals));
	walk->inodes = set_create(UINT64_MAX);
	if (!walk->inodes) {
		free(walk);
		return NULL;
	}
	return walk;
}

void walk_close(struct walk *walk)
{
	if (!walk)
		return;
	if (walk->tree)
		fts_close(walk->tree);
	set_destroy(walk->inodes);
	free(walk);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* SET_NEW, SET_SEEN or -ENOMEM. A lone name need not be remembered. */
static int see_inode(struct walk *walk, const struct stat *stat)
{
	uint64_t key[2] = { stat->st_dev, stat->st_ino };
	XXH128_hash_t hash;

	if (stat->st_nlink == 1 && walk->count == 1)
		return SET_NEW;
	hash = XXH3_128bits(key, sizeof(key));
	return set_insert(walk->inodes, (struct hash){ hash.low64, hash.high64 });
}

static int device_size(const char *path, uint64_t *size, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, size)) {
		error = errno;
		snprintf(why, why_size, "%s: %s", path, strerror(error));
	}
	if (fd >= 0)
		close(fd);
	return -error;
}

static void note(struct walk *walk, const char *path, const char *what)
{
	if (walk->notes && walk->noted++ < NOTES)
		fprintf(stderr, "dgen-measure: %s: left out, it is %s\n", path, what);
}

/* The end: how many were not told. */
static void end_notes(struct walk *walk)
{
	if (walk->noted > NOTES)
		fprintf(stderr,
			"dgen-measure: %" PRIu64 " more are left out, which are neither files "
			"nor directories\n",
			walk->noted - NOTES);
	walk->noted = 0;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFSOCK:
		return "a socket";
	case S_IFIFO:
		return "a FIFO";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	default:
		return "no file";
	}
}

/* A path of the command line that is no directory; 1 or -errno. */
static int named_file(struct walk *walk, const char *path, const struct stat *stat,
		      struct found_file *found, char *why, size_t why_size)
{
	uint64_t shift = walk->options->shift;
	int ret;

	found->size = (uint64_t)stat->st_size;
	if (S_ISFIFO(stat->st_mode)) {
		found->stream = true;
		walk->totals->streams = true;
		return 1;
	}
	if (S_ISBLK(stat->st_mode)) {
		ret = device_size(path, &found->size, why, why_size);
		if (ret)
			return ret;
	} else if (!S_ISREG(stat->st_mode)) {
		snprintf(why, why_size,
			 "%s: it is %s; takes files, directories, block devices and -", path,
			 kind_of(stat->st_mode));
		return -EINVAL;
	}
	if (shift > found->size || (shift && shift == found->size)) {
		snprintf(why, why_size, "--shift=%s: %s has only %" PRIu64 " bytes",
			 walk->options->shift_typed, path, found->size);
		return -EINVAL;
	}
	return 1;
}

/* 1: found holds it; 0: nothing to read; -errno. */
static int take(struct walk *walk, const FTSENT *entry, struct found_file *found, char *why,
		size_t why_size)
{
	const struct stat *stat = entry->fts_statp;
	int ret;

	*found = (struct found_file){ .path = entry->fts_accpath };
	if (entry->fts_level > 0 && !S_ISREG(stat->st_mode)) {
		walk->totals->specials++;
		note(walk, entry->fts_path, kind_of(stat->st_mode));
		return 0;
	}
	ret = named_file(walk, entry->fts_path, stat, found, why, why_size);
	/* A file of a tree that is shorter than the shift has nothing to offer. */
	if (ret < 0)
		return entry->fts_level > 0 ? 0 : ret;
	if (!found->stream) {
		int seen = see_inode(walk, stat);

		if (seen < 0) {
			snprintf(why, why_size, "not enough memory for the names of all files");
			return seen;
		}
		if (seen == SET_SEEN) {
			walk->totals->links++;
			return 0;
		}
		walk->totals->files++;
		walk->totals->bytes += found->size - walk->options->shift;
	}
	found->sparse = S_ISREG(stat->st_mode) &&
			(uint64_t)stat->st_blocks * 512 < (uint64_t)stat->st_size;
	return found->stream || found->size > walk->options->shift;
}

static int open_tree(struct walk *walk, char *path, char *why, size_t why_size)
{
	char *const roots[] = { path, NULL };

	/* A path of the command line may be a link to what is meant; none within a tree is. */
	walk->tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!walk->tree) {
		int error = errno;

		snprintf(why, why_size, "%s: %s", *path ? path : "an empty name", strerror(error));
		return -error;
	}
	return 0;
}

static int standard_input(struct walk *walk, struct found_file *found, char *why, size_t why_size)
{
	if (walk->had_stdin) {
		snprintf(why, why_size, "-: standard input can be read only once");
		return -EINVAL;
	}
	walk->had_stdin = true;
	walk->totals->streams = true;
	*found = (struct found_file){ .path = "-", .stream = true };
	return 1;
}

/* The next entry of the open tree, as take() says it; 2 at its end. */
static int next_of_tree(struct walk *walk, struct found_file *found, char *why, size_t why_size)
{
	FTSENT *entry;

	errno = 0;
	entry = fts_read(walk->tree);
	if (!entry && !errno)
		return 2;
	if (!entry || entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
	    entry->fts_info == FTS_NS) {
		int error = entry ? entry->fts_errno : errno;

		snprintf(why, why_size, "%s: %s", entry ? entry->fts_path : walk->paths[walk->at],
			 strerror(error));
		return -error;
	}
	switch (entry->fts_info) {
	case FTS_D:
	case FTS_DP:
	case FTS_DC:
		return 0;
	case FTS_SLNONE:
		snprintf(why, why_size, "%s: a link to nothing", entry->fts_path);
		return -ENOENT;
	default:
		return take(walk, entry, found, why, why_size);
	}
}

int walk_next(struct walk *walk, struct found_file *found, char *why, size_t why_size)
{
	while (walk->at < walk->count) {
		char *path = walk->paths[walk->at];
		int ret;

		if (!walk->tree && !strcmp(path, "-")) {
			walk->at++;
			return standard_input(walk, found, why, why_size);
		}
		if (!walk->tree) {
			ret = open_tree(walk, path, why, why_size);
			if (ret)
				return ret;
		}
		ret = next_of_tree(walk, found, why, why_size);
		if (ret < 0 || ret == 1)
			return ret;
		if (ret == 2) {
			fts_close(walk->tree);
			walk->tree = NULL;
			walk->at++;
		}
	}
	end_notes(walk);
	return 0;
}
