/* SPDX-License-Identifier: GPL-2.0-only */
/* What is said at the end of a run: what was verified, and how it can be verified later. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibration.h"
#include "findings.h"
#include "report.h"
#include "shares.h"

/* Which versions are there, from one offset to another? False: not all of it is known. */
static bool tracked_versions(const struct job_file *file, uint64_t from, uint64_t to,
			     uint64_t *oldest, uint64_t *newest)
{
	const struct track_file *t = file->track;
	const size_t end = (to + t->grain - 1) / t->grain;

	for (size_t i = from / t->grain; i < end; i++) {
		const uint8_t tag = file->tags[i];
		uint64_t low, high;

		if (tag > TRACK_LAST || (tag == TRACK_INITIAL && !t->known))
			return false;
		low = tag ? track_version(t, tag) : t->oldest;
		high = tag ? low : t->newest;
		if (low < *oldest)
			*oldest = low;
		if (high > *newest)
			*newest = high;
	}
	return true;
}

/* What a job has written of a file lies within. fio leaves out what is shorter than a block. */
static void region(const struct job *job, const struct fio_file *f, uint64_t *start, uint64_t *end)
{
	*start = f->file_offset;
	*end = f->file_offset + f->io_size - f->io_size % job->td->o.min_bs[DDIR_WRITE];
}

static bool file_versions(struct job *job, const struct job_file *file, uint64_t *oldest,
			  uint64_t *newest)
{
	uint64_t start, end;

	if (file->tags) {
		region(job, &file->last, &start, &end);
		*oldest = UINT64_MAX;
		*newest = 0;
		return tracked_versions(file, start, end, oldest, newest);
	}
	if (!pass_numbers(&file->pass, job->td, &file->last, oldest, newest))
		return false;
	*oldest += file->first_version;
	*newest += file->first_version;
	return true;
}

void report_note_versions(struct job *job, struct run_result *result)
{
	result->known = !job->td->error;
	result->lowest = result->start = UINT64_MAX;
	for (unsigned int i = 0; i < job->nr_files; i++) {
		const struct fio_file *f = &job->files[i]->last;
		uint64_t oldest = 0, newest = 0, start, end;

		if (result->known)
			result->known = file_versions(job, job->files[i], &oldest, &newest);
		region(job, f, &start, &end);
		if (oldest < result->lowest)
			result->lowest = oldest;
		if (newest > result->highest)
			result->highest = newest;
		if (start < result->start)
			result->start = start;
		if (end > result->end)
			result->end = end;
		if (f->real_file_size > result->file_size)
			result->file_size = f->real_file_size;
	}
}

static struct name {
	const struct run_group *group;
	char *name;
} * names; /* of the files that are written, in the main process before jobs are forked */
static unsigned int nr_names;
static bool names_lost; /* out of memory */

static void note_name(const struct run_group *group, const char *name)
{
	struct name *more;

	for (unsigned int i = 0; i < nr_names; i++)
		if (names[i].group == group && !strcmp(names[i].name, name))
			return;
	more = realloc(names, (nr_names + 1) * sizeof(*names));
	if (!more) {
		names_lost = true;
		return;
	}
	names = more;
	names[nr_names] = (struct name){ group, strdup(name) };
	if (names[nr_names].name)
		nr_names++;
	else
		names_lost = true;
}

void report_note_names(const struct job *job)
{
	if (!td_write(job->td))
		return;
	for (unsigned int i = 0; i < job->nr_files; i++)
		note_name(job->group, job->files[i]->file->file_name);
}

/* As the shell takes it. The characters of escaped get the backslash that fio wants before them. */
static void put_quoted(FILE *out, const char *text, const char *escaped)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./:=,+@%-";
	const bool quotes = !*text || strspn(text, plain) < strlen(text) || strpbrk(text, escaped);

	fputs(quotes ? "'" : "", out);
	for (const char *c = text; *c; c++) {
		if (strchr(escaped, *c))
			fputc('\\', out);
		fputs(*c == '\'' ? "'\\''" : (char[]){ *c, '\0' }, out);
	}
	fputs(quotes ? "'" : "", out);
}

static void put_names(FILE *out, const struct run_group *group)
{
	const char *between = "--filename=";

	for (unsigned int i = 0; i < nr_names; i++) {
		if (names[i].group != group)
			continue;
		fputs(between, out);
		between = ":";
		put_quoted(out, names[i].name, ":");
	}
}

static void put_text(FILE *out, const char *option, const char *value)
{
	fprintf(out, " --%s=", option);
	put_quoted(out, value, "");
}

