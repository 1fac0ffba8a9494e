// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "values.h"

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", program);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

int refuse(const char *option, const char *value, const char *allowed)
{
	complain("--%s=%s: must be %s", option, value, allowed);
	return -EINVAL;
}

/* How many begin with this word; names of one option, which differ in their spelling, are one. */
static int begin_with(const struct option *options, const char *word)
{
	const size_t length = strcspn(word, "=");
	int found = 0, last = -1;

	for (; options->name; options++) {
		if (strncmp(options->name, word, length) || options->val == last)
			continue;
		last = options->val;
		found++;
	}
	return found;
}

int next_option(int argc, char **argv, const char *letters, const struct option *options)
{
	/* The word that is looked at: getopt may move on or not. */
	const int at = optind;
	const char *word, *what = "no such option";
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, letters, options, NULL);
	if (option != '?' && option != ':')
		return option;
	word = argv[optind > at ? optind - 1 : at];
	if (option == ':')
		what = "needs a value";
	else if (optopt && !strncmp(word, "--", 2))
		what = "takes no value";
	else if (!strncmp(word, "--", 2) && begin_with(options, word + 2) > 1)
		what = "several options begin so";
	complain("%s: %s; try %s --help", word, what, program);
	return '?';
}

/* Decimal, or hexadecimal with 0x. */
static int parse_number(const char *value, uint64_t *number, char **rest)
{
	bool hexadecimal = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	errno = 0;
	*number = strtoull(value, rest, hexadecimal ? 16 : 10);
	return errno ? -ERANGE : 0;
}

int parse_size(const char *value, uint64_t most, uint64_t *size)
{
	static const char letters[] = "kmgtp";
	unsigned int bits = 0;
	const char *letter;
	uint64_t number;
	char *rest;
	int err = parse_number(value, &number, &rest);

	if (err == -EINVAL)
		return err;
	letter = *rest ? strchr(letters, tolower((unsigned char)*rest)) : NULL;
	if (letter) {
		bits = 10 * (unsigned int)(letter - letters + 1);
		rest++;
		if (!strcasecmp(rest, "ib"))
			rest++;
	}
	if (strcasecmp(rest, "b") && *rest)
		return -EINVAL;
	if (err || number > most >> bits)
		return -ERANGE;
	*size = number << bits;
	return 0;
}

/* As it may be typed. */
static int refuse_more(const char *option, const char *value, uint64_t most)
{
	static const char letters[] = "kmgtp";
	char allowed[64] = "at most 2^63 - 1 bytes";
	int letter = -1;

	while (letter < 4 && most && most % 1024 == 0) {
		most /= 1024;
		letter++;
	}
	if (most < INT64_MAX)
		snprintf(allowed, sizeof(allowed), "at most %" PRIu64 "%.*s", most, letter >= 0,
			 letters + (letter < 0 ? 0 : letter));
	return refuse(option, value, allowed);
}

int set_size(const char *option, const char *value, uint64_t most, uint64_t *size)
{
	const int err = parse_size(value, most, size);

	if (err == -ERANGE)
		return refuse_more(option, value, most);
	return err ? refuse(option, value, "a number of bytes, such as 4096, 64k or 10g") : 0;
}

int set_decimal(const char *option, const char *value, double least, double most,
		const char *allowed, double *number)
{
	char *end;

	/* Only plain decimals: strtod() takes "nan", "inf", "0x2" and leading blanks too. */
	if (!isdigit((unsigned char)value[0]) || strspn(value, "0123456789.eE+-") != strlen(value))
		return refuse(option, value, allowed);
	*number = strtod(value, &end);
	if (*end || !isfinite(*number) || *number < least || *number > most)
		return refuse(option, value, allowed);
	return 0;
}

int set_number(const char *option, const char *value, uint64_t most, const char *allowed,
	       uint64_t *number)
{
	char *rest;

	if (parse_number(value, number, &rest) || *rest || *number > most)
		return refuse(option, value, allowed);
	return 0;
}
