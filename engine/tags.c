/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which tags (see track.h) a job needs, for which of its files and how fine; and what a run that was
 * killed has left in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check.h"
#include "files.h"
#include "marks.h"
#include "peers.h"
#include "replay.h"
#include "tags.h"

enum { SECTOR = 512 };

/* The tags that jobs of this run use; in the main process, before any job is forked. */
static struct opened {
	struct dgen_options data;
	uint64_t data_version;
	char *path; /* NULL: in memory */
	struct track *track;
	struct track_file **files; /* that jobs write */
	size_t nr_files;
} * opened;
static unsigned int nr_opened;

/* ---- opening ---- */

static struct opened *find_opened(const struct options *options)
{
	const char *path = options->verify_state_file;

	for (unsigned int i = 0; i < nr_opened; i++) {
		struct opened *o = &opened[i];

		if (path[0] ? o->path && !strcmp(o->path, path) :
			      !o->path && options_same_data(&o->data, &options->data) &&
				      o->data_version == options->data_version)
			return o;
	}
	return NULL;
}

/* A job that names the same verify_state_file as one before it. */
static int check_opened(const struct thread_data *td, const struct opened *found,
			struct options *options)
{
	if (!options->data_seed_set)
		options->data.data_seed = found->data.data_seed;
	if (options_same_data(&found->data, &options->data))
		return 0;
	log_err("dgen: verify_state_file=%s: job %s: other options of the data, or another "
		"data_seed, than a job before it; use another verify_state_file\n",
		found->path, td->o.name);
	return -EINVAL;
}

/*
 * A job that writes needs tags where another one verifies what it writes, and one that only reads where another
 * writes: whichever comes first.
 */
static bool is_shared(const struct thread_data *td)
{
	const bool writes = job_writes(td);
	struct fio_file *f;
	unsigned int i;

	if (!writes && td->o.verify == VERIFY_NONE)
		return false;
	for_each_file(td, f, i)
		if (peers_share(td, f->file_name, writes))
			return true;
	return false;
}

/* A verify_state_file must hear of all that is written. */
static int check_unnamed(const struct thread_data *td)
{
	struct fio_file *f;
	unsigned int i;

	for_each_file(td, f, i) {
		const struct thread_data *other = peers_with_state(td, f->file_name);

		if (!other)
			continue;
		log_err("dgen: job %s: writes %s without verify_state_file=%s, which job %s names\n",
			td->o.name, f->file_name,
			((const struct options *)other->eo)->verify_state_file, other->o.name);
		return -EINVAL;
	}
	return 0;
}

static int open_tags(struct options *options, enum track_mode mode, struct opened **out)
{
	const char *path = options->verify_state_file[0] ? options->verify_state_file : NULL;
	char why[TRACK_WHY_MAX];
	struct opened *more, *new;
	int err;

	more = realloc(opened, (nr_opened + 1) * sizeof(*more));
	if (!more) {
		log_err("dgen: verify: out of memory\n");
		return -ENOMEM;
	}
	opened = more;
	new = &opened[nr_opened];
	*new = (struct opened){ .data = options->data, .data_version = options->data_version };
	if (path && !(new->path = strdup(path))) {
		log_err("dgen: verify: out of memory\n");
		return -ENOMEM;
	}
	err = track_open(path, mode, !options->data_seed_set, &new->data, &new->track, why);
	if (!err && mode == TRACK_WRITE && track_last_end(new->track) == TRACK_CRASHED) {
		snprintf(why, sizeof(why),
			 "verify_state_file=%.100s: the system stopped while it was in use; verify "
			 "with rw=read, then go on with a new one and the next data_version",
			 path);
		err = -EINVAL;
	}
	if (err) {
		log_err("dgen: %s\n", why);
		return err;
	}
	nr_opened++;
	*out = new;
	return 0;
}

