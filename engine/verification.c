/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify= with this engine.
 *
 * The data needs no headers: what must be at an address can be computed from the version that is
 * there. In a job that only reads, that is data_version. In one that writes too, and wherever a
 * verify_state_file is named, the version of each grain is tracked (see track.h): a write marks
 * its grains before it is sent and settles them when it is over.
 *
 *  - Two writes to one grain are never in flight together: the second gets FIO_Q_BUSY until the
 *    first is over, because nobody could say which of them the storage takes last.
 *  - A read may overlap with writes. It notes the tags when it is sent and looks at them again when
 *    it is over; where they differ or a write is under way, each sector may hold any version
 *    between the two.
 *
 * fio keeps its own machinery: it reads back what was written, in its own order, and is told
 * verify=null, so that it neither puts headers into the data nor looks at it. A read that fails the
 * check ends with EILSEQ, as fio's own checks do.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "diagnose.h"
#include "files.h"
#include "verification.h"

enum {
	SECTOR = 512,
	LINES_MAX = 20, /* findings told in full, by all jobs together */
	DUMPS_MAX = 4,  /* units */
	REPORT_FILES = 256,
};

/* What all jobs of a run have found. */
static struct shared {
	atomic_uint lines, dumps;
	atomic_bool reported;
	struct wrong_file {
		_Atomic uint64_t domain; /* of its name; 0: free */
		_Atomic uint64_t units;
		_Atomic uint64_t first; /* lowest offset */
		_Atomic uint64_t kinds[VERIFY_KINDS];
		char name[256];
	} files[REPORT_FILES];
} * shared;

/* The tags that jobs of this run use; in the main process, before any job is forked. */
static struct opened {
	struct track_options options;
	char *path; /* NULL: in memory */
	struct track *track;
} * opened;
static unsigned int nr_opened;

int verify_load(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared != MAP_FAILED)
		return 0;
	shared = NULL;
	return -errno;
}

/* ---- opening tags ---- */

static bool writes(const struct thread_data *td)
{
	return (td_write(td) || td_trim(td)) && !td->o.verify_only;
}

static bool same_options(const struct track_options *a, const struct track_options *b)
{
	return a->data.dedup_ratio == b->data.dedup_ratio &&
	       a->data.compress_ratio == b->data.compress_ratio &&
	       a->data.dedup_unit == b->data.dedup_unit &&
	       a->data.compress_chunk == b->data.compress_chunk &&
	       a->data.data_seed == b->data.data_seed && a->data_version == b->data_version;
}

static struct opened *find_opened(const struct options *options)
{
	const struct track_options wanted = { options->data, options->data_version };
	const char *path = options->verify_state_file;

	for (unsigned int i = 0; i < nr_opened; i++) {
		if (path[0] ? opened[i].path && !strcmp(opened[i].path, path) :
			      !opened[i].path && same_options(&opened[i].options, &wanted))
			return &opened[i];
	}
	return NULL;
}

