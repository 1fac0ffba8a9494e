// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "scan.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"

/* The whole of xxHash in this file: the compiler then sees the length and the instruction set. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * Threads take batches and do what is costly side by side: read, hash, compress. What depends on the
 * order of the data (which unit of several equal ones is the first, where a chunk ends, what a long
 * record holds) they do one after the other, in the order of the batches: each such step has a turn
 * that goes from batch to batch. So the figures are the same with any number of threads.
 *
 * A unit or chunk belongs to the piece that it ends in; what began before lies in the history.
 */
struct turn {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_uint_fast64_t next; /* the batch whose turn it is */
};

struct job {
	struct source *source;
	const struct scan_options *options;
	const struct scan_sets *sets;
	unsigned int set_count;
	struct turn turns[MAX_SETS + 1]; /* of the sets, and of the cuts of chunks */
	uint64_t cut;                    /* where the chunk begins that goes on */
	struct carry carry;
	atomic_uint_fast64_t done; /* bytes */
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t finished;
	unsigned int running;
	struct counts *counts;
	int error;
	char *why;
	size_t why_size;
};

/* A unit or chunk that is not zero. */
struct found {
	struct hash hash;
	const unsigned char *data;
	uint32_t length;
	uint32_t piece;
};

struct worker {
	struct job *job;
	pthread_t thread;
	struct batch batch;
	struct found *found;
	size_t found_count, found_room;
	struct marks marks;
	uint64_t *ends; /* of chunks */
	struct records records;
	struct unit_count units[MAX_SETS];
	uint64_t zero_blocks;
};

unsigned int scan_set_count(const struct scan_options *options)
{
	return options->unit_count + options->chunks;
}

void scan_prepare(struct scan_options *options)
{
	struct source_options *source = &options->source;

	source->segment = MIN_SEGMENT;
	for (unsigned int i = 0; i < options->unit_count; i++) {
		while (source->segment < options->units[i])
			source->segment *= 2;
	}
	source->history = options->chunks ? options->chunker.max : 0;
	for (unsigned int i = 0; i < options->unit_count; i++) {
		if (source->segment % options->units[i] && options->units[i] > source->history)
			source->history = options->units[i];
	}
	options->records.unit = options->units[0];
	options->records.segment = source->segment;
}

static size_t ends_room(const struct scan_options *options)
{
	return options->source.segment / options->chunker.min + 2;
}

uint64_t scan_thread_memory(const struct scan_options *options)
{
	size_t least = options->chunks ? options->chunker.min : options->units[0];
	uint64_t memory = source_buffer_size(&options->source) + records_memory(&options->records);

	for (unsigned int i = 0; i < options->unit_count; i++)
		least = options->units[i] < least ? options->units[i] : least;
	/* Lists double, and the old one is there while the new one is filled. */
	memory += 3 * options->source.segment / least * sizeof(struct found);
	if (options->chunks)
		memory += ends_room(options) * sizeof(uint64_t) + (64 << 10);
	return memory;
}

static void fail(struct job *job, int error, const char *what)
{
	pthread_mutex_lock(&job->lock);
	if (!job->error) {
		job->error = error;
		snprintf(job->why, job->why_size, "%s", what);
	}
	pthread_mutex_unlock(&job->lock);
	atomic_store(&job->stop, true);
	for (unsigned int i = 0; i <= MAX_SETS; i++) {
		pthread_mutex_lock(&job->turns[i].lock);
		pthread_cond_broadcast(&job->turns[i].changed);
		pthread_mutex_unlock(&job->turns[i].lock);
	}
}

/* 0, or -ECANCELED where it will never be the batch's turn. */
static int turn_begin(struct worker *worker, struct turn *turn)
{
	struct job *job = worker->job;

	if (atomic_load(&turn->next) != worker->batch.number) {
		pthread_mutex_lock(&turn->lock);
		while (atomic_load(&turn->next) != worker->batch.number && !atomic_load(&job->stop))
			pthread_cond_wait(&turn->changed, &turn->lock);
		pthread_mutex_unlock(&turn->lock);
	}
	return atomic_load(&job->stop) ? -ECANCELED : 0;
}

