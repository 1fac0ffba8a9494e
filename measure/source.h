/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured: files, directory trees, block devices and streams, one after the other, cut into
 * batches that threads work on.
 *
 * The order is always the same: that of the command line, and by name within a directory. An inode
 * is read once, whatever names it has. Symbolic links are followed on the command line only. What is
 * neither a file nor a directory is left out of a tree, with a line.
 */
#ifndef MEASURE_SOURCE_H
#define MEASURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALIGNMENT 4096u /* of O_DIRECT */
#define MAX_PIECES 64

struct source;

struct source_options {
	uint64_t shift; /* bytes of each file to leave out at its start */
	const char *shift_typed;
	size_t segment; /* the largest piece: a power of two */
	size_t history; /* so many bytes before a piece come with it, where the file has them */
	bool direct;    /* O_DIRECT */
	bool notes;     /* say what is left out */
};

struct source_totals {
	uint64_t files, bytes; /* from the shift on; streams count once they end */
	uint64_t links;        /* further names of a file that was read already */
	uint64_t specials;     /* left out of trees: links, sockets, devices, FIFOs */
	uint64_t hole_bytes;   /* of bytes: never written */
	bool streams;          /* there is one, and so the sum is not known before the end */
};

struct file {
	char *path;
	int fd;        /* -1: to be opened and closed by who reads the only piece */
	uint64_t size; /* without the shift */
	unsigned int users;
};

/* A part of a file. The one before it in the same file came before it, in this batch or another. */
struct piece {
	struct file *file;   /* NULL: a stream, and already read */
	unsigned char *data; /* the history lies before it */
	uint64_t offset;     /* from the shift on */
	size_t length, history;
	bool first, last; /* of its file */
	bool hole;        /* nothing was ever written there, nor in the history */
};

struct batch {
	uint64_t number;       /* from 0 on, without gaps */
	unsigned char *buffer; /* source_buffer_size() bytes, aligned */
	bool zeroed;           /* buffer holds zeros only */
	struct piece pieces[MAX_PIECES];
	unsigned int count;
};

size_t source_buffer_size(const struct source_options *options);

/*
 * Looks at all paths, so that totals are known and mistakes are found before anything is read. 0, or
 * -errno with a line in why; so do all that follow. options and paths must live on.
 */
int source_open(struct source **source, char **paths, unsigned int count,
		const struct source_options *options, char *why, size_t why_size);
void source_close(struct source *source); /* NULL is allowed */

/* As counted beforehand; complete for streams once all was read. */
const struct source_totals *source_totals(const struct source *source);

/* Once all was read: what that was, and whether it is another count since files came, went or grew. */
bool source_changed(const struct source *source, struct source_totals *found);

/* The next batch, 1, or 0 at the end. Thread-safe; batches are numbered in the order of the data. */
int source_next(struct source *source, struct batch *batch, char *why, size_t why_size);

/* Reads a batch into its buffer, and releases its files, also on failure. Thread-safe. */
int source_read(struct source *source, struct batch *batch, char *why, size_t why_size);

#endif
