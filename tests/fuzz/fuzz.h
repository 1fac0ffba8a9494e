/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers share: an input that is taken apart from its beginning, and what must hold. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dgen.h"

/* The entry of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

/* A broken promise is a crash, for which libFuzzer keeps the input. */
#define must(promise)                                                                              \
	do {                                                                                       \
		if (!(promise)) {                                                                  \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #promise);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Little-endian, so that a corpus is the same everywhere; zeros where the input ends. */
static inline uint64_t take(struct input *in, size_t bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes && in->left; i++, in->at++, in->left--)
		number |= (uint64_t)*in->at << (8 * i);
	return number;
}

/* Any bits: also infinite, NaN, denormal. */
static inline double take_double(struct input *in)
{
	uint64_t bits = take(in, 8);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* From 1 to most, in steps that a user would type, or anything. */
static inline double take_ratio(struct input *in, double most)
{
	uint64_t number = take(in, 2);

	if (number == 0xffff)
		return take_double(in);
	return 1 + (double)number * (most - 1) / 0xfffe;
}

/* A line about a refusal: there, one, and not longer than the room for it. */
static inline void must_be_a_line(const char *why, size_t room)
{
	size_t length = strnlen(why, room);

	must(length > 0 && length < room && !strchr(why, '\n'));
}

/*
 * Options that are allowed more often than not, small enough for a fast run: units up to 64 KiB. At least
 * 15 bytes of input.
 */
static inline struct dgen_options take_options(struct input *in)
{
	static const uint32_t chunks[] = {
		0, 512, 1024, 2048, 4096, 8192, 65536, 1000, 64, 128, 256
	};
	struct dgen_options o = DGEN_OPTIONS_DEFAULT;
	uint64_t flags = take(in, 1);

	o.data_seed = take(in, 8);
	o.dedup_ratio = flags & 1 ? take_ratio(in, 1000) : 1 + (double)(take(in, 2) % 64) / 8;
	o.compress_ratio = flags & 2 ? take_ratio(in, 100) : 1 + (double)(take(in, 2) % 64) / 8;
	o.dedup_unit = (uint32_t)(take(in, 1) % 128 + 1) * 512;
	if (flags & 4)
		o.dedup_unit = 4096u << (o.dedup_unit / 512 % 5);
	o.compress_chunk = chunks[take(in, 1) % 11];
	if (flags & 8) {
		o.compress_codec = (uint32_t)take(in, 1) % 5;
		o.compress_record = o.compress_codec ? 4096u << take(in, 1) % 7 : 0;
	}
	if (flags & 16)
		o.zero_percentage = (double)take(in, 1) / 2.5;
	if (flags & 32)
		o.dedup_run = o.dedup_unit * (uint32_t)(take(in, 1) % 20);
	if (flags & 64) {
		uint32_t left = 10000;
		uint64_t parts = take(in, 1) % DGEN_PARTS_MAX + 1;

		for (uint64_t i = 0; i < parts; i++) {
			struct dgen_part *p = &o.compress_mix[i];
			uint64_t share = i + 1 == parts ? left : take(in, 2) % (left + 1);

			p->ratio = 1000 + (uint32_t)take(in, 2);
			p->share = (uint16_t)share;
			p->symbols = (uint16_t)(take(in, 1) % 2 ? take(in, 1) : 0);
			left -= p->share;
		}
	}
	if (flags & 128) {
		o.dedup_skew = (double)take(in, 1) / 2.5;
		o.dedup_window = (UINT64_C(1) << take(in, 1) % 42) >> 1;
	}
	return o;
}

#endif
