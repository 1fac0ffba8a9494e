// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

struct source {
	const struct source_options *options;
	pthread_mutex_t lock; /* of what follows */
	struct walk *walk;
	struct source_totals totals; /* as counted beforehand */
	struct source_totals found;  /* while reading; streams count in both */
	uint64_t batches;
	struct file *file;   /* being cut into pieces, or NULL */
	uint64_t offset;     /* of the next piece of it */
	uint64_t size;       /* of it, from the shift on */
	bool sparse;         /* it may have holes */
	int stream;          /* -1, or what is being read */
	unsigned char *tail; /* what a stream's next piece has for its history */
	size_t tail_length;
};

/* Room for the largest piece with its history, where O_DIRECT widens it at both ends. */
size_t source_buffer_size(const struct source_options *options)
{
	size_t size = options->segment + options->history + 2 * ALIGNMENT;

	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes that lie in the holes of a file. */
static uint64_t holes_of(int fd, uint64_t begin, uint64_t end)
{
	uint64_t holes = 0;
	off_t at = (off_t)begin;

	while ((uint64_t)at < end) {
		off_t data = lseek(fd, at, SEEK_DATA);

		if (data < 0)
			return errno == ENXIO ? holes + (end - (uint64_t)at) : holes;
		holes += (uint64_t)(data - at);
		at = lseek(fd, data, SEEK_HOLE);
		if (at < 0)
			return holes;
	}
	return holes;
}

static int count_all(struct source *source, char **paths, unsigned int count, char *why,
		     size_t why_size)
{
	struct found_file found;
	struct walk *walk = walk_open(paths, count, source->options, &source->totals,
				      source->options->notes);
	int ret;

	if (!walk) {
		snprintf(why, why_size, "not enough memory to start");
		return -ENOMEM;
	}
	do {
		ret = walk_next(walk, &found, why, why_size);
		if (ret == 1 && found.sparse) {
			int fd = open(found.path, O_RDONLY | O_CLOEXEC);

			if (fd >= 0) {
				source->totals.hole_bytes += holes_of(fd, source->options->shift,
								      found.size);
				close(fd);
			}
		}
	} while (ret == 1);
	walk_close(walk);
	return ret;
}

int source_open(struct source **result, char **paths, unsigned int count,
		const struct source_options *options, char *why, size_t why_size)
{
	struct source *source = calloc(1, sizeof(*source));
	int ret;

	*result = source;
	if (!source) {
		snprintf(why, why_size, "not enough memory to start");
		return -ENOMEM;
	}
	source->options = options;
	source->stream = -1;
	pthread_mutex_init(&source->lock, NULL);
	ret = count_all(source, paths, count, why, why_size);
	if (ret)
		return ret;
	source->tail = malloc(options->history + 1);
	source->walk = walk_open(paths, count, options, &source->found, false);
	if (!source->tail || !source->walk) {
		snprintf(why, why_size, "not enough memory to start");
		return -ENOMEM;
	}
	return 0;
}

/* The caller holds the lock, or is the only one left. */
static void release(struct file *file)
{
	if (!file || --file->users)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file);
}

void source_close(struct source *source)
{
	if (!source)
		return;
	release(source->file);
	if (source->stream > STDIN_FILENO)
		close(source->stream);
	walk_close(source->walk);
	pthread_mutex_destroy(&source->lock);
	free(source->tail);
	free(source);
}

const struct source_totals *source_totals(const struct source *source)
{
	return &source->totals;
}

bool source_changed(const struct source *source, struct source_totals *found)
{
	const struct source_totals *before = &source->totals;

	*found = source->found;
	/* They were looked for only once. */
	found->hole_bytes = before->hole_bytes;
	return found->files != before->files || found->bytes != before->bytes ||
	       found->links != before->links || found->specials != before->specials;
}

static int open_file(const struct source *source, const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (source->options->direct ? O_DIRECT : 0));
	int error = errno;

	if (fd >= 0) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		return fd;
	}
	snprintf(why, why_size, "%s: %s%s", path, strerror(error),
		 source->options->direct && error == EINVAL ? " (it may refuse --direct)" : "");
	return -error;
}

