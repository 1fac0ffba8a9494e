/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels turn content numbers into bytes. One file for each instruction set, the same bytes from
 * all of them.
 *
 * A content is made of 4 KiB blocks of 64-byte lines. From a block's 128-bit number, by four AES
 * rounds, come two 64-byte keys K0, K1. Line i is one AES round (AESENC) of lines[i] ^ K0 with round
 * key K1, each on four 16-byte lanes; lines[] is a fixed random table of the seed. One AES round per
 * 16 bytes is two operations beside the load and the store, so stores are the limit. Cheap products
 * are as fast, but their lines correlate. make quality tests the outcome.
 *
 * AESENC: J. Daemen, V. Rijmen, FIPS 197; no secrecy is claimed or needed, only randomness.
 */
#ifndef DGEN_KERNEL_H
#define DGEN_KERNEL_H

#include "dgen.h"

#include <stdbool.h>

#define DGEN_BLOCK 4096 /* bytes that share a pair of keys */
#define DGEN_LINE 64    /* bytes */
#define DGEN_LINES (DGEN_BLOCK / DGEN_LINE)
#define DGEN_CHUNK_MIN 64 /* bytes; not less than a line */
#define DGEN_CHUNK_VARIED                                                                          \
	512 /* smaller chunks differ in their random bytes, see kernel_template.h */
#define DGEN_VARIED_PARTS 64 /* of a byte, in which their mean is counted */

/* What all kernels read; made from the seed once. Bytes, whatever the byte order. */
struct dgen_tables {
	_Alignas(64) uint8_t lines[DGEN_LINES][DGEN_LINE];
	uint8_t lanes[2][DGEN_LINE]; /* tell the lanes of K0 and K1 from each other */
	uint8_t rounds[4][16];       /* round keys of the key schedule */
	uint32_t aes[4][256];        /* AESENC by table, for processors without */
	/* As many ones as its number, then zeros; a table, since loads across two lines of a cache are slow. */
	_Alignas(64) uint8_t masks[DGEN_LINE + 1][DGEN_LINE];
};

/*
 * What blocks look like. Each chunk of theirs is random in its first bytes, then zero. chunk is a power of
 * two from DGEN_CHUNK_MIN to DGEN_BLOCK; random is the number of those bytes, below DGEN_CHUNK_VARIED their
 * mean times DGEN_VARIED_PARTS. Where symbols is not 0, they take that many values.
 *
 * Where blocks go, each chunk is known to be zero from byte stale on: at most chunk, which says nothing
 * of it, and then what is random or compared is up to there.
 */
struct dgen_shape {
	union {
		struct {
			uint16_t chunk, symbols;
		};
		uint32_t kind; /* both, as kernels compare them: of two stores that would wait */
	};
	uint32_t random, stale;
};

/* Bytes [begin, end) of a block; by value, so it lies in a register. */
struct dgen_span {
	uint32_t begin, end;
};

/*
 * Does something with the first size bytes, whole lines, of each of count blocks, one behind the other at
 * at. Returns how many of them it did: count, or less where it found one that is not as it should be.
 */
typedef size_t dgen_blocks(const struct dgen_tables *tables, const struct dgen_content *numbers,
			   size_t count, const struct dgen_shape *shape, uint32_t size,
			   uint8_t *at);

/* The same with a shape for each, all of chunks of DGEN_BLOCK and of any values. */
typedef size_t dgen_each(const struct dgen_tables *tables, const struct dgen_content *numbers,
			 size_t count, const struct dgen_shape *shapes, uint32_t size, uint8_t *at);

/*
 * The same with any span of one block. Its number comes in registers: stores are what blocks take time
 * for, so each one beside those of the block counts.
 */
typedef bool dgen_block(const struct dgen_tables *tables, struct dgen_content number,
			const struct dgen_shape *shape, struct dgen_span span, uint8_t *at);

struct dgen_operation {
	dgen_blocks *blocks;
	dgen_each *each;
	dgen_block *block;
};

struct dgen_kernel {
	const char *name;
	int (*usable)(void);           /* do processor and system allow it? */
	struct dgen_operation fill;    /* writes them */
	struct dgen_operation compare; /* reads them, to the first that differs */
};

/* From best to worst; ends with a nameless one. The last named one runs everywhere. */
extern const struct dgen_kernel *const dgen_kernels[];

void dgen_tables_init(struct dgen_tables *tables, uint64_t seed);

#endif
