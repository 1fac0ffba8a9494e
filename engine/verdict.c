/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four parts of a job's run time.
 *
 * Making data is measured at the generator, waiting at the back end's hooks. But a back end may also
 * sleep while it submits (a full queue of the device, a file system that allocates), and fio sleeps
 * between hooks for rate=. The kernel knows how long a thread has slept in all: what it neither ran
 * nor waited for a CPU. Where fio has no reason to sleep, all sleeping is waiting for storage.
 *
 * A thread that is ready but has no CPU lost it to whatever it was computing: the generator, in
 * proportion to its part of the CPU time. Where it got up late, its sleep was longer by that.
 */
#include "verdict.h"

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double at_least_0(double value)
{
	return value > 0 ? value : 0;
}

/* While it computed. Without the kernel's figure: what is spent outside of the hooks, unless fio slept there. */
static double without_cpu(const struct times *t)
{
	if (t->has_delay)
		return t->delay - t->late;
	if (t->limited)
		return 0;
	return least(at_least_0(t->run - t->cpu - t->wait - t->await),
		     at_least_0(t->run - t->make - t->wait - t->await - t->submit));
}

static double generator_time(const struct times *t)
{
	const double of_cpu = t->cpu > 0 ? least(t->make / t->cpu, 1) : 0;

	return least(t->make + t->await + of_cpu * without_cpu(t), t->run);
}

void verdict_parts(const struct times *t, struct parts *parts)
{
	const double make = generator_time(t);
	const double wait = least(t->wait, t->run - make);
	const double outside = at_least_0(t->run - make - wait - t->submit);
	/* Waiting for helper threads is sleep too. */
	double slept = t->has_delay ? at_least_0(t->run - t->cpu - without_cpu(t) - t->await) :
				      wait;
	double storage = wait, held_back = 0;

	if (t->limited) {
		/* Without the kernel's figures: whatever is spent outside of the hooks. */
		held_back = t->has_delay ? least(outside, at_least_0(slept - wait)) : outside;
		slept -= held_back;
	}
	if (slept > storage)
		storage = least(slept, t->run - make);
	if (t->run <= 0) {
		*parts = (struct parts){ 0 };
		return;
	}
	parts->generator = make / t->run;
	parts->storage = storage / t->run;
	parts->held_back = least(held_back, t->run - make - storage) / t->run;
	parts->submission = at_least_0(1 - parts->generator - parts->storage - parts->held_back);
}

enum verdict verdict_find(const struct times *times, const struct parts *p)
{
	const double more = p->storage > p->generator ? p->storage : p->generator;
	const double less = p->storage > p->generator ? p->generator : p->storage;

	if (times->run <= 0)
		return VERDICT_NONE;
	/* It did all that it was told to; whatever took the time was fast enough. */
	if (times->limited && times->rate >= 0.97)
		return VERDICT_RATE;
	if (p->held_back > more && p->held_back > p->submission)
		return VERDICT_RATE;
	if (p->submission > more)
		return VERDICT_SUBMISSION;
	if (less >= more * 2 / 3)
		return VERDICT_BALANCED;
	return p->storage > p->generator ? VERDICT_STORAGE : VERDICT_GENERATOR;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_STORAGE] = "storage-bound", [VERDICT_GENERATOR] = "generator-bound",
		[VERDICT_BALANCED] = "balanced",     [VERDICT_SUBMISSION] = "submission-bound",
		[VERDICT_RATE] = "rate-limited",     [VERDICT_NONE] = "unknown",
	};

	return names[verdict];
}
