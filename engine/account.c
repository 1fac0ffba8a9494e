/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <sys/resource.h>

#include "account.h"

/*
 * How many steps come in a period, over some time: waiting for storage comes as one long step and then
 * many short ones, and while these go on nothing tells of the next long one. At first it grows slowly.
 */
static uint32_t steps_in_period(struct meter *meter, uint64_t now)
{
	const uint64_t span = now > meter->since ? now - meter->since : 1;
	const uint64_t most = 2 * (uint64_t)meter->gap;
	uint64_t steps;

	meter->steps += meter->gap;
	steps = meter->steps * METER_PERIOD / span;
	if (span > METER_WINDOW) {
		meter->steps /= 2;
		meter->since = now - span / 2;
	}
	steps = steps < most ? steps : most;
	return steps < METER_GAP_MAX ? (uint32_t)steps : METER_GAP_MAX;
}

/* From half to one and a half of a period. */
static uint32_t next_gap(struct meter *meter, uint32_t mean)
{
	if (mean < 2)
		return 1;
	meter->dice = meter->dice * 1664525 + 1013904223;
	return mean / 2 + (uint32_t)((uint64_t)meter->dice * mean >> 32);
}

/* The clock of CPU time is slow, and would be most of what it says of short steps. */
static void choose_clock(struct meter *meter, uint64_t step)
{
	const clockid_t clock = meter->computes && step >= METER_CPU_MIN ? CLOCK_THREAD_CPUTIME_ID :
									   CLOCK_MONOTONIC;
	const uint64_t span = meter->last - meter->since;
	uint64_t now;

	if (clock == meter->clock)
		return;
	now = clock_ns(clock);
	meter->since = now > span ? now - span : 0;
	meter->last = now;
	meter->clock = clock;
}

void meter_look(struct meter *meter, uint64_t begin)
{
	const uint64_t now = clock_ns(meter->clock), step = now - begin;

	if (!meter->last)
		meter->since = meter->last = begin;
	/* A step that takes long by chance, because the CPU was taken away, stands for itself alone. */
	if (step * meter->gap > now - meter->last)
		meter->ns += now - meter->last;
	else
		meter->ns += step * meter->gap;
	/* Decided before the next step, so that how long that takes has no part in it. */
	meter->gap = next_gap(meter, steps_in_period(meter, now));
	meter->left = meter->gap;
	meter->last = now;
	choose_clock(meter, step);
}

void meter_init(struct meter *meter, bool computes, bool asked)
{
	*meter = (struct meter){ .clock = CLOCK_MONOTONIC,
				 .computes = computes,
				 .gap = 1,
				 .left = asked ? 1 : UINT32_MAX };
}

/* Not on every kernel. */
static bool run_delay(uint64_t *delay)
{
	unsigned long long running, waiting;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");
	int found;

	if (!f)
		return false;
	found = fscanf(f, "%llu %llu", &running, &waiting);
	fclose(f);
	*delay = waiting;
	return found == 2;
}

static void count_switches(long *slept, long *taken)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	*slept = usage.ru_nvcsw;
	*taken = usage.ru_nivcsw;
}

/*
 * Who sleeps often has most of its delay on waking up, and lost it to what it slept for. The kernel tells
 * only how often a thread got up and how often it was taken off a CPU, not what each has cost.
 */
static uint64_t find_late(const struct account *account)
{
	long slept, taken;

	count_switches(&slept, &taken);
	slept -= account->slept_before;
	taken -= account->taken_before;
	if (slept <= 0)
		return 0;
	return (uint64_t)((double)account->delay * (double)slept / (double)(slept + taken));
}

void account_start(struct account *account, bool asked)
{
	meter_init(&account->fill, true, asked);
	meter_init(&account->check, true, asked);
	meter_init(&account->await, false, asked);
	meter_init(&account->submit, false, asked);
	meter_init(&account->wait, false, asked);
	meter_init(&account->busy, false, asked);
	account->started = account->ended = account_now();
	account->cpu_before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	account->has_delay = run_delay(&account->delay_before);
	count_switches(&account->slept_before, &account->taken_before);
}

void account_stop(struct account *account)
{
	if (!account->started)
		return;
	account->ended = account_now();
	account->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - account->cpu_before;
}

void account_close(struct account *account)
{
	uint64_t delay, most;

	if (account->ended == account->started)
		account_stop(account);
	if (account->reads_back && account->ended > account->turned)
		account->read_back += account->ended - account->turned;
	if (!account->has_delay || !run_delay(&delay))
		return;
	account->delay = delay - account->delay_before;
	/* The thread went on after its last I/O. */
	most = account->ended - account->started;
	most = most > account->cpu ? most - account->cpu : 0;
	if (account->delay > most)
		account->delay = most;
	account->late = find_late(account);
}
