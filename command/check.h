/* SPDX-License-Identifier: GPL-2.0-only */
/* dgen --verify */
#ifndef COMMAND_CHECK_H
#define COMMAND_CHECK_H

#include "dgen.h"
#include "progress.h"

#include <stdbool.h>
#include <stdint.h>

#define CHECK_FINDINGS 20 /* told of a file, unless the user wants others */

struct check {
	char **files;          /* ends with NULL; "-" is standard input */
	const char *domain;    /* of all files; NULL: each one's name */
	uint32_t unit;         /* bytes */
	uint64_t offset, size; /* of what is checked of each file */
	bool sized;            /* there must be so much of it; else no more */
	bool older;            /* oldest was given */
	uint64_t oldest, newest;
	uint64_t findings;
	const char *dump; /* a directory, or NULL */
	bool quiet;
};

/* 0; 1 where anything is not as it must be, which standard output tells; or -errno after a complaint. */
int check_files(const struct dgen *dgen, const struct check *check);

#endif
