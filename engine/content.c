/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content layer.
 *
 * What fio sees from setup on is a copy of the inner engine's ops with hooks of ours in front:
 * those of this file, and on the path of each I/O those of path.c. Both sides are struct ioengine_ops, so any engine of fio can be the inner one.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "ahead.h"
#include "buffers.h"
#include "content.h"
#include "files.h"
#include "findings.h"
#include "fio_options.h"
#include "inner.h"
#include "job.h"
#include "nodes.h"
#include "path.h"
#include "peers.h"
#include "replay.h"
#include "report.h"
#include "summary.h"
#include "tags.h"
#include "written.h"

int content_load(void)
{
	struct sigaction action;

	/* A write beyond the limit of file sizes is to fail, as on a full disk, not to kill fio. */
	if (!sigaction(SIGXFSZ, NULL, &action) && action.sa_handler == SIG_DFL)
		signal(SIGXFSZ, SIG_IGN);
	return findings_load() || summary_load() || written_load() ? -ENOMEM : run_load();
}

/* ---- the io_us of a job ---- */

/* Room for one more, with half of the table empty. */
static int grow_states(struct job *job)
{
	struct io_state *old = job->states;
	const unsigned int nr_old = job->nr_states;

	if (2 * (job->used_states + 1) <= nr_old)
		return 0;
	job->states = calloc(nr_old ? 2 * nr_old : 16, sizeof(*old));
	if (!job->states) {
		job->states = old;
		return -ENOMEM;
	}
	job->nr_states = nr_old ? 2 * nr_old : 16;
	for (unsigned int i = 0; i < nr_old; i++)
		if (old[i].io_u)
			*job_state_slot(job, old[i].io_u) = old[i];
	free(old);
	return 0;
}

static int job_io_u_init(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);

	if (abi_check_io_u(td, io_u))
		return EINVAL;
	if (grow_states(job)) {
		/* fio notes no error of this hook, and would end with 0. */
		log_err("dgen: job %s: out of memory\n", td->o.name);
		td_verror(td, ENOMEM, "dgen: io_u");
		return ENOMEM;
	}
	job_state_slot(job, io_u)->io_u = io_u;
	job->used_states++;
	return job->inner->io_u_init ? job->inner->io_u_init(td, io_u) : 0;
}

/* Some versions of fio (3.33) go on without buffers where there is no memory for them. */
static int job_post_init(struct thread_data *td)
{
	struct job *job = job_of(td);

	if (td->error) {
		const bool huge = td->o.mem_type == MEM_MMAPHUGE || td->o.mem_type == MEM_SHMHUGE;

		log_err("dgen: job %s: no memory for its buffers, iodepth=%u of bs=%llu each%s\n",
			td->o.name, td->o.iodepth, td_max_bs(td),
			huge ? ", on huge pages as iomem= says (sysctl vm.nr_hugepages)" : "");
		/* fio unmaps that many bytes even so, from address 0 on, where programs may lie: under valgrind all do. */
		if (!td->orig_buffer)
			td->orig_buffer_size = 0;
		return 1;
	}
	/* By now fio knows what of each file is this job's. */
	for (unsigned int i = 0; i < job->nr_files; i++)
		files_note(job->files[i]);
	return job->inner->post_init ? job->inner->post_init(td) : 0;
}

/* fio frees the buffers right after. */
static void job_io_u_free(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = job_of(td);

	path_finish(job);
	ahead_stop(job);
	if (job->inner->io_u_free)
		job->inner->io_u_free(td, io_u);
}

/* ---- opening and closing ---- */

static int job_open_file(struct thread_data *td, struct fio_file *f)
{
	struct job *job = job_of(td);
	int ret;

	if (!job_file_of(job, f)) {
		ret = replays(td) ? replay_add(job, f) : files_add(job, f);
		if (ret) {
			td_verror(td, -ret, "file");
			return 1;
		}
	}
	if (td->o.odirect && !job->direct_checked && !(job->ops.flags & FIO_DISKLESSIO) &&
	    (f->filetype == FIO_TYPE_FILE || f->filetype == FIO_TYPE_BLOCK) &&
	    file_is_here(job, f)) {
		job->direct_checked = true;
		if (files_check_direct(job, f))
			return 1;
	}
	ret = job->inner->open_file(td, f);
	if (!ret)
		files_note(job_file_of(job, f));
	return ret;
}

