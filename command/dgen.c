// SPDX-License-Identifier: GPL-2.0-only
/*
 * dgen: writes data with an exact deduplication and compression ratio to a file or a pipe, the same
 * bytes as the fio engine of that name; or verifies what was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "data.h"
#include "dgen.h"
#include "hold.h"
#include "human.h"
#include "values.h"
#include "version.h"

#define BUFFER (1u << 20)             /* stays in a second-level cache; what a pipe can hold */
#define VERSION_MAX (UINT64_MAX >> 3) /* as in the engine */
#define OLDER_MAX 1000                /* versions that may be right at a place */

const char program[] = "dgen";

struct settings {
	struct data data;
	const char *output; /* NULL: standard output */
	const char *domain; /* NULL: the output's name */
	uint64_t size, offset, version;
	const char *size_typed, *offset_typed, *version_typed, *oldest_typed;
	bool size_set, seed_set, quiet;
	bool verify, may_destroy;
	const char *only_verify; /* an option that is nothing without it */
	struct check check;
};

static const char usage[] =
	"Usage: dgen --size=SIZE [option]... [--output=FILE | > FILE]\n"
	"       dgen --verify --seed=N [option]... FILE...\n"
	"Writes data with an exact deduplication and compression ratio, or verifies it.\n"
	"\n"
	"  -s, --size=SIZE            bytes to write\n"
	"  -o, --output=FILE          write here rather than to standard output\n"
	"      --yes-destroy-data     a block device may be written to\n"
	"      --dedup-ratio=N        total units / distinct units, 1 to 1000 (1)\n"
	"      --compress-ratio=N     of the distinct data, from 1 on (1); or a mix of up to 6:\n"
	"                             RATIO/PERCENT:..., such as 1/20:2/50:4/30\n"
	"      --zero-percentage=N    of the units are all zero, 0 to 99; the ratios are those of\n"
	"                             the others (0)\n"
	"      --dedup-unit=SIZE      bytes that storage deduplicates at a time (4k)\n"
	"      --dedup-run=SIZE       units repeat, and are zero, in runs of so many bytes\n"
	"                             (dedup-unit)\n"
	"      --dedup-skew=N         percent of the duplicates that have one of few hot contents,\n"
	"                             0 to 90 (0)\n"
	"      --dedup-window=SIZE    at least, from one reference to a content to the next (1m)\n"
	"      --compress-chunk=SIZE  bytes in which the compression ratio holds; the smaller, the\n"
	"                             harder compressors work (4k, or dedup-unit if smaller)\n"
	"      --compress-codec=NAME  calibrate for lz4, zstd, deflate or lzo (what suits lz4\n"
	"                             and zstd on 4k)\n"
	"      --compress-record=SIZE of which that codec sees so much at a time (4k)\n"
	"      --seed=N               64 bits, decimal or 0x... (a fresh one, which is printed)\n"
	"      --data-version=N       version of the data, another one for an overwrite (0)\n"
	"      --domain=NAME          the name that the data is of: for the engine's data the\n"
	"                             file name as given to fio (FILE, or - without --output)\n"
	"      --offset=SIZE          begin with the byte at this address of the data (0)\n"
	"  -q, --quiet                show no progress\n"
	"      --verify               compare files, devices or pipes (- is standard input) with\n"
	"                             what must be there\n"
	"      --oldest-version=N     with --verify: units of any version from N to\n"
	"                             data-version are right\n"
	"      --findings=N           with --verify: tell no more of a file, count them (20)\n"
	"      --dump=DIR             with --verify: keep what the first units are and must be\n"
	"  -h, --help                 print this\n"
	"  -V, --version              print the version\n"
	"\n"
	"SIZE is in bytes or ends in k, m, g, t or p (powers of 1024). The names of the fio\n"
	"engine's options (--dedup_ratio, --data_seed, ...) are understood too.\n";

enum { SEED = 256, DATA_VERSION, DOMAIN, OFFSET, VERIFY, OLDEST_VERSION, FINDINGS, DUMP, YES };

static const struct option long_options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "output", required_argument, NULL, 'o' },
	DATA_LONG_OPTIONS,
	{ "seed", required_argument, NULL, SEED },
	{ "data-seed", required_argument, NULL, SEED },
	{ "data_seed", required_argument, NULL, SEED },
	{ "data-version", required_argument, NULL, DATA_VERSION },
	{ "data_version", required_argument, NULL, DATA_VERSION },
	{ "domain", required_argument, NULL, DOMAIN },
	{ "dedup-domain", required_argument, NULL, DOMAIN },
	{ "dedup_domain", required_argument, NULL, DOMAIN },
	{ "offset", required_argument, NULL, OFFSET },
	{ "verify", no_argument, NULL, VERIFY },
	{ "oldest-version", required_argument, NULL, OLDEST_VERSION },
	{ "findings", required_argument, NULL, FINDINGS },
	{ "dump", required_argument, NULL, DUMP },
	{ "yes-destroy-data", no_argument, NULL, YES },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int set_name(const char *option, const char **name)
{
	if (!*optarg)
		return refuse(option, optarg, "a name that is not empty");
	*name = optarg;
	return 0;
}

