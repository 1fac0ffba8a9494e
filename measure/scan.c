// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The whole of xxHash in this file: the compiler then sees the length and the instruction set. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * The files are cut into segments, and threads take one after the other. A unit belongs to the
 * segment that it begins in; where units do not divide a segment, each read is longer by the
 * largest unit. So several units are counted in one pass.
 */
#define SEGMENT (4u << 20)
#define ALIGNMENT 4096u /* of O_DIRECT */

struct job {
	const struct files *files;
	const struct scan_options *options;
	const struct scan_sets *sets;
	uint64_t segments;
	size_t overlap;
	atomic_uint_fast64_t next; /* segment to take */
	atomic_uint_fast64_t done; /* segments */
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t finished;
	unsigned int running;
	struct counts *counts;
	int error;
	char *why;
	size_t why_size;
};

struct worker {
	struct job *job;
	pthread_t thread;
	unsigned char *buffer;
	size_t buffer_size;
	unsigned char *gathered; /* distinct units side by side, where a record holds several */
	size_t gathered_bytes;
	unsigned char *out;
	size_t out_size;
	void *states[MAX_CODECS];
	struct counts counts;
};

static void fail(struct job *job, int error, const char *path, uint64_t offset, size_t length,
		 const char *what)
{
	pthread_mutex_lock(&job->lock);
	if (!job->error) {
		job->error = error;
		if (path)
			snprintf(job->why, job->why_size, "%s: %zu bytes at offset %" PRIu64 ": %s",
				 path, length, offset, what);
		else
			snprintf(job->why, job->why_size, "%s", what);
	}
	pthread_mutex_unlock(&job->lock);
	atomic_store(&job->stop, true);
}

static bool is_zero(const unsigned char *data, size_t length)
{
	/* Almost all data ends the search at its first byte. */
	return !length || (!data[0] && !memcmp(data, data + 1, length - 1));
}

static int compress(struct worker *worker, const unsigned char *data, size_t length)
{
	const struct scan_options *options = worker->job->options;

	for (unsigned int i = 0; i < options->codec_count; i++) {
		const struct codec *codec = &options->codecs[i];
		struct codec_count *count = &worker->counts.codecs[i];

		for (size_t at = 0; at < length; at += options->record) {
			size_t piece = length - at < options->record ? length - at :
								       options->record;
			size_t size = codec_size(codec, worker->states[i], data + at, piece,
						 worker->out, worker->out_size);

			if (!size)
				return -EIO;
			count->in += piece;
			count->out += size;
		}
	}
	return 0;
}

/* Looks at distinct data: at once, or side by side with more of it where a record is longer. */
static int distinct_data(struct worker *worker, const unsigned char *data, size_t length)
{
	const struct scan_options *options = worker->job->options;

	if (!options->codec_count)
		return 0;
	if (options->record <= options->units[0])
		return compress(worker, data, length);
	memcpy(worker->gathered + worker->gathered_bytes, data, length);
	worker->gathered_bytes += length;
	return 0;
}

static int count_unit(struct worker *worker, unsigned int index, const unsigned char *data,
		      size_t length)
{
	const struct scan_sets *sets = worker->job->sets;
	struct unit_count *count = &worker->counts.units[index];
	struct hash hash;
	XXH128_hash_t xxh;
	int ret;

	count->total++;
	if (is_zero(data, length)) {
		count->zero++;
		return 0;
	}
	xxh = XXH3_128bits(data, length);
	hash = (struct hash){ xxh.low64, xxh.high64 };
	if (sets->against[index] && set_contains(sets->against[index], hash))
		count->shared++;
	ret = set_insert(sets->seen[index], hash);
	if (ret <= 0)
		return ret;
	count->distinct++;
	return index ? 0 : distinct_data(worker, data, length);
}

/* data holds the file from the segment's begin; offsets are counted from the shift on. */
static int count_segment(struct worker *worker, const unsigned char *data, uint64_t begin,
			 uint64_t end, uint64_t size)
{
	const struct scan_options *options = worker->job->options;
	int ret;

	for (unsigned int i = 0; i < options->unit_count; i++) {
		uint64_t unit = options->units[i];

		for (uint64_t at = (begin + unit - 1) / unit * unit; at < end; at += unit) {
			uint64_t length = size - at < unit ? size - at : unit;

			ret = count_unit(worker, i, data + (at - begin), length);
			if (ret)
				return ret;
		}
	}
	for (uint64_t at = begin; at < end; at += ZERO_BLOCK) {
		uint64_t length = end - at < ZERO_BLOCK ? end - at : ZERO_BLOCK;

		worker->counts.zero_blocks += is_zero(data + (at - begin), length);
	}
	ret = compress(worker, worker->gathered, worker->gathered_bytes);
	worker->gathered_bytes = 0;
	return ret;
}

