/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts the distinct data of a thread's batch through the codecs.
 *
 * A record no larger than the unit is a part of one. A larger one holds distinct units of one file
 * side by side, in their order, across batches: what is left over goes on to the next batch through
 * the carry. Where the set of the units is a sample, units side by side are not known. Then a larger
 * record is a piece of the data as it is, beginning at a unit of the sample. Records of each size are cut
 * as if there were no other.
 */
#ifndef MEASURE_RECORDS_H
#define MEASURE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "source.h"
#include "tally.h"

#define MAX_CODECS 16
#define MAX_RECORDS 16

struct record_options {
	struct codec codecs[MAX_CODECS];
	unsigned int codec_count;
	uint32_t records[MAX_RECORDS]; /* bytes that a codec sees at a time */
	unsigned int record_count;
	uint32_t unit;  /* the one that decides what is distinct */
	size_t segment; /* of the batches */
};

/* Passed on from batch to batch, in their order. */
struct carry {
	unsigned char *data;
	size_t length;
	size_t left[MAX_RECORDS]; /* so much of its end no record of this size has had */
};

/* A run of distinct data, a unit or several records. */
struct run {
	const unsigned char *data;
	uint32_t length;
	uint64_t weight; /* stands for so many */
	double variance; /* the factor of tally_sampled(); 0: it was not drawn */
};

struct run_list {
	struct run *runs;
	size_t count, room;
};

/* One thread's. */
struct records {
	const struct record_options *options;
	void *states[MAX_CODECS];
	unsigned char *out;
	size_t out_size;
	struct run_list units;               /* for records within a unit */
	struct run_list groups[MAX_RECORDS]; /* for each size of longer ones */
	unsigned char *gathered;
	size_t gathered_length;
	size_t begin[MAX_RECORDS]; /* in gathered: where the next record of this size begins */
	struct tally (*tallies)[MAX_RECORDS]; /* of codec, record */
};

/* The longest record that spans several units; 0: none does. */
size_t records_span(const struct record_options *options);

/* Memory that records_open() takes, about. */
size_t records_memory(const struct record_options *options);

/* 0 or -ENOMEM; records_close() also after a failure. */
int records_open(struct records *records, const struct record_options *options);
void records_close(struct records *records);

int carry_open(struct carry *carry, const struct record_options *options);
void carry_close(struct carry *carry);

/*
 * While it is this batch's turn: begin, each distinct unit in its order, the end of each piece, end.
 * Data of a unit must stay until records_compress(). 0 or -ENOMEM.
 */
void records_begin(struct records *records, const struct carry *carry);
int records_unit(struct records *records, const struct piece *piece, const unsigned char *data,
		 size_t length, unsigned int level, uint64_t dice);
int records_piece_end(struct records *records, const struct piece *piece);
int records_end(struct records *records, struct carry *carry);

/* Compresses what was added; 0, or -EIO if a codec fails. */
int records_compress(struct records *records);

#endif
