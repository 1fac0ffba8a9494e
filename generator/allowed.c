// SPDX-License-Identifier: GPL-2.0-only
/* What options may be, and what is said of those that may not. */
#include "allowed.h"
#include "kernel.h"
#include "plan.h"
#include "shares.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define SECTOR 512u
#define UNIT_MAX (16u << 20)
#define RANDOM_MIN 16 /* bytes of a chunk, or of a sector, that keep contents apart */

/*
 * Where no codec is named. A codec's size for a 4 KiB chunk of r random bytes and zeros is A + B r. lz4 and
 * zstd -3 differ in A by 9 bytes; this is the middle, so that both show C within 1.2 % up to C = 10. For
 * other chunks the table has the middle, if they are in it.
 */
#define CODEC_A 24.3
#define CODEC_B 1.0025

int dgen_refuse(char *why, const char *format, ...)
{
	va_list args;

	if (why) {
		va_start(args, format);
		vsnprintf(why, DGEN_WHY_MAX, format, args);
		va_end(args);
	}
	return -EINVAL;
}

/*
 * Else codec and record are unset: the middle of LZ4 and zstd. Where chunks are smaller than a sector these are
 * too far apart, as zstd packs many short matches better.
 */
static bool is_calibrated(const struct dgen_options *o, uint32_t chunk)
{
	return o->compress_codec || o->compress_record || chunk < SECTOR;
}

/* In bytes, or as kernels count them. */
static uint32_t least_random(uint32_t chunk)
{
	return chunk < SECTOR ? RANDOM_MIN * chunk / SECTOR * DGEN_VARIED_PARTS : RANDOM_MIN;
}

static uint32_t record_of(const struct dgen_options *o)
{
	return o->compress_record ? o->compress_record : DGEN_RECORD_MIN;
}

static bool has_middle(uint32_t chunk)
{
	return chunk != DGEN_BLOCK && dgen_calibrated_chunk(DGEN_RECORD_MIN, chunk);
}

/* Chunks that are not in the table share the overhead of a record. */
struct dgen_random dgen_random_bytes(const struct dgen_options *o, uint32_t chunk, double ratio)
{
	double random = chunk < SECTOR ? chunk * DGEN_VARIED_PARTS : chunk;

	if (ratio > 1 && is_calibrated(o, chunk))
		return dgen_calibrated(o->compress_codec, record_of(o), chunk, ratio);
	if (ratio > 1 && has_middle(chunk))
		return dgen_calibrated_between(chunk, ratio);
	if (ratio > 1)
		random = (chunk / ratio - CODEC_A * chunk / DGEN_BLOCK) / CODEC_B + 0.5;
	return (struct dgen_random){ (uint64_t)random << 32, 0 };
}

static double largest_ratio(const struct dgen_options *o, uint32_t chunk)
{
	if (is_calibrated(o, chunk))
		return dgen_calibrated_most(o->compress_codec, record_of(o), chunk,
					    least_random(chunk));
	if (has_middle(chunk))
		return fmin(dgen_calibrated_most(DGEN_LZ4, DGEN_RECORD_MIN, chunk, RANDOM_MIN),
			    dgen_calibrated_most(DGEN_ZSTD, DGEN_RECORD_MIN, chunk, RANDOM_MIN));
	return chunk / (RANDOM_MIN * CODEC_B + CODEC_A * chunk / DGEN_BLOCK);
}

static int check_ratio(const struct dgen_options *o, uint32_t chunk, double ratio, char *why)
{
	double most = largest_ratio(o, chunk);

	/* Comparisons that NaN fails. */
	if (ratio >= 1 && ratio <= most)
		return 0;
	most = floor(most * 10) / 10;
	if (is_calibrated(o, chunk))
		return dgen_refuse(
			why,
			"compress_ratio=%g: a number from 1 to %.4g is allowed, with %s in "
			"compress_record=%u, compress_chunk=%u",
			ratio, most, dgen_codecs[o->compress_codec], record_of(o), chunk);
	return dgen_refuse(why,
			   "compress_ratio=%g: a number from 1 to %.4g is allowed, with "
			   "compress_chunk=%u",
			   ratio, most, chunk);
}

/* Fewer symbols need more bytes to keep contents apart. */
static int check_mix(const struct dgen_options *o, uint32_t chunk, char *why)
{
	char mix[DGEN_MIX_TEXT_MAX];
	const char *allowed;

	if (dgen_mix_check(o, &allowed)) {
		dgen_mix_print(o, mix);
		return dgen_refuse(why, "compress_ratio=%.80s: %s", mix, allowed);
	}
	if (!o->compress_mix[0].ratio)
		return check_ratio(o, chunk, o->compress_ratio, why);
	for (size_t i = 0; i < DGEN_PARTS_MAX && o->compress_mix[i].ratio; i++) {
		double ratio = o->compress_mix[i].ratio / 1000.0;

		if (check_ratio(o, chunk, ratio, why))
			return -EINVAL;
		if (o->compress_mix[i].symbols &&
		    dgen_random_bytes(o, chunk, ratio).low >> 32 < 2 * least_random(chunk))
			return dgen_refuse(
				why,
				"compress_ratio=%g/%g/%u: with symbols, %u bytes must keep %d "
				"random ones",
				ratio, o->compress_mix[i].share / 100.0, o->compress_mix[i].symbols,
				chunk < SECTOR ? SECTOR : chunk, 2 * RANDOM_MIN);
	}
	return 0;
}

