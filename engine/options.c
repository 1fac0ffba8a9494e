/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the engine: their names, their help, their parsing. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "async.h"
#include "calibration.h"
#include "compat.h"
#include "options.h"
#include "plan.h"
#include "shares.h"

_Static_assert(offsetof(struct options, td) == 0, "fio writes td over the first pointer");
_Static_assert(sizeof(struct async_options) <= INNER_OPTIONS_MAX, "room for the inner options");

/*
 * One line: the option, the value, what is allowed. fio adds "failed parsing". A value may come
 * as NULL (no "=") or empty (an unset ${VARIABLE} in a job file).
 */
static int refuse(const char *option, const char *value, const char *allowed)
{
	log_err("dgen: %s=%s: must be %s\n", option, value ? value : "", allowed);
	return 1;
}

/* Only plain decimals: strtod() takes "nan", "inf", "0x2" and leading blanks too. */
static int parse_decimal(const char *value, double *number)
{
	char *end;

	if (!value || !isdigit((unsigned char)value[0]) ||
	    strspn(value, "0123456789.eE+-") != strlen(value))
		return -EINVAL;
	*number = strtod(value, &end);
	return *end || !isfinite(*number) ? -EINVAL : 0;
}

static int dedup_ratio_cb(void *eo, const char *value)
{
	double *ratio = &((struct options *)eo)->data.dedup_ratio;

	if (parse_decimal(value, ratio) || *ratio < 1 || *ratio > DGEN_DEDUP_MAX)
		return refuse("dedup_ratio", value, "a number from 1 to 1000, such as 2 or 1.5");
	return 0;
}

/* Decimal, or hexadecimal with 0x; what follows is the rest. 0, -EINVAL, or -ERANGE if it is too large. */
static int parse_u64(const char *value, uint64_t *number, const char **rest)
{
	char *end;
	int base;

	if (!value || !isdigit((unsigned char)value[0]))
		return -EINVAL;
	base = value[0] == '0' && (value[1] == 'x' || value[1] == 'X') ? 16 : 10;
	errno = 0;
	*number = strtoull(value, &end, base);
	if (end == value)
		return -EINVAL;
	*rest = end;
	return errno ? -ERANGE : 0;
}

/* limit: what most is, or less where more is refused later. */
static int parse_large(const char *option, const char *value, uint64_t most, const char *limit,
		       uint64_t *bytes)
{
	static const char allowed[] = "a number of bytes, such as 4096, 4k or 1m";
	static const struct {
		const char *suffix;
		unsigned int shift;
	} units[] = { { "", 0 },     { "b", 0 },   { "k", 10 },   { "kb", 10 },  { "kib", 10 },
		      { "m", 20 },   { "mb", 20 }, { "mib", 20 }, { "g", 30 },   { "gb", 30 },
		      { "gib", 30 }, { "t", 40 },  { "tb", 40 },  { "tib", 40 }, { "p", 50 },
		      { "pb", 50 },  { "pib", 50 } };
	const char *rest;
	uint64_t number;
	const int err = parse_u64(value, &number, &rest);

	if (err == -EINVAL)
		return refuse(option, value, allowed);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcasecmp(rest, units[i].suffix))
			continue;
		if (err || number > most >> units[i].shift)
			return refuse(option, value, limit);
		if (!number)
			break;
		*bytes = number << units[i].shift;
		return 0;
	}
	return refuse(option, value, allowed);
}

static int parse_bytes(const char *option, const char *value, const char *limit, uint32_t *bytes)
{
	uint64_t large;
	const int err = parse_large(option, value, UINT32_MAX, limit, &large);

	if (!err)
		*bytes = (uint32_t)large;
	return err;
}

static int parse_string(const char *option, const char *value, char *to, size_t size)
{
	if (!value || !*value || strlen(value) >= size)
		return refuse(option, value, "a name, neither empty nor very long");
	strcpy(to, value);
	return 0;
}

static int compress_ratio_cb(void *eo, const char *value)
{
	char why[DGEN_WHY_MAX];

	value = value ? value : "";
	if (!dgen_mix_parse(value, &((struct options *)eo)->data, why))
		return 0;
	log_err("dgen: compress_ratio=%s: %s\n", value, why);
	return 1;
}

static int zero_percentage_cb(void *eo, const char *value)
{
	struct dgen_options *data = &((struct options *)eo)->data;

	if (parse_decimal(value, &data->zero_percentage) || data->zero_percentage > 99)
		return refuse("zero_percentage", value, "a number from 0 to 99, such as 12.5");
	return 0;
}

