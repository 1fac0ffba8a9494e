/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_ALLOWED_H
#define DGEN_ALLOWED_H

#include "calibration.h"
#include "dgen.h"

/* Leaves a line in why, if that is not NULL. -EINVAL. */
int dgen_refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Are these options allowed, with chunks of that size? 0, or -EINVAL with a line in why. */
int dgen_check(const struct dgen_options *options, uint32_t chunk, char *why);

/* Random bytes in a chunk that compresses ratio:1. */
struct dgen_random dgen_random_bytes(const struct dgen_options *options, uint32_t chunk,
				     double ratio);

#endif