int tags_open(struct thread_data *td, struct options *options, struct track **track)
{
	const bool in_file = options->verify_state_file[0];
	const bool needed = in_file || (td->o.verify != VERIFY_NONE && may_write(td));
	const enum track_mode mode = may_write(td) || !in_file ? TRACK_WRITE : TRACK_READ;
	struct opened *found = find_opened(options);
	int err;

	*track = NULL;
	if (!in_file && job_writes(td) && check_unnamed(td))
		return -EINVAL;
	if (!found && !needed && !is_shared(td))
		return 0;
	if (!found) {
		err = open_tags(options, mode, &found);
		if (err)
			return err;
	} else if (mode == TRACK_WRITE && track_mode(found->track) == TRACK_READ) {
		log_err("dgen: verify_state_file=%s: job %s writes; put it before those that read "
			"only\n",
			options->verify_state_file, td->o.name);
		return -EINVAL;
	}
	if (in_file && check_opened(td, found, options))
		return -EINVAL;
	*track = found->track;
	track_join(*track);
	return 0;
}

/* ---- which files, and in which grains ---- */

uint64_t tags_grain(const struct thread_data *td, enum fio_ddir ddir, uint64_t grain)
{
	const struct thread_options *o = &td->o;

	grain = track_common_divisor(grain, o->min_bs[ddir]);
	/* Of a range: the last size may be no multiple of the first. */
	grain = track_common_divisor(grain, o->max_bs[ddir]);
	grain = track_common_divisor(grain, o->ba[ddir]);
	for (unsigned int i = 0; i < o->bssplit_nr[ddir]; i++)
		grain = track_common_divisor(grain, o->bssplit[ddir][i].bs);
	return grain;
}

/* As find_grain(), of a log that is replayed. */
static uint32_t find_log_grain(const struct job *job, const struct job_file *file)
{
	const uint64_t g = track_common_divisor(job->options->data.dedup_unit, file->log_step);

	return g % SECTOR ? 0 : (uint32_t)g;
}

/* The largest that no write of the job covers in part; 0: there is none. */
static uint32_t find_grain(struct job *job, const struct fio_file *f)
{
	struct thread_data *td = job->td;
	uint64_t g = job->options->data.dedup_unit;
	const long long step = td->o.ddir_seq_add;

	if (td_write(td))
		g = tags_grain(td, DDIR_WRITE, g);
	/* Sequential writes have the sizes of reads then. */
	if (td->o.bs_is_seq_rand)
		g = tags_grain(td, DDIR_READ, g);
	if (td_trim(td))
		g = tags_grain(td, DDIR_TRIM, g);
	g = track_common_divisor(g, get_start_offset(td, (struct fio_file *)f));
	g = track_common_divisor(g, step < 0 ? -step : step);
	return td->o.bs_unaligned || g % SECTOR ? 0 : (uint32_t)g;
}

/* No I/O of the job ends beyond. fio has not set sizes yet. */
static uint64_t largest_size(struct thread_data *td, const struct job_file *file)
{
	struct fio_file *f = (struct fio_file *)file->file;
	uint64_t size = f->real_file_size, wanted = td->o.file_size_high;
	struct statvfs fs;
	char *dir, *slash;

	if (replays(td))
		return file->log_end ? file->log_end : 1;
	if (f->filetype != FIO_TYPE_FILE)
		return size;
	if (size == -1ULL)
		size = 0;
	if (!wanted && !td->o.fill_device && td->o.size != -1ULL)
		wanted = td->o.size / td->o.nr_files + get_start_offset(td, f) +
			 (td->o.size % td->o.nr_files ? td_min_bs(td) : 0);
	if (td->o.fill_device || td->o.size == -1ULL) {
		dir = strdup(f->file_name);
		slash = dir ? strrchr(dir, '/') : NULL;
		if (slash)
			slash[1] = '\0';
		if (!statvfs(slash ? dir : ".", &fs))
			wanted = size + (uint64_t)fs.f_bfree * fs.f_frsize;
		free(dir);
	}
	return size > wanted ? size : wanted;
}

/* ---- what a killed run left ---- */

/*
 * A run that was killed leaves grains of which it did not know any more whether they were written.
 * They are looked at before others write there.
 */
