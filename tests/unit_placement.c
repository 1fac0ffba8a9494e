// SPDX-License-Identifier: GPL-2.0-only
/* On which node jobs go, on machines that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* It knows neither fio nor the rest of the engine. */
#include "../engine/placement.c" /* NOLINT(bugprone-suspicious-include) */

#define FOUR_NODES "numa:4 core:4 pu:2"

struct machine {
	hwloc_topology_t topology;
	hwloc_bitmap_t allowed;
};

/* All CPUs, or those of a list such as "0-3,8". */
static struct machine make(const char *description, const char *allowed)
{
	struct machine m;

	assert_int_equal(hwloc_topology_init(&m.topology), 0);
	assert_int_equal(hwloc_topology_set_synthetic(m.topology, description), 0);
	assert_int_equal(hwloc_topology_load(m.topology), 0);
	m.allowed = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(m.topology));
	if (allowed)
		assert_int_equal(hwloc_bitmap_list_sscanf(m.allowed, allowed), 0);
	return m;
}

static void destroy(const struct machine *m)
{
	hwloc_bitmap_free(m->allowed);
	hwloc_topology_destroy(m->topology);
}

static hwloc_obj_t node(const struct machine *m, unsigned int number)
{
	return hwloc_get_obj_by_type(m->topology, HWLOC_OBJ_NUMANODE, number);
}

/* The nodes of the first jobs; each has CPUs of its node that are allowed, all of them. */
static void goes_to(const struct machine *m, const int *wanted, unsigned int jobs)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc(), of_node = hwloc_bitmap_alloc();

	for (unsigned int i = 0; i < jobs; i++) {
		assert_int_equal(placement_choose(m->topology, m->allowed, i, cpus), wanted[i]);
		hwloc_bitmap_and(of_node, m->allowed, node(m, (unsigned int)wanted[i])->cpuset);
		assert_true(hwloc_bitmap_isequal(cpus, of_node));
		assert_false(hwloc_bitmap_iszero(cpus));
	}
	hwloc_bitmap_free(of_node);
	hwloc_bitmap_free(cpus);
}

#define GOES_TO(machine, ...)                                                                      \
	goes_to(machine, (const int[]){ __VA_ARGS__ },                                             \
		sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void goes_nowhere(const struct machine *m)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(placement_choose(m->topology, m->allowed, i, cpus), -ENOENT);
	hwloc_bitmap_free(cpus);
}

static void test_one_node(void **state)
{
	struct machine m = make("numa:1 core:4 pu:2", NULL);

	(void)state;
	assert_int_equal(placement_nodes(m.topology, m.allowed), 1);
	goes_nowhere(&m);
	destroy(&m);
}

static void test_in_turn(void **state)
{
	struct machine two = make("pack:2 [numa(memory=16GB)] core:4 pu:2", NULL);
	struct machine four = make(FOUR_NODES, NULL);

	(void)state;
	assert_int_equal(placement_nodes(two.topology, two.allowed), 2);
	GOES_TO(&two, 0, 1, 0, 1, 0);
	assert_int_equal(placement_nodes(four.topology, four.allowed), 4);
	GOES_TO(&four, 0, 1, 2, 3, 0, 1, 2, 3, 0);
	destroy(&two);
	destroy(&four);
}

/* A cgroup, taskset or a scheduler allows only some CPUs. */
static void test_restricted(void **state)
{
	struct machine m = make(FOUR_NODES, "8-15,24-31");
	struct machine one = make(FOUR_NODES, "9,11");

	(void)state;
	assert_int_equal(placement_nodes(m.topology, m.allowed), 2);
	GOES_TO(&m, 1, 3, 1, 3);
	assert_int_equal(placement_nodes(one.topology, one.allowed), 1);
	goes_nowhere(&one);
	destroy(&m);
	destroy(&one);
}

/* The topology itself may have lost CPUs, and with them nodes. */
static void test_lost(void **state)
{
	struct machine m = make(FOUR_NODES, "0-15");

	(void)state;
	assert_int_equal(hwloc_topology_restrict(m.topology, m.allowed, 0), 0);
	hwloc_bitmap_fill(m.allowed);
	assert_int_equal(placement_nodes(m.topology, m.allowed), 2);
	GOES_TO(&m, 0, 1, 0);
	destroy(&m);
}

/* Six CPUs and two: three jobs of four go to the larger node. */
static void test_uneven(void **state)
{
	struct machine m = make("numa:2 core:6 pu:1", "0-5,6-7");
	unsigned int larger = 0;
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();

	(void)state;
	GOES_TO(&m, 0, 0, 0, 1, 0, 0, 0, 1);
	for (unsigned int i = 0; i < 4000; i++)
		larger += placement_choose(m.topology, m.allowed, i, cpus) == 0;
	assert_int_equal(larger, 3000);
	hwloc_bitmap_free(cpus);
	destroy(&m);
}

static void test_without_memory(void **state)
{
	struct machine m = make(FOUR_NODES, NULL);

	(void)state;
	node(&m, 1)->attr->numanode.local_memory = 0;
	assert_int_equal(placement_nodes(m.topology, m.allowed), 3);
	GOES_TO(&m, 0, 2, 3, 0);
	node(&m, 0)->attr->numanode.local_memory = 0;
	node(&m, 3)->attr->numanode.local_memory = 0;
	goes_nowhere(&m);
	destroy(&m);
}

/* Fast memory beside each package's own, and an expander behind them all. */
static void test_memory_alone(void **state)
{
	struct machine fast = make("pack:2 [numa(memory=16GB)] [numa(memory=1GB)] core:4 pu:1",
				   NULL);
	struct machine behind = make("[numa(memory=16GB)] pack:2 [numa(memory=16GB)] core:2 pu:1",
				     NULL);
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
	int first;

	(void)state;
	assert_int_equal(hwloc_get_nbobjs_by_type(fast.topology, HWLOC_OBJ_NUMANODE), 4);
	assert_int_equal(placement_nodes(fast.topology, fast.allowed), 2);
	first = placement_choose(fast.topology, fast.allowed, 0, cpus);
	assert_int_equal(hwloc_bitmap_weight(cpus), 4);
	assert_int_not_equal(placement_choose(fast.topology, fast.allowed, 1, cpus), first);

	assert_int_equal(hwloc_get_nbobjs_by_type(behind.topology, HWLOC_OBJ_NUMANODE), 3);
	assert_int_equal(placement_nodes(behind.topology, behind.allowed), 2);
	assert_true(placement_choose(behind.topology, behind.allowed, 0, cpus) >= 0);
	assert_int_equal(hwloc_bitmap_weight(cpus), 2);
	hwloc_bitmap_free(cpus);
	destroy(&fast);
	destroy(&behind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),     cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_restricted),   cmocka_unit_test(test_lost),
		cmocka_unit_test(test_uneven),       cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_memory_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