static int dedup_run_cb(void *eo, const char *value)
{
	return parse_bytes("dedup_run", value, "at most 16m",
			   &((struct options *)eo)->data.dedup_run);
}

static int dedup_skew_cb(void *eo, const char *value)
{
	struct dgen_options *data = &((struct options *)eo)->data;

	if (parse_decimal(value, &data->dedup_skew) || data->dedup_skew > 90)
		return refuse("dedup_skew", value, "a number from 0 to 90, such as 12.5");
	return 0;
}

static int dedup_window_cb(void *eo, const char *value)
{
	return parse_large("dedup_window", value, UINT64_MAX, "at most 1t",
			   &((struct options *)eo)->data.dedup_window);
}

static int dedup_unit_cb(void *eo, const char *value)
{
	return parse_bytes("dedup_unit", value, "at most 16m",
			   &((struct options *)eo)->data.dedup_unit);
}

static int compress_chunk_cb(void *eo, const char *value)
{
	return parse_bytes("compress_chunk", value, "at most 16m",
			   &((struct options *)eo)->data.compress_chunk);
}

static int compress_codec_cb(void *eo, const char *value)
{
	if (value && !dgen_codec_choose(value, &((struct options *)eo)->data))
		return 0;
	return refuse("compress_codec", value, "lz4, zstd, deflate or lzo");
}

static int compress_record_cb(void *eo, const char *value)
{
	return parse_bytes("compress_record", value, "at most 128k",
			   &((struct options *)eo)->data.compress_record);
}

static int data_seed_cb(void *eo, const char *value)
{
	struct options *options = eo;
	const char *rest;

	if (parse_u64(value, &options->data.data_seed, &rest) || *rest)
		return refuse("data_seed", value, "a 64-bit number, decimal or 0x...");
	options->data_seed_set = true;
	return 0;
}

static int data_version_cb(void *eo, const char *value)
{
	struct options *options = eo;
	const char *rest;

	if (parse_u64(value, &options->data_version, &rest) || *rest ||
	    options->data_version > DATA_VERSION_MAX)
		return refuse("data_version", value, "a whole number from 0 to 2^61 - 1");
	return 0;
}

static int oldest_version_cb(void *eo, const char *value)
{
	struct options *options = eo;
	const char *rest;

	if (parse_u64(value, &options->oldest_version, &rest) || *rest ||
	    options->oldest_version > DATA_VERSION_MAX)
		return refuse("oldest_version", value, "a whole number from 0 to 2^61 - 1");
	options->oldest_version_set = true;
	return 0;
}

static int verify_state_file_cb(void *eo, const char *value)
{
	struct options *options = eo;

	return parse_string("verify_state_file", value, options->verify_state_file,
			    PATH_LENGTH_MAX);
}

/*
 * %h is the host that runs the job. With fio's client and servers ${HOSTNAME} does not do: it comes
 * from the environment of the client. The command that verifies names the domain as it is then, so there must be
 * nothing left in it to replace.
 */
static int dedup_domain_cb(void *eo, const char *value)
{
	char host[HOST_NAME_MAX + 1] = "", name[DOMAIN_MAX + HOST_NAME_MAX];
	struct options *options = eo;
	size_t used = 0;

	gethostname(host, sizeof(host) - 1);
	for (const char *c = value; c && *c && used < DOMAIN_MAX; c++) {
		const bool is_host = c[0] == '%' && c[1] == 'h';

		used += (size_t)snprintf(name + used, sizeof(name) - used, "%.*s",
					 is_host ? HOST_NAME_MAX : 1, is_host ? host : c);
		c += is_host;
	}
	name[used] = '\0';
	if (strstr(name, "%h"))
		return refuse("dedup_domain", value,
			      "a name in which no %h is left when the host's name is in");
	return parse_string("dedup_domain", value ? name : value, options->dedup_domain,
			    DOMAIN_MAX);
}

static int backend_cb(void *eo, const char *value)
{
	struct options *options = eo;

	return parse_string("backend", value, options->backend, BACKEND_MAX);
}

static int backend_options_cb(void *eo, const char *value)
{
	struct options *options = eo;

	return parse_string("backend_options", value, options->backend_options,
			    BACKEND_OPTIONS_MAX);
}

