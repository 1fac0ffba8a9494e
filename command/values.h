/* SPDX-License-Identifier: GPL-2.0-only */
/* The values of options as our programs take them, and the one line about a wrong one. */
#ifndef COMMAND_VALUES_H
#define COMMAND_VALUES_H

#include <getopt.h>
#include <stdint.h>

#define EXIT_USAGE 2

/* Each program names itself. */
extern const char program[];

/* One line on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The line about a value that is not allowed. -EINVAL. */
int refuse(const char *option, const char *value, const char *allowed);

/*
 * getopt_long(), with a complaint about what it does not know, in one line: it returns '?' then. The letters
 * must begin with ":", or with "+:".
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options);

/*
 * Bytes, with fio's suffixes: a letter, "b" or "ib" behind it or not. 0, or without a word -EINVAL, or -ERANGE
 * if they are more than most.
 */
int parse_size(const char *value, uint64_t most, uint64_t *size);

/* These are 0, or -EINVAL after a complaint. */
int set_size(const char *option, const char *value, uint64_t most, uint64_t *size);
int set_decimal(const char *option, const char *value, double least, double most,
		const char *allowed, double *number);
int set_number(const char *option, const char *value, uint64_t most, const char *allowed,
	       uint64_t *number);

#endif
