/* SPDX-License-Identifier: GPL-2.0-only */
/* read_iolog=: fio does what a log says, rather than choose offsets and lengths. */
#include <errno.h>
#include <stdlib.h>

#include "files.h"
#include "replay.h"

/* ---- its files ---- */

static void note_piece(struct job *job, const struct io_piece *piece)
{
	struct job_file *file = job_file_of(job, job->td->files[piece->fileno]);

	if (!file || !ddir_rw(piece->ddir))
		return;
	if (file->log_end < piece->offset + piece->len)
		file->log_end = piece->offset + piece->len;
	file->pass.region = file->log_end;
	if (piece->ddir == DDIR_READ)
		return;
	file->log_step = track_common_divisor(file->log_step, piece->offset);
	file->log_step = track_common_divisor(file->log_step, piece->len);
}

/*
 * fio goes on without a file where a log has not added the one that it names; and where a clone of a job (numjobs=)
 * adds one that another thread has added. To io_uring an offset of -1 is where the file happens to be. NULL: all is well.
 */
static const char *why_refused(const struct thread_data *td)
{
	const struct flist_head *each;

	if (td->o.use_thread && td->subjob_number && !td->io_log_blktrace)
		return "with thread=1 and numjobs= fio loses its files; give each job a section";
	flist_for_each(each, &td->io_log_list) {
		const struct io_piece *piece = flist_entry(each, struct io_piece, list);

		if (piece->ddir != DDIR_WAIT &&
		    (piece->fileno < 0 || (unsigned int)piece->fileno >= td->files_index))
			return "names a file before it adds it";
		if (ddir_rw(piece->ddir) && (piece->offset > INT64_MAX - piece->len))
			return "has an offset of 2^63 or more";
	}
	return NULL;
}

int replay_init(struct job *job)
{
	struct thread_data *td = job->td;
	const struct flist_head *each;
	const char *why;

	/* What is to come in one is not known, and its buffers are not what they were. */
	if (td->o.read_iolog_chunked && (job->verifies || job->options->verify_state_file[0])) {
		log_err("dgen: read_iolog_chunked=1: not with verify= or verify_state_file=: what the "
			"log writes must be known before (job %s)\n",
			td->o.name);
		return -EINVAL;
	}
	why = why_refused(td);
	if (why) {
		log_err("dgen: job %s: read_iolog=%s: %s\n", td->o.name, td->o.read_iolog_file,
			why);
		return -EINVAL;
	}
	if (files_add_all(job)) {
		log_err("dgen: job %s: out of memory\n", td->o.name);
		return -ENOMEM;
	}
	if (files_check_kind(job))
		return -EISDIR;
	if (files_check_devices(job))
		return -EBUSY;
	flist_for_each(each, &td->io_log_list)
		note_piece(job, flist_entry(each, struct io_piece, list));
	for (unsigned int i = 0; i < job->nr_files; i++)
		if (file_is_here(job, job->files[i]->file))
			job->files[i]->size_found = files_size_now(job->files[i]);
	return 0;
}

int replay_add(struct job *job, const struct fio_file *f)
{
	struct job_file *file;

	if (files_add(job, f)) {
		log_err("dgen: job %s: out of memory\n", job->td->o.name);
		return -ENOMEM;
	}
	if (files_check_devices(job))
		return -EBUSY;
	file = job_file_of(job, f);
	files_set_version(file, job->options);
	file->pass.region = file_is_here(job, f) ? files_size_now(file) : 0;
	return 0;
}

/* Of a blktrace that it reads in chunks, fio does not look how large the I/Os of the first are. */
int replay_check(const struct thread_data *td, const struct io_u *io_u)
{
	if (io_u->buflen <= td_max_bs((struct thread_data *)td) ||
	    (io_u->ddir != DDIR_READ && io_u->ddir != DDIR_WRITE))
		return 0;
	log_err("dgen: job %s: the log has I/O of %llu bytes, and bs= is smaller; with "
		"read_iolog_chunked=1 it must not be\n",
		td->o.name, io_u->buflen);
	return -EINVAL;
}

void replay_note_sizes(struct job *job)
{
	for (unsigned int i = 0; i < job->nr_files; i++) {
		struct job_file *file = job->files[i];
		uint64_t size = file_is_here(job, &file->last) ? files_size_now(file) : 0;

		if (!size)
			size = file->log_end;
		file->last.file_offset = 0;
		file->last.real_file_size = size;
		/* It may read behind the end. */
		file->last.io_size = file->log_end < size ? file->log_end : size;
	}
}

/* ---- its end ---- */

/* Nothing that is to be read or written: files are opened and closed, or fio only waits. */
static bool is_over(const struct thread_data *td)
{
	const struct flist_head *each;

	flist_for_each(each, &td->io_log_list) {
		const struct io_piece *piece = flist_entry(each, struct io_piece, list);

		if (piece->ddir != DDIR_INVAL && piece->ddir != DDIR_WAIT)
			return false;
	}
	/* It is in memory, or as much of it as fio has read. */
	return !td->o.read_iolog_chunked || (td->io_log_rfile && feof(td->io_log_rfile));
}

void replay_sent(struct thread_data *td)
{
	struct flist_head *each, *next;

	if (!is_over(td))
		return;
	/* fio closes what is open when the job ends. */
	flist_for_each_safe(each, next, &td->io_log_list)
		free(flist_entry(each, struct io_piece, list));
	INIT_FLIST_HEAD(&td->io_log_list);
	/* It goes on for as long as there is something in the log, or one of these says so. */
	td->o.size = td->o.io_size = 0;
	td->o.time_based = 0;
}
