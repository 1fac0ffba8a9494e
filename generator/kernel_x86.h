/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_KERNEL_X86_H
#define DGEN_KERNEL_X86_H

#include <cpuid.h>

/*
 * Not known to __builtin_cpu_supports() of every compiler. Whether the system saves the registers
 * (XCR0) is answered by the builtin for avx2 or avx512f, which a caller asks too.
 */
static inline int has_vaes(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 9;
}

#endif
