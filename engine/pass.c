/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts how often a job has gone over a file.
 *
 * fio has no hook for the end of a pass: loops=, time_based, io_size= beyond size=, several files
 * ... each restarts in another place of fio. But each leaves a mark where offsets are made, and
 * that is all that is looked at here. Nothing has to know the size of the region or the block
 * sizes, so a short last block or bsrange cannot put the count off by one.
 *
 *  - Sequential: offsets only grow within a pass.
 *  - Random with fio's map of blocks: a block is in the map from the moment it is chosen until
 *    fio clears the map for the next pass. So the previous I/O's block is still there, and is not
 *    chosen again, for as long as the pass goes on. Reads count here: in a mixed job they use
 *    the same map.
 *  - LFSR: the generator counts its offsets, and starts again from 0.
 *  - Anything that may hit a location twice (norandommap, zipf, percentage_random, a replayed
 *    log ...) has no passes. There the number steps up 64 times while as many bytes are written
 *    as the region has, so that nearly every overwrite changes the data.
 */
#include "compat.h"
#include "pass.h"

enum { STEPS_PER_REGION = 64, PASS_REGION_MIN = 1 << 20 };

/* Random offsets that may come again before all of the region was visited? */
static bool repeats(const struct thread_data *td)
{
	const struct thread_options *o = &td->o;

	return o->random_distribution != FIO_RAND_DIST_RANDOM || o->perc_rand[DDIR_READ] != 100 ||
	       o->perc_rand[DDIR_WRITE] != 100 || o->perc_rand[DDIR_TRIM] != 100 ||
	       o->ddir_seq_nr > 1 || o->zone_mode == ZONE_MODE_STRIDED ||
	       o->zone_mode == ZONE_MODE_ZBD || dgen_fio_sprandom(td);
}

static void next_pass(struct pass *pass)
{
	pass->number++;
	pass->ios = 0;
	pass->before = pass->bytes;
	pass->bytes = 0;
}

static void note_sequential(struct pass *pass, const struct thread_data *td,
			    const struct io_u *io_u)
{
	const uint64_t start = io_u->offset;

	if (io_u->ddir != DDIR_WRITE)
		return;
	/*
	 * Backwards (rw=write:-4k) fio begins with the first block and only then jumps to the
	 * end: the second write belongs to the pass of the first, whatever its offset.
	 */
	if (td->o.ddir_seq_add < 0 ? pass->ios > 1 && start >= pass->start :
				     pass->ios && start < pass->next)
		next_pass(pass);
	pass->start = start;
	pass->next = start + io_u->buflen;
	pass->ios++;
}

static void note_mapped(struct pass *pass, const struct thread_data *td, const struct io_u *io_u)
{
	const struct fio_file *f = io_u->file;
	const uint64_t unit = td->o.min_bs[io_u->ddir];
	const uint64_t first = (io_u->offset - f->file_offset) / unit;
	const uint64_t blocks = (io_u->buflen + unit - 1) / unit;

	/* Not entered in the map: the write of a trim-and-write pair. */
	if (io_u->flags & IO_U_F_BUSY_OK)
		return;
	if (pass->ios && (pass->block - first < blocks || !axmap_isset(f->io_axmap, pass->block)))
		next_pass(pass);
	pass->block = first;
	pass->ios++;
}

static void note_lfsr(struct pass *pass, const struct io_u *io_u)
{
	const uint64_t generated = io_u->file->lfsr.num_vals;

	if (io_u->flags & IO_U_F_BUSY_OK)
		return;
	if (pass->ios && generated <= pass->generated)
		next_pass(pass);
	pass->generated = generated;
	pass->ios++;
}

static uint64_t region_of(struct pass *pass, const struct thread_data *td, const struct io_u *io_u)
{
	const struct fio_file *f = io_u->file;

	if (!(td->flags & TD_F_READ_IOLOG))
		return f->io_size && f->io_size < f->real_file_size ? f->io_size :
								      f->real_file_size;
	/* fio sets no sizes then. */
	if (pass->region < PASS_REGION_MIN)
		pass->region = PASS_REGION_MIN;
	if (pass->region < io_u->offset + io_u->buflen)
		pass->region = io_u->offset + io_u->buflen;
	return pass->region;
}

static void note_repeating(struct pass *pass, const struct thread_data *td, const struct io_u *io_u)
{
	uint64_t step;

	pass->repeats = true;
	if (io_u->ddir != DDIR_WRITE)
		return;
	step = region_of(pass, td, io_u) / STEPS_PER_REGION + 1;
	pass->number += pass->written / step;
	pass->written %= step;
	pass->written += io_u->buflen;
}

uint64_t pass_note(struct pass *pass, struct thread_data *td, struct io_u *io_u)
{
	struct fio_file *f = io_u->file;

	if (td->flags & TD_F_READ_IOLOG)
		note_repeating(pass, td, io_u);
	else if (!td_random(td))
		note_sequential(pass, td, io_u);
	else if (repeats(td))
		note_repeating(pass, td, io_u);
	else if (fio_file_lfsr(f))
		note_lfsr(pass, io_u);
	else if (file_randommap(td, f))
		note_mapped(pass, td, io_u);
	else
		note_repeating(pass, td, io_u);
	if (io_u->ddir == DDIR_WRITE)
		pass->bytes += io_u->buflen;
	return pass->number;
}

bool pass_numbers(const struct pass *pass, const struct thread_data *td, const struct fio_file *f,
		  uint64_t *lowest, uint64_t *highest)
{
	/* fio leaves out what is shorter than a block, at the end. */
	const uint64_t region = f->io_size - f->io_size % td->o.min_bs[DDIR_WRITE];

	*highest = *lowest = pass->number;
	if (pass->repeats || td_rw((struct thread_data *)td) || td_trim((struct thread_data *)td))
		return false;
	if (pass->bytes >= region)
		return true;
	/* Not all of it yet: the rest is as the pass before has left it. */
	*lowest = pass->number - 1;
	return pass->number && pass->before >= region;
}
