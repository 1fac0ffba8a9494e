// SPDX-License-Identifier: GPL-2.0-only
/* dgen-bench: one command from a few options to a fio run with the dgen engine. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "fio.h"
#include "machine.h"
#include "values.h"
#include "version.h"

#define SIZE (10ULL << 30)
#define OUTPUT "benchmark_output.bin"
#define BUFFER_SIZE_MAX (1ULL << 30)
#define BUFFER_COUNT_MAX 1048576
#define WRITERS_MAX 64
#define THREADS_MAX 4096

const char program[] = "dgen-bench";

static const char usage[] =
	"Usage: dgen-bench [option]... [-- fio option...]\n"
	"       dgen-bench --tune=TARGET [option]... > JOB\n"
	"Writes data with an exact deduplication and compression ratio as fast as the storage\n"
	"takes it: composes a job and runs fio with the dgen engine.\n"
	"\n"
	"      --auto[=CPUS]        writers and buffers by the CPUs this process may use,\n"
	"                           or as on a machine with so many\n"
	"  -s, --size=SIZE          bytes in all (10GB)\n"
	"  -o, --output=PATH        file or block device (benchmark_output.bin); may be\n"
	"                           repeated, each takes an equal part of the size\n"
	"      --buffer-size=SIZE   a multiple of 4KB (4MB)\n"
	"      --buffer-count=N     buffers of all writers together (250)\n"
	"      --num-writers=N      1 to 64 (1)\n"
	"      --dedup-ratio=N      total units / distinct units, 1 to 1000 (1)\n"
	"      --compress-ratio=N   of the distinct data, from 1 on (1); or a mix of up to 6:\n"
	"                           RATIO/PERCENT:..., such as 1/20:2/50:4/30\n"
	"      --zero-percentage=N  of the units are all zero, 0 to 99 (0)\n"
	"      --dedup-unit=SIZE    bytes that storage deduplicates at a time (4k)\n"
	"      --dedup-run=SIZE     units repeat in runs of so many bytes (dedup-unit)\n"
	"      --dedup-skew=N       percent of the duplicates that are hot, 0 to 90 (0)\n"
	"      --dedup-window=SIZE  at least, from one reference to the next (1m)\n"
	"      --compress-chunk=SIZE\n"
	"                           bytes in which the compression ratio holds (4k)\n"
	"      --compress-codec=NAME\n"
	"                           calibrate for lz4, zstd, deflate or lzo\n"
	"      --compress-record=SIZE\n"
	"                           of which that codec sees so much at a time (4k)\n"
	"      --no-direct          through the page cache, and fsync at the end\n"
	"      --numa-mode=MODE     auto, force or disabled\n"
	"      --max-threads=N      threads that make data ahead of the writers, together\n"
	"      --seed=N             64 bits, decimal or 0x... (a fresh one, which is printed)\n"
	"      --runtime=SECONDS    go over the data again and again for so long; with --tune,\n"
	"                           try for about so long\n"
	"      --verify             read back and compare; with --read and --seed, only that\n"
	"      --read               read rather than write\n"
	"      --backend=NAME       io_uring, libaio, null or fio:NAME (io_uring)\n"
	"      --json=FILE          fio's JSON output, into FILE or - for standard output\n"
	"      --job                print the fio job rather than run it\n"
	"      --profile            print the name of the profile --auto takes, and end\n"
	"      --tune=TARGET        try writers and buffers on a file, a device or in a\n"
	"                           directory for a minute; prints the best job\n"
	"      --yes-destroy-data   a block device may be written to\n"
	"  -h, --help               print this\n"
	"  -V, --version            print the version\n"
	"\n"
	"SIZE is in bytes or ends in k, m, g, t or p (powers of 1024), as 10GB does too.\n";

enum {
	AUTO = 256,
	BUFFER_SIZE,
	BUFFER_COUNT,
	NUM_WRITERS,
	NO_DIRECT,
	NUMA_MODE,
	MAX_THREADS,
	SEED,
	RUNTIME,
	VERIFY,
	READ,
	BACKEND,
	JSON,
	JOB,
	PROFILE,
	TUNE,
	YES
};

static const struct option long_options[] = {
	{ "auto", optional_argument, NULL, AUTO },
	{ "size", required_argument, NULL, 's' },
	{ "output", required_argument, NULL, 'o' },
	{ "buffer-size", required_argument, NULL, BUFFER_SIZE },
	{ "buffer-count", required_argument, NULL, BUFFER_COUNT },
	{ "num-writers", required_argument, NULL, NUM_WRITERS },
	DATA_LONG_OPTIONS,
	{ "no-direct", no_argument, NULL, NO_DIRECT },
	{ "numa-mode", required_argument, NULL, NUMA_MODE },
	{ "max-threads", required_argument, NULL, MAX_THREADS },
	{ "seed", required_argument, NULL, SEED },
	{ "data-seed", required_argument, NULL, SEED },
	{ "data_seed", required_argument, NULL, SEED },
	{ "runtime", required_argument, NULL, RUNTIME },
	{ "verify", no_argument, NULL, VERIFY },
	{ "read", no_argument, NULL, READ },
	{ "backend", required_argument, NULL, BACKEND },
	{ "json", required_argument, NULL, JSON },
	{ "job", no_argument, NULL, JOB },
	{ "profile", no_argument, NULL, PROFILE },
	{ "tune", required_argument, NULL, TUNE },
	{ "yes-destroy-data", no_argument, NULL, YES },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int add_output(struct bench *bench, const char *name)
{
	struct target *more = realloc(bench->targets,
				      (bench->nr_targets + 1) * sizeof(*bench->targets));

	if (!more) {
		complain("out of memory");
		return -ENOMEM;
	}
	bench->targets = more;
	more[bench->nr_targets++] = (struct target){ .name = name, .held = -1 };
	return 0;
}

static int set_count(const char *option, uint64_t most, const char *allowed, uint64_t *count)
{
	const int err = set_number(option, optarg, most, allowed, count);

	return !err && !*count ? refuse(option, optarg, allowed) : err;
}

static int set_buffer_size(struct bench *bench)
{
	if (parse_size(optarg, BUFFER_SIZE_MAX, &bench->buffer_size) || !bench->buffer_size ||
	    bench->buffer_size % 4096)
		return refuse("buffer-size", optarg, "a multiple of 4KB up to 1GB, such as 4MB");
	return 0;
}

static int set_text(const char *option, const char **text)
{
	if (!*optarg || strpbrk(optarg, "\n\r"))
		return refuse(option, optarg, "one line that is not empty");
	*text = optarg;
	return 0;
}

/* Whether fio has an engine of that name it says itself. */
static int set_backend(struct bench *bench)
{
	static const char *const ours[] = { "io_uring", "libaio", "null" };
	bool known = !strncmp(optarg, "fio:", 4) && optarg[4] && !strpbrk(optarg, "\n\r");

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		known = known || !strcmp(optarg, ours[i]);
	if (!known)
		return refuse("backend", optarg, "io_uring, libaio, null or fio:NAME");
	bench->backend = optarg;
	return 0;
}

