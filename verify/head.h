/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mapped file of tags: a head with the table of files, then for each file its tags and, in a file of
 * the user's, as many bytes again for the tags that were known to be flushed, and a byte for each
 * piece of them that has changed since. For track.c alone.
 */
#ifndef VERIFY_HEAD_H
#define VERIFY_HEAD_H

#include "track.h"

#define PAGE UINT64_C(65536) /* as large as any system's */
#define BOOT_ID_MAX 40

struct head {
	char magic[12];
	uint32_t byte_order;
	uint32_t layout;
	uint32_t format; /* DGEN_FORMAT */
	double dedup_ratio, compress_ratio;
	uint32_t dedup_unit, compress_chunk;
	uint32_t compress_codec, compress_record;
	uint64_t data_seed;
	double zero_percentage;
	struct dgen_part compress_mix[DGEN_PARTS_MAX];
	uint32_t dedup_run;
	double dedup_skew;
	uint64_t dedup_window;
	uint64_t end;              /* of what is in use, bytes */
	char boot_id[BOOT_ID_MAX]; /* of the system on which it was written last */
	_Atomic uint32_t open;     /* being written, or was when all ended */
	_Atomic uint32_t users;    /* jobs of this run */
	/* Each the process that holds it, or 0; see take(). */
	_Atomic uint32_t lock;    /* for the table and end */
	_Atomic uint32_t settler; /* for what killed runs left */
	struct track_file files[TRACK_FILES_MAX];
};

/* Writes one line to why, of TRACK_WHY_MAX bytes. err, or -EIO where that is none. */
int track_refuse(char *why, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* In whole pages. */
uint64_t head_size(void);

/* That of new tags for data of these options. */
void head_begin(struct head *head, const struct dgen_options *options);

/*
 * Is this the head of a file of this size, in bytes, with tags for data of these options, and may what it says be
 * relied on? With take_seed options->data_seed becomes that of the file. 0, or -EINVAL with a line in why.
 */
int head_check(const struct head *head, uint64_t size, bool take_seed, struct dgen_options *options,
	       const char *path, char *why);

/* All bytes at a file's place that has room for so many tags; is_file: of the user's. */
uint64_t head_total(bool is_file, uint64_t room);

#endif
