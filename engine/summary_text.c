/* SPDX-License-Identifier: GPL-2.0-only */
/* The report for people. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "summary.h"

static const char *time_text(char *text, size_t room, double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	size_t i = 0;

	for (; ns >= 1000 && i + 1 < ARRAY_SIZE(units); i++)
		ns /= 1000;
	snprintf(text, room, i ? "%.2f %s" : "%.0f %s", ns, units[i]);
	return text;
}

static const char *issued_text(char *text, size_t room, double ratio)
{
	if (ratio > 0)
		snprintf(text, room, ", issued %.2f:1", ratio);
	return text;
}

#define ISSUED(ratio) issued_text((char[32]){ 0 }, 32, ratio)
#define SIZE(bytes) RUN_SIZE(bytes)
#define TIME(ns) time_text((char[32]){ 0 }, 32, ns)

static double per(double what, double seconds)
{
	return seconds > 0 ? what / seconds : 0;
}

/* Do all writers agree on it? Then it is told once. */
static bool mixed(const struct group_view *view, size_t offset, size_t size)
{
	for (unsigned int i = 1; i < view->count; i++)
		if (memcmp((const char *)view->writers[0] + offset,
			   (const char *)view->writers[i] + offset, size))
			return true;
	return false;
}

#define MIXED(view, member)                                                                        \
	(mixed(view, offsetof(struct writer, member), sizeof(((struct writer *)0)->member)) ?      \
		 " (differs between jobs)" :                                                       \
		 "")

static const char *io_mode(const struct writer *w)
{
	if (!w->stores)
		return "none: the back end stores nothing on this host's files";
	return w->direct ?
		       "O_DIRECT" :
		       "BUFFERED - figures are those of the page cache as well as of the storage";
}

static void print_configuration(FILE *out, const struct group_view *view, const struct total *total)
{
	const struct writer *w = view->writers[0];

	fprintf(out, "  Configuration\n");
	fprintf(out, "    target          %s%s\n", w->target, MIXED(view, target));
	fprintf(out, "    back end        %s%s\n", w->backend, MIXED(view, backend));
	fprintf(out, "    I/O mode        %s%s\n", io_mode(w), MIXED(view, direct));
	fprintf(out, "    writers         %u %s, iodepth %u%s, gen_threads %u%s\n", view->count,
		view->count == 1 ? (w->thread ? "thread" : "process") :
				   (w->thread ? "threads" : "processes"),
		w->iodepth, MIXED(view, iodepth), w->gen_threads, MIXED(view, gen_threads));
	fprintf(out, "    buffers         %s in all, blocks of %s%s\n", SIZE(total->pool),
		SIZE((double)w->block), MIXED(view, block));
	fprintf(out, "    dedup           planned %g:1 in units of %s%s%s\n", w->data.dedup_ratio,
		SIZE(w->data.dedup_unit), MIXED(view, data.dedup_ratio), ISSUED(total->dedup));
	fprintf(out, "    compression     planned %g:1%s%s\n", w->data.compress_ratio,
		MIXED(view, data.compress_ratio), ISSUED(total->compress));
}

/* The nodes that jobs were bound to. */
static void print_nodes(FILE *out, const struct group_view *view)
{
	int next = INT_MAX;

	for (int last = -1;; last = next) {
		next = INT_MAX;
		for (unsigned int i = 0; i < view->count; i++)
			if (view->writers[i]->node > last && view->writers[i]->node < next)
				next = view->writers[i]->node;
		if (next == INT_MAX)
			break;
		fprintf(out, "%s%d", last < 0 ? ", jobs bound to " : " ", next);
	}
	fprintf(out, "\n");
}

static void print_huge_pages(FILE *out, const struct group_view *view)
{
	double known = 0, huge = 0;

	for (unsigned int i = 0; i < view->count; i++) {
		const struct writer *w = view->writers[i];
		const double bytes = (double)w->block * w->iodepth;

		known += w->huge_part < 0 ? 0 : bytes;
		huge += w->huge_part < 0 ? 0 : bytes * w->huge_part;
	}
	if (known > 0)
		fprintf(out, "    huge pages      %.0f %% of the buffers\n", 100 * huge / known);
}

static void print_system(FILE *out, const struct group_view *view)
{
	struct machine machine;

	summary_machine(&machine);
	fprintf(out, "  System\n");
	fprintf(out, "    CPUs            %u, of which usable %u; NUMA nodes %u", machine.cpus,
		machine.cpus_usable, machine.nodes);
	print_nodes(out, view);
	print_huge_pages(out, view);
	fprintf(out, "    kernel          %s %s; fio: %s\n", machine.kernel, machine.arch,
		fio_version_string);
	fprintf(out, "    generator       %s\n", view->writers[0]->kernel);
}