/* Skips the shift of a stream; batch lends its buffer. */
static int skip(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	uint64_t left = source->options->shift;

	batch->zeroed = false;
	while (left) {
		size_t want = left < source->options->segment ? left : source->options->segment;
		ssize_t got = read(source->stream, batch->buffer, want);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			snprintf(why, why_size, "--shift=%s: the stream %s",
				 source->options->shift_typed,
				 got ? strerror(errno) : "is shorter");
			return -EINVAL;
		}
		left -= (uint64_t)got;
	}
	return 0;
}

/* Makes the next file or stream the current one: 1, 0 at the end, or -errno. */
static int open_next(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	const struct source_options *options = source->options;
	struct found_file found;
	struct file *file;
	int ret = walk_next(source->walk, &found, why, why_size);

	if (ret <= 0)
		return ret;
	source->offset = 0;
	source->tail_length = 0;
	if (found.stream) {
		source->stream = STDIN_FILENO;
		if (strcmp(found.path, "-"))
			source->stream = open(found.path, O_RDONLY | O_CLOEXEC);
		if (source->stream < 0) {
			ret = -errno;
			snprintf(why, why_size, "%s: %s", found.path, strerror(errno));
			return ret;
		}
		source->totals.files++;
		source->found.files++;
		ret = skip(source, batch, why, why_size);
		return ret ? ret : 1;
	}
	file = calloc(1, sizeof(*file));
	if (file)
		file->path = strdup(found.path);
	if (!file || !file->path) {
		free(file);
		snprintf(why, why_size, "not enough memory for the name of a file");
		return -ENOMEM;
	}
	file->fd = -1;
	file->users = 1;
	file->size = found.size;
	source->file = file;
	source->size = found.size - options->shift;
	source->sparse = found.sparse;
	/* Few are open at a time: a small file is opened by the thread that reads it. */
	if (source->size > options->segment) {
		file->fd = open_file(source, file->path, why, why_size);
		if (file->fd < 0)
			return file->fd;
	}
	return 1;
}

/* Whether a piece and its history lie in a hole. */
static bool in_hole(const struct source *source, const struct piece *piece)
{
	uint64_t begin = source->options->shift + piece->offset - piece->history;
	off_t data;

	if (!source->sparse || piece->file->fd < 0)
		return false;
	data = lseek(piece->file->fd, (off_t)begin, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO;
	return (uint64_t)data >= begin + piece->history + piece->length;
}

static size_t round_up(size_t size, size_t to)
{
	return (size + to - 1) / to * to;
}

/* Adds the next piece of the current file; false where the batch has no room for it. */
static bool add_piece(struct source *source, struct batch *batch, size_t *used)
{
	const struct source_options *options = source->options;
	struct piece *piece = &batch->pieces[batch->count];
	uint64_t left = source->size - source->offset;
	size_t head = 0;
	size_t need;

	*piece = (struct piece){ .file = source->file, .offset = source->offset };
	piece->length = left < options->segment ? left : options->segment;
	piece->history = source->offset < options->history ? source->offset : options->history;
	piece->first = !piece->offset;
	piece->last = piece->length == left;
	if (options->direct)
		head = (options->shift + piece->offset - piece->history) % ALIGNMENT;
	need = round_up(head + piece->history + piece->length, options->direct ? ALIGNMENT : 64);
	if (batch->count && *used + need > source_buffer_size(options))
		return false;
	piece->data = batch->buffer + *used + head + piece->history;
	piece->hole = in_hole(source, piece);
	/* A hole needs a buffer of zeros for itself; and what goes on in the next batch begins one. */
	if (batch->count && (piece->hole || !piece->last))
		return false;
	*used = piece->hole ? source_buffer_size(options) : *used + need;
	batch->count++;
	source->offset += piece->length;
	if (piece->last)
		source->file = NULL; /* and its user goes to the piece */
	else
		piece->file->users++;
	return true;
}

/* The next piece of a stream is read at once, for no other thread can. */
static int read_stream(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	const struct source_options *options = source->options;
	struct piece *piece = &batch->pieces[0];
	ssize_t ret = 1;

	*piece = (struct piece){ .offset = source->offset, .history = source->tail_length };
	piece->data = batch->buffer + source->tail_length;
	piece->first = !piece->offset;
	batch->zeroed = false;
	memcpy(batch->buffer, source->tail, source->tail_length);
	while (piece->length < options->segment && ret) {
		ret = read(source->stream, piece->data + piece->length,
			   options->segment - piece->length);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0) {
			ret = -errno;
			snprintf(why, why_size, "the stream at offset %" PRIu64 ": %s",
				 piece->offset + piece->length, strerror(errno));
			return (int)ret;
		}
		piece->length += (size_t)ret;
	}
	piece->last = !ret;
	source->offset += piece->length;
	source->totals.bytes += piece->length;
	source->found.bytes += piece->length;
	source->tail_length = piece->history + piece->length;
	if (source->tail_length > options->history)
		source->tail_length = options->history;
	memcpy(source->tail, piece->data + piece->length - source->tail_length,
	       source->tail_length);
	if (piece->last) {
		if (source->stream != STDIN_FILENO)
			close(source->stream);
		source->stream = -1;
	}
	batch->count = !piece->first || piece->length;
	return 0;
}

