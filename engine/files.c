/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a job: what is known of them, their sizes, and those that fio lays out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "files.h"
#include "peers.h"

void files_note(struct job_file *file)
{
	file->last = *file->file;
	file->last.file_name = file->name;
}

int files_add(struct job *job, const struct fio_file *f)
{
	const struct options *options = job->options;
	struct job_file *file = calloc(1, sizeof(*file)), **files;

	files = realloc(job->files, (job->nr_files + 1) * sizeof(*files));
	if (files)
		job->files = files;
	if (file)
		file->name = strdup(f->file_name);
	if (!file || !file->name || !files) {
		if (file)
			free(file->name);
		free(file);
		return -ENOMEM;
	}
	files[job->nr_files++] = file;
	file->file = f;
	files_note(file);
	file->domain = dgen_domain(options->dedup_domain[0] ? options->dedup_domain : f->file_name);
	file->size_found = f->real_file_size;
	return 0;
}

struct job_file *job_file_of(struct job *job, const struct fio_file *f)
{
	const unsigned int guess = f->fileno;

	if (guess < job->nr_files && job->files[guess]->file == f)
		return job->files[guess];
	for (unsigned int i = 0; i < job->nr_files; i++)
		if (job->files[i]->file == f)
			return job->files[i];
	return NULL;
}

int files_add_all(struct job *job)
{
	struct fio_file *f;
	unsigned int i;
	int err;

	for_each_file(job->td, f, i) {
		if (job_file_of(job, f))
			continue;
		err = files_add(job, f);
		if (err)
			return err;
	}
	return 0;
}

void files_free(struct job *job)
{
	for (unsigned int i = 0; i < job->nr_files; i++) {
		free(job->files[i]->name);
		free(job->files[i]);
	}
	free(job->files);
}

/* Engines over files of this host take their sizes as fio itself does; the others cannot. */
bool file_is_here(const struct job *job, const struct fio_file *f)
{
	return f->filetype != FIO_TYPE_FILE || job->inner->get_file_size == generic_get_file_size;
}

uint64_t files_size_now(const struct job_file *file)
{
	const int fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	off_t size = 0;

	if (fd < 0)
		return 0;
	if (file->last.filetype == FIO_TYPE_FILE || file->last.filetype == FIO_TYPE_BLOCK)
		size = lseek(fd, 0, SEEK_END);
	close(fd);
	return size > 0 ? (uint64_t)size : 0;
}

int files_check_direct(struct job *job, const struct fio_file *f)
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

/* ---- files that fio lays out ---- */

/* Domains of the files that were laid out; in the main process, before jobs are forked. */
static uint64_t *laid_out;
static unsigned int nr_laid_out;