static void print_latency(FILE *out, const char *name, uint64_t bytes,
			  const struct latency *latency)
{
	static const struct {
		const char *name;
		double part;
	} shown[] = {
		{ "50", 0.5 }, { "90", 0.9 }, { "99", 0.99 }, { "99.9", 0.999 }, { "99.99", 0.9999 }
	};

	if (!bytes)
		return;
	fprintf(out, "    %-16s", name);
	if (!latency->count) {
		fprintf(out, "not measured: fio was told not to\n");
		return;
	}
	fprintf(out, "avg %s, min %s, max %s\n", TIME(latency->sum / (double)latency->count),
		TIME((double)latency->least), TIME((double)latency->most));
	if (summary_percentile(latency, 0.5) < 0)
		return;
	fprintf(out, "    %-16s", "");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		fprintf(out, "%s%s%% %s", i ? ", " : "", shown[i].name,
			TIME(summary_percentile(latency, shown[i].part)));
	fprintf(out, "\n");
}

static void print_moved(FILE *out, const char *name, uint64_t bytes, uint64_t ios, double seconds)
{
	if (bytes)
		fprintf(out, "    %-15s %s in %.2f s: %s/s, %.0f IOPS\n", name, SIZE((double)bytes),
			seconds, SIZE(per((double)bytes, seconds)), per((double)ios, seconds));
}

/* Of one writer. */
static void print_rates(FILE *out, const struct total *t)
{
	const struct {
		const char *name;
		uint64_t bytes;
		double seconds;
	} moved[] = { { "written", t->written, t->spent[DDIR_WRITE] },
		      { "read", t->read, t->spent[DDIR_READ] },
		      { "trimmed", t->trimmed, t->seconds } };
	const char *between = "";

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		if (!moved[i].bytes)
			continue;
		fprintf(out, "%s%s %s, %s/s", between, moved[i].name, SIZE((double)moved[i].bytes),
			SIZE(per((double)moved[i].bytes, moved[i].seconds)));
		between = ", ";
	}
	if (!between[0])
		fprintf(out, "nothing moved");
}

static void print_results(FILE *out, const struct total *t)
{
	fprintf(out, "  Results\n");
	print_moved(out, "written", t->written, t->ios[DDIR_WRITE], t->spent[DDIR_WRITE]);
	print_moved(out, "read", t->read, t->ios[DDIR_READ], t->spent[DDIR_READ]);
	print_moved(out, "trimmed", t->trimmed, t->ios[DDIR_TRIM], t->seconds);
	if (!t->written && !t->read && !t->trimmed)
		fprintf(out, "    nothing         was written, read or trimmed, in %.2f s\n",
			t->seconds);
	if (t->filled)
		fprintf(out,
			"    generation      %s made; %s/s by one thread while it makes data\n",
			SIZE((double)t->filled), SIZE(per((double)t->filled, t->fill_seconds)));
	print_latency(out, "write latency", t->written, &t->latency[1]);
	print_latency(out, "read latency", t->read, &t->latency[0]);
	fprintf(out, "    generator       busy %.1f %% of the jobs' time",
		100 * t->parts.generator);
	if (t->helpers > 0)
		fprintf(out, ", helper threads %.1f %% of theirs",
			100 * t->helper_seconds / t->helpers);
	fprintf(out,
		"\n    storage         waited for %.1f %% of the jobs' time; I/O in flight %.1f %%\n",
		100 * t->parts.storage, 100 * t->busy);
	fprintf(out, "    submission      %.1f %% (fio and system calls)\n",
		100 * t->parts.submission);
	if (t->times.limited)
		fprintf(out, "    held back       %.1f %% by fio (rate=, thinktime=)\n",
			100 * t->parts.held_back);
}

static void print_writers(FILE *out, const struct group_view *view)
{
	fprintf(out, "  Writers\n");
	for (unsigned int i = 0; i < view->count; i++) {
		const struct writer *const *w = &view->writers[i];
		struct total t;
		const struct latency *latency;

		summary_add_up(w, 1, &t);
		latency = &t.latency[t.written ? 1 : 0];
		fprintf(out, "    %-15s ", w[0]->name);
		print_rates(out, &t);
		if (latency->count)
			fprintf(out, ", latency avg %s, 99%% %s",
				TIME(latency->sum / (double)latency->count),
				TIME(summary_percentile(latency, 0.99)));
		fprintf(out, ", generator %.0f %%, storage %.0f %%: %s%s\n",
			100 * t.parts.generator, 100 * t.parts.storage, verdict_name(t.verdict),
			w[0]->error ? ", ended with an error" : "");
	}
}

void summary_print(FILE *out, const struct group_view *view)
{
	struct total total;

	summary_add_up(view->writers, view->count, &total);
	fprintf(out, "dgen report\n");
	print_configuration(out, view, &total);
	print_system(out, view);
	print_results(out, &total);
	print_writers(out, view);
	fprintf(out, "  Verdict: %s\n", verdict_name(total.verdict));
	summary_advise(out, view, &total, "    ");
}
