/* SPDX-License-Identifier: GPL-2.0-only */
/* What data is like: the options that all programs that make it share, by the names of the engine's. */
#ifndef COMMAND_DATA_H
#define COMMAND_DATA_H

#include "dgen.h"

#include <stdbool.h>

enum {
	DATA_DEDUP_RATIO = 512, /* of getopt_long() */
	DATA_COMPRESS_RATIO,
	DATA_ZERO_PERCENTAGE,
	DATA_DEDUP_UNIT,
	DATA_DEDUP_RUN,
	DATA_DEDUP_SKEW,
	DATA_DEDUP_WINDOW,
	DATA_COMPRESS_CHUNK,
	DATA_COMPRESS_CODEC,
	DATA_COMPRESS_RECORD,
	DATA_END
};

#define DATA_COUNT (DATA_END - DATA_DEDUP_RATIO)

struct data {
	struct dgen_options options;
	const char *typed[DATA_COUNT]; /* or NULL */
};

/* For a table of getopt_long(), in our spelling and in the engine's. */
#define DATA_LONG_OPTIONS                                                                          \
	{ "dedup-ratio", required_argument, NULL, DATA_DEDUP_RATIO },                              \
		{ "dedup_ratio", required_argument, NULL, DATA_DEDUP_RATIO },                      \
		{ "compress-ratio", required_argument, NULL, DATA_COMPRESS_RATIO },                \
		{ "compress_ratio", required_argument, NULL, DATA_COMPRESS_RATIO },                \
		{ "zero-percentage", required_argument, NULL, DATA_ZERO_PERCENTAGE },              \
		{ "zero_percentage", required_argument, NULL, DATA_ZERO_PERCENTAGE },              \
		{ "dedup-unit", required_argument, NULL, DATA_DEDUP_UNIT },                        \
		{ "dedup_unit", required_argument, NULL, DATA_DEDUP_UNIT },                        \
		{ "dedup-run", required_argument, NULL, DATA_DEDUP_RUN },                          \
		{ "dedup_run", required_argument, NULL, DATA_DEDUP_RUN },                          \
		{ "dedup-skew", required_argument, NULL, DATA_DEDUP_SKEW },                        \
		{ "dedup_skew", required_argument, NULL, DATA_DEDUP_SKEW },                        \
		{ "dedup-window", required_argument, NULL, DATA_DEDUP_WINDOW },                    \
		{ "dedup_window", required_argument, NULL, DATA_DEDUP_WINDOW },                    \
		{ "compress-chunk", required_argument, NULL, DATA_COMPRESS_CHUNK },                \
		{ "compress_chunk", required_argument, NULL, DATA_COMPRESS_CHUNK },                \
		{ "compress-codec", required_argument, NULL, DATA_COMPRESS_CODEC },                \
		{ "compress_codec", required_argument, NULL, DATA_COMPRESS_CODEC },                \
		{ "compress-record", required_argument, NULL, DATA_COMPRESS_RECORD },              \
	{                                                                                          \
		"compress_record", required_argument, NULL, DATA_COMPRESS_RECORD                   \
	}

static inline bool data_has(int option)
{
	return option >= DATA_DEDUP_RATIO && option < DATA_END;
}

/* The engine's name, and our spelling of it. */
const char *data_engine_name(int option);
const char *data_name(int option);

/* 0, or -EINVAL after a complaint. */
int data_set(struct data *data, int option, const char *value);

/* As dgen_create(), but what is not allowed is told as it was typed. */
int data_create(const struct data *data, struct dgen **dgen);

#endif