static void turn_end(struct turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	atomic_fetch_add(&turn->next, 1);
	pthread_cond_broadcast(&turn->changed);
	pthread_mutex_unlock(&turn->lock);
}

static bool is_zero(const unsigned char *data, size_t length)
{
	/* Almost all data ends the search at its first byte. */
	return !length || (!data[0] && !memcmp(data, data + 1, length - 1));
}

static int add_found(struct worker *worker, unsigned int set, unsigned int piece,
		     const unsigned char *data, size_t length)
{
	const struct set *against = worker->job->sets->against[set];
	struct unit_count *count = &worker->units[set];
	struct found *found;
	XXH128_hash_t xxh;

	count->total++;
	if (worker->batch.pieces[piece].hole || is_zero(data, length)) {
		count->zero++;
		return 0;
	}
	if (worker->found_count == worker->found_room) {
		size_t room = worker->found_room ? 2 * worker->found_room : 1024;

		found = realloc(worker->found, room * sizeof(*found));
		if (!found)
			return -ENOMEM;
		worker->found = found;
		worker->found_room = room;
	}
	xxh = XXH3_128bits(data, length);
	found = &worker->found[worker->found_count++];
	found->hash = (struct hash){ xxh.low64, xxh.high64 };
	found->data = data;
	found->length = (uint32_t)length;
	found->piece = piece;
	count->bytes += length;
	if (against && hash_kept(found->hash, set_level(against)) &&
	    set_contains(against, found->hash))
		count->shared += 1ull << set_level(against);
	return 0;
}

/* The units that end in a piece. */
static int find_units(struct worker *worker, unsigned int set, unsigned int index)
{
	const struct piece *piece = &worker->batch.pieces[index];
	uint64_t unit = worker->job->options->units[set];
	uint64_t end = piece->offset + piece->length;
	int ret = 0;

	for (uint64_t at = piece->offset / unit * unit; !ret && at < end; at += unit) {
		uint64_t length = end - at < unit ? end - at : unit;
		ptrdiff_t from = (ptrdiff_t)at - (ptrdiff_t)piece->offset;

		if (length < unit && !piece->last)
			break;
		ret = add_found(worker, set, index, piece->data + from, length);
	}
	return ret;
}

static int find_chunks(struct worker *worker, unsigned int set, unsigned int index, uint64_t begin,
		       const uint64_t *ends, size_t count)
{
	const struct piece *piece = &worker->batch.pieces[index];
	int ret = 0;

	for (size_t i = 0; !ret && i < count; i++) {
		ptrdiff_t from = (ptrdiff_t)begin - (ptrdiff_t)piece->offset;

		ret = add_found(worker, set, index, piece->data + from, ends[i] - begin);
		begin = ends[i];
	}
	return ret;
}

/*
 * Only the first piece of a batch can go on with a chunk that began in the batch before, and only
 * where it is the only one does a chunk go on in the next.
 */
static int cut_piece(struct worker *worker, unsigned int set, unsigned int index)
{
	struct job *job = worker->job;
	const struct piece *piece = &worker->batch.pieces[index];
	const struct chunker *chunker = &job->options->chunker;
	struct turn *turn = &job->turns[MAX_SETS];
	uint64_t cut = 0;
	uint64_t begin;
	size_t count;
	int ret;

	if (piece->hole)
		ret = chunk_marks_zero(chunker, piece->history, piece->length, &worker->marks);
	else
		ret = chunk_marks(chunker, piece->data, piece->history, piece->length,
				  &worker->marks);
	if (!ret && !index)
		ret = turn_begin(worker, turn);
	if (ret)
		return ret;
	if (!piece->first)
		cut = job->cut;
	begin = cut;
	count = chunk_cuts(chunker, &worker->marks, piece->offset, piece->length, piece->last, &cut,
			   worker->ends);
	if (!index) {
		job->cut = cut;
		turn_end(turn);
	}
	return find_chunks(worker, set, index, begin, worker->ends, count);
}

