/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include <stdbool.h>

#include "scan.h"

/* Both write to standard output; compared says that counts hold shared units. */
void report_text(const struct files *files, const struct scan_options *options,
		 const struct counts *counts, bool compared);
void report_json(const struct files *files, const struct scan_options *options,
		 const struct counts *counts, bool compared);

#endif