static int settle_all(struct job *job, struct job_file *file, const struct track_map *map)
{
	struct track_file *t = file->track;
	const size_t grains = track_grains(t);
	uint8_t *data;
	int err = 0, fd;

	/* Where they cannot be looked at, nobody knows what they hold. */
	if (!file_is_here(job, file->file)) {
		for (size_t i = 0; i < grains; i++)
			if (map->tags[i] & TRACK_BUSY)
				map->tags[i] = TRACK_UNKNOWN;
		return 0;
	}
	fd = open(file->file->file_name, O_RDONLY | O_CLOEXEC);
	data = malloc(t->grain);
	if (fd < 0 || !data)
		err = fd < 0 ? -errno : -ENOMEM;
	for (size_t i = 0; !err && i < grains; i++) {
		const uint8_t tag = map->tags[i];
		ssize_t got;
		uint8_t found;

		if (!(tag & TRACK_BUSY))
			continue;
		got = pread(fd, data, t->grain, (off_t)i * t->grain);
		if (got < 0) {
			err = -errno;
			break;
		}
		found = got ? check_left_tag(job, file, i, tag, data, got) : TRACK_UNKNOWN;
		if (found == TRACK_BUSY) {
			log_err("dgen: verify: %s: offset %llu, length %u: holds neither what a "
				"killed run was writing there nor what was there before; verify "
				"with rw=read, then go on with a new verify_state_file and the "
				"next data_version\n",
				file->file->file_name, (unsigned long long)i * t->grain, t->grain);
			err = -EILSEQ;
			break;
		}
		map->tags[i] = found;
	}
	free(data);
	if (fd >= 0)
		close(fd);
	if (err && err != -EILSEQ)
		log_err("dgen: verify: %s: %s\n", file->file->file_name, strerror(-err));
	return err;
}

/*
 * By the first job that comes. fio starts jobs together, so the others wait: what they write must neither
 * be looked at nor be settled. Where one is killed meanwhile, the next goes on; where it fails, all do, for what
 * is not settled cannot be written to.
 */
static int settle_once(struct job *job, struct job_file *file, const struct track_map *map)
{
	enum { DONE = 1, FAILED };
	_Atomic uint8_t *const settled = &file->track->settled;
	int err = 0;

	while (!track_try_settle(job->track)) {
		if (job->td->terminate)
			return 0;
		usleep(1000);
	}
	if (!*settled) {
		err = settle_all(job, file, map);
		*settled = err ? FAILED : DONE;
		/* One who never leaves: a later run settles what is left, or fails likewise. */
		if (err)
			track_join(job->track);
	} else if (*settled == FAILED) {
		err = -EILSEQ;
	}
	track_end_settle(job->track);
	return err;
}

/* ---- setup ---- */

/* Then fio makes it, and what is not written is a hole. */
static bool is_to_be_made(const struct job *job, const struct fio_file *f)
{
	struct stat st;

	if (f->filetype != FIO_TYPE_FILE || !file_is_here(job, f))
		return false;
	return stat(f->file_name, &st) ? errno == ENOENT : !st.st_size;
}

/* What was written must be there still, and lie where the tags say. */
static int check_file(const struct job *job, const struct job_file *file)
{
	const struct fio_file *f = file->file;
	struct track_file *t = file->track;
	uint64_t written;

	if (t->data_domain && t->data_domain != file->domain) {
		log_err("dgen: verify: %s: has data of another dedup_domain than job %s's\n",
			f->file_name, job->td->o.name);
		return -EINVAL;
	}
	t->data_domain = file->domain;
	if (f->filetype != FIO_TYPE_FILE || !file_is_here(job, f) || !t->at)
		return 0;
	/* The other jobs are writing by then. */
	if (replays(job->td) && !track_is_alone(job->track))
		return 0;
	written = track_written(job->track, t);
	if (file->size_found >= written)
		return 0;
	log_err("dgen: verify_state_file=%s: %s has %" PRIu64 " bytes, but more than %" PRIu64
		" were written%s\n",
		job->options->verify_state_file, f->file_name, file->size_found, written - 1,
		job_writes(job->td) ? "; go on with a new one and the next data_version" : "");
	return -ENODATA;
}

