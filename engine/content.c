/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content layer.
 *
 * What fio sees from setup on is a copy of the inner engine's ops with the hooks of this file in
 * front. Both sides are struct ioengine_ops, so any engine of fio can be the inner one.
 *
 * A write is filled in prep, in place: the hook that fio calls when it has chosen file, offset
 * and length, just before it takes the start time and submits. fio fills its own buffers at the
 * same point, so that no latency that fio measures contains the making of data.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "compat.h"
#include "content.h"
#include "inner.h"
#include "options.h"
#include "pass.h"
#include "run.h"

/* What one job knows of one file. */
struct job_file {
	const struct fio_file *file;
	uint64_t domain;
	uint64_t size_found; /* in setup, before fio lays files out */
	struct pass pass;
};

struct job {
	struct ioengine_ops ops; /* what fio sees; first, see job_of() */
	const struct ioengine_ops *inner;
	struct thread_data *td;
	const struct options *options;
	struct dgen *dgen;
	struct run_group *group;
	struct job_file *files;
	unsigned int nr_files;
	bool direct_checked;
	uint64_t written; /* bytes completed */
	uint64_t newest;  /* version written, plus one */
};

/*
 * fio leaves io_u->rand_seed alone but for verify=, so it holds what we must know of an io_u from
 * its choice to its completion: that it was seen. fio prepares the same io_u again after
 * FIO_Q_BUSY and for the rest of a short transfer; its content may then neither change nor count
 * twice.
 */
enum { IO_U_SEEN = 1 };

static struct job *job_of(const struct thread_data *td)
{
	return container_of(td->io_ops, struct job, ops);
}

int content_load(void)
{
	struct sigaction action;

	/* A write beyond the limit of file sizes is to fail, as on a full disk, not to kill fio. */
	if (!sigaction(SIGXFSZ, NULL, &action) && action.sa_handler == SIG_DFL)
		signal(SIGXFSZ, SIG_IGN);
	return run_load();
}

/* ---- files ---- */

static int add_file_state(struct job *job, const struct fio_file *f)
{
	const struct options *options = job->options;
	struct job_file *files;

	files = realloc(job->files, (job->nr_files + 1) * sizeof(*files));
	if (!files)
		return -ENOMEM;
	job->files = files;
	files += job->nr_files++;
	memset(files, 0, sizeof(*files));
	files->file = f;
	files->domain = dgen_domain(options->dedup_domain[0] ? options->dedup_domain :
							       f->file_name);
	files->size_found = f->real_file_size;
	return 0;
}

/* Files are noted in the order of td->files; only a replayed log adds some later. */
static struct job_file *file_of(struct job *job, const struct fio_file *f)
{
	const unsigned int guess = f->fileno;

	if (guess < job->nr_files && job->files[guess].file == f)
		return &job->files[guess];
	for (unsigned int i = 0; i < job->nr_files; i++)
		if (job->files[i].file == f)
			return &job->files[i];
	return NULL;
}

static int add_files(struct job *job)
{
	struct fio_file *f;
	unsigned int i;
	int err;

	for_each_file(job->td, f, i) {
		if (file_of(job, f))
			continue;
		err = add_file_state(job, f);
		if (err)
			return err;
	}
	return 0;
}

/* ---- the hooks on the I/O path ---- */

static int job_prep(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);
	struct job_file *file;
	uint64_t version;

	/* Half of an io_u that is resumed: what is left of its buffer is filled already. */
	if (!ddir_rw(io_u->ddir) || io_u->rand_seed == IO_U_SEEN || io_u->xfer_buf != io_u->buf)
		goto inner;

	file = file_of(job, io_u->file);
	if (!file) {
		log_err("dgen: I/O to a file that is none of job %s's\n", td->o.name);
		td_verror(td, EINVAL, "dgen: file");
		return 1;
	}
	version = job->options->data_version + pass_note(&file->pass, td, io_u);
	io_u->rand_seed = IO_U_SEEN;
	if (io_u->ddir == DDIR_WRITE) {
		dgen_fill(job->dgen, file->domain, version, io_u->offset, io_u->xfer_buf,
			  io_u->xfer_buflen);
		if (version >= job->newest)
			job->newest = version + 1;
	}
