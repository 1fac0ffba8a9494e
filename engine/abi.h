/* SPDX-License-Identifier: GPL-2.0-only */
/* Is the fio that loaded us the one that we were built for? */
#ifndef DGEN_ABI_H
#define DGEN_ABI_H

struct thread_data;
struct io_u;

/* Before anything of fio's is touched: 0, or -ENOEXEC after one line on standard error. */
int abi_check_binary(void);

/* The first time that fio hands us a td (in setup or init), and each io_u. 0 or -EINVAL, logged. */
int abi_check_td(struct thread_data *td, const void *our_ops);
int abi_check_io_u(struct thread_data *td, struct io_u *io_u);

#endif
