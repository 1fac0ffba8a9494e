/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dgen: data with an exact deduplication and compression ratio.
 *
 * The bytes of a location are a pure function of (data_seed, domain, offset, version) and of the
 * options below; nothing depends on what was generated before, on the CPU or on its byte order.
 * DGEN_FORMAT names that function: data made by another format differs.
 *
 * Every function is thread-safe; a struct dgen is immutable and may be shared by any number of
 * threads without locks. Nothing here prints, does I/O (but for dgen_fresh_seed) or knows fio.
 */
#ifndef DGEN_H
#define DGEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What libdgen.so exports; everything else is built hidden. */
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

#define DGEN_FORMAT 1
#define DGEN_WHY_MAX 160 /* bytes, enough for every message of dgen_create() */

#define DGEN_PARTS_MAX 6

/* Some of the units. */
struct dgen_part {
	uint32_t ratio;   /* times 1000: 1000 and up */
	uint16_t share;   /* in 1/100 % of the units that are not zero */
	uint16_t symbols; /* 0, or 32 to 255: what is random takes that many values of bytes, which
			     zstd and deflate make use of; the ratio is LZ4's */
};

struct dgen_options {
	double dedup_ratio;    /* D = total units / distinct units; 1 to 1000, need not be whole */
	double compress_ratio; /* C = bytes in / bytes out on the distinct data; >= 1 */
	uint32_t dedup_unit;   /* bytes; a multiple of 512, 512 to 16 MiB */
	uint32_t compress_chunk; /* bytes in which C holds: a power of two from 64 to 2048, a
				    multiple of 4096 up to dedup_unit, or that itself; 0: the
				    smaller of 4096 and dedup_unit. The smaller, the harder
				    compressors work. Below 512 each two chunks together: they
				    differ; C is for one codec then, as if it were set */
	uint64_t data_seed;      /* any value; neighbouring seeds share no data */
	/*
	 * Both 0: one content for LZ4 and for zstd -3 on 4 KiB. Both show C within 1.5 % up to C = 12 with
	 * chunks of 2 KiB and more, 6 with 1 KiB, 2 with 512 bytes. Beyond that they are too far apart: up
	 * to 20 it is within 2.5, 3.5 and 5.5 %, at 100 LZ4 shows up to 9 % less and zstd 17 % more. Else C
	 * is that of this codec alone, where it sees compress_record bytes at a time, within 1.5 % up to 50,
	 * with LZ4 and zstd within 1 % up to 10, and within 2.5 % beyond 50, but for LZO; 0 is DGEN_LZ4, and
	 * 4096. All this for a dedup_unit that is a multiple of 4 KiB.
	 */
	uint32_t compress_codec;  /* enum dgen_codec */
	uint32_t compress_record; /* bytes; a power of two from 4096 to 128 KiB. compress_chunk is
				     then a power of two up to it, or a multiple of it */
	double zero_percentage;   /* of all units, 0 to 99; D and C are those of the others */
	/*
	 * If the first ratio is not 0: units differ in C, each by its content, and compress_ratio is
	 * of no effect. The shares add up to 10000.
	 */
	struct dgen_part compress_mix[DGEN_PARTS_MAX];
	uint32_t dedup_run;   /* bytes; units repeat, and are zero, in aligned runs of so many: a
				 multiple of dedup_unit up to 16 MiB; 0: each by itself */
	uint32_t reserved_32; /* 0 */
	/*
	 * Of the duplicates, so many percent, 0 to 90, have one of few hot contents, each of which comes
	 * once in dedup_window and goes on to the end; the others have a dozen references, or D.
	 */
	double dedup_skew;
	/* Bytes, at least, from one reference to a content to the next; up to 1 TiB; 0: 1 MiB. */
	uint64_t dedup_window;
	uint64_t reserved[1]; /* 0; for options to come, of which 0 will be the default */
};

enum dgen_codec { DGEN_LZ4, DGEN_ZSTD, DGEN_DEFLATE, DGEN_LZO };

/* Incompressible, unique 4 KiB units. */
#define DGEN_OPTIONS_DEFAULT                                                                       \
	{                                                                                          \
		1.0, 1.0, 4096, 0, 0, 0, 0, 0, { { 0, 0, 0 } }, 0, 0, 0, 0,                        \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

struct dgen; /* a plan for one set of options */

/*
 * Makes *out from options. 0, or -EINVAL with one line in why (the option by the name a user types,
 * the value, what is allowed; DGEN_WHY_MAX bytes at most, may be NULL), or -ENOMEM.
 */
int dgen_create(const struct dgen_options *options, struct dgen **out, char *why);
void dgen_destroy(struct dgen *dgen); /* NULL is allowed */

/* The address space that goes by this name (a file name, a dedup_domain). */
uint64_t dgen_domain(const char *name);

/*
 * Writes the content of [offset, offset + length) of domain at version into buffer. Any offset and
 * length; fastest where both are multiples of 512 and buffer is 64-byte aligned.
 */
void dgen_fill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
	       void *buffer, size_t length);

/*
 * dgen_fill() into a buffer that was filled before: all of it by this dgen, since then changed by nothing
 * else, and from an offset that is a multiple of dgen_period() away from this one; domain, version and
 * the rest of the offset may be any. What is zero now as it was then is not written again: with a ratio of
 * C that leaves 1 / C of the bytes to write. In a buffer that was filled otherwise the bytes are undefined.
 */
void dgen_refill(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		 void *buffer, size_t length);
uint64_t dgen_period(const struct dgen *dgen); /* bytes; dedup_unit, or a divisor of it */

/* The offset in buffer of the first byte that dgen_fill() would write otherwise; length if none. */
size_t dgen_compare(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		    const void *buffer, size_t length);

/*
 * The content number of a unit, which is dedup_unit bytes from offset unit * dedup_unit. Two units
 * have the same bytes if and only if their numbers are equal (and the seed and options are). Units that are
 * zero have number 0.
 */
struct dgen_content {
	uint64_t low, high;
};
struct dgen_content dgen_content(const struct dgen *dgen, uint64_t domain, uint64_t version,
				 uint64_t unit);

/*
 * The kernel that fills, such as "avx2": the fastest that CPU and system allow, chosen by dgen_create().
 * DGEN_KERNEL in the environment forces one. All give the same bytes.
 */
const char *dgen_kernel(const struct dgen *dgen);

/* A seed from the system's random source. */
uint64_t dgen_fresh_seed(void);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