static int job_close_file(struct thread_data *td, struct fio_file *f)
{
	struct job *job = job_of(td);
	const int ret = job->inner->close_file ? job->inner->close_file(td, f) : 0;
	struct job_file *file = job_file_of(job, f);

	if (file)
		files_note(file);
	account_stop(&job->account);
	return ret;
}

/* ---- a job begins and ends ---- */

/*
 * Jobs that have not begun, which fio does not clean up where it is stopped before. They are added one by one in setup,
 * before any other begins, and each takes itself out.
 */
static struct job **waiting;
static unsigned int nr_waiting;

static void await(struct job *job)
{
	struct job **more = NULL;

	if (!job->waits)
		more = realloc(waiting, (nr_waiting + 1) * sizeof(struct job *));
	if (!more)
		return;
	waiting = more;
	waiting[nr_waiting++] = job;
	job->waits = nr_waiting;
}

static void stop_waiting(struct job *job)
{
	if (job->waits)
		waiting[job->waits - 1] = NULL;
	job->waits = 0;
}

static void free_job(struct job *job)
{
	stop_waiting(job);
	for (unsigned int i = 0; i < job->nr_states; i++)
		free(job->states[i].tags);
	free(job->states);
	free(job->places);
	ahead_free(job);
	files_free(job);
	dgen_destroy(job->dgen);
	free(job);
}

static void leave(struct job *job)
{
	struct run_group *const group = job->group;
	struct run_result result = {
		.written = job->written,
		.newest = job->newest,
		.checked = job->checked,
		.unchecked = job->unchecked,
		.wrong = job->wrong,
	};

	if (replays(job->td))
		replay_note_sizes(job);
	if (job->group)
		report_note(job, &result);
	/* With continue_on_error=verify fio counts what is wrong, and would end with 0. */
	if (job->wrong && !job->td->error)
		td_verror(job->td, EILSEQ, "verify");
	/*
	 * fio takes fewer completions than it asked for as the end: its nfs engine loses I/Os that way. Ours give
	 * what they are asked for.
	 */
	if (job->account.in_flight && !job->td->error &&
	    !strncmp(job->options->backend, "fio:", 4)) {
		log_err("dgen: job %s: %u I/Os never ended: backend=%s has lost them\n",
			job->td->o.name, job->account.in_flight, job->options->backend);
		td_verror(job->td, EIO, "dgen: lost I/O");
	}
	tags_leave(job);
	if (group && run_leave(group, &result))
		report_say(group);
	summary_leave(job);
	job->group = NULL;
}

/* Puts the loaded ops back, which fio goes on using, and gives up what was in their place. */
static void unwrap(struct thread_data *td, struct job *job)
{
	leave(job);
	__atomic_store_n(&td->io_ops, &entry_ops, __ATOMIC_RELEASE);
	free_job(job);
}

static void job_cleanup(struct thread_data *td)
{
	struct job *job = job_of(td);

	path_finish(job);
	ahead_stop(job);
	if (job->inner->cleanup)
		job->inner->cleanup(td);
	unwrap(td, job);
}

static struct job *wrap(struct thread_data *td, const struct ioengine_ops *inner)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->td = td;
	job->inner = inner;
	job->ops = *inner;
	job->keeps = inner_keeps(inner);
	INIT_FLIST_HEAD(&job->ops.list);
	job->ops.name = entry_ops.name;
	job->ops.dlhandle = entry_ops.dlhandle;
	job->ops.option_struct_size = entry_ops.option_struct_size;
	job->ops.options = entry_ops.options;
	job->ops.flags |= FIO_RAWIO; /* page-aligned buffers, whatever direct= says */
	job->ops.setup = content_setup;
	job->ops.init = content_init;
	job->ops.cleanup = job_cleanup;
	return job;
}

static void put_in_place(struct thread_data *td, struct job *job)
{
	/* Where jobs are threads, others may look at it. */
	__atomic_store_n(&td->io_ops, &job->ops, __ATOMIC_RELEASE);
	td_set_ioengine_flags(td);
}