/* Looked at now: hours later, at the first finding, is too late. */
static int set_dump(struct check *check)
{
	struct stat status;

	check->dump = optarg;
	if (!stat(optarg, &status) && S_ISDIR(status.st_mode) && !access(optarg, W_OK | X_OK))
		return 0;
	return refuse("dump", optarg, "a directory to write in");
}

static int set_verify_option(struct settings *settings, int option)
{
	switch (option) {
	case OLDEST_VERSION:
		settings->only_verify = "oldest-version";
		settings->oldest_typed = optarg;
		settings->check.older = true;
		return set_number("oldest-version", optarg, VERSION_MAX,
				  "a whole number from 0 to 2^61 - 1", &settings->check.oldest);
	case FINDINGS:
		settings->only_verify = "findings";
		return set_number("findings", optarg, UINT64_MAX, "a whole number from 0 on",
				  &settings->check.findings);
	case DUMP:
		settings->only_verify = "dump";
		return set_dump(&settings->check);
	default:
		settings->verify = true;
		return 0;
	}
}

/* 0, -EINVAL after a complaint, or 1 where there is nothing left to do. */
static int set_option(struct settings *settings, int option)
{
	if (data_has(option))
		return data_set(&settings->data, option, optarg);
	switch (option) {
	case 's':
		settings->size_set = true;
		settings->size_typed = optarg;
		return set_size("size", optarg, INT64_MAX, &settings->size);
	case 'o':
		return set_name("output", &settings->output);
	case SEED:
		settings->seed_set = true;
		return set_number("seed", optarg, UINT64_MAX, "a 64-bit number, decimal or 0x...",
				  &settings->data.options.data_seed);
	case DATA_VERSION:
		settings->version_typed = optarg;
		return set_number("data-version", optarg, VERSION_MAX,
				  "a whole number from 0 to 2^61 - 1", &settings->version);
	case DOMAIN:
		return set_name("domain", &settings->domain);
	case OFFSET:
		settings->offset_typed = optarg;
		return set_size("offset", optarg, INT64_MAX, &settings->offset);
	case VERIFY:
	case OLDEST_VERSION:
	case FINDINGS:
	case DUMP:
		return set_verify_option(settings, option);
	case YES:
		settings->may_destroy = true;
		return 0;
	case 'q':
		settings->quiet = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		printf("dgen %s, data format %d\n", DGEN_VERSION, DGEN_FORMAT);
		return 1;
	default:
		return -EINVAL;
	}
}

static int check_range(const struct settings *settings)
{
	if (settings->size <= INT64_MAX - settings->offset)
		return 0;
	complain("--offset=%s: must not reach past 2^63 - 1 with --size=%s", settings->offset_typed,
		 settings->size_typed);
	return -EINVAL;
}

static int check_write(const struct settings *settings)
{
	if (settings->only_verify) {
		complain("--%s: only with --verify", settings->only_verify);
		return -EINVAL;
	}
	if (!settings->size_set) {
		complain("--size is missing; try dgen --help");
		return -EINVAL;
	}
	if (check_range(settings))
		return -EINVAL;
	if (!settings->output && isatty(STDOUT_FILENO)) {
		complain("standard output is a terminal; use --output=FILE, > FILE or a pipe");
		return -EINVAL;
	}
	return 0;
}

static int check_verify(struct settings *settings, char **files)
{
	struct check *check = &settings->check;

	if (!*files) {
		complain("--verify: no file is named; try dgen --help");
		return -EINVAL;
	}
	if (settings->output) {
		complain("--output=%s: not with --verify", settings->output);
		return -EINVAL;
	}
	if (!settings->seed_set) {
		complain("--seed is missing: what must be there follows from it");
		return -EINVAL;
	}
	if (!check->older)
		check->oldest = settings->version;
	if (check->oldest > settings->version || settings->version - check->oldest > OLDER_MAX) {
		complain(
			"--oldest-version=%s: must not be above --data-version=%s, nor more than %d "
			"below",
			settings->oldest_typed,
			settings->version_typed ? settings->version_typed : "0", OLDER_MAX);
		return -EINVAL;
	}
	check->files = files;
	check->domain = settings->domain;
	check->unit = settings->data.options.dedup_unit;
	check->offset = settings->offset;
	check->sized = settings->size_set;
	check->size = settings->size_set ? settings->size : INT64_MAX - settings->offset;
	check->newest = settings->version;
	check->quiet = settings->quiet;
	return check_range(settings);
}

static int parse(struct settings *settings, int argc, char **argv)
{
	int option;

	while ((option = next_option(argc, argv, ":s:o:qhV", long_options)) != -1) {
		int ret = set_option(settings, option);

		if (ret)
			return ret;
	}
	if (settings->verify)
		return check_verify(settings, argv + optind);
	if (optind < argc) {
		complain("%s: not an option; use --output=%s", argv[optind], argv[optind]);
		return -EINVAL;
	}
	return check_write(settings);
}

