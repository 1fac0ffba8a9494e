/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the content layer know of a job, its files and its I/O. */
#ifndef DGEN_JOB_H
#define DGEN_JOB_H

#include <stdatomic.h>

#include "account.h"
#include "compat.h"
#include "diagnose.h"
#include "options.h"
#include "pass.h"
#include "run.h"
#include "tally.h"
#include "track.h"

/* What one job knows of one file. */
struct job_file {
	const struct fio_file *file;
	/* What it was when fio opened or closed it last: fio frees its files before it calls cleanup. */
	struct fio_file last;
	char *name;
	uint64_t domain;
	uint64_t size_found;    /* in setup, before fio lays files out */
	uint64_t first_version; /* that the first pass writes */
	struct pass pass;
	uint64_t log_end; /* of the last I/O that a replayed log has for it, in bytes */
	uint64_t
		log_step; /* its writes and trims begin and end at multiples of that; 0: there are none */
	/* Where versions are tracked: */
	struct track_file *track;
	_Atomic uint8_t *tags; /* NULL: they are not */
	_Atomic uint8_t *flushed;
	_Atomic uint8_t *changed; /* since the last sync: one for each piece of tags */
};

/*
 * What must be known of an io_u from its choice to its completion. fio prepares the same io_u again
 * after FIO_Q_BUSY and for the rest of a short transfer; its content may then neither change nor
 * count twice.
 */
struct io_state {
	const struct io_u *io_u;
	bool prepared;
	bool unfilled; /* a write whose data is not made yet; see ahead.c */
	uint64_t version;
	enum fio_ddir ddir;
	uint64_t offset, length; /* of all of it */
	struct job_file *file;
	/* Its buffer holds what was made for held bytes from there in a file, as dgen_refill() wants it. */
	uint64_t held_from, held;
	bool again; /* and that does for this write */
	/* Where versions are tracked: */
	bool marked;    /* its grains are noted as being written */
	bool refill;    /* its buffer was filled for other versions */
	uint32_t trims; /* of its file, when a read was sent; so are these: see track.h */
	uint32_t rounds;
	uint8_t turn;
	size_t grain;   /* number of the first */
	size_t grains;  /* how many */
	size_t room;    /* for tags */
	uint8_t *tags;  /* when it was prepared or sent */
	uint8_t *after; /* a write: that its grains get */
};

struct job {
	struct ioengine_ops ops; /* what fio sees; first, see job_of() */
	const struct ioengine_ops *inner;
	struct thread_data *td;
	const struct options *options;
	struct dgen *dgen;
	struct dgen_divisor period; /* dgen_period() */
	struct run_group *group;
	struct job_file **files;
	unsigned int nr_files;
	struct io_state *states; /* open-addressed by io_u */
	unsigned int nr_states;  /* a power of two */
	unsigned int used_states;
	struct track *track;
	uint64_t blocked; /* since when another job writes where this one is to, ns; 0: none does */
	bool verifies;    /* checks what is read */
	bool keeps;       /* its back end stores what is written, rather than pretend to */
	bool fakes;       /* verify_only= with a job that writes: fio only pretends to write */
	bool direct_checked;
	bool finished; /* what fio left in flight was waited for */
	bool began;
	unsigned int waits;              /* its number among those that have not begun; 0: it has */
	unsigned int ranges_before;      /* written_count() then */
	uint64_t written, read, trimmed; /* bytes completed */
	uint64_t ios[DDIR_RWDIR_CNT];    /* completed without an error */
	uint64_t failed;                 /* writes that failed: what is there then nobody knows */
	uint64_t newest;                 /* version written, plus one */
	uint64_t checked, unchecked;     /* bytes read */
	uint64_t wrong;                  /* units */
	struct verify_place *places;     /* where data that is found may belong */
	struct verify_finding *finding;  /* not told yet */
	const struct job_file *finding_file;
	struct account account;
	struct ahead *ahead;      /* NULL: no helper threads */
	struct writer *writer;    /* its part of the report; NULL: none */
	struct dgen_tally *tally; /* of what its thread made, for that; NULL: none */
	int number;        /* among the jobs that are spread over NUMA nodes; -1: it is not */
	int node;          /* that it was bound to; -1: none */
	unsigned int cpus; /* that it may use, before that */
	void *mapped;      /* memory of its buffers; NULL: not ours */
	size_t mapped_size;
	double huge_part; /* of the buffers, when they were freed; -1: not known */
};

static inline struct job *job_of(const struct thread_data *td)
{
	return container_of(td->io_ops, struct job, ops);
}

/* Will it change what is in its files? */
static inline bool job_writes(const struct thread_data *td)
{
	return (td_write(td) || td_trim(td)) && !td->o.verify_only;
}

/* Files are noted in the order of td->files; only a log that fio replays in chunks adds some later. */
struct job_file *job_file_of(struct job *job, const struct fio_file *f);

/* Where the state of an io_u is, or is to be. */
static inline struct io_state *job_state_slot(const struct job *job, const struct io_u *io_u)
{
	unsigned int at = (unsigned int)((uintptr_t)io_u / 64) * 0x9e3779b1u >> 7;

	for (;; at++) {
		struct io_state *state = &job->states[at & (job->nr_states - 1)];

		if (state->io_u == io_u || !state->io_u)
			return state;
	}
}

/* The state of an io_u that went through io_u_init, as all have. */
static inline struct io_state *job_state_of(const struct job *job, const struct io_u *io_u)
{
	return job_state_slot(job, io_u);
}

#endif
