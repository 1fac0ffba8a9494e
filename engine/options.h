/* SPDX-License-Identifier: GPL-2.0-only */
/* What a user may set. */
#ifndef DGEN_OPTIONS_H
#define DGEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dgen.h"

struct thread_data;
struct fio_option;

#define BACKEND_MAX 128
#define BACKEND_OPTIONS_MAX 4096
#define DOMAIN_MAX 1024
#define PATH_LENGTH_MAX 1024

#define GEN_THREADS_MAX 64

enum numa_mode { NUMA_AUTO, NUMA_FORCE, NUMA_DISABLED };

/* Versions that a unit may hold in a job that only reads. */
#define VERSIONS_MAX 250

/* More than any engine of fio has: fio 3.33's and 3.41's largest is below 300 bytes. */
#define INNER_OPTIONS_MAX 4096

/* data_version and the passes of a run stay below this; see content.c. */
#define DATA_VERSION_MAX (UINT64_MAX >> 3)

/*
 * td->eo. An inner engine finds its own options there as well, at the beginning, as if it were
 * alone: so fio's copying, duplicating and freeing of td->eo stays right for both.
 *
 * There are no pointers to strings: fio would have to duplicate and free them.
 */
struct options {
	union {
		struct thread_data *td; /* fio writes it */
		unsigned char inner[INNER_OPTIONS_MAX];
	};
	struct dgen_options data;
	bool data_seed_set;
	uint64_t data_version;
	uint64_t oldest_version;
	bool oldest_version_set;
	bool direct_fallback;
	bool allow_partitioned_write;
	bool report;
	unsigned int gen_threads;
	enum numa_mode numa_mode;
	char dedup_domain[DOMAIN_MAX];
	char verify_state_file[PATH_LENGTH_MAX];
	char report_file[PATH_LENGTH_MAX];
	char backend[BACKEND_MAX];
	char backend_options[BACKEND_OPTIONS_MAX];
};

/* Do they make the same data? */
bool options_same_data(const struct dgen_options *a, const struct dgen_options *b);

extern struct fio_option options_table[];

/*
 * An option of our own back ends that was set to something else than its default, or NULL; of
 * all, or of those that only backend=io_uring knows.
 */
const char *options_async_used(const struct options *options, bool uring_only);

#endif