/* Every digit of it counts: with another ratio it is other data. */
static void put_number(FILE *out, const char *option, double number)
{
	char text[DGEN_NUMBER_TEXT_MAX];

	dgen_number_print(number, text);
	fprintf(out, " --%s=%s", option, text);
}

/* The largest that divides what is to be read: fio leaves out a shorter rest. */
static unsigned int block_size(uint64_t bytes)
{
	unsigned int size = 1 << 20;

	while (size > 512 && bytes % size)
		size /= 2;
	return size;
}

/* fio has forgotten it by then. */
static const char *engine_path(void)
{
	Dl_info info;

	return dladdr(&nr_names, &info) && info.dli_fname ? info.dli_fname : "libdgen_engine.so";
}

/* Not every engine of fio's takes more than one I/O at a time (its nfs loses some): as many as it had. */
static unsigned int read_depth(const struct job *job)
{
	return strncmp(job->options->backend, "fio:", 4) ? 16 : job->td->o.iodepth;
}

static void put_data_options(FILE *out, const struct dgen_options *data)
{
	char mix[DGEN_MIX_TEXT_MAX];

	dgen_mix_print(data, mix);
	put_number(out, "dedup_ratio", data->dedup_ratio);
	fprintf(out, " --compress_ratio=%s --dedup_unit=%u", mix, data->dedup_unit);
	if (data->zero_percentage > 0)
		put_number(out, "zero_percentage", data->zero_percentage);
	if (data->dedup_run)
		fprintf(out, " --dedup_run=%u", data->dedup_run);
	if (data->dedup_skew > 0)
		put_number(out, "dedup_skew", data->dedup_skew);
	if (data->dedup_window)
		fprintf(out, " --dedup_window=%" PRIu64, data->dedup_window);
	if (data->compress_chunk)
		fprintf(out, " --compress_chunk=%u", data->compress_chunk);
	if (data->compress_record)
		fprintf(out, " --compress_codec=%s --compress_record=%u",
			dgen_codecs[data->compress_codec], data->compress_record);
	fprintf(out, " --data_seed=0x%016" PRIx64, data->data_seed);
}

static void put_command(FILE *out, const struct job *job)
{
	const struct run_group *group = job->group;
	const struct options *options = job->options;
	/* Whole sectors: a job that verifies reads nothing less. */
	const uint64_t start = (group->start + 511) / 512 * 512, end = group->end / 512 * 512;

	fputs("fio --ioengine=external:", out);
	put_quoted(out, engine_path(), "");
	fputs(" --name=verify --rw=read --verify=crc32c ", out);
	put_names(out, group);
	if (start)
		fprintf(out, " --offset=%" PRIu64, start);
	if (end < group->file_size)
		fprintf(out, " --filesize=%" PRIu64, end);
	fprintf(out, " --bs=%u --iodepth=%u --direct=%u", block_size(start | end), read_depth(job),
		job->td->o.odirect);
	if (strcmp(options->backend, "io_uring"))
		put_text(out, "backend", options->backend);
	if (options->backend_options[0])
		put_text(out, "backend_options", options->backend_options);
	if (options->dedup_domain[0])
		put_text(out, "dedup_domain", options->dedup_domain);
	put_data_options(out, &options->data);
	if (options->verify_state_file[0]) {
		put_text(out, "verify_state_file", options->verify_state_file);
		return;
	}
	fprintf(out, " --data_version=%" PRIu64, (uint64_t)group->highest);
	if (group->lowest < group->highest)
		fprintf(out, " --oldest_version=%" PRIu64, (uint64_t)group->lowest);
}

static void say_command(const struct job *job)
{
	char *command = NULL;
	size_t size;
	FILE *out = open_memstream(&command, &size);

	if (!out)
		return;
	put_command(out, job);
	fclose(out);
	run_say("dgen: to verify it: %s", command);
	free(command);
}

void report_say(const struct job *job)
{
	struct run_group *group = job->group;
	const bool normal = run_output_is_normal();

	if (group->wrong)
		findings_say(group);
	if (normal && (group->checked || group->unchecked))
		run_say("dgen: verify: %.1f MiB checked, %" PRIu64 " wrong%s",
			group->checked / 1048576.0, (uint64_t)group->wrong,
			group->unchecked ? "" : ", nothing left out");
	if (normal && group->unchecked)
		run_say("dgen: verify: %.1f MiB could not be checked: trimmed, or of unknown version",
			group->unchecked / 1048576.0);
	if (!normal || !group->newest || job->ops.flags & FIO_FAKEIO)
		return;
	if (!names_lost && (job->options->verify_state_file[0] || !group->unknown))
		say_command(job);
}
