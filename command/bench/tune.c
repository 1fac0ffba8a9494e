// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries writers, buffer size and depth around the profile. Disks drift, so all are tried in turn, several
 * times; and who is best among several was lucky too, so the best is then raced with the profile in
 * pairs of runs of their own, which alone decide.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "fio.h"
#include "human.h"
#include "machine.h"
#include "values.h"

#define SECONDS 60        /* in all, unless --runtime= says otherwise */
#define RUNS 33           /* that fit in there, about */
#define STARTING 250      /* ms that a run takes beside its own time */
#define SHORTEST 400      /* ms of a run */
#define EXPLORE_PART 0.65 /* of the time */
#define ROUNDS_MIN 2
#define ROUNDS_MAX 5
#define PAIRS_MIN 5
#define PAIRS_MAX 10
#define SURE 0.05 /* the most that chance may explain */
#define WRITERS_MAX 64
#define BUFFER_MIN (64u << 10)
#define BUFFER_MAX (64u << 20)
#define AREA_MIN (1ULL << 30)

enum { PROFILE, FEWER_WRITERS, MORE_WRITERS, SMALLER, LARGER, SHALLOWER, DEEPER, CANDIDATES };

struct candidate {
	struct shape shape;
	bool left_out;
	unsigned int runs;
	double speeds[ROUNDS_MAX];
};

struct duel {
	unsigned int pairs, won;
	double ratios[PAIRS_MAX];
};

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	interrupted = number;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), ascending);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- one run ---- */

static int measure(struct bench *bench, const struct shape *shape, double *speed)
{
	int err;

	bench->shape = *shape;
	err = fio_measure(bench, speed);
	if (interrupted)
		return -EINTR;
	if (!err)
		complain("%2u x %3u buffers of %-8s %8.1f MB/s", shape->writers, shape->depth,
			 human(shape->buffer_size), *speed / 1e6);
	return err;
}

/* ---- all in turn ---- */

static void fill_in(const struct bench *bench, struct candidate *candidates)
{
	const uint64_t memory = machine_memory();

	for (int i = 0; i < CANDIDATES; i++)
		candidates[i] = (struct candidate){ .shape = bench->shape };
	candidates[FEWER_WRITERS].shape.writers /= 2;
	candidates[MORE_WRITERS].shape.writers *= 2;
	candidates[SMALLER].shape.buffer_size /= 2;
	candidates[LARGER].shape.buffer_size *= 2;
	candidates[SHALLOWER].shape.depth /= 2;
	candidates[DEEPER].shape.depth *= 2;
	for (int i = 0; i < CANDIDATES; i++) {
		const struct shape *shape = &candidates[i].shape;

		candidates[i].left_out = !shape->writers || shape->writers > WRITERS_MAX ||
					 !shape->depth || shape->buffer_size < BUFFER_MIN ||
					 shape->buffer_size > BUFFER_MAX ||
					 shape->buffer_size % 4096 || !shape_fits(shape, memory) ||
					 shape_pool(shape) > bench->size;
	}
	candidates[PROFILE].left_out = false;
}

static int explore(struct bench *bench, struct candidate *candidates, double until)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		const double begin = seconds();

		/* Each round begins with another one. */
		for (int i = 0; i < CANDIDATES; i++) {
			struct candidate *each = &candidates[(i + round * 3) % CANDIDATES];
			int err;

			if (each->left_out)
				continue;
			err = measure(bench, &each->shape, &each->speeds[each->runs]);
			if (err)
				return err;
			each->runs++;
		}
		/* Not one that would not end in time. */
		if (round + 1 >= ROUNDS_MIN && 2 * seconds() - begin > until)
			break;
	}
	for (int i = 0; i < CANDIDATES; i++)
		if (!candidates[i].left_out)
			median(candidates[i].speeds, candidates[i].runs);
	return 0;
}

static double speed_of(const struct candidate *candidate)
{
	double copy[ROUNDS_MAX];

	if (candidate->left_out)
		return 0;
	memcpy(copy, candidate->speeds, sizeof(copy));
	return median(copy, candidate->runs);
}

/* ---- the best of each kind together, against the profile ---- */

static int better_of(const struct candidate *candidates, int one, int other)
{
	int best = PROFILE;

	if (speed_of(&candidates[one]) > speed_of(&candidates[best]))
		best = one;
	if (speed_of(&candidates[other]) > speed_of(&candidates[best]))
		best = other;
	return best;
}