static int fill_batch(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	size_t used = 0;

	while (batch->count < MAX_PIECES) {
		int ret;

		if (source->stream >= 0) {
			if (batch->count)
				return 0;
			ret = read_stream(source, batch, why, why_size);
			if (ret || batch->count)
				return ret;
			continue;
		}
		if (!source->file) {
			/* A stream wants a batch for itself, and may need the buffer to skip. */
			if (batch->count && source->totals.streams)
				return 0;
			ret = open_next(source, batch, why, why_size);
			if (ret <= 0)
				return ret;
			continue;
		}
		if (!add_piece(source, batch, &used))
			return 0;
	}
	return 0;
}

int source_next(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	int ret;

	batch->count = 0;
	pthread_mutex_lock(&source->lock);
	ret = fill_batch(source, batch, why, why_size);
	if (!ret && batch->count) {
		batch->number = source->batches++;
		ret = 1;
	}
	for (unsigned int i = 0; ret < 0 && i < batch->count; i++)
		release(batch->pieces[i].file);
	pthread_mutex_unlock(&source->lock);
	return ret;
}

/* Reads until length bytes are there; a file that ends before that was changed under us. */
static int read_all(const struct source *source, int fd, const struct piece *piece, char *why,
		    size_t why_size)
{
	uint64_t offset = source->options->shift + piece->offset - piece->history;
	size_t head = source->options->direct ? offset % ALIGNMENT : 0;
	size_t length = head + piece->history + piece->length;
	size_t want = source->options->direct ? round_up(length, ALIGNMENT) : length;
	unsigned char *data = piece->data - piece->history - head;
	size_t got = 0;

	offset -= head;
	while (got < length) {
		ssize_t ret = pread(fd, data + got, want - got, (off_t)(offset + got));
		int error = ret < 0 ? errno : EIO;

		if (ret < 0 && error == EINTR)
			continue;
		if (ret <= 0) {
			snprintf(why, why_size, "%s: %zu bytes at offset %" PRIu64 ": %s",
				 piece->file->path, length - got, offset + got,
				 ret < 0 ? strerror(error) : "the file ends before that");
			return -error;
		}
		got += (size_t)ret;
	}
	return 0;
}

static int read_piece(const struct source *source, struct batch *batch, const struct piece *piece,
		      char *why, size_t why_size)
{
	int fd = piece->file->fd;
	int ret;

	if (piece->hole) {
		if (!batch->zeroed)
			memset(batch->buffer, 0, source_buffer_size(source->options));
		batch->zeroed = true;
		return 0;
	}
	batch->zeroed = false;
	if (fd < 0)
		fd = open_file(source, piece->file->path, why, why_size);
	if (fd < 0)
		return fd;
	ret = read_all(source, fd, piece, why, why_size);
	if (fd != piece->file->fd)
		close(fd);
	return ret;
}

int source_read(struct source *source, struct batch *batch, char *why, size_t why_size)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < batch->count; i++) {
		if (batch->pieces[i].file)
			ret = read_piece(source, batch, &batch->pieces[i], why, why_size);
	}
	pthread_mutex_lock(&source->lock);
	for (unsigned int i = 0; i < batch->count; i++) {
		release(batch->pieces[i].file);
		/* The name may be gone now. */
		batch->pieces[i].file = NULL;
	}
	pthread_mutex_unlock(&source->lock);
	return ret;
}
