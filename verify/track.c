// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has the tags open, and how they end; where in the mapped file those of a file lie, and how there
 * gets to be room for them.
 */
#include "head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PROCESSES_MAX = 4096 }; /* as many jobs as fio takes; more are not looked after */

struct track {
	struct head *head;
	_Atomic uint32_t
		*processes; /* of this run: shared by them, each once for each of its jobs */
	int fd;
	bool is_file;
	enum track_mode mode;
	enum track_end last_end;
};

/* Memory that processes share counts as a file too. */
static const char *limit_of(int error)
{
	return error == EFBIG ? " (the limit of ulimit -f)" : "";
}

static bool has_ended(uint32_t process)
{
	return kill((pid_t)process, 0) && errno == ESRCH;
}

/*
 * A job that is killed while it holds a lock must not stop the others: theirs is what a process left that
 * is no more. Where jobs are threads they die together.
 */
static bool take(_Atomic uint32_t *holder)
{
	const uint32_t self = (uint32_t)getpid();
	uint32_t found = 0;

	if (atomic_compare_exchange_strong(holder, &found, self))
		return true;
	return has_ended(found) && atomic_compare_exchange_strong(holder, &found, self);
}

static void lock(struct track *track)
{
	while (!take(&track->head->lock))
		sched_yield();
}

static void unlock(struct track *track)
{
	track->head->lock = 0;
}

static void read_boot_id(char id[BOOT_ID_MAX])
{
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	memset(id, 0, BOOT_ID_MAX);
	if (fd >= 0) {
		got = read(fd, id, BOOT_ID_MAX - 1);
		close(fd);
	}
	if (got <= 0)
		strcpy(id, "unknown");
}

/*
 * Where the disk is full, to write to a mapped hole ends the process with SIGBUS; so there are none. Some file
 * systems cannot tell beforehand. What is known not to fit is not tried, which would leave the disk full.
 */
static int reserve(int fd, uint64_t at, uint64_t count)
{
	struct statvfs fs;
	struct stat st;
	int err;

	if (!fstatvfs(fd, &fs) && fs.f_blocks && !fstat(fd, &st) &&
	    count / fs.f_frsize > fs.f_bfree + (uint64_t)st.st_blocks * 512 / fs.f_frsize)
		return -ENOSPC;
	do
		err = fallocate(fd, 0, (off_t)at, (off_t)count) ? -errno : 0;
	while (err == -EINTR);
	return err == -EOPNOTSUPP ? 0 : err;
}

/* Also sets track->head. NULL with a line in why. */
static struct head *map_head(struct track *track, const char *name, char *why)
{
	/* Counters of this run lie in there too, so a reader has the head for itself. */
	const int flags = track->mode == TRACK_READ ? MAP_PRIVATE : MAP_SHARED;
	void *head = mmap(NULL, head_size(), PROT_READ | PROT_WRITE, flags, track->fd, 0);

	if (head == MAP_FAILED) {
		track_refuse(why, -ENOMEM, "%s: %s", name, strerror(errno));
		return NULL;
	}
	track->head = head;
	return head;
}

static int open_memory(struct track *track, const struct dgen_options *options, char *why)
{
	struct head *head;

	track->fd = memfd_create("dgen-tags", MFD_CLOEXEC);
	if (track->fd < 0 || ftruncate(track->fd, (off_t)head_size()))
		return track_refuse(why, -errno, "verify: no memory for versions: %s%s",
				    strerror(errno), limit_of(errno));
	head = map_head(track, "verify: no memory for versions", why);
	if (!head)
		return -ENOMEM;
	head_begin(head, options);
	return 0;
}