/* So that JSON output shows among the options of the job which seed it was. */
static void note_option(struct thread_data *td, const char *name, const char *value)
{
	struct print_option *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->name = strdup(name);
	p->value = strdup(value);
	if (p->name && p->value) {
		flist_add_tail(&p->list, &td->opt_list);
		return;
	}
	free(p->name);
	free(p->value);
	free(p);
}

/* Also where the seed comes from a verify_state_file. */
static int settle_seed(struct thread_data *td, struct options *options, struct track **track)
{
	char seed[32];
	int err;

	if (!options->data_seed_set && td->o.verify != VERIFY_NONE && !may_write(td) &&
	    !options->verify_state_file[0] && !peers_write_fresh_seed(td)) {
		log_err("dgen: job %s: data_seed= is missing: what must be there follows from "
			"it\n",
			td->o.name);
		return -EINVAL;
	}
	if (!options->data_seed_set)
		options->data.data_seed = run_fresh_seed();
	err = tags_open(td, options, track);
	if (err || options->data_seed_set)
		return err;
	snprintf(seed, sizeof(seed), "0x%016" PRIx64, options->data.data_seed);
	note_option(td, "data_seed", seed);
	return 0;
}

static void say_seed(const struct job *job)
{
	const struct options *options = job->options;

	if (options->data_seed_set || atomic_exchange(&job->group->seed_said, true))
		return;
	if (run_output_is_normal())
		run_say("data_seed=0x%016" PRIx64, options->data.data_seed);
	else if (!job->td->o.create_serialize || !run_output_has_options())
		/* The job is a process already, and what it adds to its options stays unseen; or all options do. */
		run_warn("data_seed=0x%016" PRIx64, options->data.data_seed);
}

static int create(const struct options *options, struct dgen **dgen)
{
	char why[DGEN_WHY_MAX];
	const int err = dgen_create(&options->data, dgen, why);

	if (err)
		log_err("dgen: %s\n", err == -EINVAL ? why : strerror(-err));
	return err;
}

static int attach(struct thread_data *td)
{
	struct options *options = td->eo;
	const struct ioengine_ops *inner;
	struct track *track;
	struct dgen *dgen;
	struct job *job;
	int err;

	err = fio_options_check(td);
	if (!err)
		err = nodes_check(td);
	if (!err)
		err = summary_check(options);
	if (err)
		return err;
	/* First once for its refusals only: they come before a verify_state_file is made. */
	err = create(options, &dgen);
	if (err)
		return err;
	dgen_destroy(dgen);
	err = settle_seed(td, options, &track);
	if (!err)
		err = create(options, &dgen);
	if (err)
		return err;
	err = inner_load(td, &inner);
	job = err ? NULL : wrap(td, inner);
	if (!job) {
		dgen_destroy(dgen);
		if (!err)
			log_err("dgen: job %s: out of memory\n", td->o.name);
		return err ? err : -ENOMEM;
	}
	fio_options_stop_filling(td);
	job->options = options;
	job->dgen = dgen;
	job->period = dgen_divisor(dgen_period(dgen));
	job->track = track;
	path_put_hooks(job);
	job->ops.open_file = job_open_file;
	job->ops.close_file = job_close_file;
	job->ops.post_init = job_post_init;
	job->ops.io_u_init = job_io_u_init;
	job->ops.io_u_free = job_io_u_free;
	buffers_put_hooks(job);
	nodes_join(job);
	job->group = run_join(options);
	summary_join(job);
	put_in_place(td, job);
	say_seed(job);
	return 0;
}

/* What jobs that were killed, or never began, keep from being told by the last of their group. */
__attribute__((destructor)) static void at_end(void)
{
	if (!run_is_main())
		return;
	run_finish(report_say);
	summary_finish();
	for (unsigned int i = 0; i < nr_waiting; i++)
		if (waiting[i])
			free_job(waiting[i]);
}

static bool attached(const struct thread_data *td)
{
	return td->io_ops != &entry_ops && td->io_ops->setup == content_setup;
}