/* All of it, whatever the pipe takes at a time. */
static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written >= 0) {
			data += written;
			size -= (size_t)written;
		} else if (errno == EAGAIN) {
			/* Someone gave us a pipe that does not block. */
			struct pollfd wait = { .fd = fd, .events = POLLOUT };

			poll(&wait, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* *done: bytes of whole buffers written. */
static int copy(const struct dgen *dgen, const struct settings *settings, uint64_t domain, int fd,
		char *buffer, uint64_t *done)
{
	const bool steady = BUFFER % dgen_period(dgen) == 0;
	struct progress progress;
	uint64_t filled = 0;
	int ret = 0;

	progress_start(&progress, settings->quiet, settings->size);
	for (*done = 0; !ret && *done < settings->size;) {
		/* After an odd offset the buffers go on at whole ones: filling is fastest so. */
		uint64_t offset = settings->offset + *done;
		uint64_t length = BUFFER - offset % BUFFER;

		if (length > settings->size - *done)
			length = settings->size - *done;
		if (steady && filled == BUFFER)
			dgen_refill(dgen, domain, settings->version, offset, buffer,
				    (size_t)length);
		else
			dgen_fill(dgen, domain, settings->version, offset, buffer, (size_t)length);
		filled = length;
		ret = write_all(fd, buffer, (size_t)length);
		if (!ret)
			*done += length;
		progress_show(&progress, *done);
	}
	progress_end(&progress);
	return ret;
}

/* *held: of a device, open, so that nobody mounts it meanwhile; or -1. */
static int check_device(const struct settings *settings, const char *name, int fd, dev_t device,
			int *held)
{
	char path[32];
	uint64_t room;
	int ret;

	/* What is open, whatever its name stands for by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = device_size(name, path, &room);
	if (ret)
		return ret;
	if (room < settings->size) {
		complain("%s: has %s, less than the %s asked for; use a smaller --size", name,
			 human(room), human(settings->size));
		return -ENOSPC;
	}
	*held = device_hold(name, path, device, room, settings->may_destroy);
	return *held < 0 ? *held : 0;
}

/* The file descriptor to write to, of which status tells; or -errno after a complaint. */
static int open_output(const struct settings *settings, const char *name, struct stat *status,
		       int *held)
{
	int ret = 0, fd = STDOUT_FILENO;

	if (settings->output)
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	/* Only a file is emptied, and only once it is known to be one. */
	if (fd < 0 || fstat(fd, status) ||
	    (settings->output && S_ISREG(status->st_mode) && ftruncate(fd, 0))) {
		ret = -errno;
		complain("%s: %s", name, strerror(-ret));
	} else if (S_ISBLK(status->st_mode)) {
		ret = check_device(settings, name, fd, status->st_rdev, held);
	}
	if (!ret)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Some disks and file systems tell only here that the data did not fit, or is lost. */
static int end_output(int fd, const struct stat *status)
{
	int ret = 0;

	if ((S_ISREG(status->st_mode) || S_ISBLK(status->st_mode)) && fsync(fd) && errno != EINVAL)
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int generate(const struct dgen *dgen, const struct settings *settings)
{
	const char *name = settings->output ? settings->output : "standard output";
	const char *domain = settings->domain;
	char *buffer = aligned_alloc(4096, BUFFER);
	struct stat status = { 0 };
	uint64_t done = 0;
	int ret, end, fd, held = -1;

	if (!buffer) {
		complain("not enough memory to start");
		return -ENOMEM;
	}
	fd = open_output(settings, name, &status, &held);
	if (fd < 0) {
		free(buffer);
		return fd;
	}
	if (!domain)
		domain = settings->output ? settings->output : "-";
#ifdef F_SETPIPE_SZ
	/* Fewer switches between us and the reader; where it is refused all goes on. */
	fcntl(fd, F_SETPIPE_SZ, BUFFER);
#endif
	ret = copy(dgen, settings, dgen_domain(domain), fd, buffer, &done);
	end = end_output(fd, &status);
	ret = ret ? ret : end;
	if (ret)
		complain("%s: %s after %" PRIu64 " of %" PRIu64 " bytes", name, strerror(-ret),
			 done, settings->size);
	if (held >= 0)
		close(held);
	free(buffer);
	return ret;
}

int main(int argc, char **argv)
{
	struct settings settings = { .data.options = DGEN_OPTIONS_DEFAULT,
				     .check = { .findings = CHECK_FINDINGS } };
	struct dgen *dgen;
	int ret = parse(&settings, argc, argv);

	/* A file that may not grow so large is an error that is told. */
	signal(SIGXFSZ, SIG_IGN);
	if (ret > 0) {
		if (!fflush(stdout))
			return EXIT_SUCCESS;
		complain("standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (ret)
		return EXIT_USAGE;
	if (!settings.seed_set)
		settings.data.options.data_seed = dgen_fresh_seed();
	ret = data_create(&settings.data, &dgen);
	if (ret)
		return ret == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
	if (!settings.seed_set)
		fprintf(stderr, "data_seed=0x%016" PRIx64 "\n", settings.data.options.data_seed);
	if (settings.verify)
		ret = check_files(dgen, &settings.check);
	else
		ret = generate(dgen, &settings);
	dgen_destroy(dgen);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
