/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_FILES_H
#define DGEN_FILES_H

#include "job.h"

/* One file, or all that fio has for the job and that are not there yet. 0 or -ENOMEM. */
int files_add(struct job *job, const struct fio_file *f);
int files_add_all(struct job *job);
void files_free(struct job *job);

/*
 * Is the name of this file one of this host's? Not where a back end keeps what it calls files elsewhere: rbd, nbd, nfs,
 * http, gfapi. A file of that name here is another's then.
 */
bool file_is_here(const struct job *job, const struct fio_file *f);

/* How large a file or device of this host is now; 0 where that cannot be said. */
uint64_t files_size_now(const struct job_file *file);

/* Keeps what the file is now, for when fio has freed it. */
void files_note(struct job_file *file);

/*
 * Which version the first pass over each file writes: data_version or, where that was laid out for
 * this run, the next. In the job itself, before its first I/O.
 */
void files_set_version(struct job_file *file, const struct options *options);
void files_set_versions(struct job *job);

/* What fio does itself for an engine without a setup hook, which we cannot be. 0 or 1, logged. */
int files_find_sizes(struct thread_data *td);

/*
 * Does the job write to a device that is in use, or that holds partitions, without having been told
 * that it may? Then -EBUSY, logged; else 0.
 */
int files_check_devices(const struct job *job);

/*
 * A directory is a mistake. fio finds it where it lays files out, and then calls nothing that could free what the
 * job was set up with. 0 or -EISDIR, logged.
 */
int files_check_kind(const struct job *job);

/* A unit that no file can hold even once is a mistake. 0 or -EINVAL, logged. */
int files_check_unit(const struct job *job);

/*
 * Does the file system take O_DIRECT? Asked once for each job, so that the answer to no is one
 * clear line. Any other trouble is left to the real open. 0 or -EINVAL, logged.
 */
int files_check_direct(struct job *job, const struct fio_file *f);

/*
 * The size that fio is going to give to the file of this number, where it is smaller or missing; 0 where it is not.
 * In setup, before fio sets sizes. It makes such a file anew, unless it appends.
 */
uint64_t files_extended(const struct job *job, unsigned int number);

/*
 * A job that only reads and verifies must not have files made: what fio lays out would be right. So one that is shorter
 * than the job wants, or missing, is an error, but where another job of the run writes it. 0 or -ENODATA, logged.
 */
int files_check_complete(const struct job *job);

/* Will fio lay a file out? */
bool files_may_lay_out(const struct job *job);

/*
 * The hook of that name: fio writes the files that a job wants to read, but which are not there,
 * without the engine. What it wrote is replaced here, unless fio may not write (--readonly) or makes files later
 * (create_on_open=1).
 */
int files_prepopulate(struct thread_data *td, struct fio_file *f);

#endif