static void combine(const struct bench *bench, const struct candidate *candidates,
		    struct shape *shape)
{
	const int writers = better_of(candidates, FEWER_WRITERS, MORE_WRITERS);
	const int size = better_of(candidates, SMALLER, LARGER);
	const int depth = better_of(candidates, SHALLOWER, DEEPER);
	int best = writers;

	shape->writers = candidates[writers].shape.writers;
	shape->buffer_size = candidates[size].shape.buffer_size;
	shape->depth = candidates[depth].shape.depth;
	if (shape_fits(shape, machine_memory()) && shape_pool(shape) <= bench->size)
		return;
	if (speed_of(&candidates[size]) > speed_of(&candidates[best]))
		best = size;
	if (speed_of(&candidates[depth]) > speed_of(&candidates[best]))
		best = depth;
	*shape = candidates[best].shape;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	return a->writers == b->writers && a->depth == b->depth && a->buffer_size == b->buffer_size;
}

static int race(struct bench *bench, const struct shape *profile, const struct shape *best,
		struct duel *duel, double until)
{
	while (duel->pairs < PAIRS_MAX) {
		const double begin = seconds();
		/* Whoever comes first may find the disk in another state. */
		const bool turned = duel->pairs % 2;
		double first, second;
		int err = measure(bench, turned ? profile : best, &first);

		if (!err)
			err = measure(bench, turned ? best : profile, &second);
		if (err)
			return err;
		duel->ratios[duel->pairs] = turned ? second / first : first / second;
		duel->won += duel->ratios[duel->pairs++] > 1;
		if (duel->pairs >= PAIRS_MIN && 2 * seconds() - begin > until)
			break;
	}
	return 0;
}

/* How likely so many are won, or more, of two that are alike. */
static double chance(const struct duel *duel)
{
	double ways = 1, sum = 0;

	for (unsigned int won = 0; won <= duel->pairs; won++) {
		if (won >= duel->won)
			sum += ways;
		ways = ways * (duel->pairs - won) / (won + 1);
	}
	for (unsigned int i = 0; i < duel->pairs; i++)
		sum /= 2;
	return sum;
}

/* ---- what came out: comments, then the job ---- */

static void print_table(const struct candidate *candidates)
{
	const double profile = speed_of(&candidates[PROFILE]);

	printf("# %7s %7s %9s %9s %9s %9s %9s %8s\n", "writers", "depth", "buffer", "pool", "MB/s",
	       "least", "most", "ratio");
	for (int i = 0; i < CANDIDATES; i++) {
		const struct candidate *each = &candidates[i];
		const struct shape *shape = &each->shape;

		if (each->left_out)
			continue;
		printf("# %7u %7u %9s %9s %9.1f %9.1f %9.1f %8.3f\n", shape->writers, shape->depth,
		       human(shape->buffer_size), human(shape_pool(shape)), speed_of(each) / 1e6,
		       each->speeds[0] / 1e6, each->speeds[each->runs - 1] / 1e6,
		       speed_of(each) / profile);
	}
	printf("# Medians of %u runs of each, taken in turn; the first line is where it began.\n",
	       candidates[PROFILE].runs);
}

/* Is the best one better? */
static bool print_verdict(struct duel *duel, const struct shape *best)
{
	const double likely = chance(duel);
	const double middle = median(duel->ratios, duel->pairs);

	printf("# Then %u %s, depth %u, buffers of %s raced with it in %u alternating pairs: won "
	       "%u,\n# ratio %.3f (%.3f to %.3f).\n",
	       best->writers, best->writers == 1 ? "writer" : "writers", best->depth,
	       human(best->buffer_size), duel->pairs, duel->won, middle, duel->ratios[0],
	       duel->ratios[duel->pairs - 1]);
	if (likely <= SURE && middle > 1) {
		printf("# Faster by %.1f %%; two alike would come out so 1 time in %.0f.\n#\n",
		       (middle - 1) * 100, 1 / likely);
		return true;
	}
	printf("# No difference within noise: two alike would come out so 1 time in %.1f. It stays "
	       "as it began.\n#\n",
	       1 / likely);
	return false;
}

/* ---- the target ---- */

