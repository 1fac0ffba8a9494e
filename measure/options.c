// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "version.h"

#define MAX_THREADS 1024

static const char usage[] =
	"Usage: dgen-measure [option]... PATH...\n"
	"Says what deduplication and compression files, directory trees, block devices and\n"
	"streams (- is standard input) hold, all of them counted together. Units of zeros only\n"
	"are counted apart.\n"
	"\n"
	"  -u, --unit=SIZE[,SIZE]...   bytes at which storage deduplicates, all in one pass; the\n"
	"                              first one decides which data is distinct and goes to the\n"
	"                              codecs (4k,512,8k,16k,32k,64k,128k,1m)\n"
	"  -k, --chunks=MIN:AVG:MAX    content-defined chunks too, as backup tools cut them, or\n"
	"                              none (8k:16k:64k)\n"
	"  -c, --codec=NAME[,NAME]...  lz4, lz4hc[:1-12], zstd[:1-22], deflate[:1-9], lzo or none\n"
	"                              (lz4,zstd:3)\n"
	"  -r, --record=SIZE[,SIZE]... bytes that a codec sees at a time (4k)\n"
	"  -s, --shift=SIZE            leave out this much at the start of each file\n"
	"  -a, --against=PATH          count the units that PATH has too; may be repeated\n"
	"  -m, --memory=SIZE           use so much; where hashes do not fit, estimate from a sample\n"
	"                              and say how good it is (a quarter of the machine's memory)\n"
	"  -d, --direct                read past the page cache (O_DIRECT)\n"
	"  -t, --threads=N             all CPUs unless given\n"
	"  -j, --json                  print JSON\n"
	"  -p, --profile               print the options of the dgen engine that make such data\n"
	"  -q, --quiet                 show no progress and no notes\n"
	"  -h, --help                  print this\n"
	"  -V, --version               print the version and those of the codecs\n"
	"\n"
	"SIZE is in bytes or ends in k, m, g, t or p (powers of 1024), as 10GB and 4KiB do too.\n";

