/* SPDX-License-Identifier: GPL-2.0-only */
/* Which engine does the I/O: one of ours, or one of fio's with its own options. */
#include <errno.h>
#include <string.h>

#include "async.h"
#include "compat.h"
#include "content.h"
#include "inner.h"
#include "options.h"
#include "run.h"

static int set_inner_option(const struct ioengine_ops *inner, char *setting,
			    struct options *options)
{
	const size_t name_length = strcspn(setting, "=");
	const struct fio_option *o;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)name_length, setting);
	if (!inner->options || !find_option(inner->options, name)) {
		log_err("dgen: backend_options=%s: fio:%s has no option of that name\n", setting,
			inner->name);
		return -EINVAL;
	}
	if (!parse_option(setting, setting, inner->options, &o, options->inner, NULL))
		return 0;
	log_err("dgen: backend_options: fio:%s does not take this value of %s\n", inner->name,
		name);
	return -EINVAL;
}

/* NAME=VALUE,... with \, for a comma in a value. */
static int set_inner_options(const struct ioengine_ops *inner, struct options *options)
{
	char setting[BACKEND_OPTIONS_MAX];
	const char *from = options->backend_options;
	int err;

	while (*from) {
		size_t length = 0;

		for (; *from && *from != ','; from++) {
			if (from[0] == '\\' && from[1] == ',')
				from++;
			setting[length++] = *from;
		}
		setting[length] = '\0';
		if (*from)
			from++;
		err = set_inner_option(inner, setting, options);
		if (err)
			return err;
	}
	return 0;
}

static struct ioengine_ops *load_named(struct thread_data *td, const char *name)
{
	char *const engine = td->o.ioengine, *const path = td->o.ioengine_so_path;
	struct ioengine_ops *ops;

	td->o.ioengine = (char *)name;
	td->o.ioengine_so_path = NULL;
	ops = load_ioengine(td);
	td->o.ioengine = engine;
	td->o.ioengine_so_path = path;
	return ops;
}

static bool has_own_options(const struct options *options, const char *name)
{
	const char *const ours = options_async_used(options, false);

	if (ours)
		log_err("dgen: %s belongs to backend=io_uring or libaio; for fio:%s use "
			"backend_options=\n",
			ours, name);
	return ours;
}

/* Any engine of fio. Its options take the place that the options of ours had. */
static int load_fio_engine(struct thread_data *td, const char *name,
			   const struct ioengine_ops **inner)
{
	struct options *options = td->eo;
	struct ioengine_ops *ops;
	int err;

	ops = load_named(td, name);
	clear_error(td); /* of dlopen(), where there is no such engine: the line below says it */
	if (!ops || ops == &entry_ops || ops->option_struct_size > INNER_OPTIONS_MAX) {
		log_err("dgen: backend=%s: this fio has no such engine (fio --enghelp lists them)\n",
			options->backend);
		return -EINVAL;
	}
	*inner = ops;
	memset(options->inner, 0, sizeof(options->inner));
	options->td = td;
	if (ops->options) {
		options_init(ops->options);
		fill_default_options(options->inner, ops->options);
	}
	err = set_inner_options(ops, options);
	/* As fio does before a job starts: the pointer is for the callbacks of options alone. */
	options->td = NULL;
	return err;
}

static int load_own(const struct options *options, bool uring, const struct ioengine_ops **inner)
{
	const char *other = uring ? NULL : options_async_used(options, true);

	if (options->backend_options[0]) {
		log_err("dgen: backend_options=%s: only for backend=fio:NAME; the options of "
			"%s are set directly\n",
			options->backend_options, options->backend);
		return -EINVAL;
	}
	if (other) {
		log_err("dgen: %s belongs to backend=io_uring; backend=libaio has none of that "
			"name\n",
			other);
		return -EINVAL;
	}
	*inner = uring ? &uring_ops : &aio_ops;
	return 0;
}

/* Forbidden by a sysctl, filtered in a container, or not built in. */
static bool is_missing(int err)
{
	return err == -ENOSYS || err == -EPERM || err == -EACCES;
}

/* io_uring, or what comes nearest to it here. */
static int load_best(struct thread_data *td, const struct ioengine_ops **inner)
{
	static const char cause[] = "forbidden (sysctl kernel.io_uring_disabled, seccomp) or "
				    "not in this kernel";
	const bool has_uring = !is_missing(uring_probe());
	const bool has_aio = has_uring || !is_missing(aio_probe());
	const int err = load_own(td->eo, true, inner);

	if (err || has_uring)
		return err;
	if (run_first_substitute())
		run_warn("%s %s: going on with backend=%s",
			 has_aio ? "io_uring is" : "io_uring and libaio are", cause,
			 has_aio ? "libaio" : "fio:psync");
	*inner = &aio_ops;
	if (has_aio)
		return 0;
	/* That is all it uses. fio's note about more, which nobody here chose, goes where JSON does. */
	td->o.iodepth = 1;
	return load_fio_engine(td, "psync", inner);
}

/* The engine of fio that a back end is, or NULL. */
static const char *fio_engine(const char *backend)
{
	if (!strncmp(backend, "fio:", 4) && backend[4] && !strpbrk(backend + 4, "/:"))
		return backend + 4;
	return strcmp(backend, "null") ? NULL : backend;
}

/* What fio asks of the ops that it loaded, which say yes to all of it. */
static int check_abilities(struct thread_data *td, const struct ioengine_ops *inner,
			   const char *backend)
{
	if (dgen_fio_atomic(td) && !(inner->flags & DGEN_FIO_ATOMICWRITES)) {
		log_err("dgen: atomic=1: backend=%s does not write atomically; io_uring and libaio "
			"do\n",
			backend);
		return -EINVAL;
	}
	if (td_trim(td) && dgen_fio_trim_ranges(td) > 1 &&
	    !(inner->flags & DGEN_FIO_MULTI_RANGE_TRIM)) {
		log_err("dgen: num_range=%u: backend=%s trims one range at a time; "
			"fio:io_uring_cmd trims several\n",
			dgen_fio_trim_ranges(td), backend);
		return -EINVAL;
	}
	return 0;
}

static int load(struct thread_data *td, const struct ioengine_ops **inner)
{
	const struct options *options = td->eo;
	const char *const backend = options->backend;
	const char *const name = fio_engine(backend);

	if (name)
		return has_own_options(options, name) ? -EINVAL : load_fio_engine(td, name, inner);
	if (!strcmp(backend, "libaio"))
		return load_own(options, false, inner);
	if (!strcmp(backend, "io_uring"))
		return load_best(td, inner);
	log_err("dgen: backend=%s: must be io_uring, libaio, null or fio:NAME\n", backend);
	return -EINVAL;
}

/* Those of fio that work on files, but not on what is in them, do not all say so. */
bool inner_keeps(const struct ioengine_ops *inner)
{
	static const char *const keep_none[] = { "falloc", "e4defrag" };

	for (size_t i = 0; i < ARRAY_SIZE(keep_none); i++)
		if (!strcmp(inner->name, keep_none[i]))
			return false;
	return !(inner->flags & FIO_FAKEIO);
}

int inner_load(struct thread_data *td, const struct ioengine_ops **inner)
{
	const struct options *options = td->eo;
	const int err = load(td, inner);

	return err ? err : check_abilities(td, *inner, options->backend);
}
