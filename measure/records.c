// SPDX-License-Identifier: GPL-2.0-only
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the state of a codec takes, about. */
#define CODEC_MEMORY (2u << 20)

/* Does it span several units? */
static bool is_long(const struct record_options *options, unsigned int record)
{
	return options->codec_count && options->records[record] > options->unit;
}

size_t records_span(const struct record_options *options)
{
	size_t span = 0;

	for (unsigned int i = 0; i < options->record_count; i++) {
		if (is_long(options, i) && options->records[i] > span)
			span = options->records[i];
	}
	return span;
}

static size_t gathered_size(const struct record_options *options)
{
	size_t span = records_span(options);

	/* The carry, and all of a batch with the unit that began before it. */
	return span ? span + options->segment + options->unit + MAX_PIECES * ALIGNMENT : 0;
}

static size_t largest_bound(const struct record_options *options)
{
	size_t largest = 1;

	for (unsigned int i = 0; i < options->codec_count; i++) {
		for (unsigned int j = 0; j < options->record_count; j++) {
			size_t bound = codec_bound(&options->codecs[i], options->records[j]);

			largest = bound > largest ? bound : largest;
		}
	}
	return largest;
}

size_t records_memory(const struct record_options *options)
{
	return gathered_size(options) + largest_bound(options) +
	       options->segment / options->unit * sizeof(struct run) +
	       options->codec_count * (size_t)CODEC_MEMORY;
}

int records_open(struct records *records, const struct record_options *options)
{
	memset(records, 0, sizeof(*records));
	records->options = options;
	records->out_size = largest_bound(options);
	records->out = malloc(records->out_size);
	records->gathered = malloc(gathered_size(options) + 1);
	records->tallies = calloc(MAX_CODECS, sizeof(*records->tallies));
	if (!records->out || !records->gathered || !records->tallies)
		return -ENOMEM;
	for (unsigned int i = 0; i < options->codec_count; i++) {
		records->states[i] = codec_open(&options->codecs[i]);
		if (!records->states[i])
			return -ENOMEM;
	}
	return 0;
}

void records_close(struct records *records)
{
	for (unsigned int i = 0; records->options && i < records->options->codec_count; i++)
		codec_close(&records->options->codecs[i], records->states[i]);
	free(records->out);
	free(records->units.runs);
	for (unsigned int i = 0; i < MAX_RECORDS; i++)
		free(records->groups[i].runs);
	free(records->gathered);
	free(records->tallies);
}

int carry_open(struct carry *carry, const struct record_options *options)
{
	memset(carry, 0, sizeof(*carry));
	carry->data = malloc(records_span(options) + 1);
	return carry->data ? 0 : -ENOMEM;
}

void carry_close(struct carry *carry)
{
	free(carry->data);
}

static int add_run(struct run_list *list, struct run run)
{
	if (list->count == list->room) {
		size_t more = list->room ? 2 * list->room : 256;
		struct run *longer = realloc(list->runs, more * sizeof(*longer));

		if (!longer)
			return -ENOMEM;
		list->runs = longer;
		list->room = more;
	}
	list->runs[list->count++] = run;
	return 0;
}

/* Gathers records of this size up to end, which the next one begins at. */
static int add_group(struct records *records, unsigned int record, size_t end)
{
	size_t begin = records->begin[record];
	struct run run = { records->gathered + begin, (uint32_t)(end - begin), 1, 0 };

	records->begin[record] = end;
	return run.length ? add_run(&records->groups[record], run) : 0;
}

void records_begin(struct records *records, const struct carry *carry)
{
	records->units.count = 0;
	records->gathered_length = carry->length;
	memcpy(records->gathered, carry->data, carry->length);
	for (unsigned int i = 0; i < records->options->record_count; i++) {
		records->groups[i].count = 0;
		records->begin[i] = carry->length - carry->left[i];
	}
}

/*
 * One in so many units of a sample begins a longer record, as many as the record has units. So the
 * bytes of all records stand for those of all units.
 */
static int sample_record(struct records *records, unsigned int record, const struct piece *piece,
			 const struct run *unit, uint64_t dice)
{
	size_t length = records->options->records[record];
	const unsigned char *begin = piece->data - piece->history;
	size_t all = piece->history + piece->length;
	size_t at = (size_t)(unit->data - begin);
	unsigned int bits = 0;

	while (((size_t)records->options->unit << (bits + 1)) <= length)
		bits++;
	if (dice & ((1ull << bits) - 1))
		return 0;
	if (length > all)
		length = all;
	if (at + length > all)
		at = all - length;
	return add_run(&records->groups[record],
		       (struct run){ begin + at, (uint32_t)length, unit->weight,
				     (double)unit->weight * (double)unit->weight });
}

int records_unit(struct records *records, const struct piece *piece, const unsigned char *data,
		 size_t length, unsigned int level, uint64_t dice)
{
	uint64_t weight = 1ull << level;
	struct run run = { data, (uint32_t)length, weight, (double)weight * (double)(weight - 1) };

	if (!records->options->codec_count)
		return 0;
	if (add_run(&records->units, run))
		return -ENOMEM;
	if (!records_span(records->options))
		return 0;
	if (!level) {
		memcpy(records->gathered + records->gathered_length, data, length);
		records->gathered_length += length;
	}
	for (unsigned int i = 0; level && i < records->options->record_count; i++)
		if (is_long(records->options, i) && sample_record(records, i, piece, &run, dice))
			return -ENOMEM;
	return 0;
}

/* What was gathered up to here is one group: its records do not reach into the next. */
int records_piece_end(struct records *records, const struct piece *piece)
{
	for (unsigned int i = 0; piece->last && i < records->options->record_count; i++)
		if (is_long(records->options, i) && add_group(records, i, records->gathered_length))
			return -ENOMEM;
	return 0;
}

int records_end(struct records *records, struct carry *carry)
{
	size_t end = records->gathered_length;

	carry->length = 0;
	for (unsigned int i = 0; i < records->options->record_count; i++) {
		size_t left = 0;

		if (is_long(records->options, i))
			left = (end - records->begin[i]) % records->options->records[i];
		if (left > carry->length)
			carry->length = left;
		carry->left[i] = left;
		if (is_long(records->options, i) && add_group(records, i, end - left))
			return -ENOMEM;
	}
	memcpy(carry->data, records->gathered + end - carry->length, carry->length);
	return 0;
}

static int compress(struct records *records, const struct run *run, unsigned int codec,
		    unsigned int record)
{
	const struct record_options *options = records->options;
	struct tally *tally = &records->tallies[codec][record];
	size_t size = options->records[record];
	size_t out = 0;

	for (size_t at = 0; at < run->length; at += size) {
		size_t length = run->length - at < size ? run->length - at : size;
		size_t packed = codec_size(&options->codecs[codec], records->states[codec],
					   run->data + at, length, records->out, records->out_size);

		if (!packed)
			return -EIO;
		tally_add(tally, length, packed, run->weight);
		out += packed;
	}
	if (run->variance > 0)
		tally_sampled(tally, run->length, out, run->variance);
	return 0;
}

int records_compress(struct records *records)
{
	const struct record_options *options = records->options;

	for (unsigned int record = 0; record < options->record_count; record++) {
		const struct run_list *list = is_long(options, record) ? &records->groups[record] :
									 &records->units;

		/* Each codec goes over the same cache-warm run. */
		for (size_t i = 0; i < list->count * options->codec_count; i++) {
			unsigned int codec = (unsigned int)(i % options->codec_count);
			int ret = compress(records, &list->runs[i / options->codec_count], codec,
					   record);

			if (ret)
				return ret;
		}
	}
	return 0;
}