static int note_laid_out(const struct job_file *file)
{
	uint64_t *more = realloc(laid_out, (nr_laid_out + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	laid_out = more;
	laid_out[nr_laid_out++] = dgen_domain(file->file->file_name);
	return 0;
}

void files_set_version(struct job_file *file, const struct options *options)
{
	const uint64_t name = dgen_domain(file->file->file_name);

	file->first_version = options->data_version;
	for (unsigned int n = 0; n < nr_laid_out; n++) {
		if (laid_out[n] == name) {
			file->first_version++;
			break;
		}
	}
}

void files_set_versions(struct job *job)
{
	for (unsigned int i = 0; i < job->nr_files; i++)
		files_set_version(job->files[i], job->options);
}

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

/* fio closes f->fd. */
int files_prepopulate(struct thread_data *td, struct fio_file *f)
{
	struct job *job = job_of(td);
	const struct job_file *file = job_file_of(job, f);
	int err;

	if (read_only || td->o.create_on_open)
		return 0;
	f->fd = open(f->file_name, O_WRONLY | O_CLOEXEC);
	if (f->fd < 0)
		err = -errno;
	else if (!file || f->filetype != FIO_TYPE_FILE || file->size_found >= f->real_file_size)
		return 0;
	else
		err = lay_out(job, file, f->real_file_size);
	if (!err)
		err = note_laid_out(file);
	if (!err)
		return 0;
	log_err("dgen: %s: laying out failed: %s\n", f->file_name, strerror(-err));
	td_verror(td, -err, "dgen: lay out");
	return 1;
}

/* As fio computes it in setup_files(). */
static uint64_t wanted_size(struct thread_data *td, unsigned int number)
{
	const struct thread_options *o = &td->o;
	struct fio_file *f = td->files[number];
	const uint64_t start = get_start_offset(td, f);
	uint64_t size = 0;

	if (o->file_size_low) {
		if (f->real_file_size < o->file_size_low && o->file_size_low > start)
			size = o->file_size_low - start;
	} else if (o->size != -1ULL) {
		size = o->size / o->nr_files;
		/* What is left over makes the first files larger. */
		if (number < o->size % o->nr_files / td_min_bs(td))
			size += td_min_bs(td);
	}
	if (o->size_percent && o->size_percent != 100)
		size = (start + size) * o->size_percent / 100;
	return size ? start + size : 0;
}

uint64_t files_extended(const struct job *job, unsigned int number)
{
	const struct fio_file *f = job->td->files[number];
	uint64_t size;

	if (f->filetype != FIO_TYPE_FILE || job->ops.flags & FIO_DISKLESSIO ||
	    !file_is_here(job, f) || f->real_file_size == -1ULL)
		return 0;
	size = wanted_size(job->td, number);
	return size > f->real_file_size ? size : 0;
}

bool files_may_lay_out(const struct job *job)
{
	struct fio_file *f;
	unsigned int i;

	if (!td_read(job->td) && !job->td->o.overwrite)
		return false;
	for_each_file(job->td, f, i)
		if (files_extended(job, i))
			return true;
	return false;
}

int files_check_complete(const struct job *job)
{
	struct thread_data *td = job->td;
	struct fio_file *f;
	unsigned int i;

	if (td->o.verify == VERIFY_NONE || job_writes(td))
		return 0;
	for_each_file(td, f, i) {
		const uint64_t size = files_extended(job, i);

		if (!size || peers_share(td, f->file_name, false))
			continue;
		if (access(f->file_name, F_OK))
			log_err("dgen: verify: %s: %s\n", f->file_name, strerror(errno));
		else
			log_err("dgen: verify: %s: has %" PRIu64 " bytes, %" PRIu64
				" are to be verified\n",
				f->file_name, f->real_file_size, size);
		td_verror(td, ENODATA, "verify");
		return -ENODATA;
	}
	return 0;
}

int files_find_sizes(struct thread_data *td)
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

/*
 * fio looks for the name of the device among what is mounted; this sees through links, and sees
 * partitions, swap, what lies below a RAID or volume group, and the disk of a character device.
 */
static int check_device(const struct job *job, const struct fio_file *f)
{
	const struct thread_options *o = &job->td->o;
	char use[PATH_MAX], disk[PATH_MAX];
	const char *path = f->file_name;
	struct stat st;

	if (stat(path, &st))
		return 0;
	if (S_ISCHR(st.st_mode) && device_of_character(st.st_rdev, &st.st_rdev, disk, sizeof(disk)))
		path = disk;
	else if (!S_ISBLK(st.st_mode))
		return 0;
	if (!o->allow_mounted_write && device_in_use(st.st_rdev, use, sizeof(use))) {
		log_err("dgen: %s: %s, and allow_mounted_write=1 is not set\n", f->file_name, use);
		return -EBUSY;
	}
	if (!job->options->allow_partitioned_write && device_has_partitions(path, st.st_rdev)) {
		log_err("dgen: %s: holds a partition table, and allow_partitioned_write=1 is not "
			"set\n",
			f->file_name);
		return -EBUSY;
	}
	return 0;
}

int files_check_devices(const struct job *job)
{
	struct thread_data *td = job->td;
	struct fio_file *f;
	unsigned int i;

	if (!(td_write(td) || td_trim(td)) || job->fakes ||
	    job->ops.flags & (FIO_FAKEIO | FIO_DISKLESSIO))
		return 0;
	for_each_file(td, f, i)
		if ((f->filetype == FIO_TYPE_BLOCK || f->filetype == FIO_TYPE_CHAR) &&
		    check_device(job, f))
			return -EBUSY;
	return 0;
}

int files_check_kind(const struct job *job)
{
	struct thread_data *td = job->td;
	struct fio_file *f;
	struct stat st;
	unsigned int i;

	if (job->ops.flags & FIO_DISKLESSIO)
		return 0;
	for_each_file(td, f, i) {
		if (!file_is_here(job, f) || stat(f->file_name, &st) || !S_ISDIR(st.st_mode))
			continue;
		log_err("dgen: filename=%s: is a directory; must be a file or a block device\n",
			f->file_name);
		return -EISDIR;
	}
	return 0;
}

/* Sizes in percent are left alone. */
int files_check_unit(const struct job *job)
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