inner:
	return job->inner->prep ? job->inner->prep(td, io_u) : 0;
}

static const char *hint(const struct io_u *io_u)
{
	if (io_u->error == EFBIG)
		return " (the limit of ulimit -f, or of the file system)";
	if (io_u->error != ENOSPC)
		return "";
	return io_u->file->filetype == FIO_TYPE_FILE ? " (the file system is full)" :
						       " (the device is full)";
}

/*
 * Ends the job with one line, about its first failed I/O. True where fio is not to say more: its
 * own line would come for everything that was in flight.
 */
static bool io_failed(struct thread_data *td, const struct io_u *io_u)
{
	const enum error_type_bit type = td_error_type(io_u->ddir, io_u->error);
	const bool expected = io_u->error == ENOSPC || io_u->error == EDQUOT;

	/* continue_on_error= is fio's. */
	if (td_non_fatal_error(td, type, io_u->error) &&
	    !(DGEN_FIO_FORGETS_SYNC_ERRORS && ddir_sync(io_u->ddir)))
		return false;
	if (td->error)
		return true;
	if (!(td->o.fill_device && expected))
		log_err("dgen: %s: %s offset=%llu, length=%llu: %s%s\n", io_u->file->file_name,
			io_ddir_name(io_u->ddir), io_u->offset, io_u->xfer_buflen,
			strerror(io_u->error), hint(io_u));
	td_verror(td, io_u->error, io_ddir_name(io_u->ddir));
	return true;
}

static bool io_ended(struct thread_data *td, struct io_u *io_u)
{
	io_u->rand_seed = 0;
	if (io_u->error)
		return io_failed(td, io_u);
	if (io_u->ddir == DDIR_WRITE)
		job_of(td)->written += io_u->xfer_buflen - io_u->resid;
	return false;
}

static enum fio_q_status job_queue(struct thread_data *td, struct io_u *io_u)
{
	const enum fio_q_status status = job_of(td)->inner->queue(td, io_u);

	if (status == FIO_Q_COMPLETED)
		io_ended(td, io_u);
	return status;
}

static struct io_u *job_event(struct thread_data *td, int event)
{
	struct io_u *io_u = job_of(td)->inner->event(td, event);

	if (io_ended(td, io_u)) {
		/* fio knows by td->error; to it this one ended without having moved a byte. */
		unlog_io_piece(td, io_u);
		io_u->resid = io_u->xfer_buflen;
		io_u->error = 0;
	}
	return io_u;
}

static int job_io_u_init(struct thread_data *td, struct io_u *io_u)
{
	const struct job *job = job_of(td);

	if (abi_check_io_u(td, io_u))
		return EINVAL;
	return job->inner->io_u_init ? job->inner->io_u_init(td, io_u) : 0;
}

/* ---- opening ---- */

/*
 * Does the file system take O_DIRECT? Asked once for each job, so that the answer to no is one
 * clear line. Any other trouble is left to the real open.
 */
static int check_direct(struct job *job, const struct fio_file *f)
{
	struct thread_data *td = job->td;
	int flags = td_write(td) || td_trim(td) ? O_RDWR : O_RDONLY;
	int fd;

	if (td_write(td) && f->filetype == FIO_TYPE_FILE && td->o.allow_create)
		flags |= O_CREAT;
	fd = open(f->file_name, flags | O_DIRECT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EINVAL)
		return 0;

	if (!job->options->direct_fallback) {
		log_err("dgen: %s: the file system does not take O_DIRECT; set direct=0, or "
			"direct_fallback=1 to go on buffered wherever that is so\n",
			f->file_name);
		td_verror(td, EINVAL, "O_DIRECT");
		return -EINVAL;
	}
	if (!atomic_exchange(&job->group->fallback_said, true))
		run_warn("%s: the file system does not take O_DIRECT, going on buffered "
			 "(direct_fallback=1)",
			 f->file_name);
	td->o.odirect = 0;
	return 0;
}

