/* SPDX-License-Identifier: GPL-2.0-only */
/* Which NUMA node each of several jobs works on. Knows neither fio nor the rest of the engine. */
#ifndef DGEN_PLACEMENT_H
#define DGEN_PLACEMENT_H

#include <hwloc.h>

/* How many nodes have both memory and CPUs of these: jobs can be spread where there are several. */
unsigned int placement_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t allowed);

/*
 * The node of a job, as the operating system numbers it, and in cpus those of its CPUs that are
 * allowed. Jobs are numbered from 0 on; each goes where, with it, there are the fewest for each CPU.
 * -ENOENT where there are not several nodes to choose from, or another -errno.
 */
int placement_choose(hwloc_topology_t topology, hwloc_const_cpuset_t allowed, unsigned int number,
		     hwloc_cpuset_t cpus);

#endif