static int cmdprio_bssplit_cb(void *eo, const char *value)
{
	struct async_options *options = eo;

	return parse_string("cmdprio_bssplit", value, options->cmdprio_bssplit,
			    CMDPRIO_BSSPLIT_MAX);
}

static int parse_bool(const char *option, const char *value, bool *to)
{
	if (!value || (strcmp(value, "0") && strcmp(value, "1")))
		return refuse(option, value, "0 or 1");
	*to = value[0] == '1';
	return 0;
}

static int direct_fallback_cb(void *eo, const char *value)
{
	return parse_bool("direct_fallback", value, &((struct options *)eo)->direct_fallback);
}

static int allow_partitioned_write_cb(void *eo, const char *value)
{
	return parse_bool("allow_partitioned_write", value,
			  &((struct options *)eo)->allow_partitioned_write);
}

static int report_cb(void *eo, const char *value)
{
	return parse_bool("report", value, &((struct options *)eo)->report);
}

static int report_file_cb(void *eo, const char *value)
{
	return parse_string("report_file", value, ((struct options *)eo)->report_file,
			    PATH_LENGTH_MAX);
}

static int gen_threads_cb(void *eo, const char *value)
{
	const char *rest;
	uint64_t number;

	if (parse_u64(value, &number, &rest) || *rest || number > GEN_THREADS_MAX)
		return refuse("gen_threads", value, "a whole number from 0 to 64");
	((struct options *)eo)->gen_threads = number;
	return 0;
}

static int numa_mode_cb(void *eo, const char *value)
{
	static const char *const modes[] = { "auto", "force", "disabled" };

	for (unsigned int i = 0; value && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(value, modes[i]))
			continue;
		((struct options *)eo)->numa_mode = i;
		return 0;
	}
	return refuse("numa_mode", value, "auto, force or disabled");
}

static int sqthread_poll_cpu_cb(void *eo, long long *cpu)
{
	struct async_options *options = eo;

	options->sqthread_poll_cpu = *cpu;
	options->sqthread_poll_cpu_set = 1;
	return 0;
}

/* Parsed by us, for messages that tell what is allowed: as a string that fio does not look at. */
#define PARSED(option, long_name, helptext, ...)                                                   \
	{                                                                                          \
		.name = #option, .lname = long_name, .type = FIO_OPT_STR, .cb = option##_cb,       \
		.help = helptext, .category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_INVALID,        \
		##__VA_ARGS__                                                                      \
	}

/* Of our io_uring, of our libaio, of both. */
#define ASYNC(option, opt_type, opt_group, long_name, helptext, ...)                               \
	{                                                                                          \
		.name = #option, .lname = long_name, .type = opt_type,                             \
		.off1 = offsetof(struct async_options, option), .help = helptext,                  \
		.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_##opt_group, ##__VA_ARGS__        \
	}

/* Two values: of reads and of writes. */
#define PRIORITY(option, member, long_name, helptext, min, max)                                    \
	{                                                                                          \
		.name = #option, .lname = long_name, .type = FIO_OPT_INT,                          \
		.off1 = offsetof(struct async_options, cmdprio.member[DDIR_READ]),                 \
		.off2 = offsetof(struct async_options, cmdprio.member[DDIR_WRITE]),                \
		.help = helptext, .minval = min, .maxval = max, .interval = 1,                     \
		.category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_IOURING,                          \
	}

