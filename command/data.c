// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "calibration.h"
#include "data.h"
#include "plan.h"
#include "shares.h"
#include "values.h"

#define UNIT_MAX (16u << 20)

static const char *const names[DATA_COUNT][2] = {
#define NAMES(option, engine, ours) [DATA_##option - DATA_DEDUP_RATIO] = { engine, ours }
	NAMES(DEDUP_RATIO, "dedup_ratio", "dedup-ratio"),
	NAMES(COMPRESS_RATIO, "compress_ratio", "compress-ratio"),
	NAMES(ZERO_PERCENTAGE, "zero_percentage", "zero-percentage"),
	NAMES(DEDUP_UNIT, "dedup_unit", "dedup-unit"),
	NAMES(DEDUP_RUN, "dedup_run", "dedup-run"),
	NAMES(DEDUP_SKEW, "dedup_skew", "dedup-skew"),
	NAMES(DEDUP_WINDOW, "dedup_window", "dedup-window"),
	NAMES(COMPRESS_CHUNK, "compress_chunk", "compress-chunk"),
	NAMES(COMPRESS_CODEC, "compress_codec", "compress-codec"),
	NAMES(COMPRESS_RECORD, "compress_record", "compress-record"),
#undef NAMES
};

const char *data_engine_name(int option)
{
	return names[option - DATA_DEDUP_RATIO][0];
}

const char *data_name(int option)
{
	return names[option - DATA_DEDUP_RATIO][1];
}

static int set_mix(const char *option, const char *value, struct dgen_options *data)
{
	char why[DGEN_WHY_MAX];

	if (!dgen_mix_parse(value, data, why))
		return 0;
	complain("--%s=%s: %s", option, value, why);
	return -EINVAL;
}

/* What else there is to say about it the library knows. */
static int set_bytes(const char *option, const char *value, uint32_t most, uint32_t *bytes)
{
	uint64_t size = 0;

	if (set_size(option, value, most, &size))
		return -EINVAL;
	if (!size)
		return refuse(option, value, "a number of bytes, such as 4096 or 64k");
	*bytes = (uint32_t)size;
	return 0;
}

static int set_codec(const char *option, const char *value, struct dgen_options *data)
{
	if (!dgen_codec_choose(value, data))
		return 0;
	return refuse(option, value, "lz4, zstd, deflate or lzo");
}

int data_set(struct data *data, int option, const char *value)
{
	const char *name = data_name(option);
	struct dgen_options *o = &data->options;

	data->typed[option - DATA_DEDUP_RATIO] = value;
	switch (option) {
	case DATA_DEDUP_RATIO:
		return set_decimal(name, value, 1, DGEN_DEDUP_MAX,
				   "a number from 1 to 1000, such as 2 or 1.5", &o->dedup_ratio);
	case DATA_COMPRESS_RATIO:
		return set_mix(name, value, o);
	case DATA_ZERO_PERCENTAGE:
		return set_decimal(name, value, 0, 99, "a number from 0 to 99, such as 12.5",
				   &o->zero_percentage);
	case DATA_DEDUP_UNIT:
		return set_bytes(name, value, UNIT_MAX, &o->dedup_unit);
	case DATA_DEDUP_RUN:
		return set_bytes(name, value, UNIT_MAX, &o->dedup_run);
	case DATA_DEDUP_SKEW:
		return set_decimal(name, value, 0, 90, "a number from 0 to 90, such as 12.5",
				   &o->dedup_skew);
	case DATA_DEDUP_WINDOW:
		return set_size(name, value, DGEN_WINDOW_MAX, &o->dedup_window);
	case DATA_COMPRESS_CHUNK:
		return set_bytes(name, value, UNIT_MAX, &o->compress_chunk);
	case DATA_COMPRESS_CODEC:
		return set_codec(name, value, o);
	default:
		return set_bytes(name, value, DGEN_RECORD_MAX, &o->compress_record);
	}
}

int data_create(const struct data *data, struct dgen **dgen)
{
	char why[DGEN_WHY_MAX] = "";
	const char *rest;
	const int err = dgen_create(&data->options, dgen, why);

	if (!err)
		return 0;
	if (err != -EINVAL) {
		complain("not enough memory to start");
		return err;
	}
	/* It begins "NAME=VALUE: ", in the engine's spelling. */
	rest = strstr(why, ": ");
	for (int i = 0; rest && i < DATA_COUNT; i++) {
		const size_t length = strlen(names[i][0]);

		if (!data->typed[i] || strncmp(why, names[i][0], length) || why[length] != '=')
			continue;
		complain("--%s=%s%s", names[i][1], data->typed[i], rest);
		return err;
	}
	complain("%s", why);
	return err;
}
