/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the time of a job goes, measured where it is spent.
 *
 * Reading the clock twice for each step of each I/O would cost some percent where an I/O takes a
 * microsecond. So a meter looks at each step while steps are rare, and about once in METER_PERIOD while
 * there are many; at which one is up to chance, and it then stands for all since the last.
 *
 * Long steps that only compute are measured by the time that the thread was on a CPU: whether it was
 * taken away during a step that was looked at says nothing about the others.
 */
#ifndef DGEN_ACCOUNT_H
#define DGEN_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct meter {
	clockid_t clock;
	bool computes;
	uint64_t ns;    /* in all */
	uint64_t last;  /* when it looked last */
	uint64_t since; /* steps made since then */
	uint64_t steps;
	uint32_t gap;  /* steps that the next look stands for */
	uint32_t left; /* steps up to it */
	uint32_t dice;
};

enum {
	METER_PERIOD = 500000, /* ns */
	/* ns: what a long step is. The clock of CPU time takes 0.2 to 0.6 us. */
	METER_CPU_MIN = 100000,
	METER_WINDOW = 100000000, /* ns */
	METER_GAP_MAX = 1024,     /* steps */
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		return 0;
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t account_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * computes: its steps only compute. asked: somebody will read it; else it looks once in 4 billion steps.
 * The thread that makes the steps may be another than the one that calls this.
 */
void meter_init(struct meter *meter, bool computes, bool asked);

/* The answer is for meter_end(). */
static inline uint64_t meter_begin(struct meter *meter)
{
	if (meter->left > 1) {
		meter->left--;
		return 0;
	}
	return clock_ns(meter->clock);
}

void meter_look(struct meter *meter, uint64_t begin);

static inline void meter_end(struct meter *meter, uint64_t begin)
{
	if (begin)
		meter_look(meter, begin);
}

struct account {
	struct meter fill;   /* makes data; it computes, as check does */
	struct meter await;  /* waits for helper threads that make it */
	struct meter check;  /* compares what was read */
	struct meter submit; /* in the back end's queue and commit hooks */
	struct meter
		wait; /* for the back end: for completions, or in a queue hook that does the I/O */
	uint64_t filled; /* bytes */
	uint64_t helped; /* ns that helper threads filled, all together */
	unsigned int in_flight;
	struct meter busy; /* with at least one I/O in flight */
	uint64_t busy_since;
	uint64_t started, ended;
	uint64_t read_back; /* ns in which a job that writes read what it had written */
	uint64_t turned;    /* since when it does */
	bool reads_back;
	uint64_t cpu_before, cpu;        /* ns on a CPU: before it started, and since */
	uint64_t delay_before, delay;    /* ns ready to run, but waiting for a CPU; likewise */
	uint64_t late;                   /* of which after it had slept */
	long slept_before, taken_before; /* how often it slept, and was taken off a CPU */
	bool has_delay;
};

/*
 * In the job's own thread: before its first I/O, whenever it may have been its last, and when it is
 * certain that it was.
 */
void account_start(struct account *account, bool asked);
void account_stop(struct account *account);
void account_close(struct account *account);

/* Before an I/O of a job that writes and then reads what it has written: which of the two it does now. */
static inline void account_turn(struct account *account, bool reads)
{
	uint64_t now;

	if (reads == account->reads_back)
		return;
	now = account_now();
	if (!reads)
		account->read_back += now - account->turned;
	account->turned = now;
	account->reads_back = reads;
}

static inline void account_sent(struct account *account)
{
	if (!account->in_flight++)
		account->busy_since = meter_begin(&account->busy);
}

static inline void account_came(struct account *account)
{
	if (!--account->in_flight)
		meter_end(&account->busy, account->busy_since);
}

#endif