static int open_tags(struct options *options, enum track_mode mode, struct opened **out)
{
	const char *path = options->verify_state_file[0] ? options->verify_state_file : NULL;
	char why[TRACK_WHY_MAX];
	struct opened *more, *new;
	int err;

	more = realloc(opened, (nr_opened + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	opened = more;
	new = &opened[nr_opened];
	*new = (struct opened){ { options->data, options->data_version }, NULL, NULL };
	if (path && !(new->path = strdup(path)))
		return -ENOMEM;
	err = track_open(path, mode, !options->data_seed_set, &new->options, &new->track, why);
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

int verify_open(struct thread_data *td, struct options *options, struct track **track)
{
	const bool needed = options->verify_state_file[0] ||
			    (td->o.verify != VERIFY_NONE && (td_write(td) || td_trim(td)));
	const enum track_mode mode = writes(td) ? TRACK_WRITE : TRACK_READ;
	struct opened *found = find_opened(options);
	int err;

	*track = NULL;
	if (!found && !needed)
		return 0;
	if (!found) {
		/* What is in memory, a dry run changes. */
		err = open_tags(options, options->verify_state_file[0] ? mode : TRACK_WRITE,
				&found);
		if (err)
			return err;
	} else if (mode == TRACK_WRITE && track_mode(found->track) == TRACK_READ) {
		log_err("dgen: verify_state_file=%s: job %s writes; put it before those that read "
			"only\n",
			options->verify_state_file, td->o.name);
		return -EINVAL;
	}
	if (options->verify_state_file[0])
		options->data.data_seed = found->options.data.data_seed;
	*track = found->track;
	track_join(*track);
	return 0;
}

/* ---- which files, and in which grains ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		const uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint64_t grain_of_direction(const struct thread_data *td, enum fio_ddir ddir, uint64_t grain)
{
	const struct thread_options *o = &td->o;

	grain = common_divisor(grain, o->min_bs[ddir]);
	grain = common_divisor(grain, o->ba[ddir]);
	for (unsigned int i = 0; i < o->bssplit_nr[ddir]; i++)
		grain = common_divisor(grain, o->bssplit[ddir][i].bs);
	return grain;
}

/* The largest that no write of the job covers in part. */
static int find_grain(struct job *job, const struct fio_file *f, uint32_t *grain)
{
	struct thread_data *td = job->td;
	uint64_t g = job->options->data.dedup_unit;
	const long long step = td->o.ddir_seq_add;

	if (td_write(td))
		g = grain_of_direction(td, DDIR_WRITE, g);
	if (td_trim(td))
		g = grain_of_direction(td, DDIR_TRIM, g);
	g = common_divisor(g, get_start_offset(td, (struct fio_file *)f));
	g = common_divisor(g, step < 0 ? -step : step);
	if (td->o.bs_unaligned || g % SECTOR) {
		log_err("dgen: verify: block sizes and offsets of what is written must be multiples "
			"of 512 (job %s)\n",
			td->o.name);
		return -EINVAL;
	}
	*grain = g;
	return 0;
}

/* No I/O of the job ends beyond. fio has not set sizes yet. */
static uint64_t largest_size(struct thread_data *td, struct fio_file *f)
{
	uint64_t size = f->real_file_size, wanted = td->o.file_size_high;
	struct statvfs fs;
	char *dir, *slash;

	if (f->filetype != FIO_TYPE_FILE)
		return size;
	if (size == -1ULL)
		size = 0;
	if (!wanted && !td->o.fill_device && td->o.size != -1ULL)
		wanted = td->o.size + get_start_offset(td, f);
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

/* Which version does a grain hold, of the two that it may? */
static uint8_t settle(const struct job *job, const struct job_file *file, size_t grain, uint8_t tag,
		      const uint8_t *data, size_t length)
{
	struct track_file *t = file->track;
	const uint8_t now = track_version_tag(tag);
	const uint64_t offset = (uint64_t)grain * t->grain;

	if (now > TRACK_LAST)
		return TRACK_UNKNOWN;
	if (dgen_compare(job->dgen, file->domain, track_version(t, now), offset, data, length) ==
	    length)
		return now;
	if (now > 1 || t->wrapped) {
		const uint8_t before = now > 1 ? now - 1 : TRACK_LAST;

		if (dgen_compare(job->dgen, file->domain, track_version(t, before), offset, data,
				 length) == length)
			return before;
	}
	if (now == 1 && !t->known)
		return TRACK_UNKNOWN;
	for (uint64_t v = t->newest; now == 1 && v + 1 > t->oldest; v--)
		if (dgen_compare(job->dgen, file->domain, v, offset, data, length) == length)
			return TRACK_INITIAL;
	return TRACK_BUSY;
}

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
		found = got ? settle(job, file, i, tag, data, got) : TRACK_UNKNOWN;
		if (found == TRACK_BUSY) {
			log_err("dgen: verify: %s: offset %llu, length %u: holds neither what a "
				"killed run was writing there nor what was there before\n",
				file->file->file_name, (unsigned long long)i * t->grain, t->grain);
			err = -EILSEQ;
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

/* ---- setup ---- */

static int setup_file(struct job *job, struct job_file *file)
{
	struct fio_file *f = (struct fio_file *)file->file;
	char why[TRACK_WHY_MAX];
	uint32_t grain = 0;
	int err;

	if (!writes(job->td) && track_is_file(job->track)) {
		file->track = track_find(job->track, f->file_name);
		if (file->track && !file->track->at)
			file->track = NULL;
		if (!file->track && job->verifies)
			run_warn("verify_state_file=%s: knows nothing of %s; all of it must hold "
				 "data_version=%" PRIu64,
				 job->options->verify_state_file, f->file_name,
				 job->options->data_version);
		return 0;
	}
	if (!td_write(job->td) && !td_trim(job->td)) {
		file->track = track_find(job->track, f->file_name);
		return 0;
	}
	err = find_grain(job, f, &grain);
	if (err)
		return err;
	err = track_add(job->track, f->file_name, largest_size(job->td, f), grain, &file->track,
			why);
	if (err)
		log_err("dgen: %s\n", why);
	return err;
}

int verify_setup(struct job *job)
{
	struct thread_data *td = job->td;

	if (td->o.verify != VERIFY_NONE) {
		/* fio does not check what comes from an engine that only pretends, either. */
		job->verifies = !(job->ops.flags & FIO_FAKEIO);
		job->fakes = td->o.verify_only && td_write(td);
		td->o.verify = VERIFY_NULL;
		td->o.verify_state_save = 0;
	}
	if (!job->track)
		return 0;
	for (unsigned int i = 0; i < job->nr_files; i++) {
		const int err = setup_file(job, job->files[i]);

		if (err)
			return err;
	}
	return 0;
}

/* ---- a job begins ---- */

static void say_memory(const struct job *job, struct job_file *file)
{
	struct track_file *t = file->track;

	if (atomic_exchange(&t->said, 1) || !run_output_is_normal() || !writes(job->td))
		return;
	run_say("dgen: verify: one byte for each %u bytes of %s: %.1f KiB of memory%s", t->grain,
		file->file->file_name, track_grains(t) / 1024.0,
		track_is_file(job->track) ? ", twice that on disk" : "");
}

static struct track_initial initial_of(const struct job *job, const struct job_file *file)
{
	const struct options *options = job->options;
	struct track_initial initial = { .base = file->first_version };

	if (!file->first_version)
		return initial;
	if (file->first_version > options->data_version) { /* it was laid out */
		initial.known = true;
		initial.oldest = initial.newest = options->data_version;
	} else if (file->size_found && file->size_found != -1ULL) {
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

	if (writes(job->td) && f->real_file_size > file->track->size &&
	    f->real_file_size != -1ULL) {
		log_err("dgen: verify: %s: its size is not known at the start (job %s)\n",
			f->file_name, job->td->o.name);
		return -EINVAL;
	}
	if (track_map(job->track, file->track, &initial, &map, why)) {
		log_err("dgen: %s\n", why);
		return -ENOMEM;
	}
	file->tags = map.tags;
	file->flushed = map.flushed;
	file->changed = map.changed;
	say_memory(job, file);
	if (track_mode(job->track) == TRACK_WRITE && track_last_end(job->track) == TRACK_KILLED &&
	    !atomic_exchange(&file->track->settled, 1))
		return settle_all(job, file, &map);
	return 0;
}

int verify_init(struct job *job)
{
	for (unsigned int i = 0; job->track && i < job->nr_files; i++) {
		struct job_file *file = job->files[i];
		const int err = file->track ? init_file(job, file) : 0;

		if (err) {
			td_verror(job->td, -err, "dgen: verify");
			return err;
		}
	}
	return 0;
}

/* ---- writes ---- */

/* Where an I/O lies, and room for its tags. */
static int locate(struct io_state *state)
{
	const struct track_file *t = state->file->track;
	size_t room;
	uint8_t *tags;

	state->grain = state->offset / t->grain;
	state->grains = (state->offset + state->length - 1) / t->grain - state->grain + 1;
	if (state->grains <= state->room)
		return 0;
	/* Once or twice for each io_u, at the beginning. */
	room = state->grains + state->grains / 4;
	tags = realloc(state->tags, 2 * room);
	if (!tags)
		return -ENOMEM;
	state->tags = tags;
	state->after = tags + room;
	state->room = room;
	return 0;
}

static void fill_grains(struct job *job, struct io_state *state, uint8_t *buffer)
{
	struct track_file *t = state->file->track;
	uint64_t at = state->offset;
	const uint64_t end = state->offset + state->length;

	for (size_t i = 0, n; i < state->grains; i += n) {
		const uint64_t version = track_version(t, state->after[i]);
		uint64_t stop;

		for (n = 1; i + n < state->grains && state->after[i + n] == state->after[i]; n++)
			;
		stop = (state->grain + i + n) * (uint64_t)t->grain;
		if (stop > end)
			stop = end;
		dgen_fill(job->dgen, state->file->domain, version, at, buffer, stop - at);
		buffer += stop - at;
		at = stop;
		if (version >= job->newest)
			job->newest = version + 1;
	}
}

void verify_prepare_write(struct job *job, struct io_state *state, struct io_u *io_u)
{
	struct job_file *file = state->file;

	if (locate(state)) {
		io_u->error = ENOMEM;
		return;
	}
	for (size_t i = 0; i < state->grains; i++) {
		state->tags[i] = track_version_tag(file->tags[state->grain + i]);
		state->after[i] = track_next(file->track, state->tags[i]);
	}
	if (!job->fakes) {
		fill_grains(job, state, io_u->buf);
		return;
	}
	/* A dry run: the write was done by an earlier run, whose tags are not there any more. */
	for (size_t i = 0; i < state->grains && !track_is_file(job->track); i++)
		file->tags[state->grain + i] = state->after[i];
}

static void unmark(struct io_state *state, size_t grains)
{
	_Atomic uint8_t *tags = state->file->tags + state->grain;

	for (size_t i = 0; i < grains; i++)
		atomic_store_explicit(&tags[i], state->tags[i], memory_order_release);
}

/* Marks all grains, or none and gives false. *changed: they were written since it was prepared. */
static bool mark(struct io_state *state, bool trim, bool *changed)
{
	struct job_file *file = state->file;
	_Atomic uint8_t *tags = file->tags + state->grain;

	for (size_t i = 0; i < state->grains; i++) {
		while (!atomic_compare_exchange_weak(&tags[i], &state->tags[i],
						     state->after[i] | TRACK_BUSY)) {
			if (state->tags[i] & TRACK_BUSY) {
				unmark(state, i);
				/* The next attempt compares with what may be there then. */
				state->tags[i] = track_version_tag(state->tags[i]);
				return false;
			}
			if (!trim && state->after[i] != track_next(file->track, state->tags[i])) {
				state->after[i] = track_next(file->track, state->tags[i]);
				*changed = true;
			}
		}
	}
	return true;
}

static bool send_write(struct job *job, struct io_state *state, struct io_u *io_u)
{
	bool changed = false;

	state->marked = mark(state, false, &changed);
	if (state->marked && changed)
		fill_grains(job, state, io_u->buf);
	return state->marked;
}

static bool send_trim(struct io_state *state)
{
	bool changed;

	if (locate(state))
		return true;
	for (size_t i = 0; i < state->grains; i++) {
		state->tags[i] = track_version_tag(state->file->tags[state->grain + i]);
		state->after[i] = TRACK_TRIMMED;
	}
	state->file->track->trimmed = 1;
	state->marked = mark(state, true, &changed);
	return state->marked;
}

/* Is grain i of a write or trim covered in part only? What lies behind the end of a file is not. */
static bool in_part(const struct io_state *state, size_t i)
{
	const struct track_file *t = state->file->track;
	const uint64_t end = state->offset + state->length;

	if (!i && state->offset % t->grain)
		return true;
	return i == state->grains - 1 && end % t->grain && end < state->file->file->real_file_size;
}

static void complete_write(struct job *job, struct io_state *state, const struct io_u *io_u)
{
	struct job_file *file = state->file;
	_Atomic uint8_t *tags = file->tags + state->grain;
	const bool durable = job->td->o.sync_io && state->ddir == DDIR_WRITE;

	for (size_t i = 0; i < state->grains; i++) {
		uint8_t tag = state->after[i];

		if (io_u->error || io_u->resid || in_part(state, i))
			tag = TRACK_UNKNOWN;
		atomic_store_explicit(&tags[i], tag, memory_order_release);
		if (file->flushed && durable)
			file->flushed[state->grain + i] = tag;
	}
	for (size_t i = 0; file->changed && i < state->grains; i += TRACK_PIECE)
		file->changed[(state->grain + i) / TRACK_PIECE] = 1;
	if (file->changed)
		file->changed[(state->grain + state->grains - 1) / TRACK_PIECE] = 1;
	state->marked = false;
}

/* ---- syncs ---- */

/*
 * What was written before a sync is sent, is there for good when the sync is over. The tags of that
 * moment wait in state->tags, each piece behind its number.
 */
struct piece {
	size_t number;
	uint8_t tags[TRACK_PIECE];
};

static void send_sync(struct io_state *state)
{
	struct job_file *file = state->file;
	const size_t grains = track_grains(file->track);

	state->grains = 0;
	for (size_t n = 0; n * TRACK_PIECE < grains; n++) {
		struct piece *piece;

		if (!file->changed[n] || !atomic_exchange(&file->changed[n], 0))
			continue;
		if ((state->grains + 1) * sizeof(*piece) > 2 * state->room) {
			const size_t room = state->room + sizeof(*piece);
			uint8_t *tags = realloc(state->tags, 2 * room);

			if (!tags) {
				file->changed[n] = 1;
				break;
			}
			state->tags = tags;
			state->after = tags + room;
			state->room = room;
		}
		piece = (struct piece *)state->tags + state->grains++;
		piece->number = n;
		for (size_t i = 0; i < TRACK_PIECE; i++)
			piece->tags[i] = file->tags[n * TRACK_PIECE + i];
	}
	state->marked = true;
}

static void complete_sync(struct io_state *state, int error)
{
	struct job_file *file = state->file;

	for (size_t n = 0; n < state->grains; n++) {
		const struct piece *piece = (struct piece *)state->tags + n;
		_Atomic uint8_t *flushed = file->flushed + piece->number * TRACK_PIECE;

		for (size_t i = 0; !error && i < TRACK_PIECE; i++) {
			if (piece->tags[i] & TRACK_BUSY)
				file->changed[piece->number] = 1;
			else
				flushed[i] = piece->tags[i];
		}
		if (error)
			file->changed[piece->number] = 1;
	}
	state->marked = false;
}

/* ---- findings ---- */

static struct wrong_file *wrong_file_of(const struct fio_file *f)
{
	const uint64_t domain = dgen_domain(f->file_name);

	for (size_t i = 0; i < REPORT_FILES; i++) {
		struct wrong_file *w = &shared->files[i];
		uint64_t seen = 0;

		if (w->domain == domain)
			return w;
		if (!w->domain && atomic_compare_exchange_strong(&w->domain, &seen, domain)) {
			w->first = UINT64_MAX;
			snprintf(w->name, sizeof(w->name), "%s", f->file_name);
			return w;
		}
		if (seen == domain)
			return w;
	}
	return &shared->files[REPORT_FILES - 1];
}

static void dump(const struct fio_file *f, uint64_t offset, const char *what, const void *data,
		 size_t length)
{
	const char *slash = strrchr(f->file_name, '/');
	char name[512];
	int fd;

	snprintf(name, sizeof(name), "%s%s%s.%" PRIu64 ".%s", aux_path ? aux_path : "",
		 aux_path ? "/" : "", slash ? slash + 1 : f->file_name, offset, what);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write(fd, data, length) != (ssize_t)length)
		run_warn("%s: %s", name, strerror(errno));
	else
		run_warn("  %s data: %s", what, name);
	if (fd >= 0)
		close(fd);
}

static void dump_both(struct job *job, const struct job_file *file, uint64_t offset,
		      const uint8_t *found, size_t length, uint64_t version)
{
	uint8_t *wanted;

	if (!job->td->o.verify_dump || atomic_fetch_add(&shared->dumps, 1) >= DUMPS_MAX)
		return;
	wanted = malloc(length);
	if (!wanted)
		return;
	dgen_fill(job->dgen, file->domain, version, offset, wanted, length);
	dump(file->file, offset, "expected", wanted, length);
	dump(file->file, offset, "received", found, length);
	free(wanted);
}

/* Made with the first finding, as most jobs have none. */
static int make_places(struct job *job)
{
	if (job->places)
		return 0;
	job->places = calloc(job->nr_files, sizeof(*job->places));
	if (!job->places)
		return -ENOMEM;
	for (unsigned int i = 0; i < job->nr_files; i++) {
		job->places[i].name = job->files[i]->file->file_name;
		job->places[i].domain = job->files[i]->domain;
		job->places[i].size = job->files[i]->file->real_file_size;
	}
	return 0;
}

static void diagnose(struct job *job, const struct job_file *file, uint64_t offset,
		     const uint8_t *found, size_t length, uint64_t version,
		     struct verify_finding *finding)
{
	const struct track_file *t = file->track;
	const uint64_t oldest = t ? (t->known ? t->oldest : t->base) : 0;
	const uint64_t newest = t && t->wrapped ? t->base + TRACK_LAST - 1 : version + 1;
	size_t here = 0;

	while (job->files[here] != file)
		here++;
	verify_diagnose(job->dgen, job->options->data.dedup_unit, job->places, job->nr_files, here,
			offset, found, length, version, oldest, newest, finding);
}

/* Tells of one unit, or a part of one, that is not as version has it. */
static void report_unit(struct job *job, const struct job_file *file, uint64_t offset,
			const uint8_t *found, size_t length, uint64_t version)
{
	struct wrong_file *w = wrong_file_of(file->file);
	struct verify_finding finding = { .kind = VERIFY_UNKNOWN };
	char line[VERIFY_LINE_MAX];
	uint64_t first = w->first;

	if (!make_places(job))
		diagnose(job, file, offset, found, length, version, &finding);
	job->wrong++;
	w->units++;
	w->kinds[finding.kind]++;
	while (offset < first && !atomic_compare_exchange_weak(&w->first, &first, offset))
		;
	if (job->places && atomic_fetch_add(&shared->lines, 1) < LINES_MAX) {
		verify_describe(&finding, line, sizeof(line));
		run_warn("verify: %s", line);
	}
	dump_both(job, file, offset, found, length, version);
}

/* ---- reads ---- */

static size_t to_end_of(uint64_t offset, uint64_t size, size_t most)
{
	const size_t rest = size - offset % size;

	return rest < most ? rest : most;
}

/* All of it must be of this version. */
static void check_exactly(struct job *job, const struct job_file *file, uint64_t offset,
			  const uint8_t *data, size_t length, uint64_t version)
{
	const uint32_t unit = job->options->data.dedup_unit;

	job->checked += length;
	while (length) {
		size_t equal = dgen_compare(job->dgen, file->domain, version, offset, data, length);
		size_t wrong;

		if (equal == length)
			return;
		/* From the beginning of the unit, or of what was read of it. */
		wrong = (offset + equal) % unit;
		equal -= wrong < equal ? wrong : equal;
		wrong = to_end_of(offset + equal, unit, length - equal);
		report_unit(job, file, offset + equal, data + equal, wrong, version);
		offset += equal + wrong;
		data += equal + wrong;
		length -= equal + wrong;
	}
}

/* What a grain may hold: versions, from the most to the least probable. */
struct allowed {
	uint64_t versions[2 * TRACK_LAST];
	size_t count;
	bool anything; /* also what cannot be judged */
	bool zeros;
	bool by_sector; /* each sector for itself */
};

static void allow(struct allowed *allowed, uint64_t version)
{
	if (allowed->count < ARRAY_SIZE(allowed->versions))
		allowed->versions[allowed->count++] = version;
}

static void allow_initial(const struct track_file *t, struct allowed *allowed)
{
	if (!t->known)
		allowed->anything = true;
	for (uint64_t v = t->newest; t->known && v + 1 > t->oldest; v--)
		allow(allowed, v);
}

static void allow_tag(const struct track_file *t, uint8_t tag, struct allowed *allowed)
{
	if (tag == TRACK_INITIAL)
		allow_initial(t, allowed);
	else if (tag <= TRACK_LAST)
		allow(allowed, track_version(t, tag));
	else
		allowed->anything = true;
}

/* What was there before the write that this tag is about. */
static void allow_before(const struct track_file *t, uint8_t tag, struct allowed *allowed)
{
	if (tag > TRACK_LAST)
		return;
	if (tag > 1)
		allow(allowed, track_version(t, tag - 1));
	if (tag == 1)
		allow_initial(t, allowed);
	if (tag == 1 && t->wrapped)
		allow(allowed, track_version(t, TRACK_LAST));
	if (t->trimmed)
		allowed->zeros = true;
}

/* A read that overlapped with writes: whatever was there from its beginning to its end. */
static void allow_overlap(const struct track_file *t, uint8_t sent, uint8_t now,
			  struct allowed *allowed)
{
	const uint8_t first = track_version_tag(sent), last = track_version_tag(now);

	allowed->by_sector = true;
	for (uint8_t tag = last, n = 0; tag != first && n < TRACK_LAST; n++) {
		allow_tag(t, tag, allowed);
		if (tag > TRACK_LAST)
			break;
		tag = tag == 1 ? (first == TRACK_INITIAL ? TRACK_INITIAL : TRACK_LAST) : tag - 1;
	}
	allow_tag(t, first, allowed);
	if (sent & TRACK_BUSY)
		allow_before(t, first, allowed);
	if (first > TRACK_LAST || last > TRACK_LAST)
		allowed->zeros = allowed->anything = true;
}

/* After a crash of the system: what was flushed, or anything newer. */
static void allow_after_crash(const struct track_file *t, uint8_t tag, uint8_t flushed,
			      struct allowed *allowed)
{
	uint8_t v = track_version_tag(tag);

	if (flushed == TRACK_INITIAL)
		allow_initial(t, allowed);
	if (flushed > TRACK_LAST || v > TRACK_LAST) {
		allowed->anything = true;
		return;
	}
	/* Downwards to what was flushed, then upwards as far as memory may have been ahead. */
	for (uint8_t n = 0; v && n < TRACK_LAST; n++) {
		allow(allowed, track_version(t, v));
		if (v == flushed)
			break;
		v = v == 1 ? (flushed && t->wrapped ? TRACK_LAST : 0) : v - 1;
	}
	v = track_version_tag(tag);
	for (uint8_t n = 0; n < TRACK_LAST / 2; n++) {
		v = v == TRACK_LAST ? 1 : v + 1;
		allow(allowed, track_version(t, v));
	}
}

static bool all_zeros(const uint8_t *data, size_t length)
{
	return !data[0] && !memcmp(data, data + 1, length - 1);
}

static bool is_allowed(struct job *job, const struct job_file *file, const struct allowed *allowed,
		       uint64_t offset, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < allowed->count; i++)
		if (dgen_compare(job->dgen, file->domain, allowed->versions[i], offset, data,
				 length) == length)
			return true;
	return allowed->zeros && all_zeros(data, length);
}

static void check_allowed(struct job *job, const struct job_file *file,
			  const struct allowed *allowed, uint64_t offset, const uint8_t *data,
			  size_t length)
{
	size_t done = 0;

	if (!is_allowed(job, file, allowed, offset, data, length)) {
		while (allowed->by_sector && done < length) {
			const size_t part = to_end_of(offset + done, SECTOR, length - done);

			if (!is_allowed(job, file, allowed, offset + done, data + done, part))
				break;
			done += part;
		}
		if (done < length && allowed->anything) {
			job->unchecked += length;
			return;
		}
		if (done < length)
			report_unit(job, file, offset, data, length,
				    allowed->count ? allowed->versions[0] : 0);
	}
	job->checked += length;
}

static void check_trimmed(struct job *job, const struct job_file *file, uint64_t offset,
			  const uint8_t *data, size_t length)
{
	struct wrong_file *w;

	if (!job->td->o.trim_zero) {
		job->unchecked += length;
		return;
	}
	job->checked += length;
	if (all_zeros(data, length))
		return;
	w = wrong_file_of(file->file);
	w->units++;
	w->kinds[VERIFY_UNKNOWN]++;
	job->wrong++;
	if (atomic_fetch_add(&shared->lines, 1) < LINES_MAX)
		run_warn("verify: %s: offset %" PRIu64 ", length %zu: was trimmed, but is not zero",
			 file->file->file_name, offset, length);
}

/* A grain of which more than one version may be there, or none that is known. */
static void check_grain(struct job *job, const struct job_file *file, size_t grain, uint8_t sent,
			uint8_t now, uint64_t offset, const uint8_t *data, size_t length)
{
	const struct track_file *t = file->track;
	struct allowed allowed = { 0 };

	if (track_last_end(job->track) == TRACK_CRASHED)
		allow_after_crash(t, now, file->flushed[grain], &allowed);
	else if (sent != now || (now & TRACK_BUSY && track_mode(job->track) == TRACK_WRITE))
		allow_overlap(t, sent, now, &allowed);
	else if (now == TRACK_TRIMMED) {
		check_trimmed(job, file, offset, data, length);
		return;
	} else {
		allow_tag(t, track_version_tag(now), &allowed);
		if (now & TRACK_BUSY) /* a killed run was writing it */
			allow_before(t, track_version_tag(now), &allowed);
	}
	check_allowed(job, file, &allowed, offset, data, length);
}

static bool is_exact(const struct job *job, uint8_t sent, uint8_t now)
{
	return sent == now && now && now <= TRACK_LAST &&
	       track_last_end(job->track) != TRACK_CRASHED;
}

static void check_tracked(struct job *job, const struct io_state *state, const uint8_t *data)
{
	const struct job_file *file = state->file;
	const struct track_file *t = file->track;
	const uint64_t end = state->offset + state->length;
	uint64_t at = state->offset;

	for (size_t i = 0, n; i < state->grains && at < end; i += n) {
		const uint8_t sent = state->tags[i], now = file->tags[state->grain + i];
		const bool exact = is_exact(job, sent, now);
		uint64_t stop;

		for (n = 1; exact && i + n < state->grains; n++)
			if (state->tags[i + n] != sent || file->tags[state->grain + i + n] != now)
				break;
		stop = (state->grain + i + n) * (uint64_t)t->grain;
		if (stop > end)
			stop = end;
		if (exact)
			check_exactly(job, file, at, data, stop - at, track_version(t, now));
		else
			check_grain(job, file, state->grain + i, sent, now, at, data, stop - at);
		data += stop - at;
		at = stop;
	}
}

/* In a job that only reads, without tags. */
static void check_untracked(struct job *job, const struct io_state *state, const uint8_t *data)
{
	const struct options *options = job->options;
	const uint64_t newest = options->data_version;
	const uint64_t oldest = options->oldest_version_set ? options->oldest_version : newest;
	const uint32_t unit = options->data.dedup_unit;
	size_t done = 0;

	if (oldest >= newest) {
		check_exactly(job, state->file, state->offset, data, state->length, newest);
		return;
	}
	while (done < state->length) {
		struct allowed allowed = { .by_sector = true };
		const uint64_t at = state->offset + done;
		const size_t part = to_end_of(at, unit, state->length - done);

		for (uint64_t v = newest; v + 1 > oldest; v--)
			allow(&allowed, v);
		check_allowed(job, state->file, &allowed, at, data + done, part);
		done += part;
	}
}

/* fio calls it in place of its own check. */
static int read_is_wrong(struct thread_data *td, struct io_u **io_u)
{
	(void)io_u;
	if (td->o.verify_fatal)
		fio_mark_td_terminate(td);
	return EILSEQ;
}

static void complete_read(struct job *job, struct io_state *state, struct io_u *io_u)
{
	const uint64_t wrong = job->wrong;

	if (io_u->error)
		return;
	/* The end of a file may come early. */
	state->length -= io_u->resid;
	if (state->file->tags)
		check_tracked(job, state, io_u->buf);
	else if (!writes(job->td))
		check_untracked(job, state, io_u->buf);
	else
		job->unchecked += state->length;
	if (job->wrong != wrong)
		io_u->end_io = read_is_wrong;
}

/* ---- the hooks ---- */

bool verify_send(struct job *job, struct io_state *state, struct io_u *io_u)
{
	struct job_file *file = state->file;

	if (!file || !file->tags)
		return true;
	if (state->ddir == DDIR_WRITE)
		return state->marked || send_write(job, state, io_u);
	if (state->ddir == DDIR_TRIM)
		return state->marked || send_trim(state);
	if (state->ddir == DDIR_READ && job->verifies) {
		if (locate(state))
			return true;
		for (size_t i = 0; i < state->grains; i++)
			state->tags[i] = file->tags[state->grain + i];
	}
	if ((state->ddir == DDIR_SYNC || state->ddir == DDIR_DATASYNC) && file->flushed)
		send_sync(state);
	return true;
}

void verify_unsend(struct io_state *state)
{
	if (!state->marked)
		return;
	if (ddir_sync(state->ddir))
		complete_sync(state, EBUSY);
	else
		unmark(state, state->grains);
	state->marked = false;
}

void verify_complete(struct job *job, struct io_state *state, struct io_u *io_u)
{
	if (state->ddir == DDIR_READ) {
		if (job->verifies && state->file)
			complete_read(job, state, io_u);
	} else if (!state->marked) {
		return;
	} else if (ddir_sync(state->ddir)) {
		complete_sync(state, io_u->error);
	} else {
		complete_write(job, state, io_u);
	}
}

/* ---- a job ends ---- */

/* So that the state may say that all has ended: what it speaks of is on the device then. */
static void flush_file(struct job *job, struct job_file *file)
{
	struct io_state all = { .file = file };
	const int fd = open(file->file->file_name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	send_sync(&all);
	complete_sync(&all, fdatasync(fd) ? errno : 0);
	free(all.tags);
	close(fd);
	(void)job;
}

void verify_cleanup(struct job *job)
{
	if (!job->track)
		return;
	for (unsigned int i = 0; i < job->nr_files; i++)
		if (job->files[i]->changed && track_mode(job->track) == TRACK_WRITE)
			flush_file(job, job->files[i]);
	track_leave(job->track);
	job->track = NULL;
}

/* Which versions are there, where a job has written? False: not all of it is known. */
static bool tracked_versions(const struct job_file *file, uint64_t from, uint64_t to,
			     uint64_t *oldest, uint64_t *newest)
{
	const struct track_file *t = file->track;
	const size_t end = (to + t->grain - 1) / t->grain;

	for (size_t i = from / t->grain; i < end; i++) {
		const uint8_t tag = file->tags[i];
		uint64_t low, high;

		if (tag > TRACK_LAST || (tag == TRACK_INITIAL && !t->known))
			return false;
		low = tag ? track_version(t, tag) : t->oldest;
		high = tag ? low : t->newest;
		if (low < *oldest)
			*oldest = low;
		if (high > *newest)
			*newest = high;
	}
	return true;
}

void verify_note_versions(struct job *job, struct run_result *result)
{
	struct thread_data *td = job->td;

	result->known = job->newest && !td->error;
	result->lowest = UINT64_MAX;
	for (unsigned int i = 0; result->known && i < job->nr_files; i++) {
		struct job_file *file = job->files[i];
		struct fio_file *f = (struct fio_file *)file->file;
		uint64_t end = f->file_offset + f->io_size, newest = 0, oldest = UINT64_MAX;

		end -= f->io_size % td->o.min_bs[DDIR_WRITE];
		if (file->tags)
			result->known = tracked_versions(file, f->file_offset, end, &oldest,
							 &newest);
		else
			result->known = pass_numbers(&file->pass, td, f, &oldest, &newest);
		if (!file->tags) {
			oldest += file->first_version;
			newest += file->first_version;
		}
		if (oldest < result->lowest)
			result->lowest = oldest;
		if (newest > result->highest)
			result->highest = newest;
		if (end > result->end)
			result->end = end;
		if (f->real_file_size > result->file_size)
			result->file_size = f->real_file_size;
	}
}

/* ---- the report ---- */

static struct name {
	const struct run_group *group;
	char *name;
} * names; /* of the files that are written, in the main process before jobs are forked */
static unsigned int nr_names;

static void note_name(const struct run_group *group, const char *name)
{
	struct name *more;

	for (unsigned int i = 0; i < nr_names; i++)
		if (names[i].group == group && !strcmp(names[i].name, name))
			return;
	more = realloc(names, (nr_names + 1) * sizeof(*names));
	if (!more)
		return;
	names = more;
	names[nr_names] = (struct name){ group, strdup(name) };
	nr_names += names[nr_names].name != NULL;
}

void verify_note_names(const struct job *job)
{
	if (!td_write(job->td))
		return;
	for (unsigned int i = 0; i < job->nr_files; i++)
		note_name(job->group, job->files[i]->file->file_name);
}

/* As the shell and then fio's filename= take it. */
static void put_names(FILE *out, const struct run_group *group)
{
	const char *between = "--filename='";

	for (unsigned int i = 0; i < nr_names; i++) {
		if (names[i].group != group)
			continue;
		fputs(between, out);
		between = ":";
		for (const char *c = names[i].name; *c; c++) {
			if (*c == '\'')
				fputs("'\\''", out);
			else
				fprintf(out, *c == ':' ? "\\%c" : "%c", *c);
		}
	}
	fputs("'", out);
}

/* The largest that divides what is to be read: fio leaves out a shorter rest. */
static unsigned int block_size(uint64_t bytes)
{
	unsigned int size = 1 << 20;

	while (size > SECTOR && bytes % size)
		size /= 2;
	return size;
}

/* fio has forgotten it by then. */
static const char *engine_path(void)
{
	Dl_info info;

	return dladdr(&shared, &info) && info.dli_fname ? info.dli_fname : "libdgen_engine.so";
}

static void put_command(FILE *out, const struct job *job)
{
	const struct run_group *group = job->group;
	const struct options *options = job->options;
	const struct dgen_options *data = &options->data;

	fprintf(out, "fio --ioengine=external:%s --name=verify --rw=read --verify=crc32c ",
		engine_path());
	put_names(out, group);
	if (group->end < group->file_size)
		fprintf(out, " --filesize=%" PRIu64, (uint64_t)group->end);
	fprintf(out, " --bs=%u --iodepth=16 --direct=%u", block_size(group->end),
		job->td->o.odirect);
	if (strcmp(options->backend, "io_uring"))
		fprintf(out, " --backend=%s", options->backend);
	if (options->backend_options[0])
		fprintf(out, " --backend_options='%s'", options->backend_options);
	if (options->dedup_domain[0])
		fprintf(out, " --dedup_domain='%s'", options->dedup_domain);
	fprintf(out, " --dedup_ratio=%g --compress_ratio=%g --dedup_unit=%u", data->dedup_ratio,
		data->compress_ratio, data->dedup_unit);
	if (data->compress_chunk)
		fprintf(out, " --compress_chunk=%u", data->compress_chunk);
	fprintf(out, " --data_seed=0x%016" PRIx64, data->data_seed);
	if (options->verify_state_file[0]) {
		fprintf(out, " --verify_state_file='%s'", options->verify_state_file);
		return;
	}
	fprintf(out, " --data_version=%" PRIu64, (uint64_t)group->highest);
	if (group->lowest < group->highest)
		fprintf(out, " --oldest_version=%" PRIu64, (uint64_t)group->lowest);
}

static void say_command(const struct job *job)
{
	char *command = NULL;
	size_t size;
	FILE *out = open_memstream(&command, &size);

	if (!out)
		return;
	put_command(out, job);
	fclose(out);
	run_say("dgen: to verify it: %s", command);
	free(command);
}

static void say_wrong_files(void)
{
	for (size_t i = 0; i < REPORT_FILES && shared->files[i].domain; i++) {
		const struct wrong_file *w = &shared->files[i];
		char kinds[256] = "";
		size_t used = 0;

		for (int kind = 0; kind < VERIFY_KINDS && used < sizeof(kinds); kind++)
			if (w->kinds[kind])
				used += snprintf(kinds + used, sizeof(kinds) - used,
						 "%s%" PRIu64 " %s", used ? ", " : "",
						 (uint64_t)w->kinds[kind], verify_kind_name(kind));
		run_warn("verify: %s: %" PRIu64 " wrong, the first at offset %" PRIu64 ": %s",
			 w->name, (uint64_t)w->units, (uint64_t)w->first, kinds);
	}
}

void verify_report(const struct job *job)
{
	const struct run_group *group = job->group;
	const bool normal = run_output_is_normal();

	if (group->wrong && !atomic_exchange(&shared->reported, true))
		say_wrong_files();
	if (normal && (group->checked || group->unchecked))
		run_say("dgen: verify: %.1f MiB checked, %" PRIu64 " wrong%s",
			group->checked / 1048576.0, (uint64_t)group->wrong,
			group->unchecked ? "" : ", nothing left out");
	if (normal && group->unchecked)
		run_say("dgen: verify: %.1f MiB could not be checked: their version is not known",
			group->unchecked / 1048576.0);
	if (!normal || !group->newest)
		return;
	if (job->options->verify_state_file[0] || !group->unknown)
		say_command(job);
}
