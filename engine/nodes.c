/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "nodes.h"
#include "placement.h"

static hwloc_topology_t topology; /* NULL: not known */

static void load(void)
{
	if (hwloc_topology_init(&topology)) {
		topology = NULL;
		return;
	}
	if (!hwloc_topology_load(topology))
		return;
	hwloc_topology_destroy(topology);
	topology = NULL;
}

/* Once, in the main process where jobs are forked. With create_serialize=0 threads come here at once. */
static bool known(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return topology;
}

/* The option with which the user has placed the job already, or NULL. */
static const char *placed_by(struct thread_data *td)
{
	if (fio_option_is_set(&td->o, cpumask))
		return "cpus_allowed or cpumask";
	if (fio_option_is_set(&td->o, numa_cpunodes))
		return "numa_cpu_nodes";
	return fio_option_is_set(&td->o, numa_memnodes) ? "numa_mem_policy" : NULL;
}

int nodes_check(struct thread_data *td)
{
	const struct options *options = td->eo;
	const char *const other = placed_by(td);

	if (options->numa_mode != NUMA_FORCE || !other)
		return 0;
	log_err("dgen: numa_mode=force: not together with %s, which places the job too; leave one "
		"out\n",
		other);
	return -EINVAL;
}

void nodes_join(struct job *job)
{
	job->node = -1;
	job->number = -1;
	if (job->options->numa_mode == NUMA_DISABLED || placed_by(job->td))
		return;
	known();
	job->number = (int)run_next_number();
}

/* The node, or -errno. */
static int bind_to_node(unsigned int number, hwloc_bitmap_t allowed, hwloc_bitmap_t cpus)
{
	int node;

	if (!known())
		return -EOPNOTSUPP;
	if (!allowed || !cpus)
		return -ENOMEM;
	if (hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_THREAD))
		return -errno;
	node = placement_choose(topology, allowed, number, cpus);
	if (node < 0)
		return node;
	return hwloc_set_cpubind(topology, cpus, HWLOC_CPUBIND_THREAD) ? -errno : node;
}

void nodes_init(struct job *job)
{
	hwloc_bitmap_t allowed, cpus;
	cpu_set_t set;
	int node;

	if (!sched_getaffinity(0, sizeof(set), &set))
		job->cpus = (unsigned int)CPU_COUNT(&set);
	if (job->number < 0)
		return;
	allowed = hwloc_bitmap_alloc();
	cpus = hwloc_bitmap_alloc();
	node = bind_to_node((unsigned int)job->number, allowed, cpus);
	hwloc_bitmap_free(allowed);
	hwloc_bitmap_free(cpus);
	if (node >= 0)
		job->node = node;
	else if (job->options->numa_mode == NUMA_FORCE && run_first_unplaced())
		run_warn("numa_mode=force: %s; jobs run where they are allowed to",
			 node == -ENOENT ? "this process may use the CPUs of one NUMA node only" :
					   strerror(-node));
}

unsigned int nodes_count(void)
{
	const int nodes = known() ? hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE) : 0;

	return nodes > 0 ? (unsigned int)nodes : 1;
}
