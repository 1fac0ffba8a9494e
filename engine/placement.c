/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "placement.h"

/* A node that jobs can work on. */
struct place {
	hwloc_obj_t node;
	unsigned int cpus; /* that are allowed */
	unsigned int jobs;
};

/*
 * A node may also be memory alone: fast memory beside, or an expander behind the CPUs of others. The
 * topology then shows it with the CPUs that are near it, but what they touch first lies elsewhere.
 */
static bool has_cpus_of_its_own(hwloc_topology_t topology, hwloc_obj_t node)
{
	hwloc_obj_t other = NULL;

	while ((other = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, other))) {
		if (other == node || !other->attr->numanode.local_memory ||
		    !hwloc_bitmap_intersects(node->cpuset, other->cpuset))
			continue;
		/* Of those with the same CPUs the first is their main memory. */
		if (hwloc_bitmap_isequal(node->cpuset, other->cpuset) ?
			    other->logical_index < node->logical_index :
			    hwloc_bitmap_isincluded(other->cpuset, node->cpuset))
			return false;
	}
	return true;
}

/* In how many places are usable. places may be NULL, to count them. */
static unsigned int find_places(hwloc_topology_t topology, hwloc_const_cpuset_t allowed,
				struct place *places)
{
	hwloc_bitmap_t usable = hwloc_bitmap_alloc();
	hwloc_obj_t node = NULL;
	unsigned int nr = 0;

	while (usable && (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node))) {
		hwloc_bitmap_and(usable, node->cpuset, allowed);
		if (hwloc_bitmap_iszero(usable) || !node->attr->numanode.local_memory ||
		    !has_cpus_of_its_own(topology, node))
			continue;
		if (places)
			places[nr] = (struct place){ node, hwloc_bitmap_weight(usable), 0 };
		nr++;
	}
	hwloc_bitmap_free(usable);
	return nr;
}

unsigned int placement_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t allowed)
{
	return find_places(topology, allowed, NULL);
}

static struct place *emptiest(struct place *places, unsigned int nr)
{
	struct place *best = places;

	for (struct place *p = places + 1; p < places + nr; p++)
		if ((uint64_t)(p->jobs + 1) * best->cpus < (uint64_t)(best->jobs + 1) * p->cpus)
			best = p;
	return best;
}

int placement_choose(hwloc_topology_t topology, hwloc_const_cpuset_t allowed, unsigned int number,
		     hwloc_cpuset_t cpus)
{
	const unsigned int nr = find_places(topology, allowed, NULL);
	struct place *places, *best;
	int node;

	if (nr < 2)
		return -ENOENT;
	places = calloc(nr, sizeof(*places));
	if (!places)
		return -ENOMEM;
	find_places(topology, allowed, places);
	/* Where all before it went follows from their number alone. */
	for (unsigned int i = 0; i < number; i++)
		emptiest(places, nr)->jobs++;
	best = emptiest(places, nr);
	hwloc_bitmap_and(cpus, best->node->cpuset, allowed);
	node = (int)best->node->os_index;
	free(places);
	return node;
}
