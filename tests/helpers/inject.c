// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damages a file as storage does, at random places, and writes down where. Knows nothing of dgen.
 *
 *   inject FILE --kind KIND --count N --seed N --truth OUT [--unit BYTES] [--old FILE]
 *          [--other FILE]
 *
 * KIND:
 *   bit, byte      a bit is flipped, a byte changed in two bits or more
 *   sector, unit   512 bytes, or a unit, become zeros
 *   swap           two units change places
 *   other          a unit is that of another file (--other), from the same offset
 *   old            a unit is as in an earlier copy of the file (--old)
 *   half           half of a unit is, or where that makes no difference another part
 *   lost           an I/O of 2 to 16 units did not happen: as in --old, or zeros
 *   shift          an I/O of 2 to 8 units is written a unit too far behind; its first unit is lost
 *
 * OUT gets lines, behind those that are there: offset, length, what it must be called, KIND, and
 * from which offset misdirected data is. Places named in OUT are left alone, with a unit on either
 * side. So are places where the fault would change nothing, or give just what --old has there and so
 * be another fault. Ends with 1 where fewer than N found room; OUT has those that did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECTOR 512u
#define UNITS_MAX 16 /* of a fault */
#define TRIES 20000  /* places, for each fault */

struct file {
	uint8_t *data;
	size_t size;
};

struct job {
	const char *kind;
	size_t unit, units;
	uint64_t count, state;
	struct file file, old, other;
	bool *taken; /* units */
	FILE *truth;
	/* The fault in work: */
	size_t first, number, at, length; /* units; the bytes of the first that are changed */
	uint8_t *after;
};

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void usage(const char *what)
{
	fprintf(stderr, "inject: %s\n", what);
	exit(2);
}

