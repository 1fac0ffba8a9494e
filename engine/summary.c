/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects what jobs leave for the report, in memory mapped shared before the first is forked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "files.h"
#include "nodes.h"
#include "summary.h"
#include "tags.h"

static struct summary {
	atomic_uint cpus_usable; /* by the last job that ended */
	atomic_uint joined;
	atomic_uint jobs[WRITERS_MAX]; /* of each group, not yet ended */
	atomic_bool over[WRITERS_MAX]; /* groups that ended */
	struct writer writers[WRITERS_MAX];
} * summary;

int summary_load(void)
{
	if (summary)
		return 0;
	/* Some 120 MB of addresses, of which only what is used takes memory. */
	summary = mmap(NULL, sizeof(*summary), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (summary == MAP_FAILED) {
		summary = NULL;
		return -errno;
	}
	return 0;
}

int summary_check(const struct options *options)
{
	const char *const path = options->report_file;
	int fd, err;

	if (!path[0])
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	err = errno;
	log_err("dgen: report_file=%s: must be a file that can be written: %s\n", path,
		strerror(err));
	return -err;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* Shared, so that the last job of a group can add up. Most of it is touched only where much is written. */
static struct dgen_tally *make_tally(const struct job *job)
{
	const uint32_t unit = job->options->data.dedup_unit;
	struct dgen_tally *tally;

	if (!td_write(job->td))
		return NULL;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tally == MAP_FAILED)
		return NULL;
	dgen_tally_init(tally, (uint32_t)tags_grain(job->td, DDIR_WRITE, unit));
	return tally;
}

void summary_join(struct job *job)
{
	const struct options *options = job->options;
	const struct thread_data *td = job->td;
	struct writer *writer;
	unsigned int at;

	if (!options->report && !options->report_file[0])
		return;
	at = summary->joined++;
	if (at >= WRITERS_MAX)
		return;
	writer = &summary->writers[at];
	writer->group = td->groupid % WRITERS_MAX;
	writer->shown = options->report;
	copy(writer->path, sizeof(writer->path), options->report_file);
	summary->jobs[writer->group]++;
	writer->tally = make_tally(job);
	job->tally = writer->tally;
	job->writer = writer;
}

/* ---- what a job leaves ---- */

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void take_latency(const struct thread_data *td, enum fio_ddir ddir, struct latency *latency)
{
	const struct io_stat *stat = &td->ts.clat_stat[ddir];

	latency->count = stat->samples;
	latency->sum = stat->mean.u.f * (double)stat->samples;
	latency->least = stat->min_val;
	latency->most = stat->max_val;
	memcpy(latency->plat, td->ts.io_u_plat[FIO_CLAT][ddir], sizeof(latency->plat));
}

/* What was reached of what fio was told to: 1 or so where that is what holds it back. */
static void take_rate(struct job *job, struct times *times)
{
	struct thread_data *td = job->td;
	const struct thread_options *o = &td->o;
	double wanted = 0, reached;

	for (int ddir = DDIR_READ; ddir <= DDIR_WRITE; ddir++) {
		/* One value that the user gave is for all directions. */
		if (!(ddir == DDIR_READ ? td_read(td) : td_write(td)))
			continue;
		wanted += (double)o->rate[ddir];
		if (!o->rate[ddir])
			wanted += (double)o->rate_iops[ddir] * (double)o->max_bs[ddir];
		times->limited = times->limited || o->rate[ddir] || o->rate_iops[ddir];
	}
	times->limited = times->limited || o->thinktime;
	reached = (double)(job->written + job->read) / (times->run > 0 ? times->run : 1);
	if (wanted > 0)
		times->rate = reached / wanted;
}

static void take_times(struct job *job, struct writer *writer)
{
	const struct account *a = &job->account;
	struct times *times = &writer->times;

	writer->started = a->started;
	writer->ended_at = a->ended;
	times->run = seconds(a->ended - a->started);
	times->make = seconds(a->fill.ns + a->check.ns);
	times->await = seconds(a->await.ns);
	times->wait = seconds(a->wait.ns);
	times->submit = seconds(a->submit.ns);
	times->cpu = seconds(a->cpu);
	times->delay = seconds(a->delay);
	times->late = seconds(a->late);
	for (int ddir = DDIR_READ; ddir < DDIR_RWDIR_CNT; ddir++)
		times->ios += (double)job->ios[ddir];
	times->has_delay = a->has_delay;
	take_rate(job, times);
	writer->filled = a->filled;
	writer->fill_ns = a->fill.ns + a->helped;
	writer->helped_ns = a->helped;
	writer->busy_ns = td_ioengine_flagged(job->td, FIO_SYNCIO) ? a->wait.ns : a->busy.ns;
	if (writer->busy_ns > a->ended - a->started)
		writer->busy_ns = a->ended - a->started;
}

/* What is written and then read back takes turns; otherwise all of the time is for both. */
static void take_spent(const struct job *job, struct writer *writer)
{
	const struct account *a = &job->account;
	const uint64_t run = a->ended - a->started;

	if (job->read)
		writer->spent[DDIR_READ] = td_read(job->td) ? run : a->read_back;
	if (job->written)
		writer->spent[DDIR_WRITE] = run > a->read_back ? run - a->read_back : 0;
}

static void take_settings(struct job *job, struct writer *writer)
{
	const struct thread_data *td = job->td;
	const struct thread_options *o = &td->o;
	const enum fio_ddir ddir = td_write(job->td) ? DDIR_WRITE : DDIR_READ;

	copy(writer->name, sizeof(writer->name), o->name);
	copy(writer->target, sizeof(writer->target), job->nr_files ? job->files[0]->name : "");
	copy(writer->kernel, sizeof(writer->kernel), dgen_kernel(job->dgen));
	copy(writer->backend, sizeof(writer->backend), job->options->backend);
	writer->data = job->options->data;
	writer->version = job->options->data_version;
	writer->next_version = job->written && job->keeps ? job->newest : 0;
	writer->iodepth = o->iodepth;
	writer->gen_threads = job->ahead ? job->options->gen_threads : 0;
	writer->node = job->node;
	writer->huge_part = job->huge_part;
	writer->block = o->max_bs[ddir];
	writer->block_min = o->min_bs[ddir];
	writer->direct = o->odirect;
	writer->stores = job->keeps && !(job->inner->flags & FIO_DISKLESSIO) && job->nr_files &&
			 file_is_here(job, &job->files[0]->last);
	writer->thread = o->use_thread;
	writer->error = td->error;
}

static void take(struct job *job, struct writer *writer)
{
	if (!job->account.started)
		return;
	account_close(&job->account);
	summary->cpus_usable = job->cpus;
	take_settings(job, writer);
	writer->written = job->written;
	writer->read = job->read;
	writer->trimmed = job->trimmed;
	memcpy(writer->ios, job->ios, sizeof(writer->ios));
	take_times(job, writer);
	take_spent(job, writer);
	take_latency(job->td, DDIR_READ, &writer->latency[0]);
	take_latency(job->td, DDIR_WRITE, &writer->latency[1]);
	writer->ran = true;
}

/* ---- adding up ---- */

static void add_latency(struct latency *to, const struct latency *from)
{
	if (!from->count)
		return;
	if (!to->count || from->least < to->least)
		to->least = from->least;
	if (from->most > to->most)
		to->most = from->most;
	to->count += from->count;
	to->sum += from->sum;
	for (size_t i = 0; i < FIO_IO_U_PLAT_NR; i++)
		to->plat[i] += from->plat[i];
}

/* What the time without a CPU was lost to is known of each job, not of all together. */
static void add_times(struct total *to, const struct times *from)
{
	struct parts parts;

	verdict_parts(from, &parts);
	to->parts.generator += parts.generator * from->run;
	to->parts.storage += parts.storage * from->run;
	to->parts.submission += parts.submission * from->run;
	to->parts.held_back += parts.held_back * from->run;
	to->times.run += from->run;
	to->times.delay += from->delay;
	to->times.has_delay = to->times.has_delay && from->has_delay;
	to->times.limited = to->times.limited || from->limited;
	to->times.rate += from->rate * from->run;
}

/* From sums to parts of the run time. */
static void divide(struct total *total)
{
	const double run = total->times.run;

	if (run <= 0)
		return;
	total->busy /= run;
	total->cpu_missing = total->times.delay / run;
	total->times.rate /= run;
	total->parts.generator /= run;
	total->parts.storage /= run;
	total->parts.submission /= run;
	total->parts.held_back /= run;
}

/* Its compression, as far as it depends on which units were written. */
static double compress_issued(const struct dgen_options *data, const struct dgen_tally *tally)
{
	const struct dgen_part *mix = data->compress_mix;
	double stored = 0;

	if (!mix->ratio)
		return data->compress_ratio;
	for (unsigned int i = 0; i < DGEN_PARTS_MAX && mix[i].ratio; i++)
		stored += dgen_tally_share(tally, i) / (mix[i].ratio / 1000.0);
	return 1 / stored;
}

/* What the storage was given. Contents of different options cannot be told apart by their numbers. */
static void add_issued(const struct writer *const *writers, unsigned int count, struct total *total)
{
	struct dgen_tally *all = calloc(1, sizeof(*all));
	const struct writer *first = NULL;

	total->dedup = total->compress = -1;
	for (unsigned int i = 0; all && i < count; i++) {
		const struct writer *w = writers[i];

		if (!w->tally || !w->tally->keys)
			continue;
		if (!first) {
			first = w;
			dgen_tally_init(all, w->tally->granule);
		}
		if (all->granule != w->tally->granule ||
		    !options_same_data(&first->data, &w->data)) {
			free(all);
			return;
		}
		dgen_tally_merge(all, w->tally);
	}
	if (first) {
		total->dedup = dgen_tally_ratio(all);
		total->compress = compress_issued(&first->data, all);
	}
	free(all);
}

/* From the first start of those that went this way to the last end, but for what each of them did otherwise. */
static double find_spent(const struct writer *const *writers, unsigned int count,
			 enum fio_ddir ddir)
{
	uint64_t first = UINT64_MAX, last = 0, otherwise = UINT64_MAX;

	for (unsigned int i = 0; i < count; i++) {
		const struct writer *w = writers[i];
		const uint64_t rest = w->ended_at - w->started - w->spent[ddir];

		if (!w->spent[ddir])
			continue;
		first = w->started < first ? w->started : first;
		last = w->ended_at > last ? w->ended_at : last;
		otherwise = rest < otherwise ? rest : otherwise;
	}
	return last ? seconds(last - first - otherwise) : 0;
}

void summary_add_up(const struct writer *const *writers, unsigned int count, struct total *total)
{
	uint64_t first = UINT64_MAX, last = 0;

	memset(total, 0, sizeof(*total));
	total->times.has_delay = true;
	for (unsigned int i = 0; i < count; i++) {
		const struct writer *w = writers[i];

		first = w->started < first ? w->started : first;
		last = w->ended_at > last ? w->ended_at : last;
		if (w->next_version && (!total->next_version || w->version < total->version))
			total->version = w->version;
		if (w->next_version > total->next_version)
			total->next_version = w->next_version;
		total->written += w->written;
		total->read += w->read;
		total->trimmed += w->trimmed;
		for (int ddir = DDIR_READ; ddir < DDIR_RWDIR_CNT; ddir++)
			total->ios[ddir] += w->ios[ddir];
		total->filled += w->filled;
		total->fill_seconds += seconds(w->fill_ns);
		total->helper_seconds += seconds(w->helped_ns);
		total->helpers += w->gen_threads * w->times.run;
		total->busy += seconds(w->busy_ns);
		total->pool += (double)w->block * w->iodepth;
		add_times(total, &w->times);
		add_latency(&total->latency[0], &w->latency[0]);
		add_latency(&total->latency[1], &w->latency[1]);
	}
	total->seconds = count ? seconds(last - first) : 0;
	total->spent[DDIR_READ] = find_spent(writers, count, DDIR_READ);
	total->spent[DDIR_WRITE] = find_spent(writers, count, DDIR_WRITE);
	divide(total);
	add_issued(writers, count, total);
	total->verdict = verdict_find(&total->times, &total->parts);
}

/* The middle of a bucket: fio's are 64 for each power of two, those below 128 one ns each. */
static double bucket_value(size_t bucket)
{
	const unsigned int shift = (unsigned int)(bucket >> FIO_IO_U_PLAT_BITS);
	const double within = (double)(bucket % FIO_IO_U_PLAT_VAL) + FIO_IO_U_PLAT_VAL;

	if (shift < 2)
		return (double)bucket;
	return (within + 0.5) * (double)(UINT64_C(1) << (shift - 1));
}

double summary_percentile(const struct latency *latency, double part)
{
	uint64_t all = 0, seen = 0;

	for (size_t i = 0; i < FIO_IO_U_PLAT_NR; i++)
		all += latency->plat[i];
	for (size_t i = 0; i < FIO_IO_U_PLAT_NR && all; i++) {
		seen += latency->plat[i];
		if ((double)seen < part * (double)all)
			continue;
		if (bucket_value(i) > (double)latency->most)
			break;
		return bucket_value(i);
	}
	return all ? (double)latency->most : -1;
}

void summary_machine(struct machine *machine)
{
	struct utsname name;
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(machine, 0, sizeof(*machine));
	machine->cpus = cpus > 0 ? (unsigned int)cpus : 1;
	machine->cpus_usable = summary->cpus_usable ? summary->cpus_usable : machine->cpus;
	machine->nodes = nodes_count();
	if (uname(&name))
		return;
	snprintf(machine->kernel, sizeof(machine->kernel), "%s %s", name.sysname, name.release);
	copy(machine->arch, sizeof(machine->arch), name.machine);
}

/* ---- the end of a group ---- */

/* Writers of the group that ended. False where there is none to tell of. */
static bool look(unsigned int group, const char *path, struct group_view *view)
{
	const unsigned int joined = summary->joined < WRITERS_MAX ? summary->joined : WRITERS_MAX;

	view->group = group;
	view->count = 0;
	view->writers = calloc(joined + 1, sizeof(struct writer *));
	if (!view->writers)
		return false;
	for (unsigned int i = 0; i < joined; i++) {
		const struct writer *w = &summary->writers[i];

		if (w->group == group && w->ended && w->ran &&
		    (path ? !strcmp(path, w->path) : w->shown))
			view->writers[view->count++] = w;
	}
	return view->count > 0;
}

static void print(unsigned int group)
{
	struct group_view view;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!run_output_is_normal())
		return;
	out = look(group, NULL, &view) ? open_memstream(&text, &size) : NULL;
	if (out) {
		summary_print(out, &view);
		fclose(out);
		run_say("%s", text);
		free(text);
	}
	free(view.writers);
}

