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
#include "written.h"

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
static void region(const struct job *job, const struct fio_file *f, enum fio_ddir ddir,
		   uint64_t *start, uint64_t *end)
{
	*start = f->file_offset;
	*end = f->file_offset + f->io_size - f->io_size % job->td->o.min_bs[ddir];
}

static bool file_versions(struct job *job, const struct job_file *file, uint64_t *oldest,
			  uint64_t *newest)
{
	uint64_t start, end;

	if (file->tags) {
		region(job, &file->last, DDIR_WRITE, &start, &end);
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

static void note_file(struct job *job, const struct job_file *file, enum fio_ddir ddir,
		      struct run_result *result)
{
	struct written_range range = { .group = job->group,
				       .domain = dgen_domain(file->name),
				       .file_size = file->last.real_file_size,
				       .began = job->ranges_before,
				       .trimmed = ddir == DDIR_TRIM };

	region(job, &file->last, ddir, &range.start, &range.end);
	if (ddir == DDIR_WRITE && !file_versions(job, file, &range.lowest, &range.highest))
		result->known = false;
	if (range.start < range.end && !written_add(&range))
		result->lost = true;
}

void report_note(struct job *job, struct run_result *result)
{
	const struct thread_options *o = &job->td->o;

	result->began = job->began;
	result->known = !job->td->error && !job->failed;
	result->not_kept = job->written && !job->keeps;
	/* What was only begun, or went nowhere, is no version. */
	if (!job->written || !job->keeps)
		result->written = result->newest = 0;
	if (!job->keeps)
		return;
	result->separate = !o->create_serialize;
	result->buffered = result->newest && !o->odirect;
	for (unsigned int i = 0; i < job->nr_files; i++) {
		if (job->trimmed)
			note_file(job, job->files[i], DDIR_TRIM, result);
		if (result->newest)
			note_file(job, job->files[i], DDIR_WRITE, result);
	}
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

static void put_names(FILE *out, const struct written_part *part)
{
	for (unsigned int i = 0; i < part->nr_names; i++) {
		fputs(i ? ":" : "--filename=", out);
		put_quoted(out, part->names[i], ":");
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

	return dladdr((void *)engine_path, &info) && info.dli_fname ? info.dli_fname :
								      "libdgen_engine.so";
}

/* Not every engine of fio's takes more than one I/O at a time (its nfs loses some): as many as it had. */
static unsigned int read_depth(const struct written_by *by)
{
	return strncmp(by->options.backend, "fio:", 4) ? 16 : by->iodepth;
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

static void put_command(FILE *out, const struct written_by *by, const struct written_part *part)
{
	const struct options *options = &by->options;

	fputs("fio --ioengine=external:", out);
	put_quoted(out, engine_path(), "");
	fputs(" --name=verify --rw=read --verify=crc32c ", out);
	put_names(out, part);
	if (part->start)
		fprintf(out, " --offset=%" PRIu64, part->start);
	/* A file that has been cut since is an error then. */
	if (!part->whole || part->even)
		fprintf(out, " --filesize=%" PRIu64, part->end);
	fprintf(out, " --bs=%u --iodepth=%u --direct=%d", block_size(part->sizes), read_depth(by),
		!by->group->buffered);
	if (strcmp(options->backend, "io_uring"))
		put_text(out, "backend", options->backend);
	if (options->backend_options[0])
		put_text(out, "backend_options", options->backend_options);
	if (options->dedup_domain[0])
		put_text(out, "dedup_domain", options->dedup_domain);
	put_data_options(out, &by->group->data);
	if (options->verify_state_file[0]) {
		put_text(out, "verify_state_file", options->verify_state_file);
		return;
	}
	fprintf(out, " --data_version=%" PRIu64, part->highest);
	if (part->lowest < part->highest)
		fprintf(out, " --oldest_version=%" PRIu64, part->lowest);
}

static void say_command(const struct written_part *part, unsigned int number, unsigned int count,
			void *by)
{
	char *command = NULL, which[48] = "";
	size_t size;
	FILE *out = open_memstream(&command, &size);

	if (!out)
		return;
	put_command(out, by, part);
	fclose(out);
	if (count > 1)
		snprintf(which, sizeof(which), ", part %u of %u", number, count);
	run_say("dgen: to verify it%s: %s", which, command);
	free(command);
}

/* NULL: nothing is in the way of a command. */
static const char *why_none(const struct run_group *group, const struct written_by *by)
{
	if (group->removed)
		return "unlink=1 or unlink_each_loop=1 removes it";
	if (group->separate && (thread_number > 1 || !by))
		return "with create_serialize=0 jobs do not know each other's files";
	if (!by || group->lost)
		return "not all names of files are known";
	if (by->mixed)
		return "its jobs differ in dedup_domain=, backend= or verify_state_file=";
	if (by->options.verify_state_file[0])
		return NULL;
	if (group->running)
		return "a job was killed; verify_state_file= does";
	if (group->unknown)
		return "which version is where was not noted; verify_state_file= does";
	return NULL;
}

static void say_how(const struct run_group *group)
{
	const struct written_by *by = written_by(group);
	const char *why = why_none(group, by);

	if (!why)
		why = written_parts(group, by->options.verify_state_file[0], say_command,
				    (void *)by);
	if (why)
		run_say("dgen: no command verifies it: %s", why);
}

void report_say(struct run_group *group)
{
	const bool normal = run_output_is_normal();

	if (group->wrong)
		findings_say(group);
	if (normal && (group->checked || group->unchecked))
		run_say("dgen: verify: %s checked, %" PRIu64 " wrong%s",
			RUN_SIZE((double)group->checked), (uint64_t)group->wrong,
			group->unchecked ? "" : ", nothing left out");
	if (normal && group->unchecked)
		run_say("dgen: verify: %s could not be checked: trimmed, or of unknown version",
			RUN_SIZE((double)group->unchecked));
	if (normal && group->newest)
		say_how(group);
	else if (normal && group->not_kept)
		run_say("dgen: wrote nothing: the back end keeps no data");
}