static const struct option long_options[] = {
	{ "unit", required_argument, NULL, 'u' },
	{ "chunks", required_argument, NULL, 'k' },
	{ "codec", required_argument, NULL, 'c' },
	{ "record", required_argument, NULL, 'r' },
	{ "shift", required_argument, NULL, 's' },
	{ "against", required_argument, NULL, 'a' },
	{ "memory", required_argument, NULL, 'm' },
	{ "direct", no_argument, NULL, 'd' },
	{ "threads", required_argument, NULL, 't' },
	{ "json", no_argument, NULL, 'j' },
	{ "profile", no_argument, NULL, 'p' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* SIZE[,SIZE]..., each from 512 to most. */
static int set_sizes(const char *option, char *list, uint64_t most, uint32_t *sizes,
		     unsigned int room, unsigned int *count)
{
	char *text;

	*count = 0;
	while ((text = strsep(&list, ","))) {
		uint64_t size;

		if (parse_size(text, most, &size) || size < MIN_UNIT) {
			complain("--%s=%s: must be a size from 512 to %um, or several with commas",
				 option, text, (unsigned int)(most >> 20));
			return -EINVAL;
		}
		if (*count == room) {
			complain("--%s: at most %u sizes", option, room);
			return -EINVAL;
		}
		for (unsigned int i = 0; i < *count; i++) {
			if (sizes[i] == size) {
				complain("--%s=%s: it is there twice", option, text);
				return -EINVAL;
			}
		}
		sizes[(*count)++] = (uint32_t)size;
	}
	return 0;
}

static int set_codecs(struct record_options *records, char *list)
{
	char *text;

	records->codec_count = 0;
	if (!strcmp(list, "none"))
		return 0;
	while ((text = strsep(&list, ","))) {
		struct codec codec;

		if (codec_parse(text, &codec)) {
			complain("--codec=%s: must be some of %s", text, codec_names());
			return -EINVAL;
		}
		if (records->codec_count == MAX_CODECS) {
			complain("--codec: at most %d codecs", MAX_CODECS);
			return -EINVAL;
		}
		records->codecs[records->codec_count++] = codec;
	}
	return 0;
}

static int set_chunks(struct scan_options *scan, const char *text)
{
	uint64_t sizes[3];
	char copy[80];
	char *rest = copy;

	scan->chunks = false;
	if (!strcmp(text, "none"))
		return 0;
	snprintf(copy, sizeof(copy), "%s", text);
	for (unsigned int i = 0; i < 3; i++) {
		const char *size = strsep(&rest, ":");

		if (!size || parse_size(size, MAX_CHUNK, &sizes[i]))
			goto bad;
	}
	if (rest || strlen(text) >= sizeof(copy) ||
	    chunker_init(&scan->chunker, (uint32_t)sizes[0], (uint32_t)sizes[1],
			 (uint32_t)sizes[2]))
		goto bad;
	scan->chunks = true;
	return 0;
bad:
	complain("--chunks=%s: must be none or MIN:AVG:MAX, 256 <= MIN <= AVG <= MAX <= 4m, AVG a "
		 "power of 2",
		 text);
	return -EINVAL;
}

static int set_threads(struct scan_options *scan, const char *text)
{
	static const char allowed[] = "a number from 1 to 1024";
	uint64_t count;

	if (set_number("threads", text, MAX_THREADS, allowed, &count))
		return -EINVAL;
	if (!count)
		return refuse("threads", text, allowed);
	scan->threads = (unsigned int)count;
	return 0;
}

/* An option without an argument, or one that next_option() has refused. */
static int set_flag(struct settings *settings, int option)
{
	char versions[160];

	switch (option) {
	case 'd':
		settings->scan.source.direct = true;
		return 0;
	case 'j':
		settings->as = AS_JSON;
		return 0;
	case 'p':
		settings->as = AS_PROFILE;
		return 0;
	case 'q':
		settings->quiet = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		codec_versions(versions, sizeof(versions));
		printf("dgen-measure " DGEN_VERSION " (%s)\n", versions);
		return 1;
	default:
		return -EINVAL;
	}
}

/* 0, -EINVAL after a complaint, or 1 where there is nothing left to do. */
static int set_option(struct settings *settings, int option)
{
	struct scan_options *scan = &settings->scan;

	switch (option) {
	case 'u':
		return set_sizes("unit", optarg, MAX_UNIT, scan->units, MAX_UNITS,
				 &scan->unit_count);
	case 'r':
		return set_sizes("record", optarg, MAX_RECORD, scan->records.records, MAX_RECORDS,
				 &scan->records.record_count);
	case 'k':
		return set_chunks(scan, optarg);
	case 'c':
		return set_codecs(&scan->records, optarg);
	case 's':
		scan->source.shift_typed = optarg;
		return set_size("shift", optarg, INT64_MAX, &scan->source.shift);
	case 'm':
		settings->memory_typed = optarg;
		return set_size("memory", optarg, INT64_MAX, &settings->memory);
	case 'a':
		settings->against[settings->against_count++] = optarg;
		return 0;
	case 't':
		return set_threads(scan, optarg);
	default:
		return set_flag(settings, option);
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

/* What a profile is made of, whatever else was asked for. */
static int set_profile(struct scan_options *scan)
{
	char units[] = "4k";
	char codecs[] = "lz4,zstd:3";
	char records[] = "4k";

	scan->chunks = false;
	set_sizes("unit", units, MAX_UNIT, scan->units, MAX_UNITS, &scan->unit_count);
	set_sizes("record", records, MAX_RECORD, scan->records.records, MAX_RECORDS,
		  &scan->records.record_count);
	return set_codecs(&scan->records, codecs);
}

static int set_defaults(struct settings *settings, int argc)
{
	char units[] = "4k,512,8k,16k,32k,64k,128k,1m";
	char codecs[] = "lz4,zstd:3";
	char records[] = "4k";
	struct scan_options *scan = &settings->scan;
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);

	memset(settings, 0, sizeof(*settings));
	scan->threads = cpus_allowed();
	settings->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 4 : 1u << 30;
	set_sizes("unit", units, MAX_UNIT, scan->units, MAX_UNITS, &scan->unit_count);
	set_sizes("record", records, MAX_RECORD, scan->records.records, MAX_RECORDS,
		  &scan->records.record_count);
	set_codecs(&scan->records, codecs);
	set_chunks(scan, "8k:16k:64k");
	settings->against = calloc((size_t)argc + 1, sizeof(*settings->against));
	if (settings->against)
		return 0;
	complain("not enough memory to start");
	return -ENOMEM;
}

int options_parse(struct settings *settings, int argc, char **argv)
{
	int option;
	int ret = set_defaults(settings, argc);

	while (!ret) {
		option = next_option(argc, argv, ":u:k:c:r:s:a:m:dt:jpqhV", long_options);
		if (option == -1)
			break;
		ret = set_option(settings, option);
	}
	if (ret)
		return ret;
	if (optind >= argc) {
		complain("no PATH given; try dgen-measure --help");
		return -EINVAL;
	}
	if (settings->as == AS_PROFILE && set_profile(&settings->scan))
		return -EINVAL;
	settings->paths = argv + optind;
	settings->path_count = (unsigned int)(argc - optind);
	settings->scan.progress = !settings->quiet && isatty(STDERR_FILENO);
	settings->scan.source.notes = !settings->quiet;
	return 0;
}