static int find_all(struct worker *worker, unsigned int set)
{
	bool chunks = set == worker->job->options->unit_count;
	int ret = 0;

	worker->found_count = 0;
	for (unsigned int i = 0; !ret && i < worker->batch.count; i++)
		ret = chunks ? cut_piece(worker, set, i) : find_units(worker, set, i);
	return ret;
}

static void count_new(struct unit_count *count, size_t length, unsigned int level)
{
	uint64_t weight = 1ull << level;
	double factor = (double)weight * (double)(weight - 1);

	count->distinct += weight;
	count->distinct_bytes += length * weight;
	count->variance += factor;
	count->bytes_variance += factor * (double)length * (double)length;
}

/* How far ahead slots are fetched into the cache. */
#define AHEAD 8

/* Puts the hashes of a batch into a set; the first set's new ones go to the codecs. */
static int insert_all(struct worker *worker, unsigned int index)
{
	struct set *set = worker->job->sets->seen[index];
	const struct found *found = worker->found;
	size_t at = 0;

	for (size_t i = 0; i < AHEAD && i < worker->found_count; i++)
		set_prefetch(set, found[i].hash);
	for (unsigned int i = 0; i < worker->batch.count; i++) {
		const struct piece *piece = &worker->batch.pieces[i];

		for (; at < worker->found_count && found[at].piece == i; at++) {
			int ret;

			if (at + AHEAD < worker->found_count)
				set_prefetch(set, found[at + AHEAD].hash);
			ret = set_insert(set, found[at].hash);
			if (ret == SET_NEW)
				count_new(&worker->units[index], found[at].length, set_level(set));
			if (ret == SET_NEW && !index)
				ret = records_unit(&worker->records, piece, found[at].data,
						   found[at].length, set_level(set),
						   found[at].hash.high);
			if (ret < 0)
				return ret;
		}
		if (!index && records_piece_end(&worker->records, piece))
			return -ENOMEM;
	}
	return 0;
}

static int count_set(struct worker *worker, unsigned int index)
{
	struct job *job = worker->job;
	int ret;

	ret = find_all(worker, index);
	if (!ret)
		ret = turn_begin(worker, &job->turns[index]);
	if (ret)
		return ret;
	if (!index)
		records_begin(&worker->records, &job->carry);
	ret = insert_all(worker, index);
	if (!ret && !index)
		ret = records_end(&worker->records, &job->carry);
	turn_end(&job->turns[index]);
	return ret;
}

static void count_zero_blocks(struct worker *worker)
{
	for (unsigned int i = 0; i < worker->batch.count; i++) {
		const struct piece *piece = &worker->batch.pieces[i];

		for (size_t at = 0; at < piece->length; at += ZERO_BLOCK) {
			size_t left = piece->length - at;

			left = left < ZERO_BLOCK ? left : ZERO_BLOCK;
			worker->zero_blocks += piece->hole || is_zero(piece->data + at, left);
		}
	}
}

/* The first set comes last: after its turn nobody waits for this thread, and it compresses. */
static int do_batch(struct worker *worker)
{
	struct job *job = worker->job;
	int ret = 0;

	for (unsigned int i = job->set_count; !ret && i > 0; i--)
		ret = count_set(worker, i - 1);
	if (!ret) {
		count_zero_blocks(worker);
		ret = records_compress(&worker->records);
	}
	if (ret && ret != -ECANCELED)
		fail(job, ret,
		     ret == -ENOMEM ? "not enough memory; --memory sets how much is used" :
				      "a codec failed");
	for (unsigned int i = 0; i < worker->batch.count; i++)
		atomic_fetch_add(&job->done, worker->batch.pieces[i].length);
	return ret;
}

