// SPDX-License-Identifier: GPL-2.0-only
/* dgen --verify: files and devices are compared with what must be there. */
#include "check.h"
#include "diagnose.h"
#include "hold.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (1u << 20) /* bytes read at a time, at least */
#define AHEAD (8u << 20)  /* bytes that the system reads meanwhile */
#define DUMPS 8           /* units kept in files */
#define NEWER_SOUGHT 16   /* versions above the newest, in case it was mistaken */
#define SECTOR UINT64_C(512)
#define STREAM_MAX (UINT64_C(1) << 50) /* bytes that a pipe may be thought to have */
#define HINT_UNITS 16                  /* the least that can look like another name's */

/* A file in work. */
struct target {
	const struct dgen *dgen;
	const struct check *check;
	const struct verify_place *places;
	size_t nr_places, here;
	bool stream;                   /* of places[here]: can only be read in order */
	uint64_t counts[VERIFY_KINDS]; /* units */
	uint64_t units, wrong, older, told;
	uint64_t foreign; /* of the wrong ones: of this seed, but of no place that is known */
	bool pending;     /* finding waits for more of its kind */
	struct verify_finding finding;
	uint64_t *dumped; /* units, of all files */
};

static uint64_t domain_of(const struct target *t)
{
	return t->places[t->here].domain;
}

static void tell(struct target *t)
{
	char line[VERIFY_LINE_MAX];

	if (!t->pending)
		return;
	t->pending = false;
	if (t->told++ >= t->check->findings)
		return;
	verify_describe(&t->finding, line, sizeof(line));
	puts(line);
}

