// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
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

/* Decimal, or hexadecimal with 0x. */
static int parse_number(const char *value, uint64_t *number, char **rest)
{
	bool hexadecimal = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	errno = 0;
	*number = strtoull(value, rest, hexadecimal ? 16 : 10);
	return errno ? -EINVAL : 0;
}

int parse_size(const char *value, uint64_t most, uint64_t *size)
{
	static const char letters[] = "kmgtp";
	unsigned int bits = 0;
	const char *letter;
	uint64_t number;
	char *rest;

	if (parse_number(value, &number, &rest))
		return -EINVAL;
	letter = *rest ? strchr(letters, tolower((unsigned char)*rest)) : NULL;
	if (letter) {
		bits = 10 * (unsigned int)(letter - letters + 1);
		rest++;
		if (!strcasecmp(rest, "ib"))
			rest++;
	}
	if (strcasecmp(rest, "b") && *rest)
		return -EINVAL;
	if (number > most >> bits)
		return -EINVAL;
	*size = number << bits;
	return 0;
}

int set_size(const char *option, const char *value, uint64_t *size)
{
	if (parse_size(value, INT64_MAX, size))
		return refuse(option, value, "a number of bytes, such as 4096, 64k or 10g");
	return 0;
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

int set_ratio(const char *option, const char *value, double *ratio)
{
	return set_decimal(option, value, 1, INFINITY, "a number from 1 on, such as 2 or 1.5",
			   ratio);
}

int set_number(const char *option, const char *value, uint64_t most, const char *allowed,
	       uint64_t *number)
{
	char *rest;

	if (parse_number(value, number, &rest) || *rest || *number > most)
		return refuse(option, value, allowed);
	return 0;
}
