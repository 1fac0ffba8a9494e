// SPDX-License-Identifier: GPL-2.0-only
/* dgen --verify: files and devices are compared with what must be there. */
#include "check.h"
#include "values.h"
#include "diagnose.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/* A file in work. */
struct target {
	const struct dgen *dgen;
	const struct check *check;
	const struct verify_place *places;
	size_t nr_places, here;
	uint64_t counts[VERIFY_KINDS]; /* units */
	uint64_t units, wrong, older, told;
	bool pending; /* finding waits for more of its kind */
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

/* length bytes, or -errno. */
static int read_all(int fd, uint8_t *data, size_t length, uint64_t offset)
{
	while (length) {
		ssize_t got = pread(fd, data, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		data += got;
		length -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static int read_file(struct target *t, int fd, uint8_t *buffer, size_t size, uint64_t begin,
		     uint64_t end)
{
	const char *name = t->places[t->here].name;
	struct progress progress;
	int ret = 0;

	progress_start(&progress, t->check->quiet, end - begin);
	for (uint64_t offset = begin, next; !ret && offset < end; offset = next) {
		next = (offset / size + 1) * size;
		if (next > end)
			next = end;
		posix_fadvise(fd, (off_t)next, AHEAD, POSIX_FADV_WILLNEED);
		ret = read_all(fd, buffer, (size_t)(next - offset), offset);
		if (ret)
			complain("%s: offset %" PRIu64 ": %s", name, offset, strerror(-ret));
		else
			ret = check_data(t, offset, buffer, (size_t)(next - offset));
		progress_show(&progress, next - begin);
	}
	progress_end(&progress);
	tell(t);
	return ret;
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
}

static int check_file(struct target *t, uint8_t *buffer, size_t size)
{
	const struct verify_place *place = &t->places[t->here];
	uint64_t begin = t->check->offset, end = begin + t->check->size, unit = t->check->unit;
	int ret, fd;

	if (end > place->size)
		end = place->size;
	if (begin >= end) {
		complain("%s: nothing to verify, it has %" PRIu64 " bytes", place->name,
			 place->size);
		return -EINVAL;
	}
	fd = open(place->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		complain("%s: %s", place->name, strerror(-ret));
		return ret;
	}
	t->units = (end + unit - 1) / unit - begin / unit;
	/* What the storage holds counts, not what the system remembers of it. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	ret = read_file(t, fd, buffer, size, begin, end);
	close(fd);
	if (!ret)
		summarise(t);
	return ret;
}

/* Of a file or a device. */
static int find_size(const char *name, uint64_t *size)
{
	int ret = 0, fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	off_t end = 0;

	if (fd < 0 || fstat(fd, &status) || (end = lseek(fd, 0, SEEK_END)) < 0)
		ret = -errno;
	else if (S_ISDIR(status.st_mode))
		ret = -EISDIR;
	if (fd >= 0)
		close(fd);
	if (ret)
		complain("%s: %s", name, strerror(-ret));
	*size = (uint64_t)end;
	return ret;
}

static int check_places(const struct dgen *dgen, const struct check *check,
			const struct verify_place *places, size_t count)
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
	size_t count = 0;
	int ret = 0;

	while (check->files[count])
		count++;
	places = calloc(count + 1, sizeof(*places));
	if (!places) {
		complain("not enough memory to start");
		return -ENOMEM;
	}
	for (size_t i = 0; i < count && !ret; i++) {
		const char *name = check->files[i];

		places[i].name = name;
		places[i].domain = dgen_domain(check->domain ? check->domain : name);
		ret = find_size(name, &places[i].size);
	}
	if (!ret)
		ret = check_places(dgen, check, places, count);
	free(places);
	return ret;
}
