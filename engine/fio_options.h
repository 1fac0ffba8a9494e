/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_FIO_OPTIONS_H
#define DGEN_FIO_OPTIONS_H

struct thread_data;

/* Refuses what would be wrong, with one line: -EINVAL. Says what is superfluous, and gives 0. */
int fio_options_check(struct thread_data *td);

/* Nothing that fio puts into a buffer would reach the file: have it do the least. */
void fio_options_stop_filling(struct thread_data *td);

#endif
