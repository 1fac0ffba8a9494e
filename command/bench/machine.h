/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process may use of the machine: affinity and cgroups (v1 and v2) count. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>

/* CPUs, at least 1. A limit of 150 % is 2 of them. */
unsigned int machine_cpus(void);

/* Bytes that can be had without pushing others out; UINT64_MAX where nobody knows. */
uint64_t machine_memory(void);

/*
 * The least that a cgroup and those above it leave. root stands before all paths, "" but in tests.
 * UINT64_MAX where there is no limit.
 */
uint64_t machine_cgroup_cpus(const char *root);
uint64_t machine_cgroup_memory(const char *root);

#endif
