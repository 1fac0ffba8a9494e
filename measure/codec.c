// SPDX-License-Identifier: GPL-2.0-only
#include "codec.h"

#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>
#include <lzo/lzo1x.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct codec_ops {
	const char *name;
	int min_level, max_level, default_level; /* all 0: no levels */
	void *(*open)(int level);
	void (*close)(void *state);
	size_t (*bound)(size_t length);
	/* 0 on failure */
	size_t (*compress)(void *state, int level, const void *in, size_t length, void *out,
			   size_t out_size);
};

static void *lz4_open(int level)
{
	(void)level;
	return malloc((size_t)LZ4_sizeofState());
}

static size_t lz4_bound(size_t length)
{
	return (size_t)LZ4_compressBound((int)length);
}

/* LZ4_compress_default() with the state on the heap: the same bytes, and threads keep small stacks. */
static size_t lz4_compress(void *state, int level, const void *in, size_t length, void *out,
			   size_t out_size)
{
	int ret;

	(void)level;
	ret = LZ4_compress_fast_extState(state, in, out, (int)length, (int)out_size, 1);
	return ret > 0 ? (size_t)ret : 0;
}

static void *lz4hc_open(int level)
{
	(void)level;
	return malloc((size_t)LZ4_sizeofStateHC());
}

static size_t lz4hc_compress(void *state, int level, const void *in, size_t length, void *out,
			     size_t out_size)
{
	int ret = LZ4_compress_HC_extStateHC(state, in, out, (int)length, (int)out_size, level);

	return ret > 0 ? (size_t)ret : 0;
}

static void *zstd_open(int level)
{
	(void)level;
	return ZSTD_createCCtx();
}

static void zstd_close(void *state)
{
	ZSTD_freeCCtx(state);
}

static size_t zstd_compress(void *state, int level, const void *in, size_t length, void *out,
			    size_t out_size)
{
	size_t ret = ZSTD_compressCCtx(state, out, out_size, in, length, level);

	return ZSTD_isError(ret) ? 0 : ret;
}

/* The zlib format, as storage uses it: 6 bytes more than the bare stream. */
static void *deflate_open(int level)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	if (stream && deflateInit(stream, level) != Z_OK) {
		free(stream);
		stream = NULL;
	}
	return stream;
}

static void deflate_close(void *state)
{
	deflateEnd(state);
	free(state);
}

static size_t deflate_bound(size_t length)
{
	return compressBound(length);
}

static size_t deflate_compress(void *state, int level, const void *in, size_t length, void *out,
			       size_t out_size)
{
	z_stream *stream = state;

	(void)level;
	if (deflateReset(stream) != Z_OK)
		return 0;
	/* zlib reads only, but its pointer is not const. */
	stream->next_in = (Bytef *)(uintptr_t)in;
	stream->avail_in = (uInt)length;
	stream->next_out = out;
	stream->avail_out = (uInt)out_size;
	return deflate(stream, Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
}

/* LZO1X-1, what btrfs, zram and squashfs call lzo. */
static void *lzo_open(int level)
{
	(void)level;
	return lzo_init() == LZO_E_OK ? malloc(LZO1X_1_MEM_COMPRESS) : NULL;
}

static size_t lzo_bound(size_t length)
{
	/* The worst case that its documentation gives. */
	return length + length / 16 + 64 + 3;
}

static size_t lzo_compress(void *state, int level, const void *in, size_t length, void *out,
			   size_t out_size)
{
	lzo_uint size = out_size;

	(void)level;
	return lzo1x_1_compress(in, length, out, &size, state) == LZO_E_OK ? size : 0;
}

static const struct codec_ops codecs[] = {
	{ "lz4", 0, 0, 0, lz4_open, free, lz4_bound, lz4_compress },
	{ "lz4hc", 1, 12, 9, lz4hc_open, free, lz4_bound, lz4hc_compress },
	{ "zstd", 1, 22, 3, zstd_open, zstd_close, ZSTD_compressBound, zstd_compress },
	{ "deflate", 1, 9, 6, deflate_open, deflate_close, deflate_bound, deflate_compress },
	{ "lzo", 0, 0, 0, lzo_open, free, lzo_bound, lzo_compress },
};

const char *codec_names(void)
{
	return "lz4, lz4hc, lz4hc:1 to lz4hc:12, zstd, zstd:1 to zstd:22, deflate, deflate:1 to "
	       "deflate:9, lzo, none";
}

void codec_versions(char *text, size_t size)
{
	snprintf(text, size, "lz4 %s, zstd %s, zlib %s, lzo %s", LZ4_versionString(),
		 ZSTD_versionString(), zlibVersion(), lzo_version_string());
}

static int parse_level(const struct codec_ops *ops, const char *text, int *level)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !ops->max_level)
		return -ERANGE;
	if (value < ops->min_level || value > ops->max_level)
		return -ERANGE;
	*level = (int)value;
	return 0;
}

int codec_parse(const char *text, struct codec *codec)
{
	size_t length = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		const struct codec_ops *ops = &codecs[i];

		if (strlen(ops->name) != length || memcmp(text, ops->name, length))
			continue;
		codec->ops = ops;
		codec->level = ops->default_level;
		if (text[length] && parse_level(ops, text + length + 1, &codec->level))
			return -ERANGE;
		if (ops->max_level)
			snprintf(codec->name, sizeof(codec->name), "%s-%d", ops->name,
				 codec->level);
		else
			snprintf(codec->name, sizeof(codec->name), "%s", ops->name);
		return 0;
	}
	return -ENOENT;
}

void *codec_open(const struct codec *codec)
{
	return codec->ops->open(codec->level);
}

void codec_close(const struct codec *codec, void *state)
{
	if (state)
		codec->ops->close(state);
}

size_t codec_bound(const struct codec *codec, size_t length)
{
	return codec->ops->bound(length);
}

size_t codec_size(const struct codec *codec, void *state, const void *record, size_t length,
		  void *out, size_t out_size)
{
	size_t size = codec->ops->compress(state, codec->level, record, length, out, out_size);

	return size > length ? length : size;
}