/*
 * The other jobs have mapped their tags by then, and would lose them where there is to be room for more. Who replays
 * no log asks for it before any job begins.
 */
static int check_room(const struct job *job, const struct job_file *file)
{
	const struct track_file *t = file->track;

	if (!replays(job->td) || !t->at || track_grains(t) <= t->room || track_is_alone(job->track))
		return 0;
	log_err("dgen: verify: %s: the log of job %s goes to %" PRIu64 ", beyond what other jobs "
		"keep versions for; put it first, or alone\n",
		file->name, job->td->o.name, file->log_end);
	return -EINVAL;
}

/* A file that the job only reads, with tags that outlive the run. */
static int setup_read(struct job *job, struct job_file *file)
{
	file->track = track_find(job->track, file->name);
	if (file->track)
		return check_file(job, file);
	log_err("dgen: verify_state_file=%s: knows nothing of %s\n",
		job->options->verify_state_file, file->name);
	return -EINVAL;
}

static int setup_file(struct job *job, struct job_file *file, unsigned int number)
{
	struct fio_file *f = (struct fio_file *)file->file;
	const bool writes = job_writes(job->td);
	const bool made_anew = !replays(job->td) && files_extended(job, number) &&
			       !job->td->o.file_append;
	char why[TRACK_WHY_MAX];
	uint32_t grain = job->options->data.dedup_unit;
	bool is_new;
	int err;

	if (track_lies_in(job->track, f->file_name)) {
		log_err("dgen: verify_state_file=%s: is %s, which job %s writes or reads\n",
			job->options->verify_state_file, f->file_name, job->td->o.name);
		return -EINVAL;
	}
	if (!writes && track_is_file(job->track))
		return setup_read(job, file);
	file->track = track_find(job->track, f->file_name);
	is_new = !file->track;
	if (writes)
		grain = replays(job->td) ? find_log_grain(job, file) : find_grain(job, f);
	else if (!is_new) /* It changes nothing but, perhaps, how far the tags go. */
		grain = file->track->grain;
	if (!grain && !job->verifies && !track_is_file(job->track))
		return 0;
	if (!grain) {
		log_err("dgen: verify: block sizes and offsets of what is written must be multiples "
			"of 512 (job %s)\n",
			job->td->o.name);
		return -EINVAL;
	}
	err = track_add(job->track, f->file_name, largest_size(job->td, file), grain, &file->track,
			why);
	if (err) {
		log_err("dgen: %s\n", why);
		return err;
	}
	err = check_room(job, file);
	if (!err)
		err = check_file(job, file);
	if (err)
		return err;
	if (writes)
		file->track->is_written = 1;
	if (is_new)
		file->track->zeros = made_anew || is_to_be_made(job, f);
	else if (made_anew && file->track->at)
		track_begin_again(job->track, file->track);
	return 0;
}

static struct opened *opened_of(const struct job *job)
{
	unsigned int i = 0;

	while (opened[i].track != job->track)
		i++;
	return &opened[i];
}

/* Whose memory is said when the jobs begin: each once. */
static void note_memory(struct opened *o, struct track_file *t)
{
	struct track_file **more;

	if (atomic_exchange(&t->said, 1))
		return;
	more = realloc(o->files, (o->nr_files + 1) * sizeof(struct track_file *));
	if (!more)
		return;
	o->files = more;
	o->files[o->nr_files++] = t;
}

int tags_setup(struct job *job)
{
	for (unsigned int i = 0; job->track && i < job->nr_files; i++) {
		const int err = setup_file(job, job->files[i], i);

		if (err) {
			td_verror(job->td, -err, "verify");
			return err;
		}
		if (job->files[i]->track && job_writes(job->td))
			note_memory(opened_of(job), job->files[i]->track);
	}
	return 0;
}

/* ---- a job begins ---- */

