// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts about times that are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* It knows neither fio nor the rest of the engine. */
#include "../engine/verdict.c" /* NOLINT(bugprone-suspicious-include) */

static void judge(const struct times *times, enum verdict wanted)
{
	struct parts parts;

	verdict_parts(times, &parts);
	assert_true(parts.generator >= 0 && parts.storage >= 0);
	assert_true(parts.submission >= 0 && parts.held_back >= 0);
	assert_true(fabs(parts.generator + parts.storage + parts.submission + parts.held_back - 1) <
		    1e-9);
	assert_string_equal(verdict_name(verdict_find(times, &parts)), verdict_name(wanted));
}

static void test_largest_part(void **state)
{
	(void)state;
	judge(&(struct times){ .run = 10, .make = 1, .wait = 8, .submit = 0.5 }, VERDICT_STORAGE);
	judge(&(struct times){ .run = 10, .make = 8, .wait = 1, .submit = 0.5 }, VERDICT_GENERATOR);
	judge(&(struct times){ .run = 10, .make = 2, .wait = 1, .submit = 3 }, VERDICT_SUBMISSION);
	judge(&(struct times){ .run = 10, .make = 4, .wait = 5, .submit = 1 }, VERDICT_BALANCED);
	judge(&(struct times){ .run = 10, .make = 5, .wait = 4, .submit = 1 }, VERDICT_BALANCED);
	judge(&(struct times){ .run = 10, .make = 3, .wait = 6, .submit = 1 }, VERDICT_STORAGE);
}

static void test_sleep_while_submitting(void **state)
{
	/* The device's queue is full: the thread sleeps in the queue hook. */
	struct times times = { .run = 10, .make = 1, .submit = 8, .cpu = 2, .has_delay = true };

	(void)state;
	judge(&times, VERDICT_STORAGE);
	/* It computes there. */
	times.cpu = 10;
	judge(&times, VERDICT_SUBMISSION);
}

static void test_busy_waiting(void **state)
{
	(void)state;
	judge(&(struct times){ .run = 10, .make = 1, .wait = 8, .cpu = 10, .has_delay = true },
	      VERDICT_STORAGE);
}

static void test_no_cpu(void **state)
{
	/* Half of the time in the generator, without a CPU: that is no waiting for storage. */
	(void)state;
	judge(&(struct times){ .run = 10, .make = 4, .cpu = 5, .delay = 5, .has_delay = true },
	      VERDICT_GENERATOR);
	/* The same where the kernel does not tell, unless fio may have slept. */
	judge(&(struct times){ .run = 10, .make = 4, .cpu = 5 }, VERDICT_GENERATOR);
	judge(&(struct times){ .run = 10, .make = 4, .cpu = 5, .limited = true, .rate = 0.5 },
	      VERDICT_RATE);
	/* Most of its CPU time went elsewhere. */
	judge(&(struct times){ .run = 10, .make = 1, .cpu = 5, .delay = 5, .has_delay = true },
	      VERDICT_SUBMISSION);
}

static void test_late(void **state)
{
	struct times times = {
		.run = 10, .make = 0.2, .cpu = 0.4, .delay = 7, .late = 6.5, .has_delay = true
	};

	/* It waits for storage, and gets up late each time. */
	(void)state;
	times.wait = 9;
	judge(&times, VERDICT_STORAGE);
	/* fio sleeps, and gets up too late to reach the rate. */
	times.wait = 0;
	times.limited = true;
	times.rate = 0.5;
	judge(&times, VERDICT_RATE);
}

static void test_helpers(void **state)
{
	/* It sleeps until a helper thread is ready. */
	(void)state;
	judge(&(struct times){ .run = 10, .await = 9, .cpu = 1, .has_delay = true },
	      VERDICT_GENERATOR);
	judge(&(struct times){ .run = 10, .await = 9, .cpu = 1 }, VERDICT_GENERATOR);
}

static void test_limits(void **state)
{
	struct times times = { .run = 10,
			       .make = 1,
			       .wait = 1,
			       .cpu = 2,
			       .has_delay = true,
			       .limited = true,
			       .rate = 0.5 };

	(void)state;
	judge(&times, VERDICT_RATE);
	/* Also where the kernel does not tell of sleep. */
	times.has_delay = false;
	judge(&times, VERDICT_RATE);
	/* A limit far above what the storage can do. */
	times.wait = 8;
	judge(&times, VERDICT_STORAGE);
	/* fio waits for what is in flight before it sleeps. */
	times.rate = 1;
	judge(&times, VERDICT_RATE);
}

static void test_odd_figures(void **state)
{
	struct parts parts;
	const struct times none = { 0 };

	(void)state;
	verdict_parts(&none, &parts);
	assert_int_equal(verdict_find(&none, &parts), VERDICT_NONE);
	/* Sampled parts may add up to more than there was. */
	judge(&(struct times){ .run = 1, .make = 3, .wait = 2, .submit = 2 }, VERDICT_GENERATOR);
	judge(&(struct times){ .run = 1, .wait = 2, .cpu = 3, .delay = 1, .has_delay = true },
	      VERDICT_STORAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_largest_part), cmocka_unit_test(test_sleep_while_submitting),
		cmocka_unit_test(test_busy_waiting), cmocka_unit_test(test_no_cpu),
		cmocka_unit_test(test_late),         cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_odd_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