/* So that two groups that end at once do not write through each other. */
static FILE *open_locked(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	FILE *out;

	if (fd < 0)
		return NULL;
	out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		return NULL;
	}
	/* What is no file, a pipe say, can neither be locked nor cut. */
	if (!flock(fd, LOCK_EX) && ftruncate(fd, 0))
		clearerr(out);
	return out;
}

/* All groups that are over: each end writes the file anew. 0 or -errno. */
static int write_file(const char *path)
{
	struct group_view *views = calloc(WRITERS_MAX, sizeof(*views));
	FILE *out = views ? open_locked(path) : NULL;
	unsigned int count = 0;
	int err = out ? 0 : -errno;

	for (unsigned int group = 0; out && group < WRITERS_MAX; group++) {
		if (!summary->over[group])
			continue;
		if (look(group, path, &views[count]))
			count++;
		else
			free(views[count].writers);
	}
	if (out) {
		summary_json(out, views, count);
		if (fclose(out))
			err = -errno;
	}
	for (unsigned int i = 0; i < count; i++)
		free(views[i].writers);
	free(views);
	return err;
}

/* Each file that the group's jobs name, once. td is NULL where none of them is there any more. */
static void write_files(struct thread_data *td, unsigned int group)
{
	const char *last = "";
	int err;

	for (unsigned int i = 0; i < summary->joined && i < WRITERS_MAX; i++) {
		const struct writer *w = &summary->writers[i];

		if (w->group != group || !w->ran || !w->path[0] || !strcmp(last, w->path))
			continue;
		last = w->path;
		err = write_file(w->path);
		if (!err)
			continue;
		run_warn("report_file=%s: %s", w->path, strerror(-err));
		if (td && !td->error)
			td_verror(td, -err, "report_file");
	}
}

static void end_group(struct thread_data *td, unsigned int group)
{
	summary->over[group] = true;
	print(group);
	write_files(td, group);
}

void summary_finish(void)
{
	for (unsigned int group = 0; group < WRITERS_MAX; group++)
		if (summary->jobs[group] && !summary->over[group])
			end_group(NULL, group);
}

void summary_leave(struct job *job)
{
	struct writer *writer = job->writer;
	unsigned int group;

	if (!writer)
		return;
	job->writer = NULL;
	take(job, writer);
	writer->ended = true;
	group = writer->group;
	if (!--summary->jobs[group])
		end_group(job->td, group);
}