static int job_open_file(struct thread_data *td, struct fio_file *f)
{
	struct job *job = job_of(td);

	if (!file_of(job, f) && add_file_state(job, f)) {
		td_verror(td, ENOMEM, "dgen: file");
		return 1;
	}
	if (td->o.odirect && !job->direct_checked && !(job->ops.flags & FIO_DISKLESSIO) &&
	    (f->filetype == FIO_TYPE_FILE || f->filetype == FIO_TYPE_BLOCK)) {
		job->direct_checked = true;
		if (check_direct(job, f))
			return 1;
	}
	return job->inner->open_file(td, f);
}

/* ---- files that fio lays out ---- */

static int lay_out(struct job *job, const struct job_file *file, uint64_t size)
{
	enum { PIECE = 1 << 20 };
	const int fd = file->file->fd;
	char *buffer = aligned_alloc(4096, PIECE);
	uint64_t done = 0;
	int err = 0;

	if (!buffer)
		return -ENOMEM;
	while (!err && done < size && !job->td->terminate) {
		const size_t want = size - done < PIECE ? size - done : PIECE;
		ssize_t put;

		dgen_fill(job->dgen, file->domain, job->options->data_version, done, buffer, want);
		put = pwrite(fd, buffer, want, done);
		if (put < 0 && errno != EINTR)
			err = -errno;
		else if (put > 0)
			done += put;
	}
	if (!err && job->td->o.create_fsync && fsync(fd))
		err = -errno;
	free(buffer);
	return err;
}

/*
 * fio writes the files that a job wants to read, but which are not there, without the engine.
 * What it wrote is replaced here. fio closes f->fd.
 */
static int job_prepopulate_file(struct thread_data *td, struct fio_file *f)
{
	struct job *job = job_of(td);
	const struct job_file *file = file_of(job, f);
	int err;

	f->fd = open(f->file_name, O_WRONLY | O_CLOEXEC);
	if (f->fd < 0)
		err = -errno;
	else if (!file || f->filetype != FIO_TYPE_FILE || file->size_found >= f->real_file_size)
		return 0;
	else
		err = lay_out(job, file, f->real_file_size);
	if (!err)
		return 0;
	log_err("dgen: %s: laying out failed: %s\n", f->file_name, strerror(-err));
	td_verror(td, -err, "dgen: lay out");
	return 1;
}

/* Will fio lay a file out, as far as that can be known before it sets sizes? */
static bool may_lay_out(struct thread_data *td)
{
	struct fio_file *f;
	unsigned int i;

	if (!td_read(td) && !td->o.overwrite)
		return false;
	for_each_file(td, f, i) {
		if (f->filetype == FIO_TYPE_FILE &&
		    (!f->real_file_size || f->real_file_size < td->o.file_size_high ||
		     f->real_file_size < td->o.size / td->o.nr_files + get_start_offset(td, f)))
			return true;
	}
	return false;
}

/* ---- options of fio that do not go together with us ---- */

