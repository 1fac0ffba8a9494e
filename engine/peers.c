/* SPDX-License-Identifier: GPL-2.0-only */
/* The other jobs of the run, as fio knows them in setup: what they are going to do to the files of one. */
#include <string.h>

#include "content.h"
#include "peers.h"
#include "replay.h"

static bool has_file(const struct thread_data *td, const char *name)
{
	struct fio_file *f;
	unsigned int i;

	for_each_file(td, f, i)
		if (!strcmp(f->file_name, name))
			return true;
	return false;
}

/*
 * With create_serialize=0 jobs are set up by themselves, and end, while others look here. One that has begun puts
 * pointers of its own where all can see them, and where it is a process fio has freed its options here: neither may
 * be followed.
 */
static bool is_apart(const struct thread_data *td)
{
	return !td->o.create_serialize;
}

static bool is_unknown(const struct thread_data *td)
{
	return is_apart(td) && td->runstate != TD_NOT_CREATED;
}

static bool is_ours(const struct thread_data *td)
{
	/* Its thread may be about to put its own there. */
	const struct ioengine_ops *ops = __atomic_load_n(&td->io_ops, __ATOMIC_ACQUIRE);

	if (is_apart(td))
		return ops == &entry_ops;
	return ops && !strcmp(ops->name, entry_ops.name);
}

/* NULL: it has none that are ours, or they cannot be known. */
static const struct options *options_of(const struct thread_data *td)
{
	if (!is_ours(td) || is_unknown(td))
		return NULL;
	return td->eo;
}

bool peers_share(const struct thread_data *td, const char *name, bool verifies)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);

		if (other == td)
			continue;
		if (verifies ? (is_ours(other) || is_unknown(other)) &&
				       other->o.verify != VERIFY_NONE :
			       job_writes(other))
			if (has_file(other, name))
				return true;
	}
	return false;
}

const struct thread_data *peers_with_state(const struct thread_data *td, const char *name)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);
		const struct options *options = other == td ? NULL : options_of(other);

		if (options && options->verify_state_file[0] && has_file(other, name))
			return other;
	}
	return NULL;
}

bool peers_write_fresh_seed(const struct thread_data *td)
{
	for (unsigned int i = 0; i < thread_number; i++) {
		const struct thread_data *other = tnumber_to_td(i);
		const struct options *options = other == td ? NULL : options_of(other);

		/* One that cannot be known may. */
		if (other != td && may_write(other) &&
		    (options ? !options->data_seed_set : is_unknown(other)))
			return true;
	}
	return false;
}