/* names: of the file to try on, and of that of the job, where the target is a directory. */
static int lay_out(struct bench *bench, char *names[2])
{
	struct target *target = bench->targets;
	uint64_t most;
	struct stat status;
	int err;

	if (!stat(target->name, &status) && S_ISDIR(status.st_mode)) {
		const char *slash = target->name[strlen(target->name) - 1] == '/' ? "" : "/";

		if (asprintf(&names[0], "%s%sdgen-tune-%d.dat", target->name, slash, getpid()) <
			    0 ||
		    asprintf(&names[1], "%s%sdgen.dat", target->name, slash) < 0)
			return -ENOMEM;
		target->name = names[0];
	}
	err = target_look(target, false, bench->may_destroy);
	if (err)
		return err;
	most = target->device ? target->size : (target->space + target->allocated) / 2;
	if (!bench->size_set) {
		bench->size = 4 * shape_pool(&bench->shape);
		bench->size = bench->size < AREA_MIN ? AREA_MIN : bench->size;
		bench->size = bench->size > most ? most : bench->size;
	}
	bench->size -= bench->size % (2 * bench->shape.buffer_size);
	if (bench->size < 2 * bench->shape.buffer_size * bench->shape.writers) {
		complain(
			"--tune=%s: needs at least two buffers of %s for each of %u %s; %s can be had",
			target->name, human(bench->shape.buffer_size), bench->shape.writers,
			workers(bench, bench->shape.writers),
			human(bench->size_set ? bench->size : most));
		return -ENOSPC;
	}
	if (shape_pool(&bench->shape) > bench->size)
		bench->shape.depth = (unsigned int)(bench->size / bench->shape.writers /
						    bench->shape.buffer_size);
	target->wanted = bench->size;
	return target_check_space(target, 1);
}

/* In seconds: with fewer runs, or shorter ones, chance would decide. */
static double least_time(const struct candidate *candidates)
{
	int runs = 2 * PAIRS_MIN;

	for (int i = 0; i < CANDIDATES; i++)
		runs += candidates[i].left_out ? 0 : ROUNDS_MIN;
	return runs * (SHORTEST + STARTING) / 1000.0;
}

static int find_best(struct bench *bench)
{
	double all = bench->runtime ? (double)bench->runtime : SECONDS;
	struct candidate candidates[CANDIDATES];
	struct duel duel = { 0 };
	struct shape best;
	double begin, speed;
	int err;

	fill_in(bench, candidates);
	if (all < least_time(candidates))
		all = least_time(candidates);
	complain("tuning on %s of %s for about %.0f seconds", human(bench->size),
		 bench->targets->name, all);
	bench->runtime = 0;
	err = measure(bench, &candidates[PROFILE].shape, &speed);
	if (err)
		return err;
	begin = seconds();
	bench->run_ms = (uint64_t)(all * 1000 / RUNS) - STARTING;
	if (all * 1000 / RUNS < SHORTEST + STARTING)
		bench->run_ms = SHORTEST;
	err = explore(bench, candidates, begin + all * EXPLORE_PART);
	if (err)
		return err;
	combine(bench, candidates, &best);
	if (!same_shape(&best, &candidates[PROFILE].shape))
		err = race(bench, &candidates[PROFILE].shape, &best, &duel, begin + all);
	if (err)
		return err;
	print_table(candidates);
	if (!duel.pairs)
		printf("# Nothing was faster than where it began.\n#\n");
	else if (print_verdict(&duel, &best))
		candidates[PROFILE].shape = best;
	bench->shape = candidates[PROFILE].shape;
	bench->run_ms = 0;
	return 0;
}

int tune(struct bench *bench)
{
	const struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESTART };
	struct target *target = bench->targets;
	char *names[2] = { NULL, NULL };
	int err;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	bench->automatic = true;
	err = plan_shape(bench);
	if (!err && shape_reduce(&bench->shape, machine_memory())) {
		complain("a pool of %u buffers of %s does not fit into %s of memory",
			 bench->shape.writers * bench->shape.depth, human(bench->shape.buffer_size),
			 human(machine_memory()));
		err = -ENOMEM;
	}
	if (!err)
		err = lay_out(bench, names);
	if (!err) {
		err = find_best(bench);
		if (!target->exists && unlink(target->name) && errno != ENOENT)
			complain("%s: %s", target->name, strerror(errno));
	}
	if (!err) {
		target->name = names[1] ? names[1] : target->name;
		err = job_write(bench, stdout);
	}
	free(names[0]);
	free(names[1]);
	return err;
}
