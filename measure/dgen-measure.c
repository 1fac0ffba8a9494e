// SPDX-License-Identifier: GPL-2.0-only
/*
 * dgen-measure: what deduplication and compression files and block devices really hold.
 *
 * It shares no code with the generator: each unit is read back and hashed, and each distinct one
 * compressed with the codec's own library. So it can judge the generator.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "scan.h"
#include "set.h"
#include "version.h"

#define MAX_THREADS 1024
#define MAX_RECORD (16u << 20)
#define MEMORY_WORTH_A_WORD (1ull << 30)

struct settings {
	struct scan_options scan;
	char **against;
	unsigned int against_count;
	bool json;
	bool quiet;
};

static const char usage[] =
	"Usage: dgen-measure [option]... PATH...\n"
	"Says what deduplication and compression files and block devices hold, all of them\n"
	"counted together. Units of zeros only are counted apart.\n"
	"\n"
	"  -u, --unit=SIZE[,SIZE]...   bytes at which storage deduplicates (4k); several are\n"
	"                              measured in one pass, the first one decides which data\n"
	"                              is distinct and goes to the codecs\n"
	"  -s, --shift=SIZE            leave out this much at the start of each file\n"
	"  -c, --codec=NAME[,NAME]...  lz4, zstd, zstd:1 to zstd:22 or none (lz4,zstd:3)\n"
	"  -r, --record=SIZE           bytes that a codec sees at a time (4k)\n"
	"  -a, --against=FILE          count the units that FILE has too; may be repeated\n"
	"  -d, --direct                read past the page cache (O_DIRECT)\n"
	"  -t, --threads=N             all CPUs unless given\n"
	"  -j, --json                  print JSON\n"
	"  -q, --quiet                 show no progress and no notes\n"
	"  -h, --help                  print this\n"
	"  -V, --version               print the version\n"
	"\n"
	"SIZE is in bytes or ends in k, m or g (powers of 1024).\n";

static const struct option long_options[] = {
	{ "unit", required_argument, NULL, 'u' },    { "shift", required_argument, NULL, 's' },
	{ "codec", required_argument, NULL, 'c' },   { "record", required_argument, NULL, 'r' },
	{ "against", required_argument, NULL, 'a' }, { "direct", no_argument, NULL, 'd' },
	{ "threads", required_argument, NULL, 't' }, { "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },         { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },       { NULL, 0, NULL, 0 },
};

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("dgen-measure: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

/* Decimal digits and at most one suffix. */
static int parse_size(const char *text, uint64_t *size)
{
	unsigned int bits = 0;
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	switch (*end) {
	case 'k':
	case 'K':
		bits = 10;
		break;
	case 'm':
	case 'M':
		bits = 20;
		break;
	case 'g':
	case 'G':
		bits = 30;
		break;
	case '\0':
		break;
	default:
		return -EINVAL;
	}
	if (errno || (bits && end[1]) || value > (uint64_t)INT64_MAX >> bits)
		return -EINVAL;
	*size = value << bits;
	return 0;
}

static int set_units(struct scan_options *scan, char *list)
{
	char *save = NULL;

	scan->unit_count = 0;
	for (char *text = strtok_r(list, ",", &save); text; text = strtok_r(NULL, ",", &save)) {
		uint64_t size;

		if (scan->unit_count == MAX_UNITS) {
			complain("--unit: at most %d sizes", MAX_UNITS);
			return -EINVAL;
		}
		if (parse_size(text, &size) || size < MIN_UNIT || size > MAX_UNIT) {
			complain("--unit=%s: must be a size from 512 to 64m", text);
			return -EINVAL;
		}
		scan->units[scan->unit_count++] = (uint32_t)size;
	}
	if (!scan->unit_count)
		complain("--unit: needs a size from 512 to 64m");
	return scan->unit_count ? 0 : -EINVAL;
}

static int set_codecs(struct scan_options *scan, char *list)
{
	char *save = NULL;

	scan->codec_count = 0;
	for (char *text = strtok_r(list, ",", &save); text; text = strtok_r(NULL, ",", &save)) {
		if (!strcmp(text, "none"))
			continue;
		if (scan->codec_count == MAX_CODECS) {
			complain("--codec: at most %d codecs", MAX_CODECS);
			return -EINVAL;
		}
		if (codec_parse(text, &scan->codecs[scan->codec_count])) {
			complain("--codec=%s: must be one of %s", text, codec_names());
			return -EINVAL;
		}
		scan->codec_count++;
	}
	return 0;
}

static int set_record(struct scan_options *scan, const char *text)
{
	uint64_t size;

	if (parse_size(text, &size) || size < MIN_UNIT || size > MAX_RECORD) {
		complain("--record=%s: must be a size from 512 to 16m", text);
		return -EINVAL;
	}
	scan->record = (uint32_t)size;
	return 0;
}

static int set_threads(struct scan_options *scan, const char *text)
{
	uint64_t count;

	if (parse_size(text, &count) || count < 1 || count > MAX_THREADS) {
		complain("--threads=%s: must be a number from 1 to %d", text, MAX_THREADS);
		return -EINVAL;
	}
	scan->threads = (unsigned int)count;
	return 0;
}

