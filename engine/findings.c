/* SPDX-License-Identifier: GPL-2.0-only */
/* What verify= has found wrong: told, dumped and counted, for all jobs of a run together. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "findings.h"

enum {
	FILE_LINES_MAX = 20,  /* told in full, of a file */
	GROUP_LINES_MAX = 60, /* and of all files of a group, each time */
	DUMPS_MAX = 4,        /* units */
	FILES_MAX = 256,      /* named; all others are told of together */
};

/* What all jobs of a run have found. */
static struct shared {
	atomic_uint dumps;
	struct wrong_file {
		_Atomic uint64_t domain; /* of its name; 0: free */
		/* Since it was told of last: */
		atomic_uint lines;
		_Atomic uint64_t units;
		_Atomic uint64_t first; /* lowest offset, plus one; 0: none yet */
		_Atomic uint64_t kinds[VERIFY_KINDS];
		char name[256];
	} files[FILES_MAX + 1];
} * shared;

int findings_load(void)
{
	/* fio loads an engine more than once. */
	if (shared)
		return 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared != MAP_FAILED)
		return 0;
	shared = NULL;
	return -errno;
}

static struct wrong_file *wrong_file_of(const struct fio_file *f)
{
	const uint64_t domain = dgen_domain(f->file_name);

	for (size_t i = 0; i < FILES_MAX; i++) {
		struct wrong_file *w = &shared->files[i];
		uint64_t seen = 0;

		if (w->domain == domain)
			return w;
		if (!w->domain && atomic_compare_exchange_strong(&w->domain, &seen, domain)) {
			snprintf(w->name, sizeof(w->name), "%s", f->file_name);
			return w;
		}
		if (seen == domain)
			return w;
	}
	return &shared->files[FILES_MAX];
}

static void dump(const struct fio_file *f, uint64_t offset, const char *what, const void *data,
		 size_t length)
{
	const char *slash = strrchr(f->file_name, '/');
	char name[512];
	int fd;

	snprintf(name, sizeof(name), "%s%s%s.%" PRIu64 ".%s", aux_path ? aux_path : "",
		 aux_path ? "/" : "", slash ? slash + 1 : f->file_name, offset, what);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write(fd, data, length) != (ssize_t)length)
		run_warn("%s: %s", name, strerror(errno));
	else
		run_warn("  %s data: %s", what, name);
	if (fd >= 0)
		close(fd);
}

static void dump_both(struct job *job, const struct job_file *file, uint64_t offset,
		      const uint8_t *found, size_t length, uint64_t version)
{
	uint8_t *wanted;

	if (!job->td->o.verify_dump || atomic_fetch_add(&shared->dumps, 1) >= DUMPS_MAX)
		return;
	wanted = malloc(length);
	if (!wanted)
		return;
	dgen_fill(job->dgen, file->domain, version, offset, wanted, length);
	dump(file->file, offset, "expected", wanted, length);
	dump(file->file, offset, "received", found, length);
	free(wanted);
}

/* Made with the first finding, as most jobs have none. */
static int make_places(struct job *job)
{
	if (job->places)
		return 0;
	job->places = calloc(job->nr_files, sizeof(*job->places));
	if (!job->places)
		return -ENOMEM;
	for (unsigned int i = 0; i < job->nr_files; i++) {
		job->places[i].name = job->files[i]->file->file_name;
		job->places[i].domain = job->files[i]->domain;
		job->places[i].size = job->files[i]->file->real_file_size;
	}
	return 0;
}

static size_t number_of(const struct job *job, const struct job_file *file)
{
	size_t number = 0;

	while (job->files[number] != file)
		number++;
	return number;
}

static void diagnose(struct job *job, const struct job_file *file, uint64_t offset,
		     const uint8_t *found, size_t length, uint64_t version,
		     struct verify_finding *finding)
{
	const struct track_file *t = file->track;
	const uint64_t oldest = t ? (t->known ? t->oldest : t->base) : 0;
	const uint64_t newest = t && t->rounds ? t->base + TRACK_LAST - 1 : version + 1;

	verify_diagnose(job->dgen, job->options->data.dedup_unit, job->places, job->nr_files,
			number_of(job, file), offset, found, length, version, oldest, newest,
			finding);
}

static void count_unit(struct job *job, const struct job_file *file, uint64_t offset,
		       enum verify_kind kind)
{
	struct wrong_file *w = wrong_file_of(file->file);
	uint64_t first = w->first;