static void add_counts(struct counts *to, const struct worker *worker)
{
	for (unsigned int i = 0; i < MAX_SETS; i++) {
		to->units[i].total += worker->units[i].total;
		to->units[i].zero += worker->units[i].zero;
		to->units[i].bytes += worker->units[i].bytes;
		to->units[i].shared += worker->units[i].shared;
		to->units[i].distinct += worker->units[i].distinct;
		to->units[i].distinct_bytes += worker->units[i].distinct_bytes;
		to->units[i].variance += worker->units[i].variance;
		to->units[i].bytes_variance += worker->units[i].bytes_variance;
	}
	for (unsigned int i = 0; i < MAX_CODECS; i++) {
		for (unsigned int j = 0; j < MAX_RECORDS; j++)
			tally_sum(&to->tallies[i][j], &worker->records.tallies[i][j]);
	}
	to->zero_blocks += worker->zero_blocks;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct job *job = worker->job;
	char why[512];

	while (!atomic_load(&job->stop)) {
		int ret = source_next(job->source, &worker->batch, why, sizeof(why));

		if (ret == 1)
			ret = source_read(job->source, &worker->batch, why, sizeof(why));
		else if (!ret)
			break;
		if (ret)
			fail(job, ret, why);
		if (ret || do_batch(worker))
			break;
	}
	pthread_mutex_lock(&job->lock);
	add_counts(job->counts, worker);
	job->running--;
	pthread_cond_signal(&job->finished);
	pthread_mutex_unlock(&job->lock);
	return NULL;
}

static void worker_free(struct worker *worker)
{
	records_close(&worker->records);
	free(worker->batch.buffer);
	free(worker->found);
	marks_free(&worker->marks);
	free(worker->ends);
}

static int worker_init(struct worker *worker, struct job *job)
{
	const struct scan_options *options = job->options;

	worker->job = job;
	worker->batch.buffer = aligned_alloc(ALIGNMENT, source_buffer_size(&options->source));
	if (!worker->batch.buffer)
		return -ENOMEM;
	if (options->chunks) {
		worker->ends = calloc(ends_room(options), sizeof(*worker->ends));
		if (!worker->ends)
			return -ENOMEM;
	}
	return records_open(&worker->records, &options->records);
}

/* Shows how far it is until the last thread ends. */
static void watch(struct job *job)
{
	const struct source_totals *totals = source_totals(job->source);
	struct progress progress = { .total = totals->streams ? 0 : totals->bytes };

	progress_begin(&progress, job->options->progress);
	pthread_mutex_lock(&job->lock);
	while (job->running) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 250000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&job->finished, &job->lock, &until);
		if (job->running)
			progress_show(&progress, atomic_load(&job->done));
	}
	pthread_mutex_unlock(&job->lock);
	progress_end(&progress);
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
		fail(job, -ENOMEM, "not enough memory to start");
	watch(job);
	for (unsigned int i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		worker_free(&workers[i]);
	}
}

int scan(struct source *source, const struct scan_options *options, const struct scan_sets *sets,
	 struct counts *counts, char *why, size_t why_size)
{
	struct job job = {
		.source = source,
		.options = options,
		.sets = sets,
		.set_count = scan_set_count(options),
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.finished = PTHREAD_COND_INITIALIZER,
		.counts = counts,
		.why = why,
		.why_size = why_size,
	};
	struct worker *workers = calloc(options->threads, sizeof(*workers));

	for (unsigned int i = 0; i <= MAX_SETS; i++) {
		pthread_mutex_init(&job.turns[i].lock, NULL);
		pthread_cond_init(&job.turns[i].changed, NULL);
	}
	memset(counts, 0, sizeof(*counts));
	if (workers && !carry_open(&job.carry, &options->records)) {
		run_workers(&job, workers);
		carry_close(&job.carry);
	} else {
		fail(&job, -ENOMEM, "not enough memory to start");
	}
	free(workers);
	return job.error;
}
