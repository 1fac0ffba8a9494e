/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_INNER_H
#define DGEN_INNER_H

struct thread_data;
struct ioengine_ops;

/*
 * Finds the engine that the option backend names, and sets its options. 0, or -EINVAL with one line
 * that names the option, the value and what is allowed.
 */
int inner_load(struct thread_data *td, const struct ioengine_ops **inner);

/* False: what is written with it is nowhere afterwards. */
bool inner_keeps(const struct ioengine_ops *inner);

#endif
