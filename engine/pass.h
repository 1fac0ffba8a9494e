/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pass over a file is a write part of? */
#ifndef DGEN_PASS_H
#define DGEN_PASS_H

#include <stdbool.h>
#include <stdint.h>

struct thread_data;
struct io_u;

/* What one job has done to one file; all zero at first. Constant size, whatever the file's. */
struct pass {
	uint64_t number;    /* of the current pass, from 0 */
	uint64_t ios;	    /* that this pass has seen */
	uint64_t start;	    /* sequential: offset of the last write */
	uint64_t next;	    /* sequential: where the last write ended */
	uint64_t block;	    /* random map: block of the last I/O */
	uint64_t generated; /* LFSR: how many offsets it had given at the last I/O */
	uint64_t written;   /* repeating: bytes since the number last stepped up */
};

/*
 * Takes note of an I/O that fio has just chosen, in the order in which fio chooses, each once.
 * The answer is meant for writes: the number of the pass that they are part of.
 */
uint64_t pass_note(struct pass *pass, struct thread_data *td, struct io_u *io_u);

#endif
