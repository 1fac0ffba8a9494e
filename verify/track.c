// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mapped file: a head, the table of files, then for each file its tags and, in a file of the
 * user's, as many bytes again for the tags that were known to be flushed.
 */
#include "calibration.h"
#include "track.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAGIC "dgen-tags\r\n\032"
#define BYTE_ORDER_MARK 0x01020304u
#define LAYOUT 5u
#define PAGE UINT64_C(65536) /* as large as any system's */
#define BOOT_ID_MAX 40
#define INITIAL_MAX 250 /* versions that a grain may hold at first; the options allow no more */

struct head {
	char magic[12];
	uint32_t byte_order;
	uint32_t layout;
	uint32_t format; /* DGEN_FORMAT */
	double dedup_ratio, compress_ratio;
	uint32_t dedup_unit, compress_chunk;
	uint32_t compress_codec, compress_record;
	uint64_t data_seed;
	double zero_percentage;
	struct dgen_part compress_mix[DGEN_PARTS_MAX];
	uint32_t dedup_run;
	double dedup_skew;
	uint64_t dedup_window;
	uint64_t end;              /* of what is in use, bytes */
	char boot_id[BOOT_ID_MAX]; /* of the system on which it was written last */
	_Atomic uint32_t open;     /* being written, or was when all ended */
	_Atomic uint32_t users;    /* jobs of this run */
	/* Each the process that holds it, or 0; see take(). */
	_Atomic uint32_t lock;    /* for the table and end */
	_Atomic uint32_t settler; /* for what killed runs left */
	struct track_file files[TRACK_FILES_MAX];
};

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

static int refuse(char *why, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(char *why, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, TRACK_WHY_MAX, format, args);
	va_end(args);
	return err < 0 ? err : -EIO;
}

/* Memory that processes share counts as a file too. */
static const char *limit_of(int error)
{
	return error == EFBIG ? " (the limit of ulimit -f)" : "";
}

