/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. */
#ifndef MEASURE_OPTIONS_H
#define MEASURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "command/values.h"
#include "report.h"

struct settings {
	struct scan_options scan;
	char **against, **paths;
	unsigned int against_count, path_count;
	uint64_t memory; /* bytes, of all that grows with the data and with the threads */
	const char *memory_typed;
	enum report_as as;
	bool quiet;
};

/*
 * Fills settings. 0; -EINVAL or -ENOMEM after a complaint; or 1 where there is nothing left to do.
 * settings->against is to be freed in any case.
 */
int options_parse(struct settings *settings, int argc, char **argv);

#endif
