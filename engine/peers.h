/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DGEN_PEERS_H
#define DGEN_PEERS_H

#include "job.h"

/* Does another job of the run write the file, with any engine? If verifies: does one of ours verify it instead? */
bool peers_share(const struct thread_data *td, const char *name, bool verifies);

/* Another job of ours that uses the file and names a verify_state_file; NULL: none. */
const struct thread_data *peers_with_state(const struct thread_data *td, const char *name);

/* Jobs without a data_seed share one: does another of them write what this one may verify? */
bool peers_write_fresh_seed(const struct thread_data *td);

#endif