/* Reads until length bytes are there; a file that ends before that was changed under us. */
static int read_all(struct worker *worker, const struct file *file, uint64_t offset, size_t length)
{
	size_t want = length;
	size_t got = 0;

	if (worker->job->options->direct)
		want = (want + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	while (got < length) {
		ssize_t ret = pread(file->fd, worker->buffer + got, want - got,
				    (off_t)(offset + got));

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret <= 0) {
			int error = ret < 0 ? errno : EIO;

			fail(worker->job, -error, file->path, offset + got, length - got,
			     ret < 0 ? strerror(error) : "the file ends before that");
			return -error;
		}
		got += (size_t)ret;
	}
	return 0;
}

static const struct file *file_of(const struct files *files, uint64_t segment)
{
	unsigned int low = 0;
	unsigned int high = files->count - 1;

	/* Empty files share their first segment's number with the next file: take the last. */
	while (low < high) {
		unsigned int middle = low + (high - low + 1) / 2;

		if (files->list[middle].first_segment <= segment)
			low = middle;
		else
			high = middle - 1;
	}
	return &files->list[low];
}

static int do_segment(struct worker *worker, uint64_t segment)
{
	const struct job *job = worker->job;
	const struct file *file = file_of(job->files, segment);
	uint64_t shift = job->options->shift;
	uint64_t size = file->size - shift;
	uint64_t begin = (segment - file->first_segment) * SEGMENT;
	uint64_t end = size - begin < SEGMENT ? size : begin + SEGMENT;
	uint64_t last = size - end < job->overlap ? size : end + job->overlap;
	uint64_t head = (begin + shift) % ALIGNMENT;
	int ret;

	ret = read_all(worker, file, begin + shift - head, last - begin + head);
	if (ret)
		return ret;
	ret = count_segment(worker, worker->buffer + head, begin, end, size);
	if (ret)
		fail(worker->job, ret, NULL, 0, 0,
		     ret == -ENOMEM ? "not enough memory for the hashes of the units; a larger "
				      "--unit needs less" :
				      "a codec failed");
	return ret;
}

static void add_counts(struct counts *to, const struct counts *from)
{
	for (unsigned int i = 0; i < MAX_UNITS; i++) {
		to->units[i].total += from->units[i].total;
		to->units[i].zero += from->units[i].zero;
		to->units[i].distinct += from->units[i].distinct;
		to->units[i].shared += from->units[i].shared;
	}
	for (unsigned int i = 0; i < MAX_CODECS; i++) {
		to->codecs[i].in += from->codecs[i].in;
		to->codecs[i].out += from->codecs[i].out;
	}
	to->zero_blocks += from->zero_blocks;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct job *job = worker->job;

	while (!atomic_load(&job->stop)) {
		uint64_t segment = atomic_fetch_add(&job->next, 1);

		if (segment >= job->segments || do_segment(worker, segment))
			break;
		atomic_fetch_add(&job->done, 1);
	}
	pthread_mutex_lock(&job->lock);
	add_counts(job->counts, &worker->counts);
	job->running--;
	pthread_cond_signal(&job->finished);
	pthread_mutex_unlock(&job->lock);
	return NULL;
}

static void worker_free(struct worker *worker)
{
	const struct scan_options *options = worker->job->options;

	for (unsigned int i = 0; i < options->codec_count; i++)
		codec_close(&options->codecs[i], worker->states[i]);
	free(worker->out);
	free(worker->gathered);
	free(worker->buffer);
}

static int worker_init(struct worker *worker, struct job *job)
{
	const struct scan_options *options = job->options;

	worker->job = job;
	worker->buffer_size = SEGMENT + job->overlap + 2 * ALIGNMENT;
	worker->buffer = aligned_alloc(ALIGNMENT, (worker->buffer_size + ALIGNMENT - 1) /
							  ALIGNMENT * ALIGNMENT);
	if (!worker->buffer)
		return -ENOMEM;
	if (options->record > options->units[0]) {
		worker->gathered = malloc(SEGMENT + (size_t)options->units[0]);
		if (!worker->gathered)
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < options->codec_count; i++) {
		size_t bound = codec_bound(&options->codecs[i], options->record);

		if (bound > worker->out_size)
			worker->out_size = bound;
		worker->states[i] = codec_open(&options->codecs[i]);
		if (!worker->states[i])
			return -ENOMEM;
	}
	worker->out = malloc(worker->out_size + 1);
	return worker->out ? 0 : -ENOMEM;
}