/* What fio could not write at the end, after an hour, is told now. */
static int set_json(struct bench *bench)
{
	const bool there = !access(optarg, F_OK);
	char copy[PATH_MAX];
	struct stat status;
	int length;

	bench->json = optarg;
	if (!strcmp(optarg, "-"))
		return 0;
	length = snprintf(copy, sizeof(copy), "%s", optarg);
	if (!*optarg || length >= PATH_MAX || strpbrk(optarg, "\n\r") ||
	    access(there ? optarg : dirname(copy), W_OK) ||
	    (there && !stat(optarg, &status) && S_ISDIR(status.st_mode)))
		return refuse("json", optarg, "a file that can be written, or -");
	return 0;
}

static int set_numa_mode(struct bench *bench)
{
	if (strcmp(optarg, "auto") && strcmp(optarg, "force") && strcmp(optarg, "disabled"))
		return refuse("numa-mode", optarg, "auto, force or disabled");
	/* The engine's default. */
	bench->numa_mode = strcmp(optarg, "auto") ? optarg : NULL;
	return 0;
}

/* Options of the seed's command line. */
static int set_shape_option(struct bench *bench, int option)
{
	switch (option) {
	case AUTO:
		bench->automatic = true;
		return !optarg ? 0 :
				 set_count("auto", 16384, "a number of CPUs, from 1 on",
					   &bench->cpus);
	case 's':
		bench->size_set = true;
		bench->size_typed = optarg;
		return set_size("size", optarg, INT64_MAX, &bench->size);
	case 'o':
		return add_output(bench, optarg);
	case BUFFER_SIZE:
		return set_buffer_size(bench);
	case BUFFER_COUNT:
		bench->buffer_count_typed = optarg;
		return set_count("buffer-count", BUFFER_COUNT_MAX, "a number from 1 to 1048576",
				 &bench->buffer_count);
	case NUM_WRITERS:
		return set_count("num-writers", WRITERS_MAX, "a number from 1 to 64",
				 &bench->writers);
	case NO_DIRECT:
		bench->buffered = true;
		return 0;
	case NUMA_MODE:
		return set_numa_mode(bench);
	default:
		return set_count("max-threads", THREADS_MAX, "a number from 1 to 4096",
				 &bench->max_threads);
	}
}