/* splitmix64 */
static uint64_t draw(struct job *job, uint64_t below)
{
	uint64_t x = job->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

static struct file map(const char *name, int flags)
{
	int fd = open(name, flags);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	struct file file = { NULL, (size_t)size };

	if (size < 0)
		die(name);
	file.data = mmap(NULL, file.size, flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ,
			 MAP_SHARED, fd, 0);
	if (file.data == MAP_FAILED)
		die(name);
	close(fd);
	return file;
}

static void read_truth(struct job *job, const char *name)
{
	uint64_t offset, length;

	job->truth = fopen(name, "a+");
	if (!job->truth)
		die(name);
	while (fscanf(job->truth, "%" SCNu64 " %" SCNu64 " %*[^\n]", &offset, &length) == 2)
		for (size_t u = offset / job->unit; u * job->unit < offset + length; u++)
			if (u < job->units)
				job->taken[u] = true;
	fseek(job->truth, 0, SEEK_END);
}

/* Units and their neighbours: faults that touch could be taken for one. */
static bool is_free(const struct job *job, size_t first, size_t number)
{
	if (first + number > job->units)
		return false;
	for (size_t u = first ? first - 1 : 0; u <= first + number && u < job->units; u++)
		if (job->taken[u])
			return false;
	return true;
}

static const uint8_t *now(const struct job *job, size_t unit)
{
	return job->file.data + unit * job->unit;
}

/* As the copy has it, or zeros where there is none. */
static void copy_old(struct job *job, uint8_t *to, size_t unit, size_t at, size_t length)
{
	if (job->old.data)
		memcpy(to + at, job->old.data + unit * job->unit + at, length);
	else
		memset(to + at, 0, length);
}

static bool is_kind(const struct job *job, const char *kind)
{
	return !strcmp(job->kind, kind);
}

static void change_byte(struct job *job)
{
	uint8_t by;

	job->at = draw(job, job->unit);
	job->length = 1;
	do
		by = is_kind(job, "bit") ? (uint8_t)(1u << draw(job, 8)) :
					   (uint8_t)(1 + draw(job, 255));
	while (is_kind(job, "byte") && !(by & (by - 1)));
	job->after[job->at] ^= by;
}

static void clear_sector(struct job *job)
{
	job->at = draw(job, job->unit / SECTOR) * SECTOR;
	job->length = SECTOR;
	memset(job->after + job->at, 0, SECTOR);
}

/* Half first; a compressible unit ends in zeros, and more of it may be needed. */
static void half(struct job *job, unsigned int try)
{
	size_t sectors = job->unit / SECTOR;
	size_t split = try < TRIES / 2 ? sectors / 2 : 1 + draw(job, sectors - 1);

	job->length = split * SECTOR;
	if (draw(job, 2)) {
		job->at = job->length;
		job->length = job->unit - job->at;
	}
	copy_old(job, job->after, job->first, job->at, job->length);
}

static void prepare(struct job *job, unsigned int try)
{
	job->number = 1;
	if (is_kind(job, "lost"))
		job->number = 2 + draw(job, UNITS_MAX - 1);
	else if (is_kind(job, "shift"))
		job->number = 3 + draw(job, 7);
	job->first = draw(job, job->units);
	job->at = 0;
	job->length = job->number * job->unit;
	if (!is_free(job, job->first, job->number))
		return;
	memcpy(job->after, now(job, job->first), job->length);
	if (is_kind(job, "bit") || is_kind(job, "byte")) {
		change_byte(job);
	} else if (is_kind(job, "sector")) {
		clear_sector(job);
	} else if (is_kind(job, "unit")) {
		memset(job->after, 0, job->unit);
	} else if (is_kind(job, "other")) {
		memcpy(job->after, job->other.data + job->first * job->unit, job->unit);
	} else if (is_kind(job, "half")) {
		half(job, try);
	} else if (is_kind(job, "shift")) {
		memmove(job->after + job->unit, job->after, job->length - job->unit);
		copy_old(job, job->after, job->first, 0, job->unit);
	} else {
		for (size_t i = 0; i < job->number; i++)
			copy_old(job, job->after + i * job->unit, job->first + i, 0, job->unit);
	}
}

/* Is each of its units another now, and what the fault says rather than what --old has there? */
static bool is_fault(const struct job *job, size_t first, size_t number, const uint8_t *after,
		     bool may_be_old)
{
	for (size_t i = 0; i < number; i++, may_be_old = false) {
		const uint8_t *unit = after + i * job->unit;

		if (!memcmp(unit, now(job, first + i), job->unit))
			return false;
		if (job->old.data && !may_be_old && !is_kind(job, "old") && !is_kind(job, "lost") &&
		    !memcmp(unit, job->old.data + (first + i) * job->unit, job->unit))
			return false;
	}
	return true;
}

static void note(struct job *job, uint64_t offset, uint64_t length, const char *name, int64_t from)
{
	fprintf(job->truth, "%" PRIu64 " %" PRIu64 " %s %s", offset, length, name, job->kind);
	if (from >= 0)
		fprintf(job->truth, " %" PRId64, from);
	fputc('\n', job->truth);
	for (size_t u = offset / job->unit; u * job->unit < offset + length; u++)
		job->taken[u] = true;
}

static const char *name_of(const struct job *job)
{
	static const char *const names[][2] = {
		{ "bit", "flipped-bits" },  { "byte", "damaged-bytes" }, { "sector", "zeros" },
		{ "unit", "zeros" },        { "old", "stale" },          { "half", "torn" },
		{ "other", "misdirected" }, { "swap", "misdirected" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_kind(job, names[i][0]))
			return names[i][1];
	return job->old.data ? "stale" : "zeros";
}

static bool inject_swap(struct job *job)
{
	size_t a = draw(job, job->units), b = draw(job, job->units);
	uint64_t unit = job->unit;
	uint8_t *first = job->file.data + a * unit, *second = job->file.data + b * unit;

	if (!is_free(job, a, 1) || !is_free(job, b, 1) || (a > b ? a - b : b - a) < 2 ||
	    !is_fault(job, a, 1, second, false) || !is_fault(job, b, 1, first, false))
		return false;
	memcpy(job->after, first, unit);
	memcpy(first, second, unit);
	memcpy(second, job->after, unit);
	note(job, a * unit, unit, name_of(job), (int64_t)(b * unit));
	note(job, b * unit, unit, name_of(job), (int64_t)(a * unit));
	return true;
}

static bool inject(struct job *job, unsigned int try)
{
	bool shift = is_kind(job, "shift");
	uint64_t offset;

	if (is_kind(job, "swap"))
		return inject_swap(job);
	prepare(job, try);
	if (!is_free(job, job->first, job->number) ||
	    !is_fault(job, job->first, job->number, job->after, shift))
		return false;
	offset = job->first * job->unit;
	memcpy(job->file.data + offset, job->after, job->number * job->unit);
	if (shift) {
		note(job, offset, job->unit, name_of(job), -1);
		note(job, offset + job->unit, job->length - job->unit, "misdirected",
		     (int64_t)offset);
	} else {
		note(job, offset + job->at, job->length, name_of(job),
		     is_kind(job, "other") ? (int64_t)offset : -1);
	}
	return true;
}

static void check(const struct job *job)
{
	static const char *const kinds[] = { "bit",   "byte", "sector", "unit", "swap",
					     "other", "old",  "half",   "lost", "shift" };
	bool known = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		known = known || is_kind(job, kinds[i]);
	if (!known)
		usage("--kind must be bit, byte, sector, unit, swap, other, old, half, lost or shift");
	if (!job->unit || job->unit % SECTOR || job->unit > job->file.size)
		usage("--unit must be a multiple of 512, and no more than the file has");
	if (is_kind(job, "other") && job->other.size < job->file.size)
		usage("--kind other needs --other, a file as large");
	if ((is_kind(job, "old") || is_kind(job, "half")) && !job->old.data)
		usage("--kind old and half need --old");
	if (job->old.data && job->old.size < job->file.size)
		usage("--old must be as large as the file");
	if (is_kind(job, "half") && job->unit < 2 * SECTOR)
		usage("--kind half needs units of 1024 bytes at least");
}

static const char *parse(struct job *job, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },
		{ "count", required_argument, NULL, 'c' },
		{ "unit", required_argument, NULL, 'u' },
		{ "seed", required_argument, NULL, 's' },
		{ "old", required_argument, NULL, 'o' },
		{ "other", required_argument, NULL, 'x' },
		{ "truth", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const char *truth = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'k')
			job->kind = optarg;
		else if (option == 'c')
			job->count = strtoull(optarg, NULL, 0);
		else if (option == 'u')
			job->unit = strtoull(optarg, NULL, 0);
		else if (option == 's')
			job->state = strtoull(optarg, NULL, 0);
		else if (option == 'o')
			job->old = map(optarg, O_RDONLY);
		else if (option == 'x')
			job->other = map(optarg, O_RDONLY);
		else if (option == 't')
			truth = optarg;
		else
			usage("see the head of inject.c");
	}
	if (optind + 1 != argc || !truth)
		usage("one FILE and --truth are needed");
	job->file = map(argv[optind], O_RDWR);
	return truth;
}

int main(int argc, char **argv)
{
	struct job job = { .kind = "", .unit = 4096 };
	const char *truth = parse(&job, argc, argv);
	uint64_t done = 0;

	check(&job);
	job.units = job.file.size / job.unit;
	job.taken = calloc(job.units, sizeof(*job.taken));
	job.after = malloc(UNITS_MAX * job.unit);
	if (!job.taken || !job.after)
		die("memory");
	read_truth(&job, truth);
	for (; done < job.count; done++) {
		unsigned int try = 0;

		while (try < TRIES && !inject(&job, try))
			try++;
		if (try == TRIES)
			break;
	}
	if (fclose(job.truth))
		die(truth);
	free(job.taken);
	free(job.after);
	return done < job.count;
}
