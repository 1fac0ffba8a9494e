/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ABI guard. fio installs no headers and its ioops version does not tell layouts apart: one
 * version configured differently moves fields. What can be known is compared: the version string
 * and, by name, the offset of every option that we use, both before td is touched; then some
 * fields of td and io_u whose value is known at that moment.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "compat.h"

#ifndef DGEN_FIO_VERSION
#error "DGEN_FIO_VERSION must be the version string of the fio that this is built for"
#endif

#define REBUILD "rebuild with: make FIO=/path/to/fio FIO_SRC=/path/to/its/source"

/*
 * Standard error on purpose: log_err() writes to --output as well, which would spoil JSON, and
 * nothing is known about the fio that is running.
 */
#define abi_err(fmt, ...) fprintf(stderr, "dgen: " fmt "; " REBUILD "\n", ##__VA_ARGS__)

static const struct {
	const char *name;
	size_t offset;
} used_options[] = {
#define USED(option, field)                                                                        \
	{                                                                                          \
		option, offsetof(struct thread_options, field)                                     \
	}
	USED("ioengine", ioengine),
	USED("rw", td_ddir),
	USED("rw_sequencer", rw_seq),
	USED("size", size),
	USED("filesize", file_size_low),
	USED("offset", start_offset),
	USED("iodepth", iodepth),
	USED("iodepth_batch_complete_min", iodepth_batch_complete_min),
	USED("io_submit_mode", io_submit_mode),
	USED("bs", bs[DDIR_READ]),
	USED("bsrange", min_bs[DDIR_READ]),
	USED("ba", ba[DDIR_READ]),
	USED("direct", odirect),
	USED("overwrite", overwrite),
	USED("norandommap", norandommap),
	USED("random_distribution", random_distribution),
	USED("percentage_random", perc_rand[DDIR_READ]),
	USED("zonemode", zone_mode),
	USED("create_serialize", create_serialize),
	USED("time_based", time_based),
	USED("verify", verify),
	USED("zero_buffers", zero_buffers),
	USED("refill_buffers", refill_buffers),
	USED("scramble_buffers", scramble_buffers),
	USED("buffer_pattern", buffer_pattern),
	USED("buffer_compress_percentage", compress_percentage),
	USED("buffer_compress_chunk", compress_chunk),
	USED("dedupe_percentage", dedupe_percentage),
	USED("read_iolog", read_iolog_file),
	USED("disable_clat", disable_clat),
	USED("disable_slat", disable_slat),
	USED("disable_bw_measurement", disable_bw),
	USED("nrfiles", nr_files),
#undef USED
};

/* The size that the running fio gives one of its exported objects; 0 where that is not known. */
static size_t exported_size(const void *object)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!dladdr1(object, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return 0;
	return symbol->st_size;
}

static const struct fio_option *named(const struct fio_option *table, size_t entries,
				      const char *name)
{
	for (size_t i = 0; i < entries && table[i].name; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static int check_options(const struct fio_option *table)
{
	const size_t size = exported_size(table);
	const size_t wanted = FIO_MAX_OPTS * sizeof(*table);

	if (size && size != wanted) {
		abi_err("this fio's option table is laid out otherwise (%zu bytes, built for %zu)",
			size, wanted);
		return -ENOEXEC;
	}
	for (size_t i = 0; i < ARRAY_SIZE(used_options); i++) {
		const struct fio_option *o = named(table, FIO_MAX_OPTS, used_options[i].name);

		if (o && o->off1 == used_options[i].offset)
			continue;
		abi_err("this %s is configured otherwise than the one that dgen was built for "
			"(option %s at %u, built for %zu)",
			DGEN_FIO_VERSION, used_options[i].name, o ? o->off1 : 0,
			used_options[i].offset);
		return -ENOEXEC;
	}
	return 0;
}

int abi_check_binary(void)
{
	const char *version = dlsym(RTLD_DEFAULT, "fio_version_string");
	const struct fio_option *table = dlsym(RTLD_DEFAULT, "fio_options");

	if (!version || !table) {
		abi_err("this program does not look like fio, dgen was built for %s",
			DGEN_FIO_VERSION);
		return -ENOEXEC;
	}
	if (strcmp(version, DGEN_FIO_VERSION)) {
		abi_err("built for %s, but this is %s", DGEN_FIO_VERSION, version);
		return -ENOEXEC;
	}
	return check_options(table);
}

static int differs(const char *what)
{
	abi_err("this %s is configured otherwise than the one that dgen was built for "
		"(struct %s differs)",
		DGEN_FIO_VERSION, what);
	return -EINVAL;
}

int abi_check_td(struct thread_data *td, const void *our_ops)
{
	const struct fio_file *f;

	/* Cheapest and farthest first: io_ops lies far behind eo, files between them. */
	if (td->io_ops != our_ops || !td->eo)
		return differs("thread_data");
	/* One that replays a log and names no file has none before it reads the log. */
	if (td->o.read_iolog_file && !td->files && !td->files_index)
		return 0;
	if (!td->files || !td->files_index || td->o.nr_files > td->files_index)
		return differs("thread_data");
	/* fio has made and reset it, but not looked for it yet. */
	f = td->files[0];
	if (f->fd != -1 || f->fileno || !f->file_name || f->last_start[DDIR_TRIM] != -1ULL)
		return differs("fio_file");
	return 0;
}

int abi_check_io_u(struct thread_data *td, struct io_u *io_u)
{
	const struct io_u_queue *all = &td->io_u_all;

	/* fio has just cleared it, numbered it, and pointed its list at itself. */
	if (io_u->flags != IO_U_F_FREE || io_u->index >= td->o.iodepth || io_u->file ||
	    io_u->xfer_buf || io_u->verify_list.next != &io_u->verify_list)
		return differs("io_u");
	/* And has just entered it here, behind what we use of td. */
	if (all->nr != io_u->index + 1 || all->io_us[io_u->index] != io_u)
		return differs("thread_data");
	return 0;
}