static int open_path(struct track *track, const char *path, char *why)
{
	const bool reads = track->mode == TRACK_READ;

	/* In a directory that others write to, a link may lead anywhere, and a pipe wait forever. */
	track->fd = open(
		path, (reads ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		0600);
	if (track->fd < 0 && errno == ELOOP)
		return track_refuse(why, -ELOOP,
				    "verify_state_file=%s: must not be a symbolic link", path);
	if (track->fd < 0)
		return track_refuse(why, -errno, "verify_state_file=%s: %s", path, strerror(errno));
	/* Held by all who inherit the descriptor. */
	if (flock(track->fd, (reads ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return track_refuse(why, -EBUSY, "verify_state_file=%s: in use by another run",
				    path);
	return 0;
}

/* How did those end who had it open before? 0 or -errno. */
static int note_end(struct track *track)
{
	struct head *head = track->head;
	char boot_id[BOOT_ID_MAX];

	read_boot_id(boot_id);
	track->last_end = TRACK_ENDED;
	if (head->open)
		track->last_end = strncmp(head->boot_id, boot_id, BOOT_ID_MAX) ? TRACK_CRASHED :
										 TRACK_KILLED;
	/* They may have been held when all ended, and the number is another process's by now, or never was one's. */
	head->lock = 0;
	head->settler = 0;
	/* Nobody goes on with one of a crashed system, which must stay recognisable. */
	if (track->mode == TRACK_READ || track->last_end == TRACK_CRASHED)
		return 0;
	memcpy(head->boot_id, boot_id, BOOT_ID_MAX);
	head->open = 1;
	head->users = 0;
	for (size_t i = 0; i < TRACK_FILES_MAX; i++) {
		head->files[i].settled = 0;
		head->files[i].said = 0;
		head->files[i].is_written = 0;
	}
	/* After a crash from here on it must not look as the last run left it. */
	return fdatasync(track->fd) ? -errno : 0;
}

static int open_file(struct track *track, const char *path, bool take_seed,
		     struct dgen_options *options, char *why)
{
	const bool writes = track->mode == TRACK_WRITE;
	struct head *head;
	struct stat st;
	int err = open_path(track, path, why);

	if (err)
		return err;
	if (fstat(track->fd, &st))
		return track_refuse(why, -errno, "verify_state_file=%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return track_refuse(why, -EINVAL, "verify_state_file=%s: is no regular file", path);
	/* A new one. */
	if (!st.st_size && writes && ftruncate(track->fd, (off_t)head_size()))
		return track_refuse(why, -errno, "verify_state_file=%s: %s%s", path,
				    strerror(errno), limit_of(errno));
	if ((uint64_t)st.st_size < head_size() && (st.st_size || !writes))
		return track_refuse(why, -EINVAL, "verify_state_file=%s: is no such file", path);
	err = writes ? reserve(track->fd, 0, head_size()) : 0;
	if (err)
		return track_refuse(why, err, "verify_state_file=%s: %s", path, strerror(-err));
	head = map_head(track, path, why);
	if (!head)
		return -ENOMEM;
	if (!st.st_size)
		head_begin(head, options);
	else
		err = head_check(head, (uint64_t)st.st_size, take_seed, options, path, why);
	if (err)
		return err;
	err = note_end(track);
	return err ? track_refuse(why, err, "verify_state_file=%s: %s", path, strerror(-err)) : 0;
}

int track_open(const char *path, enum track_mode mode, bool take_seed, struct dgen_options *options,
	       struct track **out, char *why)
{
	struct track *track = calloc(1, sizeof(*track));
	int err;

	if (!track)
		return track_refuse(why, -ENOMEM, "verify: out of memory");
	track->mode = mode;
	track->is_file = path;
	track->fd = -1;
	track->processes = mmap(NULL, PROCESSES_MAX * sizeof(*track->processes),
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (track->processes == MAP_FAILED) {
		free(track);
		return track_refuse(why, -ENOMEM, "verify: out of memory");
	}
	if (path)
		err = open_file(track, path, take_seed, options, why);
	else
		err = open_memory(track, options, why);
	if (!err) {
		*out = track;
		return 0;
	}
	track_close(track);
	return err;
}

void track_close(struct track *track)
{
	if (track->head)
		munmap(track->head, head_size());
	if (track->fd >= 0) {
		/* Maps that stay would hold the lock. */
		flock(track->fd, LOCK_UN);
		close(track->fd);
	}
	munmap(track->processes, PROCESSES_MAX * sizeof(*track->processes));
	free(track);
}

enum track_mode track_mode(const struct track *track)
{
	return track->mode;
}

bool track_is_file(const struct track *track)
{
	return track->is_file;
}

enum track_end track_last_end(const struct track *track)
{
	return track->last_end;
}

struct track_file *track_find(struct track *track, const char *name)
{
	const uint64_t domain = dgen_domain(name);

	for (size_t i = 0; i < TRACK_FILES_MAX; i++)
		if (track->head->files[i].domain == domain)
			return &track->head->files[i];
	return NULL;
}

bool track_lies_in(const struct track *track, const char *path)
{
	struct stat ours, theirs;

	return track->is_file && !fstat(track->fd, &ours) && !stat(path, &theirs) &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static bool is_version(uint8_t tag)
{
	return tag != TRACK_INITIAL && tag <= TRACK_LAST;
}

uint64_t track_written(const struct track *track, const struct track_file *file)
{
	const bool flushed = track->last_end == TRACK_CRASHED && track->is_file;
	const uint64_t begin = file->at + (flushed ? file->room : 0);
	uint8_t tags[TRACK_PIECE];

	/* From the end: mostly something was written there. */
	for (uint64_t left = track_grains(file) < file->room ? track_grains(file) : file->room;
	     left;) {
		const size_t part = left % TRACK_PIECE ? left % TRACK_PIECE : TRACK_PIECE;

		left -= part;
		if (pread(track->fd, tags, part, (off_t)(begin + left)) != (ssize_t)part)
			continue;
		for (size_t i = part; i--;)
			if (is_version(tags[i]))
				return (left + i) * file->grain + 1;
	}
	return 0;
}

static struct track_file *add(struct track *track, const char *name, uint32_t grain)
{
	const size_t length = strlen(name);
	struct track_file *f;

	for (size_t i = 0; i < TRACK_FILES_MAX; i++) {
		f = &track->head->files[i];
		if (f->domain)
			continue;
		memset(f, 0, sizeof(*f));
		f->domain = dgen_domain(name);
		f->grain = grain;
		memcpy(f->name, length > TRACK_NAME_MAX ? name + length - TRACK_NAME_MAX : name,
		       length > TRACK_NAME_MAX ? TRACK_NAME_MAX : length);
		return f;
	}
	return NULL;
}

int track_add(struct track *track, const char *name, uint64_t size, uint32_t grain,
	      struct track_file **file, char *why)
{
	struct track_file *f;
	int err = 0;

	*file = f = track_find(track, name);
	if (track->mode == TRACK_READ)
		return 0;
	lock(track);
	if (!f)
		f = add(track, name, grain);
	if (!f) {
		unlock(track);
		return track_refuse(why, -ENOSPC, "verify: versions are kept for %d files at most",
				    TRACK_FILES_MAX);
	}
	if (f->at && grain % f->grain)
		err = track_refuse(
			why, -EINVAL,
			"verify_state_file: keeps a version for each %u bytes of %s, but this "
			"job may write multiples of %u; use a new one",
			f->grain, name, grain);
	else if (!f->at)
		f->grain = (uint32_t)track_common_divisor(f->grain, grain);
	if (!err && f->size < size)
		f->size = size;
	unlock(track);
	*file = f;
	return err;
}

/* Copies a part of the mapped file to another place. */
static int copy(struct track *track, uint64_t from, uint64_t to, uint64_t count)
{
	static const size_t piece = 1 << 20;
	char *buffer = malloc(piece);
	int err = buffer ? 0 : -ENOMEM;

	while (!err && count) {
		const ssize_t got = pread(track->fd, buffer, count < piece ? count : piece,
					  (off_t)from);

		if (got <= 0 || pwrite(track->fd, buffer, (size_t)got, (off_t)to) != got) {
			err = errno ? -errno : -EIO;
			break;
		}
		from += (uint64_t)got;
		to += (uint64_t)got;
		count -= (uint64_t)got;
	}
	free(buffer);
	return err;
}

static int no_room(const struct track_file *file, int err, char *why)
{
	return track_refuse(why, err, "verify: no room for the versions of %s: %s%s", file->name,
			    strerror(-err), limit_of(-err));
}

/* Also for a file that has grown between two runs: then its tags move to where there is room. */
static int make_room(struct track *track, struct track_file *file, char *why)
{
	struct head *head = track->head;
	const uint64_t room = (track_grains(file) + PAGE - 1) / PAGE * PAGE;
	const uint64_t at = head->end;
	int err = 0;

	if (file->room >= room)
		return 0;
	if (ftruncate(track->fd, (off_t)(at + head_total(track->is_file, room))))
		err = -errno;
	if (!err && file->room)
		err = copy(track, file->at, at, file->room);
	if (!err && file->room && track->is_file)
		err = copy(track, file->at + file->room, at + room, file->room);
	if (err)
		return no_room(file, err, why);
	if (file->room)
		fallocate(track->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)file->at,
			  (off_t)head_total(track->is_file, file->room));
	file->at = at;
	file->room = room;
	head->end = at + head_total(track->is_file, room);
	/* So that after a crash of the system there is a table in which to look. */
	if (track->is_file)
		fdatasync(track->fd);
	return 0;
}

void track_begin_again(struct track *track, struct track_file *file)
{
	lock(track);
	if (file->room)
		fallocate(track->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)file->at,
			  (off_t)head_total(track->is_file, file->room));
	file->at = file->room = 0;
	file->rounds = file->rounds_flushed = file->trims = 0;
	file->sync_failed = 0;
	file->zeros = 1;
	unlock(track);
}

static void set_initial(struct track_file *file, const struct track_initial *initial)
{
	file->base = initial->base;
	file->oldest = initial->oldest;
	file->newest = initial->newest;
	file->known = initial->known;
}

/* The file was looked at when it was opened; behind its end, a mapped byte ends the process with SIGBUS. */
static int check_end(const struct track *track, char *why)
{
	struct stat st;

	if (!track->is_file)
		return 0;
	if (fstat(track->fd, &st))
		return track_refuse(why, -errno, "verify_state_file: %s", strerror(errno));
	if ((uint64_t)st.st_size < track->head->end)
		return track_refuse(why, -EIO,
				    "verify_state_file: was cut to %" PRIu64 " bytes while in use",
				    (uint64_t)st.st_size);
	return 0;
}

/* Room for the tags of a file, and what they are where they are new. */
static int prepare(struct track *track, struct track_file *file,
		   const struct track_initial *initial, char *why)
{
	int err;

	/* Not again: the other jobs may be looking. */
	if (initial->laid_out && file->zeros)
		file->zeros = 0;
	if (!file->at)
		set_initial(file, initial);
	err = make_room(track, file, why);
	if (err || !track->is_file)
		return err;
	err = reserve(track->fd, file->at, head_total(true, file->room));
	return err ? no_room(file, err, why) : 0;
}

int track_map(struct track *track, struct track_file *file, const struct track_initial *initial,
	      struct track_map *map, char *why)
{
	const int prot = track->mode == TRACK_READ ? PROT_READ : PROT_READ | PROT_WRITE;
	uint8_t *at;
	int err;

	/* Others may be making room. */
	if (track->mode == TRACK_WRITE)
		lock(track);
	err = check_end(track, why);
	if (!err && track->mode == TRACK_WRITE)
		err = prepare(track, file, initial, why);
	if (track->mode == TRACK_WRITE)
		unlock(track);
	if (err)
		return err;
	at = mmap(NULL, head_total(track->is_file, file->room), prot, MAP_SHARED | MAP_NORESERVE,
		  track->fd, (off_t)file->at);
	if (at == MAP_FAILED)
		return track_refuse(why, -errno, "verify: no memory for the versions of %s: %s",
				    file->name, strerror(errno));
	*map = (struct track_map){ .tags = (_Atomic uint8_t *)at };
	if (track->is_file) {
		map->flushed = map->tags + file->room;
		map->changed = map->flushed + file->room;
	}
	return 0;
}

void track_join(struct track *track)
{
	track->head->users++;
}

bool track_is_alone(const struct track *track)
{
	return track->head->users == 1;
}

static void replace_process(struct track *track, uint32_t old, uint32_t new)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		uint32_t found = old;

		if (atomic_compare_exchange_strong(&track->processes[i], &found, new))
			return;
	}
}

void track_enter(struct track *track)
{
	replace_process(track, 0, (uint32_t)getpid());
}

bool track_lost_job(const struct track *track)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		const uint32_t process = track->processes[i];

		if (process && has_ended(process))
			return true;
	}
	return false;
}

void track_leave(struct track *track)
{
	struct head *head = track->head;

	replace_process(track, (uint32_t)getpid(), 0);
	if (--head->users || !track->is_file || track->mode == TRACK_READ)
		return;
	/* First what was noted, then that it is all. */
	fdatasync(track->fd);
	head->open = 0;
	fdatasync(track->fd);
}

bool track_try_settle(struct track *track)
{
	return take(&track->head->settler);
}

void track_end_settle(struct track *track)
{
	track->head->settler = 0;
}
