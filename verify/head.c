// SPDX-License-Identifier: GPL-2.0-only
/* What the head of a file of tags says, and whether that may be believed. */
#include "calibration.h"
#include "head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "dgen-tags\r\n\032"
#define BYTE_ORDER_MARK 0x01020304u
#define LAYOUT 6u
#define INITIAL_MAX 250 /* versions that a grain may hold at first; the options allow no more */

int track_refuse(char *why, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, TRACK_WHY_MAX, format, args);
	va_end(args);
	return err < 0 ? err : -EIO;
}

uint64_t head_size(void)
{
	return (sizeof(struct head) + PAGE - 1) / PAGE * PAGE;
}

void head_begin(struct head *head, const struct dgen_options *options)
{
	memcpy(head->magic, MAGIC, sizeof(head->magic));
	head->byte_order = BYTE_ORDER_MARK;
	head->layout = LAYOUT;
	head->format = DGEN_FORMAT;
	head->dedup_ratio = options->dedup_ratio;
	head->compress_ratio = options->compress_ratio;
	head->dedup_unit = options->dedup_unit;
	head->compress_chunk = options->compress_chunk;
	head->compress_codec = options->compress_codec;
	head->compress_record = options->compress_record;
	head->data_seed = options->data_seed;
	head->zero_percentage = options->zero_percentage;
	memcpy(head->compress_mix, options->compress_mix, sizeof(head->compress_mix));
	head->dedup_run = options->dedup_run;
	head->dedup_skew = options->dedup_skew;
	head->dedup_window = options->dedup_window;
	head->end = head_size();
}

uint64_t head_total(bool is_file, uint64_t room)
{
	return is_file ? 2 * room + (room / TRACK_PIECE + PAGE - 1) / PAGE * PAGE : room;
}

/* A file of tags is input like any other: nothing in it is believed. */
static int check_files(const struct head *head, uint64_t size, const char *path, char *why)
{
	if (head->end < head_size() || head->end > size || head->end % PAGE)
		goto damaged;
	for (size_t i = 0; i < TRACK_FILES_MAX; i++) {
		const struct track_file *f = &head->files[i];

		if (!f->domain)
			continue;
		if (f->grain < 512 || f->grain % 512 || f->grain > head->dedup_unit ||
		    f->size > INT64_MAX || f->newest + 1 < f->oldest ||
		    f->newest + 1 - f->oldest > INITIAL_MAX || f->name[TRACK_NAME_MAX] ||
		    f->at % PAGE || f->room % PAGE || f->room > head->end)
			goto damaged;
		/* No tags yet, so no room for them either. */
		if (!f->at && f->room)
			goto damaged;
		/* What lies behind the end is cut off when the next file gets room. */
		if (f->at && (f->at < head_size() || track_grains(f) > f->room ||
			      f->at > head->end || head_total(true, f->room) > head->end - f->at))
			goto damaged;
	}
	return 0;
damaged:
	return track_refuse(why, -EINVAL, "verify_state_file=%s: the file is damaged", path);
}

static const char *codec_name(uint32_t codec, uint32_t record)
{
	if (!codec && !record)
		return "default";
	return codec <= DGEN_LZO ? dgen_codecs[codec] : "unknown";
}

static int check_calibration(const struct head *head, const struct dgen_options *options,
			     const char *path, char *why)
{
	if (head->compress_codec == options->compress_codec &&
	    head->compress_record == options->compress_record)
		return 0;
	return track_refuse(
		why, -EINVAL,
		"verify_state_file=%s: is about compress_codec=%s and compress_record=%u, "
		"not %s and %u (0: default)",
		path, codec_name(head->compress_codec, head->compress_record),
		head->compress_record,
		codec_name(options->compress_codec, options->compress_record),
		options->compress_record);
}

/* Which units are zero, repeat together, and compress how far. */
static int check_units(const struct head *head, const struct dgen_options *options,
		       const char *path, char *why)
{
	if (head->zero_percentage != options->zero_percentage ||
	    head->dedup_run != options->dedup_run)
		return track_refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about zero_percentage=%g and dedup_run=%u, "
			"not %g and %u",
			path, head->zero_percentage, head->dedup_run, options->zero_percentage,
			options->dedup_run);
	if (head->dedup_skew != options->dedup_skew || head->dedup_window != options->dedup_window)
		return track_refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about dedup_skew=%g and dedup_window=%" PRIu64
			", not %g and %" PRIu64 " (0: default)",
			path, head->dedup_skew, head->dedup_window, options->dedup_skew,
			options->dedup_window);
	if (memcmp(head->compress_mix, options->compress_mix, sizeof(head->compress_mix)))
		return track_refuse(why, -EINVAL,
				    "verify_state_file=%s: is about another mix of compress_ratio",
				    path);
	return 0;
}

int head_check(const struct head *head, uint64_t size, bool take_seed, struct dgen_options *options,
	       const char *path, char *why)
{
	if (memcmp(head->magic, MAGIC, sizeof(head->magic)))
		return track_refuse(why, -EINVAL, "verify_state_file=%s: is no such file", path);
	if (head->byte_order != BYTE_ORDER_MARK || head->layout != LAYOUT ||
	    head->format != DGEN_FORMAT)
		return track_refuse(
			why, -EINVAL,
			"verify_state_file=%s: written by another version of dgen, or on a "
			"machine of the other byte order",
			path);
	if (head->dedup_ratio != options->dedup_ratio ||
	    head->compress_ratio != options->compress_ratio)
		return track_refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about dedup_ratio=%g and compress_ratio=%g, "
			"not %g and %g",
			path, head->dedup_ratio, head->compress_ratio, options->dedup_ratio,
			options->compress_ratio);
	if (head->dedup_unit != options->dedup_unit ||
	    head->compress_chunk != options->compress_chunk)
		return track_refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about dedup_unit=%u and compress_chunk=%u, "
			"not %u and %u (0: default)",
			path, head->dedup_unit, head->compress_chunk, options->dedup_unit,
			options->compress_chunk);
	if (check_calibration(head, options, path, why) || check_units(head, options, path, why))
		return -EINVAL;
	if (take_seed)
		options->data_seed = head->data_seed;
	if (head->data_seed != options->data_seed)
		return track_refuse(why, -EINVAL,
				    "verify_state_file=%s: is about data_seed=0x%016" PRIx64
				    ", not 0x%016" PRIx64,
				    path, head->data_seed, options->data_seed);
	return check_files(head, size, path, why);
}
