/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMMAND_HUMAN_H
#define COMMAND_HUMAN_H

#include <stdint.h>

/* "1.5 GiB". One of a few static buffers: good for the next four calls. */
const char *human(uint64_t bytes);

#endif
