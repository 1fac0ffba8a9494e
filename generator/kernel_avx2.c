// SPDX-License-Identifier: GPL-2.0-only
/* AVX2 with AES-NI: 16 bytes at a time, in the three-operand encoding. */
#include "kernel.h"
#include "kernel_x86_lane.h"
#include "kernel_template.h"

/* The builtin asks the system (XCR0) as well as the processor. */
static int usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes");
}

const struct dgen_kernel dgen_kernel_avx2 = { "avx2", usable, FILL, COMPARE };
