/* SPDX-License-Identifier: GPL-2.0-only */
/* What the jobs share lives in memory that is mapped shared before the first of them is forked. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat.h"
#include "options.h"
#include "run.h"

enum { GROUPS_MAX = 256 };

static struct run {
	atomic_uint groups; /* used */
	atomic_flag joining;
	atomic_flag substituted;
	atomic_flag unplaced;
	atomic_uint numbers; /* given */
	pid_t main_process;
	uint64_t fresh_seed;
	struct run_group group[GROUPS_MAX];
} * run;

int run_load(void)
{
	if (run)
		return 0;
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED) {
		run = NULL;
		return -errno;
	}
	run->main_process = getpid();
	run->fresh_seed = dgen_fresh_seed();
	return 0;
}

uint64_t run_fresh_seed(void)
{
	return run->fresh_seed;
}

bool run_first_substitute(void)
{
	return !atomic_flag_test_and_set(&run->substituted);
}

bool run_first_unplaced(void)
{
	return !atomic_flag_test_and_set(&run->unplaced);
}

unsigned int run_next_number(void)
{
	return run->numbers++;
}

bool run_output_has_options(void)
{
	return output_format & (FIO_OUTPUT_JSON | FIO_OUTPUT_JSON_PLUS);
}

bool run_output_is_normal(void)
{
	return output_format == FIO_OUTPUT_NORMAL;
}

/* The last one takes all jobs beyond GROUPS_MAX different ones: their line is less exact. */
static struct run_group *find(const struct options *options)
{
	struct run_group *group = run->group;
	unsigned int i;

	for (i = 0; i < run->groups; i++, group++)
		if (options_same_data(&group->data, &options->data) &&
		    group->data_version == options->data_version)
			return group;
	if (i == GROUPS_MAX)
		return group - 1;

	group->data = options->data;
	group->data_version = options->data_version;
	run->groups++;
	return group;
}

struct run_group *run_join(const struct options *options)
{
	struct run_group *group;

	/* Jobs join from fio's main process, but with create_serialize=0 each from its own. */
	while (atomic_flag_test_and_set(&run->joining))
		sched_yield();
	group = find(options);
	group->jobs++;
	atomic_flag_clear(&run->joining);
	return group;
}

const char *run_size_text(char *text, size_t room, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t i = 0;

	for (; bytes >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		bytes /= 1024;
	snprintf(text, room, i ? "%.2f %s" : "%.0f %s", bytes, units[i]);
	return text;
}

/* To be freed; NULL: out of memory. */
__attribute__((format(printf, 1, 0))) static char *make_line(const char *format, va_list args)
{
	char *line;

	return vasprintf(&line, format, args) < 0 ? NULL : line;
}

/*
 * A job that is a process ends by _exit(), which drops what is in its copy of fio's output
 * buffer; and flushing would print a second time what the main process has in there.
 */
void run_say(const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	line = make_line(format, args);
	va_end(args);
	if (!line)
		return;
	if (is_backend || getpid() == run->main_process)
		log_info("%s\n", line);
	else
		dprintf(fileno(f_out), "%s\n", line);
	free(line);
}

void run_warn(const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	line = make_line(format, args);
	va_end(args);
	if (!line)
		return;
	if (is_backend)
		log_err("dgen: %s\n", line);
	else
		fprintf(stderr, "dgen: %s\n", line);
	free(line);
}

void run_flush(void)
{
	if (!is_backend && getpid() == run->main_process)
		log_info_flush();
}

static void print(const struct run_group *group)
{
	if (!group->newest || !run_output_is_normal())
		return;
	run_say("dgen: wrote %s as dedup %g:1 x compress %g:1, data_seed=0x%016" PRIx64
		", data_version %" PRIu64 " to %" PRIu64 "; go on with data_version=%" PRIu64,
		RUN_SIZE((double)group->written), group->data.dedup_ratio,
		group->data.compress_ratio, group->data.data_seed, group->data_version,
		group->newest - 1, group->newest);
}

static void raise_to(atomic_uint_fast64_t *to, uint64_t value)
{
	uint_fast64_t seen = *to;

	while (seen < value && !atomic_compare_exchange_weak(to, &seen, value))
		;
}

static void set_if(atomic_bool *to, bool value)
{
	if (value)
		*to = true;
}

void run_begin(struct run_group *group)
{
	group->running++;
}

bool run_leave(struct run_group *group, const struct run_result *result)
{
	group->written += result->written;
	group->checked += result->checked;
	group->unchecked += result->unchecked;
	group->wrong += result->wrong;
	raise_to(&group->newest, result->newest);
	set_if(&group->unknown, result->newest && !result->known);
	set_if(&group->separate, result->separate);
	set_if(&group->buffered, result->buffered);
	set_if(&group->not_kept, result->not_kept);
	set_if(&group->lost, result->lost);
	if (result->began)
		group->running--;
	if (--group->jobs)
		return false;
	print(group);
	return true;
}

bool run_is_main(void)
{
	return run && getpid() == run->main_process;
}

void run_finish(void (*say)(struct run_group *group))
{
	bool left[GROUPS_MAX] = { false };

	/* None of their jobs comes any more: first of all, for one group asks whether another goes on. */
	for (unsigned int i = 0; i < run->groups; i++)
		left[i] = atomic_exchange(&run->group[i].jobs, 0) > 0;
	for (unsigned int i = 0; i < run->groups; i++) {
		if (!left[i])
			continue;
		print(&run->group[i]);
		say(&run->group[i]);
	}
}
