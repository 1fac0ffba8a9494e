// SPDX-License-Identifier: GPL-2.0-only
/* SSE2 with AES-NI: 16 bytes at a time. */
#include "kernel.h"
#include "kernel_x86_lane.h"
#include "kernel_template.h"

static int usable(void)
{
	return __builtin_cpu_supports("sse2") && __builtin_cpu_supports("aes");
}

const struct dgen_kernel dgen_kernel_aesni = { "aesni", usable, FILL, COMPARE };
