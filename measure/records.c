// SPDX-License-Identifier: GPL-2.0-only
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the state of a codec takes, about. */
#define CODEC_MEMORY (2u << 20)

size_t records_span(const struct record_options *options)
{
	size_t span = 0;

	for (unsigned int i = 0; options->codec_count && i < options->record_count; i++) {
		if (options->records[i] > options->unit && options->records[i] > span)
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
	free(records->units);
	free(records->groups);
	free(records->gathered);
	free(records->tallies);
}

int carry_open(struct carry *carry, const struct record_options *options)
{
	carry->length = 0;
	carry->data = malloc(records_span(options) + 1);
	return carry->data ? 0 : -ENOMEM;
}

void carry_close(struct carry *carry)
{
	free(carry->data);
}

static int add_run(struct run **list, size_t *count, size_t *room, struct run run)
{
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 256;
		struct run *longer = realloc(*list, more * sizeof(*longer));

		if (!longer)
			return -ENOMEM;
		*list = longer;
		*room = more;
	}
	(*list)[(*count)++] = run;
	return 0;
}

/* The gathered data since the last group is one: its records do not reach into the next. */
static int end_group(struct records *records, size_t end)
{
	size_t begin = records->group_begin;
	struct run run = { records->gathered + begin, (uint32_t)(end - begin), 1, 0 };

	records->group_begin = end;
	if (!run.length)
		return 0;
	return add_run(&records->groups, &records->group_count, &records->group_room, run);
}

void records_begin(struct records *records, const struct carry *carry)
{
	records->unit_count = 0;
	records->group_count = 0;
	records->group_begin = 0;
	records->gathered_length = carry->length;
	memcpy(records->gathered, carry->data, carry->length);
}

/*
 * One in so many units of a sample begins a longer record, as many as the record has units. So the
 * bytes of all records stand for those of all units.
 */
static int sample_record(struct records *records, const struct piece *piece,
			 const unsigned char *data, uint64_t weight, uint64_t dice)
{
	size_t unit = records->options->unit;
	size_t span = records_span(records->options);
	const unsigned char *begin = piece->data - piece->history;
	size_t all = piece->history + piece->length;
	size_t at = (size_t)(data - begin);
	unsigned int bits = 0;

	while ((unit << (bits + 1)) <= span)
		bits++;
	if (dice & ((1ull << bits) - 1))
		return 0;
	if (span > all)
		span = all;
	if (at + span > all)
		at = all - span;
	return add_run(&records->groups, &records->group_count, &records->group_room,
		       (struct run){ begin + at, (uint32_t)span, weight,
				     (double)weight * (double)weight });
}

int records_unit(struct records *records, const struct piece *piece, const unsigned char *data,
		 size_t length, unsigned int level, uint64_t dice)
{
	uint64_t weight = 1ull << level;
	struct run run = { data, (uint32_t)length, weight, (double)weight * (double)(weight - 1) };

	if (!records->options->codec_count)
		return 0;
	if (add_run(&records->units, &records->unit_count, &records->unit_room, run))
		return -ENOMEM;
	if (!records_span(records->options))
		return 0;
	if (level)
		return sample_record(records, piece, data, weight, dice);
	memcpy(records->gathered + records->gathered_length, data, length);
	records->gathered_length += length;
	return 0;
}

int records_piece_end(struct records *records, const struct piece *piece)
{
	return piece->last ? end_group(records, records->gathered_length) : 0;
}

int records_end(struct records *records, struct carry *carry)
{
	size_t span = records_span(records->options);
	size_t end = records->gathered_length;

	if (span)
		end -= (end - records->group_begin) % span;
	carry->length = records->gathered_length - end;
	memcpy(carry->data, records->gathered + end, carry->length);
	return end_group(records, end);
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
		bool within = options->records[record] <= options->unit;
		const struct run *runs = within ? records->units : records->groups;
		size_t count = within ? records->unit_count : records->group_count;

		/* Each codec goes over the same cache-warm run. */
		for (size_t i = 0; i < count * options->codec_count; i++) {
			unsigned int codec = (unsigned int)(i % options->codec_count);
			int ret = compress(records, &runs[i / options->codec_count], codec, record);

			if (ret)
				return ret;
		}
	}
	return 0;
}
