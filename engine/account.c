/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>

#include "account.h"

/* From half to one and a half of a period, where a step comes each so many ns. */
static uint32_t next_gap(struct meter *meter, uint64_t step)
{
	const uint64_t steps = METER_PERIOD / (step ? step : 1);
	const uint32_t mean = steps < METER_GAP_MAX ? (uint32_t)steps : METER_GAP_MAX;

	if (mean < 2)
		return 1;
	meter->dice = meter->dice * 1664525 + 1013904223;
	return mean / 2 + (uint32_t)((uint64_t)meter->dice * mean >> 32);
}

void meter_look(struct meter *meter, uint64_t begin)
{
	const uint64_t now = account_now(), gap = meter->gap ? meter->gap : 1;

	/* A step that takes long by chance, because the CPU was taken away, stands for itself alone. */
	if (meter->last && (now - begin) * gap > now - meter->last)
		meter->ns += now - meter->last;
	else
		meter->ns += (now - begin) * gap;
	/* Decided before the next step, so that how long that takes has no part in it. */
	meter->gap = next_gap(meter, meter->last ? (now - meter->last) / gap : METER_PERIOD);
	meter->left = meter->gap;
	meter->last = now;
}

static uint64_t cpu_time(void)
{
	struct timespec spent;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent))
		return 0;
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
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

void account_start(struct account *account, bool asked)
{
	struct meter *const meters[] = { &account->fill,   &account->await, &account->check,
					 &account->submit, &account->wait,  &account->busy };

	for (size_t i = 0; !asked && i < sizeof(meters) / sizeof(meters[0]); i++)
		meters[i]->left = UINT32_MAX;
	account->started = account->ended = account_now();
	account->cpu_before = cpu_time();
	account->has_delay = run_delay(&account->delay_before);
}

void account_stop(struct account *account)
{
	if (!account->started)
		return;
	account->ended = account_now();
	account->cpu = cpu_time() - account->cpu_before;
}

void account_close(struct account *account)
{
	uint64_t delay;

	if (account->ended == account->started)
		account_stop(account);
	if (account->has_delay && run_delay(&delay))
		account->delay = delay - account->delay_before;
}