/* Shows how far it is until the last thread ends. */
static void watch(struct job *job)
{
	bool shown = false;

	pthread_mutex_lock(&job->lock);
	while (job->running) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&job->finished, &job->lock, &until);
		if (!job->options->progress || !job->running)
			continue;
		shown = true;
		fprintf(stderr, "\r%3.0f %% of %.1f GiB",
			100.0 * (double)atomic_load(&job->done) / (double)job->segments,
			(double)job->files->bytes / (1u << 30));
	}
	pthread_mutex_unlock(&job->lock);
	if (shown)
		fprintf(stderr, "\r%*s\r", 40, "");
}

static void run_workers(struct job *job, struct worker *workers)
{
	unsigned int threads = job->options->threads;
	unsigned int started = 0;

	pthread_mutex_lock(&job->lock);
	for (; started < threads; started++) {
		int ret = worker_init(&workers[started], job);

		if (!ret)
			ret = -pthread_create(&workers[started].thread, NULL, work,
					      &workers[started]);
		if (ret) {
			worker_free(&workers[started]);
			/* Fewer threads do as well, but for none. */
			break;
		}
		job->running++;
	}
	pthread_mutex_unlock(&job->lock);
	if (!started)
		fail(job, -ENOMEM, NULL, 0, 0, "not enough memory to start");
	watch(job);
	for (unsigned int i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		worker_free(&workers[i]);
	}
}

int scan(const struct files *files, const struct scan_options *options,
	 const struct scan_sets *sets, struct counts *counts, char *why, size_t why_size)
{
	struct job job = {
		.files = files,
		.options = options,
		.sets = sets,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.finished = PTHREAD_COND_INITIALIZER,
		.counts = counts,
		.why = why,
		.why_size = why_size,
	};
	struct worker *workers = calloc(options->threads, sizeof(*workers));

	if (!workers) {
		snprintf(why, why_size, "not enough memory to start");
		return -ENOMEM;
	}
	memset(counts, 0, sizeof(*counts));
	for (unsigned int i = 0; i < options->unit_count; i++) {
		if (SEGMENT % options->units[i] && options->units[i] > job.overlap)
			job.overlap = options->units[i];
	}
	for (unsigned int i = 0; i < files->count; i++) {
		uint64_t size = files->list[i].size - options->shift;

		job.segments += (size + SEGMENT - 1) / SEGMENT;
	}
	run_workers(&job, workers);
	free(workers);
	return job.error;
}

static int file_open(struct file *file, const char *path, const struct scan_options *options,
		     char *why, size_t why_size)
{
	struct stat stat;

	file->path = path;
	file->fd = open(path, O_RDONLY | O_CLOEXEC | (options->direct ? O_DIRECT : 0));
	if (file->fd < 0 || fstat(file->fd, &stat)) {
		int error = errno;

		snprintf(why, why_size, "%s: %s%s", path, strerror(error),
			 options->direct && error == EINVAL ? " (it may refuse --direct)" : "");
		return -error;
	}
	if (S_ISBLK(stat.st_mode)) {
		if (ioctl(file->fd, BLKGETSIZE64, &file->size)) {
			int error = errno;

			snprintf(why, why_size, "%s: its size: %s", path, strerror(error));
			return -error;
		}
	} else if (S_ISREG(stat.st_mode)) {
		file->size = (uint64_t)stat.st_size;
	} else {
		snprintf(why, why_size, "%s: neither a file nor a block device", path);
		return -EINVAL;
	}
	if (options->shift > file->size || (options->shift && options->shift == file->size)) {
		snprintf(why, why_size, "--shift=%" PRIu64 ": %s has only %" PRIu64 " bytes",
			 options->shift, path, file->size);
		return -EINVAL;
	}
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

int files_open(struct files *files, char **paths, unsigned int count,
	       const struct scan_options *options, char *why, size_t why_size)
{
	uint64_t segments = 0;

	memset(files, 0, sizeof(*files));
	files->list = calloc(count ? count : 1, sizeof(*files->list));
	if (!files->list) {
		snprintf(why, why_size, "not enough memory to start");
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct file *file = &files->list[i];
		uint64_t size;
		int ret;

		files->count = i + 1;
		ret = file_open(file, paths[i], options, why, why_size);
		if (ret)
			return ret;
		size = file->size - options->shift;
		file->first_segment = segments;
		segments += (size + SEGMENT - 1) / SEGMENT;
		files->bytes += size;
	}
	return 0;
}

void files_close(struct files *files)
{
	for (unsigned int i = 0; i < files->count; i++) {
		if (files->list[i].fd >= 0)
			close(files->list[i].fd);
	}
	free(files->list);
	memset(files, 0, sizeof(*files));
}
