/* SPDX-License-Identifier: GPL-2.0-only */
/* read_iolog=: fio does what a log says, rather than choose offsets and lengths. */
#include <stdlib.h>

#include "replay.h"

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
	if (!replays(td) || !is_over(td))
		return;
	/* fio closes what is open when the job ends. */
	while (!flist_empty(&td->io_log_list)) {
		struct io_piece *piece = flist_first_entry(&td->io_log_list, struct io_piece, list);

		flist_del(&piece->list);
		free(piece);
	}
	/* It goes on for as long as there is something in the log, or one of these says so. */
	td->o.size = td->o.io_size = 0;
	td->o.time_based = 0;
}