	job->wrong++;
	w->units++;
	w->kinds[kind]++;
	while ((!first || offset + 1 < first) &&
	       !atomic_compare_exchange_weak(&w->first, &first, offset + 1))
		;
}

static bool may_tell(const struct job *job, const struct job_file *file)
{
	return job->places &&
	       atomic_fetch_add(&wrong_file_of(file->file)->lines, 1) < FILE_LINES_MAX &&
	       atomic_fetch_add(&job->group->lines, 1) < GROUP_LINES_MAX;
}

static void tell(const struct verify_finding *finding)
{
	char line[VERIFY_LINE_MAX];

	verify_describe(finding, line, sizeof(line));
	run_warn("verify: %s", line);
}

void findings_flush(struct job *job)
{
	if (job->finding && may_tell(job, job->finding_file))
		tell(job->finding);
	free(job->finding);
	job->finding = NULL;
}

void findings_unit(struct job *job, const struct job_file *file, uint64_t offset,
		   const uint8_t *found, size_t length, uint64_t version)
{
	struct verify_finding finding = { .kind = VERIFY_UNKNOWN };

	if (!make_places(job))
		diagnose(job, file, offset, found, length, version, &finding);
	count_unit(job, file, offset, finding.kind);
	if (!job->finding || !verify_merge(job->finding, &finding)) {
		findings_flush(job);
		job->finding = malloc(sizeof(finding));
		job->finding_file = file;
		if (job->finding)
			*job->finding = finding;
	}
	dump_both(job, file, offset, found, length, version);
}

/* Most often it is the data of another place: which one, the diagnosis tells. */
void findings_not_zero(struct job *job, const struct job_file *file, uint64_t offset,
		       const uint8_t *found, size_t length, const char *why)
{
	struct verify_finding finding = { .kind = VERIFY_UNKNOWN };
	size_t count = 0, first = length;

	for (size_t i = 0; i < length; i++) {
		if (found[i] && !count++)
			first = i;
	}
	if (!make_places(job))
		diagnose(job, file, offset, found, length, job->options->data_version, &finding);
	if (finding.kind != VERIFY_MISDIRECTED)
		finding.kind = VERIFY_BYTES;
	count_unit(job, file, offset, finding.kind);
	if (!may_tell(job, file))
		return;
	if (finding.kind == VERIFY_MISDIRECTED)
		tell(&finding);
	run_warn("verify: %s: offset %" PRIu64
		 ", length %zu: %s, but %zu bytes are not zero, the first "
		 "at offset %" PRIu64,
		 file->file->file_name, offset, length, why, count, offset + first);
}

void findings_missing(struct job *job, const struct job_file *file, uint64_t offset,
		      uint64_t length)
{
	const uint32_t unit = job->options->data.dedup_unit;
	struct verify_finding finding = {
		.kind = VERIFY_MISSING,
		.offset = offset,
		.length = length,
		.unit = offset / unit,
		.last_unit = (offset + length - 1) / unit,
		.last = length - 1,
	};

	for (uint64_t u = finding.unit; u <= finding.last_unit; u++)
		count_unit(job, file, u * unit < offset ? offset : u * unit, VERIFY_MISSING);
	if (make_places(job))
		return;
	finding.here = &job->places[number_of(job, file)];
	if (may_tell(job, file))
		tell(&finding);
}

/* Takes out what was counted of one file: what comes later is told by the next. */
static void say_file(struct wrong_file *w)
{
	const uint64_t units = atomic_exchange(&w->units, 0), first = atomic_exchange(&w->first, 0);
	char kinds[256] = "", at[64] = "";
	size_t used = 0;

	if (!units)
		return;
	w->lines = 0;
	for (int kind = 0; kind < VERIFY_KINDS; kind++) {
		const uint64_t count = atomic_exchange(&w->kinds[kind], 0);

		if (count && used < sizeof(kinds))
			used += snprintf(kinds + used, sizeof(kinds) - used, "%s%" PRIu64 " %s",
					 used ? ", " : "", count, verify_kind_name(kind));
	}
	if (w->name[0])
		snprintf(at, sizeof(at), ", the first at offset %" PRIu64, first - 1);
	run_warn("verify: %s: %" PRIu64 " wrong%s: %s", w->name[0] ? w->name : "further files",
		 units, at, kinds);
}

void findings_say(struct run_group *group)
{
	for (size_t i = 0; i <= FILES_MAX; i++)
		say_file(&shared->files[i]);
	group->lines = 0;
}