static int dump(const struct target *t, uint64_t offset, const char *what, const uint8_t *data,
		uint32_t length)
{
	const char *name = t->places[t->here].name;
	char *path = NULL;
	int ret = 0, size = 0, fd;
	FILE *file;

	if (asprintf(&path, "%s/%n%s.%" PRIu64 ".%s", t->check->dump, &size, name, offset, what) <
	    0)
		return -ENOMEM;
	for (char *slash = path + size; (slash = strchr(slash, '/'));)
		*slash = '_';
	/* Its name can be foreseen. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	file = fd < 0 ? NULL : fdopen(fd, "wb");
	if (!file || fwrite(data, 1, length, file) != length)
		ret = -errno;
	if (file && fclose(file) && !ret)
		ret = -errno;
	if (ret)
		complain("%s: %s", path, strerror(-ret));
	free(path);
	return ret;
}

static int dump_unit(struct target *t, uint64_t offset, uint64_t version, const uint8_t *found,
		     uint32_t length)
{
	uint8_t *wanted;
	int ret;

	if (!t->check->dump || *t->dumped >= DUMPS)
		return 0;
	++*t->dumped;
	wanted = malloc(length);
	if (!wanted)
		return -ENOMEM;
	dgen_fill(t->dgen, domain_of(t), version, offset, wanted, length);
	ret = dump(t, offset, "found", found, length);
	if (!ret)
		ret = dump(t, offset, "expected", wanted, length);
	free(wanted);
	return ret;
}

/* Sectors that are of a version. */
static uint32_t sectors_right(const struct target *t, uint64_t version, uint64_t offset,
			      const uint8_t *found, uint32_t length)
{
	uint32_t right = 0, part;

	for (uint32_t at = 0; at < length; at += part) {
		part = length - at < SECTOR ? length - at : (uint32_t)SECTOR;
		right += dgen_compare(t->dgen, domain_of(t), version, offset + at, found + at,
				      part) == part;
	}
	return right;
}

/* The allowed version that a unit has most of, the newest of these; *whole: it has that alone. */
static uint64_t likely_version(const struct target *t, uint64_t offset, const uint8_t *found,
			       uint32_t length, bool *whole)
{
	uint32_t most = 0, all = (uint32_t)((length + SECTOR - 1) / SECTOR);
	uint64_t best = t->check->newest;

	for (uint64_t version = best;; version--) {
		uint32_t right = sectors_right(t, version, offset, found, length);

		if (right > most) {
			most = right;
			best = version;
		}
		if (most == all || version == t->check->oldest)
			break;
	}
	*whole = most == all;
	return best;
}

/* As all is under another name, or with other ratios. */
static bool is_foreign(const struct verify_finding *finding)
{
	if (finding->kind == VERIFY_UNKNOWN)
		return finding->ours;
	if (finding->kind == VERIFY_MISDIRECTED)
		return !finding->whose;
	for (uint32_t i = 0; finding->kind == VERIFY_MIXED && i < finding->nr_parts; i++)
		if (i < VERIFY_PARTS_MAX && finding->parts[i].kind == VERIFY_MISDIRECTED &&
		    !finding->parts[i].whose)
			return true;
	return false;
}

static int check_unit(struct target *t, uint64_t offset, const uint8_t *found, uint32_t length)
{
	uint64_t version = t->check->newest;
	struct verify_finding finding;
	bool whole = false;

	if (t->check->oldest < version)
		version = likely_version(t, offset, found, length, &whole);
	if (whole) {
		t->older++;
		return 0;
	}
	verify_diagnose(t->dgen, t->check->unit, t->places, t->nr_places, t->here, offset, found,
			length, version, 0, t->check->newest + NEWER_SOUGHT, &finding);
	t->wrong++;
	t->counts[finding.kind]++;
	t->foreign += is_foreign(&finding);
	if (t->pending && verify_merge(&t->finding, &finding))
		return 0;
	tell(t);
	t->finding = finding;
	t->pending = true;
	if (t->told >= t->check->findings)
		return 0;
	return dump_unit(t, offset, version, found, length);
}

static int check_data(struct target *t, uint64_t offset, const uint8_t *data, size_t length)
{
	size_t done = 0;

	while (done < length) {
		size_t right = dgen_compare(t->dgen, domain_of(t), t->check->newest, offset + done,
					    data + done, length - done);
		uint64_t begin = offset + done, unit, end;
		int ret;

		if (right == length - done)
			break;
		unit = (begin + right) / t->check->unit * t->check->unit;
		end = unit + t->check->unit;
		if (unit > begin)
			begin = unit;
		if (end > offset + length)
			end = offset + length;
		ret = check_unit(t, begin, data + (begin - offset), (uint32_t)(end - begin));
		if (ret)
			return ret;
		done = end - offset;
	}
	return 0;
}

static ssize_t read_some(int fd, uint8_t *data, size_t length, uint64_t offset, bool stream)
{
	for (;;) {
		ssize_t got = stream ? read(fd, data, length) :
				       pread(fd, data, length, (off_t)offset);

		if (got < 0 && errno == EAGAIN) {
			/* Someone gave us a pipe that does not block. */
			struct pollfd wait = { .fd = fd, .events = POLLIN };

			poll(&wait, 1, -1);
		} else if (got >= 0 || errno != EINTR) {
			return got < 0 ? -errno : got;
		}
	}
}

/* The bytes that were read, which are fewer at the end only; or -errno. */
static ssize_t read_all(int fd, uint8_t *data, size_t length, uint64_t offset, bool stream)
{
	size_t done = 0;

	while (done < length) {
		ssize_t got = read_some(fd, data + done, length - done, offset + done, stream);

		if (got < 0)
			return got;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* What ends before it should. */
static int check_end(const struct target *t, uint64_t end, uint64_t wanted)
{
	const struct verify_place *place = &t->places[t->here];
	const uint64_t begin = t->check->offset;

	if (end == wanted || (t->stream && !t->check->sized && end > begin))
		return 0;
	if (t->stream && t->check->sized)
		complain("%s: has %" PRIu64 " bytes, less than the %" PRIu64 " to be verified",
			 place->name, end - begin, t->check->size);
	else if (t->stream)
		complain("%s: nothing to verify, it has 0 bytes", place->name);
	else
		complain("%s: offset %" PRIu64 ": it ends here by now", place->name, end);
	return -EIO;
}

/* *end: where to end, and where it did. */
static int read_file(struct target *t, int fd, uint8_t *buffer, size_t size, uint64_t *end)
{
	const char *name = t->places[t->here].name;
	const uint64_t begin = t->check->offset, wanted = *end;
	struct progress progress;
	uint64_t offset = begin;
	int ret = 0;

	progress_start(&progress, t->check->quiet,
		       t->stream && !t->check->sized ? 0 : wanted - begin);
	while (!ret && offset < wanted) {
		uint64_t next = (offset / size + 1) * size;
		ssize_t got;

		if (next > wanted)
			next = wanted;
		if (!t->stream)
			posix_fadvise(fd, (off_t)next, AHEAD, POSIX_FADV_WILLNEED);
		got = read_all(fd, buffer, (size_t)(next - offset), offset, t->stream);
		if (got < 0) {
			ret = (int)got;
			complain("%s: offset %" PRIu64 ": %s", name, offset, strerror(-ret));
			break;
		}
		ret = check_data(t, offset, buffer, (size_t)got);
		offset += (uint64_t)got;
		progress_show(&progress, offset - begin);
		if (offset < next)
			break;
	}
	progress_end(&progress);
	tell(t);
	*end = offset;
	return ret ? ret : check_end(t, offset, wanted);
}

static void summarise(const struct target *t)
{
	const char *name = t->places[t->here].name;
	const char *separator = ": ";

	if (t->told > t->check->findings)
		printf("%s: %" PRIu64 " more findings are not told\n", name,
		       t->told - t->check->findings);
	if (t->wrong)
		printf("%s: %" PRIu64 " of %" PRIu64 " units are wrong", name, t->wrong, t->units);
	else
		printf("%s: all of %" PRIu64 " units are right", name, t->units);
	for (int kind = 0; kind < VERIFY_KINDS; kind++)
		if (t->counts[kind]) {
			printf("%s%" PRIu64 " %s", separator, t->counts[kind],
			       verify_kind_name((enum verify_kind)kind));
			separator = ", ";
		}
	if (t->older)
		printf("; %" PRIu64 " are of versions before %" PRIu64, t->older, t->check->newest);
	putchar('\n');
	/* Whatever happens to a disk, it does not turn all of a file into what another one holds. */
	if (t->units >= HINT_UNITS && t->foreign >= t->units - t->units / 16)
		printf("%s: it looks like data of this seed under another name (--domain=NAME as it was "
		       "when it was written), or of other ratios\n",
		       name);
}

/* Where what is verified ends, as far as that is known before it is read. */
static int find_end(const struct target *t, uint64_t *end)
{
	const struct verify_place *place = &t->places[t->here];
	const struct check *check = t->check;

	*end = check->offset + check->size;
	if (t->stream && *end > check->offset)
		return 0;
	if (check->sized && *end > place->size) {
		complain("%s: has %" PRIu64 " bytes, less than the %" PRIu64
			 " to be verified from offset %" PRIu64 " on",
			 place->name, place->size, check->size, check->offset);
		return -EINVAL;
	}
	if (*end > place->size)
		*end = place->size;
	if (check->offset < *end)
		return 0;
	if (t->stream)
		complain("%s: nothing to verify of it", place->name);
	else
		complain("%s: nothing to verify, it has %" PRIu64 " bytes", place->name,
			 place->size);
	return -EINVAL;
}

static int open_place(const char *name, bool stream)
{
	const int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);

	if (fd < 0) {
		const int err = errno;

		complain("%s: %s", name, strerror(err));
		return -err;
	}
	if (stream) {
#ifdef F_SETPIPE_SZ
		/* Fewer switches between the writer and us; where it is refused all goes on. */
		fcntl(fd, F_SETPIPE_SZ, BUFFER);
#endif
		return fd;
	}
	/* What the storage holds counts, not what the system remembers of it. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return fd;
}

static int check_file(struct target *t, uint8_t *buffer, size_t size)
{
	const uint64_t unit = t->check->unit;
	uint64_t end;
	int ret, fd;

	ret = find_end(t, &end);
	if (ret)
		return ret;
	fd = open_place(t->places[t->here].name, t->stream);
	if (fd < 0)
		return fd;
	ret = read_file(t, fd, buffer, size, &end);
	close(fd);
	t->units = (end + unit - 1) / unit - t->check->offset / unit;
	if (!ret)
		summarise(t);
	return ret;
}

/* Of a file or a device; of what can only be read in order, what it may have. */
static int find_size(const struct check *check, const char *name, uint64_t *size, bool *stream)
{
	struct stat status;

	*stream = !strcmp(name, "-");
	if (!*stream && stat(name, &status)) {
		const int err = errno;

		complain("%s: %s", name, strerror(err));
		return -err;
	}
	*stream = *stream || S_ISFIFO(status.st_mode);
	if (*stream) {
		*size = check->sized ? check->offset + check->size : STREAM_MAX;
		return 0;
	}
	if (S_ISBLK(status.st_mode))
		return device_size(name, name, size);
	*size = (uint64_t)status.st_size;
	if (S_ISREG(status.st_mode))
		return 0;
	complain("%s: %s; takes files, block devices, pipes and -", name,
		 S_ISDIR(status.st_mode) ? strerror(EISDIR) : "neither a file nor a block device");
	return -EINVAL;
}

static int check_places(const struct dgen *dgen, const struct check *check,
			const struct verify_place *places, const bool *streams, size_t count)
{
	size_t size = (BUFFER + check->unit - 1) / check->unit * check->unit;
	uint8_t *buffer = aligned_alloc(64, (size + 63) / 64 * 64);
	uint64_t dumped = 0;
	bool wrong = false;
	int ret = 0;

	if (!buffer) {
		complain("not enough memory to start");
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct target t = { .dgen = dgen,
				    .check = check,
				    .places = places,
				    .nr_places = count,
				    .here = i,
				    .stream = streams[i],
				    .dumped = &dumped };
		int err = check_file(&t, buffer, size);

		/* One that cannot be read is no reason to leave out the others. */
		ret = ret ? ret : err;
		wrong = wrong || t.wrong;
	}
	free(buffer);
	if (fflush(stdout)) {
		ret = -errno;
		complain("standard output: %s", strerror(-ret));
	}
	return ret ? ret : wrong;
}

int check_files(const struct dgen *dgen, const struct check *check)
{
	struct verify_place *places;
	size_t count = 0, standard = 0;
	bool *streams;
	int ret = 0;

	while (check->files[count])
		count++;
	places = calloc(count + 1, sizeof(*places));
	streams = calloc(count + 1, sizeof(*streams));
	if (!places || !streams) {
		complain("not enough memory to start");
		ret = -ENOMEM;
	}
	for (size_t i = 0; i < count && !ret; i++) {
		const char *name = check->files[i];

		places[i].name = name;
		places[i].domain = dgen_domain(check->domain ? check->domain : name);
		ret = find_size(check, name, &places[i].size, &streams[i]);
		standard += !strcmp(name, "-");
	}
	if (!ret && standard > 1) {
		complain("-: standard input can be read only once");
		ret = -EINVAL;
	}
	if (!ret)
		ret = check_places(dgen, check, places, streams, count);
	free(places);
	free(streams);
	return ret;
}