/* 0, -EINVAL after a complaint, or 1 where there is nothing left to do. */
static int set_option(struct bench *bench, int option)
{
	switch (option) {
	case SEED:
		bench->seed_set = true;
		return set_number("seed", optarg, UINT64_MAX, "a 64-bit number, decimal or 0x...",
				  &bench->data.options.data_seed);
	case RUNTIME:
		return set_count("runtime", 1000000000, "a number of seconds, from 1 on",
				 &bench->runtime);
	case VERIFY:
		bench->verify = true;
		return 0;
	case READ:
		bench->read = true;
		return 0;
	case BACKEND:
		return set_backend(bench);
	case JSON:
		return set_json(bench);
	case JOB:
		bench->print_job = true;
		return 0;
	case PROFILE:
		puts(profile_for(machine_cpus())->name);
		return 1;
	case TUNE:
		return set_text("tune", &bench->tune);
	case YES:
		bench->may_destroy = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		printf("dgen-bench %s\n", DGEN_VERSION);
		return 1;
	case '?':
		return -EINVAL;
	default:
		return data_has(option) ? data_set(&bench->data, option, optarg) :
					  set_shape_option(bench, option);
	}
}

/* What has been checked must not change behind our back. */
static int check_fio_options(const struct bench *bench)
{
	static const char *const ours[][2] = {
		{ "filename", "output" },
		{ "directory", "output" },
		{ "size", "size" },
		{ "offset", "size" },
		{ "offset_increment", "size" },
		{ "bs", "buffer-size" },
		{ "blocksize", "buffer-size" },
		{ "iodepth", "buffer-count" },
		{ "numjobs", "num-writers" },
		{ "data_seed", "seed" },
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		if (!job_user_has(bench, ours[i][0]))
			continue;
		complain("-- --%s: must be given as --%s", ours[i][0], ours[i][1]);
		return -EINVAL;
	}
	return 0;
}

/* What the engine would refuse, once fio has been started. */
static int check_data(const struct bench *bench)
{
	struct dgen *dgen;
	const int err = data_create(&bench->data, &dgen);

	if (!err)
		dgen_destroy(dgen);
	return err;
}

static int check(struct bench *bench)
{
	if (bench->read && bench->verify && !bench->seed_set) {
		complain("--seed is missing: what --read --verify compares with follows from it");
		return -EINVAL;
	}
	if (bench->tune && (bench->nr_targets || bench->print_job || bench->json || bench->verify ||
			    bench->read)) {
		complain("--tune=%s: not with --output, --job, --json, --verify or --read",
			 bench->tune);
		return -EINVAL;
	}
	if (bench->size_set && !bench->tune && (!bench->size || bench->size % 512)) {
		complain("--size=%s: must be a multiple of 512, not 0", bench->size_typed);
		return -EINVAL;
	}
	if (check_data(bench))
		return -EINVAL;
	if (!bench->nr_targets && add_output(bench, bench->tune ? bench->tune : OUTPUT))
		return -ENOMEM;
	return check_fio_options(bench);
}

static int parse(struct bench *bench, int argc, char **argv)
{
	int option, ret;

	/* "+": what stands behind -- keeps its place. */
	while ((option = next_option(argc, argv, "+:s:o:hV", long_options)) != -1) {
		ret = set_option(bench, option);
		if (ret)
			return ret;
	}
	bench->argc = argc;
	bench->argv = argv;
	if (optind < argc && strcmp(argv[optind - 1], "--")) {
		complain("%s: not an option; use --output=%s", argv[optind], argv[optind]);
		return -EINVAL;
	}
	bench->fio_options = argv + optind;
	return check(bench);
}

static int bench_run(struct bench *bench)
{
	const int err = plan_make(bench);

	if (err)
		return err;
	if (!bench->print_job)
		return fio_exec(bench);
	job_write(bench, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { .size = SIZE, .data.options = DGEN_OPTIONS_DEFAULT };
	int ret = parse(&bench, argc, argv);
	bool usage_error = ret < 0;

	if (!ret)
		ret = bench.tune ? tune(&bench) : bench_run(&bench);
	free(bench.targets);
	if (fflush(stdout)) {
		complain("standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (ret >= 0)
		return EXIT_SUCCESS;
	return usage_error || ret == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}