static int check_fio_options(struct thread_data *td)
{
	struct thread_options *o = &td->o;
	char hint[64];

#define REFUSE(option, fmt, ...)                                                                   \
	do {                                                                                       \
		log_err("dgen: " option ": fio would make the data, but this engine does; " fmt    \
			"\n",                                                                      \
			##__VA_ARGS__);                                                            \
		return -EINVAL;                                                                    \
	} while (0)

	/* A random job hangs there in fio 3.33, with its own psync too. */
	if (o->io_submit_mode == IO_MODE_OFFLOAD) {
		log_err("dgen: io_submit_mode=offload: not there yet with this engine; inline is "
			"allowed\n");
		return -EINVAL;
	}
	if (o->verify != VERIFY_NONE) {
		log_err("dgen: verify: not there yet with this engine; leave it out\n");
		return -EINVAL;
	}
	if (fio_option_is_set(o, dedupe_percentage) && o->dedupe_percentage) {
		snprintf(hint, sizeof(hint), "%.4g", 100.0 / (100.5 - o->dedupe_percentage));
		if (o->dedupe_percentage < 100)
			snprintf(hint, sizeof(hint), "%.4g", 100.0 / (100 - o->dedupe_percentage));
		REFUSE("dedupe_percentage=%u", "use dedup_ratio=%s", o->dedupe_percentage, hint);
	}
	if (fio_option_is_set(o, compress_percentage) &&
	    (o->compress_percentage || o->zero_buffers)) {
		const unsigned int percent = o->compress_percentage ? o->compress_percentage : 99;

		REFUSE("buffer_compress_percentage", "use compress_ratio=%.4g",
		       100.0 / (100 - percent));
	}
	if (fio_option_is_set(o, compress_chunk) && o->compress_chunk)
		REFUSE("buffer_compress_chunk=%u", "use compress_chunk=%u", o->compress_chunk,
		       o->compress_chunk);
	if (fio_option_is_set(o, buffer_pattern) && o->buffer_pattern_bytes)
		REFUSE("buffer_pattern", "leave it out, or use dedup_ratio= and compress_ratio=");
	if (fio_option_is_set(o, zero_buffers) && o->zero_buffers)
		REFUSE("zero_buffers", "leave it out, or use compress_ratio=");
#undef REFUSE

	if (!run_output_is_normal())
		return 0;
	if (fio_option_is_set(o, refill_buffers) && o->refill_buffers)
		run_say("dgen: refill_buffers is superfluous: each write has its own data");
	if (fio_option_is_set(o, scramble_buffers) && o->scramble_buffers)
		run_say("dgen: scramble_buffers is ignored: it would damage the ratios");
	return 0;
}

/* Nothing that fio puts into a buffer would reach the file: have it do the least. */
static void stop_fio_filling(struct thread_data *td)
{
	td->o.zero_buffers = 1;
	td->o.refill_buffers = 0;
	td->o.scramble_buffers = 0;
	td->flags &= ~(TD_F_REFILL_BUFFERS | TD_F_SCRAMBLE_BUFFERS | TD_F_COMPRESS);
}

/* ---- a job begins and ends ---- */

static void free_job(struct job *job)
{
	dgen_destroy(job->dgen);
	free(job->files);
	free(job);
}

/* Puts the loaded ops back, which fio goes on using, and gives up what was in their place. */
static void job_cleanup(struct thread_data *td)
{
	struct job *job = job_of(td);

	if (job->inner->cleanup)
		job->inner->cleanup(td);
	if (job->group)
		run_leave(job->group, job->written, job->newest);
	td->io_ops = &entry_ops;
	free_job(job);
}

static struct job *wrap(struct thread_data *td, const struct ioengine_ops *inner)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->td = td;
	job->inner = inner;
	job->ops = *inner;
	INIT_FLIST_HEAD(&job->ops.list);
	job->ops.name = entry_ops.name;
	job->ops.dlhandle = entry_ops.dlhandle;
	job->ops.option_struct_size = entry_ops.option_struct_size;
	job->ops.options = entry_ops.options;
	job->ops.flags |= FIO_RAWIO; /* page-aligned buffers, whatever direct= says */
	job->ops.setup = content_setup;
	job->ops.init = content_init;
	job->ops.queue = job_queue;
	job->ops.event = inner->event ? job_event : NULL;
	job->ops.cleanup = job_cleanup;
	return job;
}

static void put_in_place(struct thread_data *td, struct job *job)
{
	td->io_ops = &job->ops;
	td_set_ioengine_flags(td);
}

/* So that JSON output shows among the options of the job which seed it was. */
static void note_option(struct thread_data *td, const char *name, const char *value)
{
	struct print_option *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->name = strdup(name);
	p->value = strdup(value);
	flist_add_tail(&p->list, &td->opt_list);
}

static void settle_seed(struct thread_data *td, struct options *options)
{
	char seed[32];

	if (options->data_seed_set)
		return;
	options->data.data_seed = run_fresh_seed();
	snprintf(seed, sizeof(seed), "0x%016" PRIx64, options->data.data_seed);
	note_option(td, "data_seed", seed);
}

static void say_seed(const struct job *job)
{
	const struct options *options = job->options;

	if (options->data_seed_set || atomic_exchange(&job->group->seed_said, true))
		return;
	if (run_output_is_normal())
		run_say("data_seed=0x%016" PRIx64, options->data.data_seed);
	else if (!job->td->o.create_serialize)
		/* The job is a process already: what it adds to its options stays unseen. */
		run_warn("data_seed=0x%016" PRIx64, options->data.data_seed);
}

