/* SPDX-License-Identifier: GPL-2.0-only */
/* What make bench-generator races: each fills a buffer, the references in their ways, the generator in its. */
#ifndef BENCH_CONTESTANTS_H
#define BENCH_CONTESTANTS_H

#include "dgen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUNDS_MAX 101
#define CONTESTANTS_MAX 128

/* I/Os of this size at offsets that are multiples of align: one after the other, or at random. */
struct access {
	const char *name;
	size_t size, align; /* a power of two */
	bool random;
};

struct contestant {
	char name[24];
	void (*fill)(struct contestant *c, uint8_t *out, size_t size);
	/* Of the generator's: */
	struct dgen *dgen;
	double dedup, compress;
	const char *data; /* what else is special about it, or NULL */
	struct access access;
	/* What changes from fill to fill: */
	uint64_t state[4];
	uint8_t *source;
	enum operation { FILL, REFILL, COMPARE } operation;
	uint8_t *memory;
	double rates[ROUNDS_MAX];
};

/* References: what others are compared with. */
enum { MEMSET, STORES, MEMCPY, FIO, FIO_NATIVE, XOSHIRO, FIPS_197, REFERENCES };

extern const char *const reference_names[REFERENCES];

struct field {
	struct contestant all[CONTESTANTS_MAX];
	size_t count;
};

/* Ends the program. */
void die(const char *message);

/* All references, by buffers of size bytes, before any other contestant. */
void add_references(struct field *field, size_t size);

/* One of the generator's. */
struct contestant *add_kernel(struct field *field, const char *kernel, struct access access,
			      enum operation operation, const struct dgen_options *options);

void drop(struct field *field);

#endif