/* In one line, by the first job that begins: by then all have told how far they go. */
static void say_memory(const struct job *job)
{
	const struct opened *o = opened_of(job);
	uint32_t finest = UINT32_MAX, coarsest = 0;
	char coarser[32] = "", files[32];
	uint8_t not_said = 1;
	double bytes = 0;

	if (!run_output_is_normal() || !o->nr_files ||
	    !atomic_compare_exchange_strong(&o->files[0]->said, &not_said, 2))
		return;
	for (size_t i = 0; i < o->nr_files; i++) {
		const struct track_file *t = o->files[i];

		finest = t->grain < finest ? t->grain : finest;
		coarsest = t->grain > coarsest ? t->grain : coarsest;
		bytes += t->grain ? (double)track_grains(t) : 0;
	}
	if (finest < coarsest)
		snprintf(coarser, sizeof(coarser), " to %u", coarsest);
	snprintf(files, sizeof(files), "%zu files", o->nr_files);
	run_say("dgen: verify: one byte for each %u%s bytes of %s: %s of memory%s", finest, coarser,
		o->nr_files == 1 ? o->files[0]->name : files, RUN_SIZE(bytes),
		track_is_file(job->track) ? ", twice that on disk" : "");
}

static struct track_initial initial_of(const struct job *job, const struct job_file *file)
{
	const struct options *options = job->options;
	struct track_initial initial = { .base = file->first_version };

	if (!file->first_version)
		return initial;
	if (file->first_version > options->data_version) { /* it was laid out */
		initial.laid_out = true;
		initial.known = true;
		initial.oldest = initial.newest = options->data_version;
	} else if (!file->track->zeros) {
		initial.known = true;
		initial.newest = options->data_version - 1;
		initial.oldest = options->oldest_version_set ? options->oldest_version :
							       initial.newest;
	}
	return initial;
}

static int init_file(struct job *job, struct job_file *file)
{
	const struct fio_file *f = file->file;
	const struct track_initial initial = initial_of(job, file);
	struct track_map map;
	char why[TRACK_WHY_MAX];

	/* Nobody writes it in this run: data_version is there. */
	if (!track_is_file(job->track) && !file->track->is_written) {
		file->track = NULL;
		return 0;
	}
	/* The run that named the file in a verify_state_file ended before it wrote. */
	if (!job_writes(job->td) && track_is_file(job->track) && !file->track->at)
		return 0;
	/* With fill_device= the end is where the disk is full; see marks_locate(). */
	if (!job->td->o.fill_device && f->io_size != -1ULL &&
	    f->file_offset + f->io_size > file->track->size) {
		log_err("dgen: verify: %s: job %s goes to %" PRIu64 ", but versions are known "
			"for the first %" PRIu64 " bytes only; see size=\n",
			f->file_name, job->td->o.name, f->file_offset + f->io_size,
			file->track->size);
		return -EINVAL;
	}
	if (track_map(job->track, file->track, &initial, &map, why)) {
		log_err("dgen: %s\n", why);
		return -ENOMEM;
	}
	file->tags = map.tags;
	file->flushed = map.flushed;
	file->changed = map.changed;
	if (track_mode(job->track) == TRACK_WRITE && track_last_end(job->track) == TRACK_KILLED)
		return settle_once(job, file, &map);
	return 0;
}

int tags_init(struct job *job)
{
	if (job->track) {
		track_enter(job->track);
		say_memory(job);
	}
	for (unsigned int i = 0; job->track && i < job->nr_files; i++) {
		struct job_file *file = job->files[i];
		const int err = file->track ? init_file(job, file) : 0;

		if (err) {
			td_verror(job->td, -err, "verify");
			return err;
		}
	}
	return 0;
}

/* Has an I/O never ended? Then nobody knows what its grains hold. */
static bool left_marked(const struct job *job)
{
	for (unsigned int i = 0; i < job->nr_states; i++)
		if (job->states[i].io_u && job->states[i].marked)
			return true;
	return false;
}

void tags_leave(struct job *job)
{
	if (!job->track)
		return;
	for (unsigned int i = 0; i < job->nr_files; i++)
		if (job->files[i]->changed && track_mode(job->track) == TRACK_WRITE)
			marks_flush(job, job->files[i]);
	if (!left_marked(job))
		track_leave(job->track);
	job->track = NULL;
}
