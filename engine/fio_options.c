/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of fio that do not go together with an engine that makes the data itself. */
#include <errno.h>
#include <stdio.h>

#include "compat.h"
#include "fio_options.h"
#include "options.h"
#include "run.h"

/* verify= itself is taken over; these parts of it are not. */
static int check_verify(struct thread_data *td)
{
	const struct thread_options *o = &td->o;
	const struct options *options = td->eo;
	const bool state = options->verify_state_file[0];

#define REFUSE(fmt, ...)                                                                           \
	do {                                                                                       \
		log_err("dgen: " fmt "\n", ##__VA_ARGS__);                                         \
		return -EINVAL;                                                                    \
	} while (0)

	if (options->oldest_version_set && options->oldest_version > options->data_version)
		REFUSE("oldest_version=%" PRIu64 ": must not be above data_version=%" PRIu64,
		       options->oldest_version, options->data_version);
	if (options->oldest_version_set &&
	    options->data_version - options->oldest_version >= VERSIONS_MAX)
		REFUSE("oldest_version=%" PRIu64
		       ": must be less than %d below data_version=%" PRIu64,
		       options->oldest_version, VERSIONS_MAX, options->data_version);
	if ((o->verify != VERIFY_NONE || state) && !o->create_serialize)
		REFUSE("%s: needs create_serialize=1, so that jobs know each other's files",
		       state ? "verify_state_file" : "verify");
	if ((o->verify != VERIFY_NONE || state) && dgen_fio_trim_ranges(td) > 1)
		REFUSE("num_range=%u: not with verify, which knows trims of one range only",
		       dgen_fio_trim_ranges(td));
	if (o->verify == VERIFY_NONE && !state)
		return 0;
	if (o->unlink_each_loop)
		REFUSE("unlink_each_loop=1: not with verify, which would look for what was removed");
	if (o->verify == VERIFY_NONE)
		return 0;
	if (o->experimental_verify)
		REFUSE("experimental_verify=1: not with this engine; leave it out");
	if (o->verify_state)
		REFUSE("verify_state_load=1: not with this engine; verify_state_file=PATH keeps "
		       "more and is read again by itself");
	if (o->verify_pattern_bytes)
		REFUSE("verify_pattern: fio would make the data, but this engine does; with any "
		       "verify= every byte is compared");
#undef REFUSE
	if (fio_option_is_set((struct thread_options *)o, verify_state_save) &&
	    o->verify_state_save && run_output_is_normal())
		run_say("dgen: verify_state_save is ignored: see verify_state_file");
	return 0;
}

/* A percentage of fio, and the ratio of ours that says the same. */
static int take_percentage(const char *theirs, unsigned int percent, const char *ours,
			   double *ratio)
{
	if (percent >= 100) {
		log_err("dgen: %s=%u: must be from 0 to 99: with 100 nothing is left\n", theirs,
			percent);
		return -EINVAL;
	}
	if (*ratio != 1) {
		log_err("dgen: %s=%u: means %s=%.6g, but %s=%.6g is set too; leave one out\n",
			theirs, percent, ours, 100.0 / (100 - percent), ours, *ratio);
		return -EINVAL;
	}
	*ratio = 100.0 / (100 - percent);
	/* The main process sees all jobs, one after the other. */
	static double said[2];
	double *const last = &said[ours[0] == 'c'];

	if (*last != *ratio)
		run_warn("%s=%u is taken as %s=%.6g", theirs, percent, ours, *ratio);
	*last = *ratio;
	return 0;
}

/*
 * fio's percentages have a clear meaning, and are honoured exactly. Not so a working set that is
 * drawn from at random, or contents that all jobs share.
 */
static int take_percentages(struct thread_data *td)
{
	const struct thread_options *o = &td->o;
	struct options *options = td->eo;
	const bool all = fio_option_is_set((struct thread_options *)o, compress_percentage) &&
			 !o->compress_percentage && o->zero_buffers;

	if (o->dedupe_percentage) {
		if (o->dedupe_mode != DEDUPE_MODE_REPEAT || o->dedupe_global) {
			log_err("dgen: %s: not with this engine; leave it out, or see dedup_domain= "
				"for files that share data\n",
				o->dedupe_global ? "dedupe_global=1" : "dedupe_mode=working_set");
			return -EINVAL;
		}
		if (take_percentage("dedupe_percentage", o->dedupe_percentage, "dedup_ratio",
				    &options->data.dedup_ratio))
			return -EINVAL;
	}
	/* fio has turned 100 into zero_buffers. */
	if ((o->compress_percentage || all) &&
	    take_percentage("buffer_compress_percentage", all ? 100 : o->compress_percentage,
			    "compress_ratio", &options->data.compress_ratio))
		return -EINVAL;
	if (fio_option_is_set((struct thread_options *)o, compress_chunk) && o->compress_chunk) {
		if (options->data.compress_chunk &&
		    options->data.compress_chunk != o->compress_chunk) {
			log_err("dgen: buffer_compress_chunk=%u: means compress_chunk=%u, but "
				"compress_chunk=%u is set too; leave one out\n",
				o->compress_chunk, o->compress_chunk, options->data.compress_chunk);
			return -EINVAL;
		}
		options->data.compress_chunk = o->compress_chunk;
	}
	return 0;
}

int fio_options_check(struct thread_data *td)
{
	struct thread_options *o = &td->o;

#define REFUSE(option, fmt, ...)                                                                   \
	do {                                                                                       \
		log_err("dgen: " option ": fio would make the data, but this engine does; " fmt    \
			"\n",                                                                      \
			##__VA_ARGS__);                                                            \
		return -EINVAL;                                                                    \
	} while (0)

	/*
	 * fio's io_uring refuses it as well. With the engines that have it, psync and libaio, small
	 * I/O hangs there about every other time in fio 3.33 and 3.41.
	 */
	if (o->io_submit_mode == IO_MODE_OFFLOAD) {
		log_err("dgen: io_submit_mode=offload: not with this engine, nor with fio's io_uring; "
			"inline is allowed\n");
		return -EINVAL;
	}
	if (check_verify(td))
		return -EINVAL;
	if (fio_option_is_set(o, buffer_pattern) && o->buffer_pattern_bytes)
		REFUSE("buffer_pattern", "leave it out, or use dedup_ratio= and compress_ratio=");
	if (fio_option_is_set(o, zero_buffers) && o->zero_buffers)
		REFUSE("zero_buffers", "leave it out, or use compress_ratio=");
#undef REFUSE
	if (take_percentages(td))
		return -EINVAL;

	if (!run_output_is_normal())
		return 0;
	if (fio_option_is_set(o, refill_buffers) && o->refill_buffers)
		run_say("dgen: refill_buffers is superfluous: each write has its own data");
	if (fio_option_is_set(o, scramble_buffers) && o->scramble_buffers)
		run_say("dgen: scramble_buffers is ignored: it would damage the ratios");
	return 0;
}

void fio_options_stop_filling(struct thread_data *td)
{
	td->o.zero_buffers = 1;
	td->o.refill_buffers = 0;
	td->o.dedupe_percentage = 0;
	td->o.compress_percentage = 0;
	td->o.scramble_buffers = 0;
	td->flags &= ~(TD_F_REFILL_BUFFERS | TD_F_SCRAMBLE_BUFFERS | TD_F_COMPRESS);
}
