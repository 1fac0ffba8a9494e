/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which version of its data does each part of a file hold?
 *
 * One byte, a tag, for each grain of a file: a unit, or less where writes are smaller. A tag counts
 * the writes of its grain, and says whether one is under way. So a grain is either known to hold one
 * version, or, while it is written and after a crash, that one or the one before.
 *
 * The tags of a run lie in memory that its jobs share, be they processes or threads, or in a file
 * of the user's that is mapped likewise: what a job notes there outlives it, however it ends.
 *
 * What is not seen: a grain that is written exactly TRACK_LAST times, or a multiple, while one read of
 * it is in flight, looks as if nobody had written it.
 *
 * Functions are thread-safe where nothing else is said. They print nothing.
 */
#ifndef VERIFY_TRACK_H
#define VERIFY_TRACK_H

#include "dgen.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACK_WHY_MAX 256 /* bytes, enough for every message */
#define TRACK_NAME_MAX 152
#define TRACK_FILES_MAX 4000

/* Tags. 1 to TRACK_LAST are versions and come again after that many writes of a grain. */
enum {
	TRACK_INITIAL = 0, /* not written since the tags began */
	TRACK_LAST = 125,
	TRACK_UNKNOWN = 126, /* a write failed, or wrote only a part of the grain */
	TRACK_TRIMMED = 127,
	TRACK_BUSY = 128, /* added: a write or trim is under way, or was when all ended */
};

/* A file, as the jobs of a run share it. In the mapping, so of fixed layout. */
struct track_file {
	uint64_t domain;         /* of its name; 0: free */
	uint64_t size;           /* bytes of the file that have tags */
	uint64_t base;           /* version of tag 1 */
	uint64_t oldest, newest; /* versions that a grain with TRACK_INITIAL may hold; see known */
	uint64_t at;             /* where its tags begin in the mapped file; 0: no room yet */
	uint64_t room;           /* for tags */
	uint32_t grain;
	_Atomic uint32_t trims;          /* sent so far */
	_Atomic uint32_t rounds;         /* how often the versions of some grain began again */
	uint8_t known;                   /* oldest and newest are */
	uint8_t zeros;                   /* a grain with TRACK_INITIAL is */
	_Atomic uint8_t turn;            /* of the versions that follow a lost count */
	_Atomic uint8_t settled;         /* in this run: what a killed one left; engine/tags.c */
	_Atomic uint8_t said;            /* in this run: the size of the tags */
	char name[TRACK_NAME_MAX + 1];   /* its end, where it is longer */
	uint64_t data_domain;            /* 0: not known yet */
	_Atomic uint32_t rounds_flushed; /* rounds, when all of the file was flushed last */
	_Atomic uint8_t sync_failed;     /* what is flushed is not known, however later syncs end */
	uint8_t is_written;              /* in this run: a job writes it */
};

struct track;

enum track_mode {
	TRACK_WRITE, /* tags change; nobody else may use a file of them */
	TRACK_READ,  /* tags are looked at only */
};

/*
 * Opens tags in memory (path NULL) or in the file of this name, which TRACK_WRITE makes where there is
 * none. Before jobs are forked, which inherit it. Where options->data_seed is to be taken
 * from the file, take_seed is true, and options are changed. 0, or -errno with one line in why.
 */
int track_open(const char *path, enum track_mode mode, bool take_seed, struct dgen_options *options,
	       struct track **track, char *why);

/* Maps of its files stay. Not needed in a process that ends. */
void track_close(struct track *track);

/*
 * Finds or adds a file; its size and grain become the larger and the smaller (the greatest common
 * divisor) of what is there and asked for. Not after track_map() of the same file. *file is NULL
 * where there is none and mode is TRACK_READ. 0, or -errno with a line in why.
 */
int track_add(struct track *track, const char *name, uint64_t size, uint32_t grain,
	      struct track_file **file, char *why);

/* Finds a file or gives NULL. */
struct track_file *track_find(struct track *track, const char *name);

/*
 * Bytes that a file must have at least for what its tags say was written; after a crash of the system, for what was
 * flushed. Before jobs are forked.
 */
uint64_t track_written(const struct track *track, const struct track_file *file);

/* The file is made anew, and holds zeros: its tags begin again. Before track_map() of it. */
void track_begin_again(struct track *track, struct track_file *file);

/* The mapped tags of a file; the others only where the tags lie in a file of the user's. */
struct track_map {
	_Atomic uint8_t *tags;
	_Atomic uint8_t *flushed; /* as they were when all before was flushed */
	_Atomic uint8_t *changed; /* since the last flush; one for each TRACK_PIECE tags */
};

enum { TRACK_PIECE = 4096 };

/* What a file holds when its tags are new. */
struct track_initial {
	uint64_t base;           /* version of the first write */
	uint64_t oldest, newest; /* before that, where known */
	bool known;
	bool laid_out; /* so where the file was new, it holds zeros no longer */
};

/* Maps the tags of a file into this process. 0, or -errno with a line in why. */
int track_map(struct track *track, struct track_file *file, const struct track_initial *initial,
	      struct track_map *map, char *why);

static inline size_t track_grains(const struct track_file *file)
{
	return (file->size + file->grain - 1) / file->grain;
}

/* Did those who wrote here before end as they should (or never begin)? */
enum track_end {
	TRACK_ENDED,
	TRACK_KILLED, /* the system went on: tags are right to the last write */
	TRACK_CRASHED /* the system did not: tags may be older than what was written */
};
enum track_end track_last_end(const struct track *track);

/* One more job uses the tags; it no longer does. The last of them leaves them as ended. */
void track_join(struct track *track);
void track_leave(struct track *track);

/* Does one job alone use the tags? */
bool track_is_alone(const struct track *track);

/* The calling process is one whose jobs use the tags; before it maps any. */
void track_enter(struct track *track);

/* Has such a process ended, and its job has not left? Then what it had under way stays so. */
bool track_lost_job(const struct track *track);

/*
 * One job at a time looks at what killed runs left: false while another one does. A process that ends meanwhile
 * does no longer.
 */
bool track_try_settle(struct track *track);
void track_end_settle(struct track *track);

enum track_mode track_mode(const struct track *track);
bool track_is_file(const struct track *track);

/* Is this the file of the user's in which the tags lie? */
bool track_lies_in(const struct track *track, const char *path);

static inline uint64_t track_common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		const uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static inline uint8_t track_version_tag(uint8_t tag)
{
	return tag & (TRACK_BUSY - 1);
}

/* The tag that follows when a grain is written. */
static inline uint8_t track_next(struct track_file *file, uint8_t tag)
{
	tag = track_version_tag(tag);
	if (tag < TRACK_LAST)
		return tag + 1;
	file->rounds++;
	if (tag == TRACK_LAST)
		return 1;
	/* Which version came last is not known: any will do, so let it seldom be the same one. */
	return 1 + atomic_fetch_add(&file->turn, 1) % TRACK_LAST;
}

/* The version that a grain with this tag, 1 to TRACK_LAST, holds. */
static inline uint64_t track_version(const struct track_file *file, uint8_t tag)
{
	return file->base + track_version_tag(tag) - 1;
}

#endif