struct fio_option options_table[] = {
	PARSED(dedup_ratio, "Deduplication ratio",
	       "Deduplication ratio N:1 of what is written: total units / distinct units, a real "
	       "number from 1 to 1000",
	       .def = "1"),
	PARSED(compress_ratio, "Compression ratio",
	       "Compression ratio N:1 of the distinct data, a real number from 1 on; or a mix of up "
	       "to 6: RATIO/PERCENT:..., such as 1/20:2/50:4/30, each unit by its content",
	       .def = "1"),
	PARSED(zero_percentage, "Zero percentage",
	       "Percentage of the units that are all zero, by address, 0 to 99; the ratios are those "
	       "of the others",
	       .def = "0"),
	PARSED(dedup_unit, "Deduplication unit",
	       "Bytes that the storage deduplicates at a time, a multiple of 512", .def = "4k"),
	PARSED(dedup_run, "Deduplication run",
	       "Units repeat, and are zero, in aligned runs of so many bytes, a multiple of "
	       "dedup_unit up to 16m (default: each unit by itself)"),
	PARSED(dedup_skew, "Deduplication skew",
	       "Percentage of the duplicates that have one of few hot contents, 0 to 90",
	       .def = "0"),
	PARSED(dedup_window, "Deduplication window",
	       "Bytes, at least, from one reference to a content to the next, up to 1t (default: 1m)"),
	PARSED(compress_chunk, "Compression chunk",
	       "Bytes in which compress_ratio holds: a power of two from 64 to 2k, a multiple of "
	       "4k, or dedup_unit (default: 4k, or dedup_unit where that is smaller); the "
	       "smaller, the harder compressors work"),
	PARSED(compress_codec, "Compression codec",
	       "Calibrate for exactly this codec: lz4, zstd, deflate or lzo (default: lz4 where "
	       "compress_record is set, else what suits lz4 and zstd on 4k)"),
	PARSED(compress_record, "Compression record",
	       "Calibrate for a codec that sees so many bytes at a time: a power of two from 4k to "
	       "128k (default: 4k)"),
	PARSED(data_seed, "Data seed",
	       "64-bit seed of the data (default: a fresh one, which is printed); the same seed, "
	       "file names and options give the same bytes"),
	PARSED(data_version, "Data version",
	       "Version that the first pass over a file writes; each further pass writes the next. "
	       "In a job that only reads with verify=: the newest that may be there",
	       .def = "0"),
	PARSED(oldest_version, "Oldest version",
	       "With verify=: the oldest version that may be there (default: data_version in a "
	       "job that only reads, else the one before)"),
	PARSED(verify_state_file, "Verify state file",
	       "Keeps which version each part of the files holds, through a kill or a crash; a "
	       "job with verify= that only reads takes it from there"),
	PARSED(dedup_domain, "Deduplication domain",
	       "Files with the same name here hold the same data, as clones do; %h is the name of the "
	       "host (default: the file's own name)"),
	PARSED(backend, "Back end",
	       "The engine that does the I/O: io_uring, libaio, null, or fio:NAME for any engine "
	       "of fio",
	       .def = "io_uring"),
	PARSED(backend_options, "Back end options",
	       "Options for a fio:NAME back end: NAME=VALUE,... (\\, is a comma in a value)"),
	PARSED(direct_fallback, "Fall back from O_DIRECT",
	       "1: where a file system refuses O_DIRECT, warn and go on buffered", .def = "0"),
	PARSED(allow_partitioned_write, "Allow to write over partitions",
	       "1: write to a device that holds a partition table (allow_mounted_write=1 of fio: to "
	       "one that is in use)",
	       .def = "0"),
	PARSED(report, "Report",
	       "0: no report about throughput, latency and the bottleneck at the end of a run",
	       .def = "1"),
	PARSED(report_file, "Report file", "Write the report to this file too, as JSON"),
	PARSED(gen_threads, "Generator threads",
	       "Threads that help a job to make its data, ahead of submission; 0 to 64",
	       .def = "0"),
	PARSED(numa_mode, "NUMA mode",
	       "auto: spread jobs over the NUMA nodes, each with its memory and threads, unless they "
	       "are placed already; force: and say where that cannot be; disabled",
	       .def = "auto"),
	ASYNC(hipri, FIO_OPT_STR_SET, IOURING, "High priority", "io_uring: poll for completions"),
	ASYNC(fixedbufs, FIO_OPT_STR_SET, IOURING, "Fixed buffers",
	      "io_uring: register the I/O buffers (default: where the kernel allows it)",
	      .def = "1", .no_warn_def = 1),
	ASYNC(registerfiles, FIO_OPT_STR_SET, IOURING, "Register files",
	      "io_uring: register the files (default: where the kernel allows it)", .def = "1",
	      .no_warn_def = 1),
	ASYNC(sqthread_poll, FIO_OPT_STR_SET, IOURING, "Kernel SQ thread polling",
	      "io_uring: let a kernel thread submit"),
	{
		.name = "sqthread_poll_cpu",
		.lname = "SQ thread CPU",
		.type = FIO_OPT_INT,
		.cb = sqthread_poll_cpu_cb,
		.help = "io_uring: CPU for the kernel thread of sqthread_poll",
		.category = FIO_OPT_C_ENGINE,
		.group = FIO_OPT_G_IOURING,
	},
	ASYNC(nonvectored, FIO_OPT_INT, IOURING, "Non-vectored",
	      "io_uring: use non-vectored reads and writes", .def = "1"),
	ASYNC(uncached, FIO_OPT_INT, IOURING, "Uncached",
	      "io_uring, libaio: RWF_DONTCACHE for buffered I/O: drop it from the page cache"),
	ASYNC(nowait, FIO_OPT_BOOL, IOURING, "RWF_NOWAIT",
	      "io_uring, libaio: fail with EAGAIN rather than block", .def = "0"),
	ASYNC(force_async, FIO_OPT_INT, IOURING, "Force async",
	      "io_uring: set IOSQE_ASYNC on every Nth request"),
	ASYNC(userspace_reap, FIO_OPT_STR_SET, LIBAIO, "Userspace reaping",
	      "libaio: reap without a system call where nothing is waited for; io_uring always "
	      "does"),
	ASYNC(libaio_vectored, FIO_OPT_BOOL, LIBAIO, "Vectored",
	      "libaio: use vectored reads and writes; in io_uring the same as nonvectored=0",
	      .def = "0"),
	PRIORITY(cmdprio_percentage, percentage, "Priority percentage",
		 "io_uring, libaio: send so many percent of I/Os (reads,writes) with "
		 "cmdprio_class and cmdprio",
		 0, 100),
	PRIORITY(cmdprio_class, class, "Priority class",
		 "io_uring, libaio: priority class of these I/Os (default: 1, realtime)",
		 IOPRIO_MIN_PRIO_CLASS + 1, IOPRIO_MAX_PRIO_CLASS),
	DGEN_FIO_PRIORITY_HINT(PRIORITY(cmdprio_hint, hint, "Priority hint",
					"io_uring, libaio: priority hint of these I/Os",
					IOPRIO_MIN_PRIO_HINT, IOPRIO_MAX_PRIO_HINT))
		PRIORITY(cmdprio, level, "Priority level",
			 "io_uring, libaio: priority level of these I/Os, 0 (high) to 7",
			 IOPRIO_MIN_PRIO, IOPRIO_MAX_PRIO),
	PARSED(cmdprio_bssplit, "Priority by block size",
	       "io_uring, libaio: priority percentages for different block sizes: "
	       "BS/PERCENT[/CLASS/LEVEL]:..., reads,writes"),
	{ .name = NULL },
};

