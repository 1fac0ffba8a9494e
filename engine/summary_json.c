/* SPDX-License-Identifier: GPL-2.0-only */
/* The report for programs. Its fields are described in fio-engine-dgen(1). */
#include <stdio.h>
#include <stdlib.h>

#include "summary.h"

static void put_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_latency(FILE *out, const char *name, const struct latency *latency)
{
	static const struct {
		const char *name;
		double part;
	} shown[] = { { "p50", 0.5 },  { "p90", 0.9 },     { "p95", 0.95 },
		      { "p99", 0.99 }, { "p99_9", 0.999 }, { "p99_99", 0.9999 } };

	if (!latency->count) {
		fprintf(out, "\"%s\": null", name);
		return;
	}
	fprintf(out,
		"\"%s\": {\"count\": %" PRIu64 ", \"mean\": %.1f, \"min\": %" PRIu64
		", \"max\": %" PRIu64,
		name, latency->count, latency->sum / (double)latency->count, latency->least,
		latency->most);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const double value = summary_percentile(latency, shown[i].part);

		if (value < 0)
			fprintf(out, ", \"%s\": null", shown[i].name);
		else
			fprintf(out, ", \"%s\": %.1f", shown[i].name, value);
	}
	fputc('}', out);
}

/* Below 0: not known, or none. */
static void put_optional(FILE *out, const char *name, double value, int digits)
{
	if (value < 0)
		fprintf(out, "%snull", name);
	else
		fprintf(out, "%s%.*f", name, digits, value);
}

static void put_direction(FILE *out, const char *indent, const char *name, uint64_t bytes,
			  uint64_t ios, double seconds)
{
	const double time = seconds > 0 ? seconds : 1;

	fprintf(out, "%s\"%s_seconds\": %.6f, \"%s_bytes_per_second\": %.0f, \"%s_iops\": %.1f,\n",
		indent, name, seconds, name, (double)bytes / time, name, (double)ios / time);
}

static void put_versions(FILE *out, const char *indent, const struct total *t)
{
	if (t->next_version)
		fprintf(out,
			"%s\"data_version_first\": %" PRIu64 ", \"data_version_last\": %" PRIu64
			", \"data_version_next\": %" PRIu64 ",\n",
			indent, t->version, t->next_version - 1, t->next_version);
	else
		fprintf(out,
			"%s\"data_version_first\": null, \"data_version_last\": null, "
			"\"data_version_next\": null,\n",
			indent);
}

/* What jobs and their totals have alike. */
static void put_figures(FILE *out, const struct total *t, const char *indent)
{
	const double seconds = t->seconds > 0 ? t->seconds : 1;
	const uint64_t ios = t->ios[DDIR_READ] + t->ios[DDIR_WRITE];

	fprintf(out,
		"%s\"seconds\": %.6f, \"bytes_written\": %" PRIu64 ", \"bytes_read\": %" PRIu64
		", \"ios\": %" PRIu64 ", \"bytes_trimmed\": %" PRIu64 ", \"trims\": %" PRIu64 ",\n",
		indent, t->seconds, t->written, t->read, ios, t->trimmed, t->ios[DDIR_TRIM]);
	fprintf(out, "%s\"bytes_per_second\": %.0f, \"iops\": %.1f,\n", indent,
		(double)(t->written + t->read) / seconds, (double)ios / seconds);
	put_direction(out, indent, "write", t->written, t->ios[DDIR_WRITE], t->spent[DDIR_WRITE]);
	put_direction(out, indent, "read", t->read, t->ios[DDIR_READ], t->spent[DDIR_READ]);
	put_versions(out, indent, t);
	fprintf(out,
		"%s\"bytes_generated\": %" PRIu64 ", \"generation_thread_seconds\": %.6f, "
		"\"generation_bytes_per_thread_second\": %.0f,\n",
		indent, t->filled, t->fill_seconds,
		t->fill_seconds > 0 ? (double)t->filled / t->fill_seconds : 0);
	fprintf(out,
		"%s\"generator_fraction\": %.4f, \"storage_fraction\": %.4f, "
		"\"submission_fraction\": %.4f, \"held_back_fraction\": %.4f,\n",
		indent, t->parts.generator, t->parts.storage, t->parts.submission,
		t->parts.held_back);
	fprintf(out, "%s\"in_flight_fraction\": %.4f", indent, t->busy);
	put_optional(out, ", \"helper_fraction\": ",
		     t->helpers > 0 ? t->helper_seconds / t->helpers : -1, 4);
	put_optional(out, ", \"no_cpu_fraction\": ", t->times.has_delay ? t->cpu_missing : -1, 4);
	fprintf(out, ",\n%s", indent);
	put_latency(out, "write_latency_ns", &t->latency[1]);
	fprintf(out, ",\n%s", indent);
	put_latency(out, "read_latency_ns", &t->latency[0]);
	fprintf(out, ",\n%s", indent);
	put_optional(out, "\"dedup_ratio_issued\": ", t->dedup, 4);
	put_optional(out, ", \"compress_ratio_issued\": ", t->compress, 4);
	fprintf(out, ",\n%s\"verdict\": \"%s\"", indent, verdict_name(t->verdict));
}