static uint64_t head_size(void)
{
	return (sizeof(struct head) + PAGE - 1) / PAGE * PAGE;
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

static void begin(struct head *head, const struct dgen_options *options)
{
	memcpy(head->magic, MAGIC, sizeof(head->magic));
	head->byte_order = BYTE_ORDER_MARK;
	head->layout = LAYOUT;
	head->format = DGEN_FORMAT;
	head->dedup_ratio = options->dedup_ratio;
	head->compress_ratio = options->compress_ratio;
	head->dedup_unit = options->dedup_unit;
	head->compress_chunk = options->compress_chunk;
	head->compress_codec = options->compress_codec;
	head->compress_record = options->compress_record;
	head->data_seed = options->data_seed;
	head->zero_percentage = options->zero_percentage;
	memcpy(head->compress_mix, options->compress_mix, sizeof(head->compress_mix));
	head->dedup_run = options->dedup_run;
	head->dedup_skew = options->dedup_skew;
	head->dedup_window = options->dedup_window;
	head->end = head_size();
}

/* All that lies at a file's place. */
static uint64_t total(bool is_file, uint64_t room)
{
	return is_file ? 2 * room + (room / TRACK_PIECE + PAGE - 1) / PAGE * PAGE : room;
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

/* A file of tags is input like any other: nothing in it is believed. */
static int check_files(const struct head *head, uint64_t size, const char *path, char *why)
{
	if (head->end < head_size() || head->end > size || head->end % PAGE)
		goto damaged;
	for (size_t i = 0; i < TRACK_FILES_MAX; i++) {
		const struct track_file *f = &head->files[i];

		if (!f->domain)
			continue;
		if (f->grain < 512 || f->grain % 512 || f->grain > head->dedup_unit ||
		    f->size > INT64_MAX || f->newest + 1 < f->oldest ||
		    f->newest + 1 - f->oldest > INITIAL_MAX || f->name[TRACK_NAME_MAX] ||
		    f->at % PAGE || f->room % PAGE || f->room > head->end)
			goto damaged;
		/* No tags yet, so no room for them either. */
		if (!f->at && f->room)
			goto damaged;
		/* What lies behind the end is cut off when the next file gets room. */
		if (f->at && (f->at < head_size() || track_grains(f) > f->room ||
			      f->at > head->end || total(true, f->room) > head->end - f->at))
			goto damaged;
	}
	return 0;
damaged:
	return refuse(why, -EINVAL, "verify_state_file=%s: the file is damaged", path);
}

static const char *codec_name(uint32_t codec, uint32_t record)
{
	if (!codec && !record)
		return "default";
	return codec <= DGEN_LZO ? dgen_codecs[codec] : "unknown";
}

static int check_calibration(const struct head *head, const struct dgen_options *options,
			     const char *path, char *why)
{
	if (head->compress_codec == options->compress_codec &&
	    head->compress_record == options->compress_record)
		return 0;
	return refuse(why, -EINVAL,
		      "verify_state_file=%s: is about compress_codec=%s and compress_record=%u, "
		      "not %s and %u (0: default)",
		      path, codec_name(head->compress_codec, head->compress_record),
		      head->compress_record,
		      codec_name(options->compress_codec, options->compress_record),
		      options->compress_record);
}

/* Which units are zero, repeat together, and compress how far. */
static int check_units(const struct head *head, const struct dgen_options *options,
		       const char *path, char *why)
{
	if (head->zero_percentage != options->zero_percentage ||
	    head->dedup_run != options->dedup_run)
		return refuse(why, -EINVAL,
			      "verify_state_file=%s: is about zero_percentage=%g and dedup_run=%u, "
			      "not %g and %u",
			      path, head->zero_percentage, head->dedup_run,
			      options->zero_percentage, options->dedup_run);
	if (head->dedup_skew != options->dedup_skew || head->dedup_window != options->dedup_window)
		return refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about dedup_skew=%g and dedup_window=%" PRIu64
			", not %g and %" PRIu64 " (0: default)",
			path, head->dedup_skew, head->dedup_window, options->dedup_skew,
			options->dedup_window);
	if (memcmp(head->compress_mix, options->compress_mix, sizeof(head->compress_mix)))
		return refuse(why, -EINVAL,
			      "verify_state_file=%s: is about another mix of compress_ratio", path);
	return 0;
}

static int check_head(const struct head *head, uint64_t size, bool take_seed,
		      struct dgen_options *options, const char *path, char *why)
{
	if (memcmp(head->magic, MAGIC, sizeof(head->magic)))
		return refuse(why, -EINVAL, "verify_state_file=%s: is no such file", path);
	if (head->byte_order != BYTE_ORDER_MARK || head->layout != LAYOUT ||
	    head->format != DGEN_FORMAT)
		return refuse(why, -EINVAL,
			      "verify_state_file=%s: written by another version of dgen, or on a "
			      "machine of the other byte order",
			      path);
	if (head->dedup_ratio != options->dedup_ratio ||
	    head->compress_ratio != options->compress_ratio)
		return refuse(
			why, -EINVAL,
			"verify_state_file=%s: is about dedup_ratio=%g and compress_ratio=%g, "
			"not %g and %g",
			path, head->dedup_ratio, head->compress_ratio, options->dedup_ratio,
			options->compress_ratio);
	if (head->dedup_unit != options->dedup_unit ||
	    head->compress_chunk != options->compress_chunk)
		return refuse(why, -EINVAL,
			      "verify_state_file=%s: is about dedup_unit=%u and compress_chunk=%u, "
			      "not %u and %u (0: default)",
			      path, head->dedup_unit, head->compress_chunk, options->dedup_unit,
			      options->compress_chunk);
	if (check_calibration(head, options, path, why) || check_units(head, options, path, why))
		return -EINVAL;
	if (take_seed)
		options->data_seed = head->data_seed;
	if (head->data_seed != options->data_seed)
		return refuse(why, -EINVAL,
			      "verify_state_file=%s: is about data_seed=0x%016" PRIx64
			      ", not 0x%016" PRIx64,
			      path, head->data_seed, options->data_seed);
	return check_files(head, size, path, why);
}

/* Also sets track->head. NULL with a line in why. */
static struct head *map_head(struct track *track, const char *name, char *why)
{
	/* Counters of this run lie in there too, so a reader has the head for itself. */
	const int flags = track->mode == TRACK_READ ? MAP_PRIVATE : MAP_SHARED;
	void *head = mmap(NULL, head_size(), PROT_READ | PROT_WRITE, flags, track->fd, 0);

	if (head == MAP_FAILED) {
		refuse(why, -ENOMEM, "%s: %s", name, strerror(errno));
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
		return refuse(why, -errno, "verify: no memory for versions: %s%s", strerror(errno),
			      limit_of(errno));
	head = map_head(track, "verify: no memory for versions", why);
	if (!head)
		return -ENOMEM;
	begin(head, options);
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
		return refuse(why, -ELOOP, "verify_state_file=%s: must not be a symbolic link",
			      path);
	if (track->fd < 0)
		return refuse(why, -errno, "verify_state_file=%s: %s", path, strerror(errno));
	/* Held by all who inherit the descriptor. */
	if (flock(track->fd, (reads ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return refuse(why, -EBUSY, "verify_state_file=%s: in use by another run", path);
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
		return refuse(why, -errno, "verify_state_file=%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, -EINVAL, "verify_state_file=%s: is no regular file", path);
	/* A new one. */
	if (!st.st_size && writes && ftruncate(track->fd, (off_t)head_size()))
		return refuse(why, -errno, "verify_state_file=%s: %s%s", path, strerror(errno),
			      limit_of(errno));
	if ((uint64_t)st.st_size < head_size() && (st.st_size || !writes))
		return refuse(why, -EINVAL, "verify_state_file=%s: is no such file", path);
	err = writes ? reserve(track->fd, 0, head_size()) : 0;
	if (err)
		return refuse(why, err, "verify_state_file=%s: %s", path, strerror(-err));
	head = map_head(track, path, why);
	if (!head)
		return -ENOMEM;
	if (!st.st_size)
		begin(head, options);
	else
		err = check_head(head, (uint64_t)st.st_size, take_seed, options, path, why);
	if (err)
		return err;
	err = note_end(track);
	return err ? refuse(why, err, "verify_state_file=%s: %s", path, strerror(-err)) : 0;
}

int track_open(const char *path, enum track_mode mode, bool take_seed, struct dgen_options *options,
	       struct track **out, char *why)
{
	struct track *track = calloc(1, sizeof(*track));
	int err;

	if (!track)
		return refuse(why, -ENOMEM, "verify: out of memory");
	track->mode = mode;
	track->is_file = path;
	track->fd = -1;
	track->processes = mmap(NULL, PROCESSES_MAX * sizeof(*track->processes),
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (track->processes == MAP_FAILED) {
		free(track);
		return refuse(why, -ENOMEM, "verify: out of memory");
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
		return refuse(why, -ENOSPC, "verify: versions are kept for %d files at most",
			      TRACK_FILES_MAX);
	}
	if (f->at && grain % f->grain)
		err = refuse(why, -EINVAL,
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
	return refuse(why, err, "verify: no room for the versions of %s: %s%s", file->name,
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
	if (ftruncate(track->fd, (off_t)(at + total(track->is_file, room))))
		err = -errno;
	if (!err && file->room)
		err = copy(track, file->at, at, file->room);
	if (!err && file->room && track->is_file)
		err = copy(track, file->at + file->room, at + room, file->room);
	if (err)
		return no_room(file, err, why);
	if (file->room)
		fallocate(track->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)file->at,
			  (off_t)total(track->is_file, file->room));
	file->at = at;
	file->room = room;
	head->end = at + total(track->is_file, room);
	/* So that after a crash of the system there is a table in which to look. */
	if (track->is_file)
		fdatasync(track->fd);
	return 0;
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
		return refuse(why, -errno, "verify_state_file: %s", strerror(errno));
	if ((uint64_t)st.st_size < track->head->end)
		return refuse(why, -EIO,
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
	err = reserve(track->fd, file->at, total(true, file->room));
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
	at = mmap(NULL, total(track->is_file, file->room), prot, MAP_SHARED | MAP_NORESERVE,
		  track->fd, (off_t)file->at);
	if (at == MAP_FAILED)
		return refuse(why, -errno, "verify: no memory for the versions of %s: %s",
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