bool options_same_data(const struct dgen_options *a, const struct dgen_options *b)
{
	return a->dedup_ratio == b->dedup_ratio && a->compress_ratio == b->compress_ratio &&
	       a->dedup_unit == b->dedup_unit && a->compress_chunk == b->compress_chunk &&
	       a->compress_codec == b->compress_codec && a->compress_record == b->compress_record &&
	       a->data_seed == b->data_seed && a->zero_percentage == b->zero_percentage &&
	       a->dedup_run == b->dedup_run && a->dedup_skew == b->dedup_skew &&
	       a->dedup_window == b->dedup_window &&
	       !memcmp(a->compress_mix, b->compress_mix, sizeof(a->compress_mix));
}

static const struct {
	const char *name;
	size_t at;
	unsigned int usual;
	bool uring_only;
} async_numbers[] = {
#define NUMBER(option, usual, uring_only)                                                          \
	{                                                                                          \
#option, offsetof(struct async_options, option), usual, uring_only                 \
	}
	NUMBER(hipri, 0, true),
	NUMBER(fixedbufs, 1, true),
	NUMBER(registerfiles, 1, true),
	NUMBER(sqthread_poll, 0, true),
	{ "sqthread_poll_cpu", offsetof(struct async_options, sqthread_poll_cpu_set), 0, true },
	NUMBER(nonvectored, 1, true),
	NUMBER(force_async, 0, true),
	NUMBER(uncached, 0, false),
	NUMBER(nowait, 0, false),
	NUMBER(userspace_reap, 0, false),
	NUMBER(libaio_vectored, 0, false),
#undef NUMBER
};

const char *options_async_used(const struct options *options, bool uring_only)
{
	static const struct cmdprio_options no_priorities;
	const struct async_options *set = (const void *)options->inner;

	for (size_t i = 0; i < ARRAY_SIZE(async_numbers); i++) {
		unsigned int number;

		memcpy(&number, options->inner + async_numbers[i].at, sizeof(number));
		if (number != async_numbers[i].usual &&
		    (async_numbers[i].uring_only || !uring_only))
			return async_numbers[i].name;
	}
	if (!uring_only && set->cmdprio_bssplit[0])
		return "cmdprio_bssplit";
	if (!uring_only && memcmp(&set->cmdprio, &no_priorities, sizeof(no_priorities)))
		return "cmdprio";
	return NULL;
}
