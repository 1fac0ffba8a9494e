// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "human.h"

const char *human(uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	static char text[4][32];
	static unsigned int next;
	char *to = text[next++ % 4];
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(to, sizeof(text[0]), "%u bytes", (unsigned int)bytes);
	else
		snprintf(to, sizeof(text[0]), "%.4g %ciB", value, units[unit]);
	return to;
}
