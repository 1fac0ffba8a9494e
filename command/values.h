/* SPDX-License-Identifier: GPL-2.0-only */
/* The values of options as our programs take them, and the one line about a wrong one. */
#ifndef COMMAND_VALUES_H
#define COMMAND_VALUES_H

#include <stdint.h>

#define EXIT_USAGE 2

/* Each program names itself. */
extern const char program[];

/* One line on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The line about a value that is not allowed. -EINVAL. */
int refuse(const char *option, const char *value, const char *allowed);

/* Bytes, with fio's suffixes: a letter, "b" or "ib" behind it or not. 0 or -EINVAL, without a word. */
int parse_size(const char *value, uint64_t most, uint64_t *size);

/* These are 0, or -EINVAL after a complaint. */
int set_size(const char *option, const char *value, uint64_t *size);
int set_decimal(const char *option, const char *value, double least, double most,
		const char *allowed, double *number);
int set_ratio(const char *option, const char *value, double *ratio);
int set_number(const char *option, const char *value, uint64_t most, const char *allowed,
	       uint64_t *number);

#endif