/* 0, -EINVAL after a complaint, or 1 where there is nothing left to do. */
static int set_option(struct settings *settings, int option)
{
	switch (option) {
	case 'u':
		return set_units(&settings->scan, optarg);
	case 's':
		if (!parse_size(optarg, &settings->scan.shift))
			return 0;
		complain("--shift=%s: must be a size", optarg);
		return -EINVAL;
	case 'c':
		return set_codecs(&settings->scan, optarg);
	case 'r':
		return set_record(&settings->scan, optarg);
	case 'a':
		settings->against[settings->against_count++] = optarg;
		return 0;
	case 'd':
		settings->scan.direct = true;
		return 0;
	case 't':
		return set_threads(&settings->scan, optarg);
	case 'j':
		settings->json = true;
		return 0;
	case 'q':
		settings->quiet = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		puts("dgen-measure " DGEN_VERSION);
		return 1;
	default:
		/* getopt has named it. */
		fputs("Try dgen-measure --help\n", stderr);
		return -EINVAL;
	}
}

static unsigned int cpus_allowed(void)
{
	cpu_set_t set;
	int count = 0;

	if (!sched_getaffinity(0, sizeof(set), &set))
		count = CPU_COUNT(&set);
	return count > 0 ? (unsigned int)count : 1;
}

static void note_memory(const struct settings *settings, const struct files *files)
{
	uint64_t need = 0;

	for (unsigned int i = 0; i < settings->scan.unit_count; i++)
		need += set_memory(files->bytes / settings->scan.units[i]);
	if (settings->quiet || need < MEMORY_WORTH_A_WORD)
		return;
	fprintf(stderr, "dgen-measure: the hashes of all units may need %.1f GiB of memory\n",
		(double)need / (1u << 30));
}

/* Reads all paths into sets->seen. */
static int scan_paths(const struct settings *settings, const struct scan_options *options,
		      char **paths, unsigned int count, const struct scan_sets *sets,
		      struct files *files, struct counts *counts)
{
	char why[512];
	int ret;

	ret = files_open(files, paths, count, options, why, sizeof(why));
	if (!ret) {
		note_memory(settings, files);
		ret = scan(files, options, sets, counts, why, sizeof(why));
	}
	if (ret)
		complain("%s", why);
	return ret;
}

static int sets_create(struct set **sets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		sets[i] = set_create();
		if (!sets[i]) {
			complain("not enough memory to start");
			return -ENOMEM;
		}
	}
	return 0;
}

/* The files that others are compared against are read first, by the same means, without codecs. */
static int read_against(const struct settings *settings, struct scan_sets *sets)
{
	struct scan_options options = settings->scan;
	struct scan_sets first = { 0 };
	struct counts counts;
	struct files files;
	int ret;

	ret = sets_create(sets->against, options.unit_count);
	if (ret)
		return ret;
	options.codec_count = 0;
	memcpy(first.seen, sets->against, sizeof(first.seen));
	ret = scan_paths(settings, &options, settings->against, settings->against_count, &first,
			 &files, &counts);
	files_close(&files);
	return ret;
}

static int measure(const struct settings *settings, char **paths, unsigned int count)
{
	bool compared = settings->against_count > 0;
	struct scan_sets sets = { 0 };
	struct files files = { 0 };
	struct counts counts;
	int ret = 0;

	if (compared)
		ret = read_against(settings, &sets);
	if (!ret)
		ret = sets_create(sets.seen, settings->scan.unit_count);
	if (!ret)
		ret = scan_paths(settings, &settings->scan, paths, count, &sets, &files, &counts);
	if (!ret && settings->json)
		report_json(&files, &settings->scan, &counts, compared);
	else if (!ret)
		report_text(&files, &settings->scan, &counts, compared);
	files_close(&files);
	for (unsigned int i = 0; i < MAX_UNITS; i++) {
		set_destroy(sets.seen[i]);
		set_destroy(sets.against[i]);
	}
	return ret;
}

static int parse(struct settings *settings, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "u:s:c:r:a:dt:jqhV", long_options, NULL)) != -1) {
		int ret = set_option(settings, option);

		if (ret)
			return ret;
	}
	settings->scan.progress = !settings->quiet && isatty(STDERR_FILENO);
	if (optind == argc) {
		complain("no PATH given; try dgen-measure --help");
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char codecs[] = "lz4,zstd:3";
	struct settings settings = {
		.scan = { .units = { 4096 },
			  .unit_count = 1,
			  .record = 4096,
			  .threads = cpus_allowed() },
	};
	int ret;

	settings.against = calloc((size_t)argc + 1, sizeof(*settings.against));
	if (!settings.against) {
		complain("not enough memory to start");
		return EXIT_FAILURE;
	}
	set_codecs(&settings.scan, codecs);
	ret = parse(&settings, argc, argv);
	if (!ret)
		ret = measure(&settings, argv + optind, (unsigned int)(argc - optind));
	free(settings.against);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output: %s", strerror(errno));
		ret = -EIO;
	}
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