static int check_places(const struct dgen_options *o, char *why)
{
	/* Comparisons that NaN fails. */
	if (!(o->zero_percentage >= 0 && o->zero_percentage <= 99))
		return dgen_refuse(why, "zero_percentage=%g: a number from 0 to 99 is allowed",
				   o->zero_percentage);
	if (o->dedup_run % o->dedup_unit || o->dedup_run > UNIT_MAX)
		return dgen_refuse(why,
				   "dedup_run=%u: a multiple of dedup_unit=%u up to %u is allowed",
				   o->dedup_run, o->dedup_unit, UNIT_MAX);
	return 0;
}

static int check_references(const struct dgen_options *o, char *why)
{
	const uint32_t run = o->dedup_run ? o->dedup_run : o->dedup_unit;

	/* Comparisons that NaN fails. */
	if (!(o->dedup_skew >= 0 && o->dedup_skew <= DGEN_SKEW_MAX))
		return dgen_refuse(why, "dedup_skew=%g: a number from 0 to %g is allowed",
				   o->dedup_skew, DGEN_SKEW_MAX);
	if (o->dedup_window && (o->dedup_window < run || o->dedup_window > DGEN_WINDOW_MAX))
		return dgen_refuse(why, "dedup_window=%llu: from %s=%u to %llu bytes are allowed",
				   (unsigned long long)o->dedup_window,
				   o->dedup_run ? "dedup_run" : "dedup_unit", run,
				   (unsigned long long)DGEN_WINDOW_MAX);
	return 0;
}

/* What the table of measured sizes does not have. */
static int check_calibration(const struct dgen_options *o, uint32_t chunk, char *why)
{
	if (o->compress_codec > DGEN_LZO)
		return dgen_refuse(why, "compress_codec=%u: 0 to %d is allowed", o->compress_codec,
				   DGEN_LZO);
	if (!dgen_calibrated_record(record_of(o)))
		return dgen_refuse(why,
				   "compress_record=%u: a power of two from %u to %u is allowed",
				   o->compress_record, DGEN_RECORD_MIN, DGEN_RECORD_MAX);
	if (o->dedup_unit % chunk || !dgen_calibrated_chunk(record_of(o), chunk))
		return dgen_refuse(
			why,
			"compress_chunk=%u: with compress_record=%u, a power of two or a "
			"multiple of that which divides dedup_unit=%u is allowed",
			chunk, record_of(o), o->dedup_unit);
	return 0;
}

int dgen_check(const struct dgen_options *o, uint32_t chunk, char *why)
{
	/* Comparisons that NaN fails. */
	if (!(o->dedup_ratio >= 1 && o->dedup_ratio <= DGEN_DEDUP_MAX))
		return dgen_refuse(why, "dedup_ratio=%g: a number from 1 to %g is allowed",
				   o->dedup_ratio, DGEN_DEDUP_MAX);
	if (o->dedup_unit < SECTOR || o->dedup_unit > UNIT_MAX || o->dedup_unit % SECTOR)
		return dgen_refuse(why,
				   "dedup_unit=%u: a multiple of 512 from 512 to %u is allowed",
				   o->dedup_unit, UNIT_MAX);
	if (chunk != o->dedup_unit &&
	    (chunk < DGEN_CHUNK_MIN || chunk > o->dedup_unit ||
	     (chunk < DGEN_BLOCK ? chunk & (chunk - 1) : chunk % DGEN_BLOCK)))
		return dgen_refuse(why,
				   "compress_chunk=%u: powers of two from %u to 2048, multiples of "
				   "4096 up to dedup_unit=%u, and that itself are allowed",
				   chunk, DGEN_CHUNK_MIN, o->dedup_unit);
	if (is_calibrated(o, chunk) && check_calibration(o, chunk, why))
		return -EINVAL;
	if (check_mix(o, chunk, why) || check_places(o, why) || check_references(o, why))
		return -EINVAL;
	if (o->reserved_32)
		return dgen_refuse(why, "reserved_32=%u: 0 is allowed", o->reserved_32);
	/* From a program that was built for a later library. */
	for (size_t i = 0; i < sizeof(o->reserved) / sizeof(o->reserved[0]); i++)
		if (o->reserved[i])
			return dgen_refuse(
				why,
				"reserved[%zu]=%llu: this libdgen knows no such option, 0 is allowed",
				i, (unsigned long long)o->reserved[i]);
	return 0;
}