static void put_writer(FILE *out, const struct writer *w)
{
	struct total total;

	summary_add_up(&w, 1, &total);
	fprintf(out, "\t\t\t\t{\n\t\t\t\t\t");
	put_string(out, "name", w->name);
	fprintf(out, ", ");
	put_string(out, "target", w->target);
	fprintf(out, ", ");
	put_string(out, "backend", w->backend);
	fprintf(out,
		",\n\t\t\t\t\t\"iodepth\": %u, \"gen_threads\": %u, \"block_size\": %" PRIu64
		", \"direct\": %s, \"stores\": %s, \"thread\": %s, \"error\": %d,\n",
		w->iodepth, w->gen_threads, w->block, w->direct ? "true" : "false",
		w->stores ? "true" : "false", w->thread ? "true" : "false", w->error);
	put_optional(out, "\t\t\t\t\t\"numa_node\": ", w->node, 0);
	put_optional(out, ", \"huge_page_fraction\": ", w->huge_part, 4);
	fprintf(out,
		",\n\t\t\t\t\t\"dedup_ratio_planned\": %.17g, \"compress_ratio_planned\": %.17g, "
		"\"dedup_unit\": %u, \"data_seed\": \"0x%016" PRIx64 "\",\n",
		w->data.dedup_ratio, w->data.compress_ratio, w->data.dedup_unit, w->data.data_seed);
	put_figures(out, &total, "\t\t\t\t\t");
	fprintf(out, "\n\t\t\t\t}");
}

static void put_group(FILE *out, const struct group_view *view)
{
	struct total total;
	char *advice = NULL;
	size_t size;
	FILE *text = open_memstream(&advice, &size);

	summary_add_up(view->writers, view->count, &total);
	fprintf(out, "\t\t{\n\t\t\t\"group\": %u, \"buffer_bytes\": %.0f,\n", view->group,
		total.pool);
	put_figures(out, &total, "\t\t\t");
	if (text) {
		summary_advise(text, view, &total, "");
		fclose(text);
		fprintf(out, ",\n\t\t\t");
		put_string(out, "advice", advice);
		free(advice);
	}
	fprintf(out, ",\n\t\t\t\"writers\": [\n");
	for (unsigned int i = 0; i < view->count; i++) {
		put_writer(out, view->writers[i]);
		fprintf(out, i + 1 < view->count ? ",\n" : "\n");
	}
	fprintf(out, "\t\t\t]\n\t\t}");
}

void summary_json(FILE *out, const struct group_view *views, unsigned int count)
{
	struct machine machine;

	summary_machine(&machine);
	fprintf(out,
		"{\n\t\"format\": 1,\n\t\"system\": {\"cpus\": %u, \"cpus_usable\": %u, "
		"\"numa_nodes\": %u, ",
		machine.cpus, machine.cpus_usable, machine.nodes);
	put_string(out, "kernel", machine.kernel);
	fprintf(out, ", ");
	put_string(out, "machine", machine.arch);
	fprintf(out, ", ");
	put_string(out, "fio", fio_version_string);
	fprintf(out, ", ");
	put_string(out, "generator_kernel", count ? views[0].writers[0]->kernel : "");
	fprintf(out, "},\n\t\"groups\": [\n");
	for (unsigned int i = 0; i < count; i++) {
		put_group(out, &views[i]);
		fprintf(out, i + 1 < count ? ",\n" : "\n");
	}
	fprintf(out, "\t]\n}\n");
}