static int setup_sizes(struct thread_data *td)
{
	struct job *job = job_of(td);
	struct fio_file *f;
	unsigned int i;

	/* fio does this, from the flags of the ops that it has loaded, long before setup. */
	if (job->ops.flags & FIO_DISKLESSIO) {
		for_each_file(td, f, i)
			f->real_file_size = -1ULL;
	}
	return job->inner->setup ? job->inner->setup(td) : files_find_sizes(td);
}

/* fio goes on reading back what was written, but leaves data and checks to us. */
static void take_verify_over(struct job *job)
{
	struct thread_data *td = job->td;

	job->fakes = td->o.verify_only && td_write(td);
	if (td->o.verify == VERIFY_NONE)
		return;
	/* fio does not check what comes from an engine that only pretends, either. */
	job->verifies = job->keeps;
	if (!job->verifies && !atomic_exchange(&job->group->fake_said, true))
		run_warn("verify=: backend=%s keeps no data, so nothing is checked",
			 job->options->backend);
	td->o.verify = VERIFY_NULL;
	td->o.verify_state_save = 0;
}

static int setup_job(struct thread_data *td, struct job *job)
{
	if (setup_sizes(td))
		return 1;
	/* fio drops the files that it has when it reads a log, and takes those of the log. */
	if (replays(td)) {
		take_verify_over(job);
		return 0;
	}
	if (files_add_all(job)) {
		log_err("dgen: out of memory\n");
		return 1;
	}
	if (files_check_kind(job) || files_check_unit(job) || files_check_complete(job))
		return 1;
	take_verify_over(job);
	if (files_check_devices(job))
		return 1;
	if (tags_setup(job))
		return 1;
	written_plan(job);
	if (!job->inner->prepopulate_file && !(job->ops.flags & FIO_DISKLESSIO) &&
	    files_may_lay_out(job))
		job->ops.prepopulate_file = files_prepopulate;
	return 0;
}

int content_setup(struct thread_data *td)
{
	struct job *job;

	if (!attached(td) && (abi_check_td(td, &entry_ops) || attach(td)))
		return 1;
	job = job_of(td);
	run_flush();
	if (!setup_job(td, job)) {
		if (td->o.create_serialize)
			await(job);
		return 0;
	}
	/* fio will not run this job; the others must not wait for it with their line. */
	if (td->o.create_serialize)
		unwrap(td, job);
	else /* fio does clean up then */
		leave(job);
	return 1;
}

/*
 * Which of its engines it is, the io_uring.c of newer fio finds out by the job's prep, here alone (else io_uring_cmd
 * would send commands that are none), and its fileoperations.c by the name that the job gives.
 */
static int init_inner(struct job *job)
{
	int (*const prep)(struct thread_data *, struct io_u *) = job->ops.prep;
	char *const engine = job->td->o.ioengine;
	int err;

	if (!job->inner->init)
		return 0;
	job->ops.prep = job->inner->prep;
	job->td->o.ioengine = (char *)job->inner->name;
	err = job->inner->init(job->td);
	job->td->o.ioengine = engine;
	job->ops.prep = prep;
	return err;
}

/* What setup_job() does for others. */
static int setup_replay(struct job *job)
{
	static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;
	int err;

	/* Now fio knows whether the job writes. */
	take_verify_over(job);
	err = replay_init(job);
	if (!err)
		err = tags_setup(job);
	if (err)
		return err;
	pthread_mutex_lock(&names);
	written_plan(job);
	pthread_mutex_unlock(&names);
	return 0;
}

/* Comes before setup with create_serialize=0. */
int content_init(struct thread_data *td)
{
	struct job *job;
	int err;

	if (!attached(td) && (abi_check_td(td, &entry_ops) || attach(td)))
		return EINVAL;
	job = job_of(td);
	stop_waiting(job);
	job->began = true;
	job->ranges_before = written_count();
	run_begin(job->group);
	nodes_init(job);
	if (replays(td) && setup_replay(job))
		return EINVAL;
	files_set_versions(job);
	if (tags_init(job))
		return EINVAL;
	err = init_inner(job);
	if (err == ENOMEM)
		log_err("dgen: job %s: out of memory\n", td->o.name);
	if (!err && ahead_start(job)) {
		log_err("dgen: gen_threads=%u: cannot be started\n", job->options->gen_threads);
		return EAGAIN;
	}
	return err;
}