static int attach(struct thread_data *td)
{
	struct options *options = td->eo;
	const struct ioengine_ops *inner;
	char why[DGEN_WHY_MAX];
	struct dgen *dgen;
	struct job *job;
	int err;

	err = check_fio_options(td);
	if (err)
		return err;
	settle_seed(td, options);
	err = dgen_create(&options->data, &dgen, why);
	if (err) {
		log_err("dgen: %s\n", err == -EINVAL ? why : strerror(-err));
		return err;
	}
	err = inner_load(td, &inner);
	job = err ? NULL : wrap(td, inner);
	if (!job) {
		dgen_destroy(dgen);
		return err ? err : -ENOMEM;
	}
	stop_fio_filling(td);
	job->options = options;
	job->dgen = dgen;
	job->ops.prep = job_prep;
	job->ops.open_file = job_open_file;
	job->ops.io_u_init = job_io_u_init;
	job->group = run_join(options);
	put_in_place(td, job);
	say_seed(job);
	return 0;
}

static bool attached(const struct thread_data *td)
{
	return td->io_ops != &entry_ops && td->io_ops->setup == content_setup;
}

/* What fio does itself for an engine without a setup hook, which we cannot be. */
static int find_sizes(struct thread_data *td)
{
	struct fio_file *f;
	unsigned int i;

	for_each_file(td, f, i) {
		if (td_io_get_file_size(td, f)) {
			if (td->error != ENOENT) {
				log_err("dgen: %s: no size: %s\n", f->file_name,
					strerror(td->error));
				return 1;
			}
			clear_error(td);
		}
		if (f->real_file_size == -1ULL && td->o.size)
			f->real_file_size = td->o.size / td->o.nr_files;
	}
	return 0;
}

/* A unit that no file can hold even once is a mistake. Sizes in percent are left alone. */
static int check_unit(const struct job *job)
{
	struct thread_data *td = job->td;
	const uint64_t unit = job->options->data.dedup_unit;
	struct fio_file *f;
	unsigned int i;

	for_each_file(td, f, i) {
		uint64_t size = f->real_file_size;

		if (f->filetype == FIO_TYPE_FILE) {
			uint64_t wanted = td->o.file_size_high;

			if (!wanted)
				wanted = td->o.size / td->o.nr_files + get_start_offset(td, f);
			size = size > wanted ? size : wanted;
		}
		if (!size || size >= unit || td->o.size_percent)
			continue;
		log_err("dgen: dedup_unit=%" PRIu64 ": must not be larger than the file (%s has "
			"%" PRIu64 " bytes)\n",
			unit, f->file_name, size);
		return -EINVAL;
	}
	return 0;
}

static int setup_sizes(struct thread_data *td)
{
	struct job *job = job_of(td);
	struct fio_file *f;
	unsigned int i;

	/* fio does this, from the flags of the ops that it has loaded, long before setup. */
	if (job->ops.flags & FIO_DISKLESSIO) {
		for_each_file(td, f, i)
			f->real_file_size = -1ULL;
	}
	return job->inner->setup ? job->inner->setup(td) : find_sizes(td);
}

static int setup_job(struct thread_data *td, struct job *job)
{
	if (setup_sizes(td))
		return 1;
	if (add_files(job)) {
		log_err("dgen: out of memory\n");
		return 1;
	}
	if (check_unit(job))
		return 1;
	if (!job->inner->prepopulate_file && !(job->ops.flags & FIO_DISKLESSIO) && may_lay_out(td))
		job->ops.prepopulate_file = job_prepopulate_file;
	return 0;
}

int content_setup(struct thread_data *td)
{
	struct job *job;

	if (!attached(td) && (abi_check_td(td, &entry_ops) || attach(td)))
		return 1;
	job = job_of(td);
	run_flush();
	if (!setup_job(td, job))
		return 0;
	/* fio will not run this job, so the others must not wait for it with their line. */
	run_leave(job->group, 0, 0);
	job->group = NULL;
	return 1;
}

/* Comes before setup with create_serialize=0. */
int content_init(struct thread_data *td)
{
	const struct job *job;

	if (!attached(td) && (abi_check_td(td, &entry_ops) || attach(td)))
		return EINVAL;
	job = job_of(td);
	return job->inner->init ? job->inner->init(td) : 0;
}
