/* SPDX-License-Identifier: GPL-2.0-only */
/* fio and the engine: where they are, and how they are run. */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

struct bench;

/* The engine beside this program, installed or in a checkout; NULL where there is none. */
const char *fio_engine(void);

/*
 * Becomes fio with this job; with JSON runs it, and tells how it went as it ends. Returns -errno after a
 * complaint, if at all.
 */
int fio_exec(struct bench *bench);

/* Runs it meanwhile and takes bytes a second from it. 0 or -errno after a complaint. */
int fio_measure(const struct bench *bench, double *speed);

#endif
