/* SPDX-License-Identifier: GPL-2.0-only */
/* The codecs of the measuring tool. A new one is a new line in the table of codec.c. */
#ifndef MEASURE_CODEC_H
#define MEASURE_CODEC_H

#include <stddef.h>

struct codec_ops;

struct codec {
	const struct codec_ops *ops;
	int level;     /* 0: the codec has no levels */
	char name[24]; /* as it is reported: "lz4", "zstd-3" */
};

/*
 * Takes NAME or NAME:LEVEL. 0, or -ENOENT for a name that is not known, or -ERANGE for a level out
 * of range, not a number, or given to a codec without levels.
 */
int codec_parse(const char *text, struct codec *codec);

/* The names that codec_parse() takes, for a message. */
const char *codec_names(void);

/* "lz4 1.9.4, zstd 1.5.4 ...": what is compiled in, as the libraries say it themselves. */
void codec_versions(char *text, size_t size);

/* What one thread needs to compress; NULL without memory. */
void *codec_open(const struct codec *codec);
void codec_close(const struct codec *codec, void *state);

/* An output buffer of this size holds any record of length bytes. */
size_t codec_bound(const struct codec *codec, size_t length);

/*
 * The size of a record as a storage system would keep it: compressed, or as it is where it does not
 * shrink. 0 is an error of the codec.
 */
size_t codec_size(const struct codec *codec, void *state, const void *record, size_t length,
		  void *out, size_t out_size);

#endif
