/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the versions of fio. This is the only file with conditions on them; the
 * rest of the engine includes fio through here.
 */
#ifndef DGEN_COMPAT_H
#define DGEN_COMPAT_H

#include "fio.h"

#include "engines/cmdprio.h"
#include "optgroup.h"
#include "verify.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* sprandom= writes most addresses more than once in a pass (fio 3.41). */
#if __has_include("sprandom.h")
#define dgen_fio_sprandom(td) ((td)->o.sprandom)
#else
#define dgen_fio_sprandom(td) 0
#endif

/* A trim of several ranges at once (fio 3.38). */
#if __has_include("dataplacement.h")
#define DGEN_FIO_MULTI_RANGE_TRIM FIO_MULTI_RANGE_TRIM
#define dgen_fio_trim_ranges(td) ((td)->o.num_range)
#else
#define DGEN_FIO_MULTI_RANGE_TRIM 0
#define dgen_fio_trim_ranges(td) 1u
#endif

/*
 * atomic=1 (fio 3.39). DGEN_FIO_ASKED is what fio asks of the flags of the ops that it has loaded, before
 * there is a back end to ask.
 */
#ifdef FIO_HAVE_RWF_ATOMIC
#define DGEN_FIO_ATOMICWRITES FIO_ATOMICWRITES
#define DGEN_FIO_ASKED (FIO_ATOMICWRITES | FIO_MULTI_RANGE_TRIM)
#define dgen_fio_atomic(td) ((td)->o.oatomic)
#else
#define DGEN_FIO_ATOMICWRITES 0
#define DGEN_FIO_ASKED DGEN_FIO_MULTI_RANGE_TRIM
#define dgen_fio_atomic(td) 0
#endif

/* cmdprio_hint (fio 3.36). */
#ifdef IOPRIO_MIN_PRIO_HINT
#define DGEN_FIO_PRIORITY_HINT(option) option,
#else
#define DGEN_FIO_PRIORITY_HINT(option)
#endif

/* fio does not promise them: one with its engines in modules may not have them. */
#pragma weak fio_cmdprio_init
#pragma weak fio_cmdprio_cleanup
#pragma weak fio_cmdprio_set_ioprio

/*
 * fio 3.33 forgets the error of an fsync that completes asynchronously. Later ones log it and
 * stop the job, as for any other I/O.
 */
#if FIO_IOOPS_VERSION < 39
#define DGEN_FIO_FORGETS_SYNC_ERRORS 1
#else
#define DGEN_FIO_FORGETS_SYNC_ERRORS 0
#endif

/* Takes back an error that fio has noted and that is none for us. */
static inline void clear_error(struct thread_data *td)
{
	td->error = 0;
	td->verror[0] = '\0';
}

#endif
