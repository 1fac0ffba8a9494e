/* SPDX-License-Identifier: GPL-2.0-only */
/* What to do about what holds a run up. */
#include <stdio.h>

#include "summary.h"

enum { MANY_IN_FLIGHT = 16 };

static const char *for_storage(const struct group_view *view)
{
	if (view->writers[0]->iodepth < MANY_IN_FLIGHT)
		return "The generator waits for the storage. More in flight (iodepth=, numjobs=) may "
		       "get more out of it; otherwise this is its speed.";
	return "The generator waits for the storage, with plenty in flight: this is its speed.";
}

static const char *for_generator(const struct group_view *view)
{
	if (!view->writers[0]->stores)
		return "Data cannot be made faster on these CPUs by so many threads; the back end "
		       "takes all. More of them: gen_threads=, numjobs=.";
	return "The storage waits for the generator. Add threads that make data: gen_threads=, or "
	       "more jobs (numjobs=).";
}

static const char *for_balance(const struct group_view *view)
{
	if (view->writers[0]->gen_threads)
		return "Making data and storing it take about as long as each other; both must "
		       "become faster together.";
	return "Making data and storing it take turns. gen_threads=1 with iodepth= of 4 or more, or "
	       "more jobs, overlap them.";
}

static const char *for_submission(const struct group_view *view)
{
	const struct writer *w = view->writers[0];

	if (w->stores && !w->direct)
		return "The CPU copies into the page cache, and fio and system calls take the rest: "
		       "use direct=1, larger blocks (bs=) or more jobs.";
	return "fio and system calls take the time, not data or storage: use larger blocks (bs=), "
	       "batches (iodepth_batch_submit=, iodepth_batch_complete_min=) or more jobs.";
}

void summary_advise(FILE *out, const struct group_view *view, const struct total *total,
		    const char *indent)
{
	const char *advice = "Too little was done to tell.";

	switch (total->verdict) {
	case VERDICT_STORAGE:
		advice = for_storage(view);
		break;
	case VERDICT_GENERATOR:
		advice = for_generator(view);
		break;
	case VERDICT_BALANCED:
		advice = for_balance(view);
		break;
	case VERDICT_SUBMISSION:
		advice = for_submission(view);
		break;
	case VERDICT_RATE:
		advice =
			"fio was told to go no faster (rate=, rate_iops=, thinktime=): neither the "
			"storage nor the generator shows its speed.";
		break;
	case VERDICT_NONE:
		break;
	}
	fprintf(out, "%s%s", indent, advice);
	if (total->cpu_missing >= 0.1)
		fprintf(out,
			"\n%sThe jobs were ready to run but had no CPU for %.0f %% of their time: others "
			"use the CPUs, or there are too many jobs for them.",
			indent, 100 * total->cpu_missing);
}
