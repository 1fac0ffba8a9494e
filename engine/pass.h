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
	uint64_t ios;       /* that this pass has seen */
	uint64_t start;     /* sequential: offset of the last write */
	uint64_t next;      /* sequential: where the last write ended */
	uint64_t block;     /* random map: block of the last I/O */
	uint64_t generated; /* LFSR: how many offsets it had given at the last I/O */
	uint64_t written;   /* repeating: bytes since the number last stepped up */
	uint64_t region;    /* a replayed log: how far it goes, as far as that is known */
	uint64_t bytes;     /* written in this pass */
	uint64_t before;    /* and in the one before */
	bool repeats;       /* there are no passes */
};

/*
 * Takes note of an I/O that fio has just chosen, in the order in which fio chooses, each once.
 * The answer is meant for writes: the number of the pass that they are part of.
 */
uint64_t pass_note(struct pass *pass, struct thread_data *td, struct io_u *io_u);

/*
 * The lowest and the highest number that is there now, over all that the job writes of a file.
 * False where that cannot be told.
 */
bool pass_numbers(const struct pass *pass, const struct thread_data *td, const struct fio_file *f,
		  uint64_t *lowest, uint64_t *highest);

#endif
