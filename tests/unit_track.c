// SPDX-License-Identifier: GPL-2.0-only
/* The tags: what is kept, for whom, and what a damaged file of them does. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "track.h"

static char path[] = "/tmp/unit_track.XXXXXX";

static struct dgen_options some_options(void)
{
	return (struct dgen_options){
		.dedup_ratio = 2, .compress_ratio = 1, .dedup_unit = 4096, .data_seed = 5
	};
}

/* Opens as a process of its own would: locks go with the descriptor, which nothing closes. */
static int try_open(const char *name, enum track_mode mode, struct track **track, char *why)
{
	struct dgen_options options = some_options();

	return track_open(name, mode, false, &options, track, why);
}

static struct track_map map_of(struct track *track, struct track_file *file)
{
	const struct track_initial initial = { .base = 3, .oldest = 2, .newest = 2, .known = true };
	char why[TRACK_WHY_MAX];
	struct track_map map;

	assert_int_equal(track_map(track, file, &initial, &map, why), 0);
	return map;
}

static struct track_file *add(struct track *track, const char *name, uint64_t size, uint32_t grain)
{
	char why[TRACK_WHY_MAX];
	struct track_file *file;

	assert_int_equal(track_add(track, name, size, grain, &file, why), 0);
	assert_non_null(file);
	return file;
}

static void in_memory(void **state)
{
	char why[TRACK_WHY_MAX];
	struct track_file *a, *b;
	struct track_map map;
	struct track *track;

	(void)state;
	assert_int_equal(try_open(NULL, TRACK_WRITE, &track, why), 0);
	a = add(track, "a", 1 << 20, 4096);
	b = add(track, "b", 1 << 20, 4096);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(add(track, "a", 2 << 20, 4096), a);
	assert_int_equal(track_grains(a), 512);
	/* Jobs of other block sizes: what both can note. */
	add(track, "a", 1 << 20, 3072);
	assert_int_equal(a->grain, 1024);
	assert_null(track_find(track, "c"));
	map = map_of(track, a);
	assert_null(map.flushed);
	assert_int_equal(map.tags[2047], TRACK_INITIAL);
	map.tags[2047] = 1;
	assert_int_equal(map_of(track, a).tags[2047], 1);
	assert_int_equal(map_of(track, b).tags[0], TRACK_INITIAL);
	assert_int_equal(track_version(a, 1), 3);
	track_close(track);
}

static void versions_follow_each_other(void **state)
{
	struct track_file file = { .base = 7 };
	uint8_t tag = TRACK_INITIAL;

	(void)state;
	for (int n = 0; n < 1000; n++) {
		const uint8_t next = track_next(&file, tag | (n % 2 ? TRACK_BUSY : 0));

		assert_in_range(next, 1, TRACK_LAST);
		assert_int_not_equal(next, tag);
		assert_int_equal(track_version(&file, next), 7 + n % TRACK_LAST);
		assert_int_equal(file.rounds > 0, n >= TRACK_LAST);
		tag = next;
	}
	assert_in_range(track_next(&file, TRACK_UNKNOWN), 1, TRACK_LAST);
	assert_in_range(track_next(&file, TRACK_TRIMMED), 1, TRACK_LAST);
}

/* What a run left: tags is set in a child, which ends as it is told. */
static void in_child(bool ends, uint64_t size, uint8_t tag)
{
	const pid_t child = fork();
	int status;

	if (!child) {
		char why[TRACK_WHY_MAX];
		struct track *track;
		struct track_file *file;

		if (try_open(path, TRACK_WRITE, &track, why))
			_exit(1);
		track_join(track);
		file = add(track, "f", size, 4096);
		map_of(track, file).tags[track_grains(file) - 1] = tag;
		map_of(track, file).flushed[track_grains(file) - 1] = tag;
		if (ends)
			track_leave(track);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void outlives_its_run(void **state)
{
	char why[TRACK_WHY_MAX];
	struct track_file *file;
	struct track *track;

	(void)state;
	unlink(path);
	in_child(true, 1 << 20, 5);
	assert_int_equal(try_open(path, TRACK_READ, &track, why), 0);
	assert_int_equal(track_last_end(track), TRACK_ENDED);
	file = track_find(track, "f");
	assert_non_null(file);
	assert_int_equal(map_of(track, file).tags[255], 5);
	track_close(track);

	/* The file has grown: its tags move. */
	in_child(false, UINT64_C(1) << 30, 6);
	assert_int_equal(try_open(path, TRACK_READ, &track, why), 0);
	assert_int_equal(track_last_end(track), TRACK_KILLED);
	file = track_find(track, "f");
	assert_int_equal(file->size, 1 << 30);
	assert_int_equal(map_of(track, file).tags[255], 5);
	assert_int_equal(map_of(track, file).flushed[255], 5);
	assert_int_equal(map_of(track, file).tags[(1 << 18) - 1], 6);
	track_close(track);
}

/* A process that uses the tags, and holds what is settled by one at a time, until it is killed. */
static pid_t user(struct track *track)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		track_enter(track);
		byte = (char)track_try_settle(track);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void nobody_waits_for_the_dead(void **state)
{
	char why[TRACK_WHY_MAX];
	struct track *track;
	pid_t child;

	(void)state;
	assert_int_equal(try_open(NULL, TRACK_WRITE, &track, why), 0);
	track_join(track);
	track_join(track);
	track_enter(track);
	child = user(track);
	assert_false(track_try_settle(track));
	assert_false(track_lost_job(track));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(track_lost_job(track));
	assert_true(track_try_settle(track));
	assert_false(track_try_settle(track));
	track_end_settle(track);
	assert_true(track_try_settle(track));
	track_close(track);
}

/* Held by a process that lives, but not in this run: as when a number was given again. */
static void nobody_waits_for_a_run_before(void **state)
{
	static const enum track_mode modes[] = { TRACK_READ, TRACK_WRITE };
	char why[TRACK_WHY_MAX];
	struct track *track;

	(void)state;
	unlink(path);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(try_open(path, TRACK_WRITE, &track, why), 0);
		assert_true(track_try_settle(track));
		track_close(track);
		assert_int_equal(try_open(path, modes[i], &track, why), 0);
		assert_true(track_try_settle(track));
		track_close(track);
	}
}

/* By somebody else, between two looks at it. */
static void cut_while_in_use(void **state)
{
	const struct track_initial initial = { .base = 3 };
	char why[TRACK_WHY_MAX];
	struct track_file *file;
	struct track_map map;
	struct track *track;

	(void)state;
	for (int mode = TRACK_WRITE; mode <= TRACK_READ; mode++) {
		unlink(path);
		in_child(true, 1 << 20, 1);
		assert_int_equal(try_open(path, (enum track_mode)mode, &track, why), 0);
		file = track_find(track, "f");
		assert_non_null(file);
		assert_int_equal(truncate(path, (off_t)file->at), 0);
		assert_int_equal(track_map(track, file, &initial, &map, why), -EIO);
		assert_non_null(strstr(why, "was cut"));
		track_close(track);
	}
}

static void refuses(void **state)
{
	struct dgen_options options = some_options();
	char why[TRACK_WHY_MAX];
	struct track *track, *other;
	struct track_file *file;

	(void)state;
	unlink(path);
	assert_int_equal(try_open(path, TRACK_READ, &track, why), -ENOENT);
	assert_int_equal(try_open("/", TRACK_READ, &track, why), -EINVAL);
	in_child(true, 1 << 20, 1);
	options.dedup_ratio = 3;
	assert_int_equal(track_open(path, TRACK_READ, false, &options, &track, why), -EINVAL);
	assert_non_null(strstr(why, "dedup_ratio=2"));
	options = some_options();
	options.compress_codec = DGEN_ZSTD;
	options.compress_record = 8192;
	assert_int_equal(track_open(path, TRACK_READ, false, &options, &track, why), -EINVAL);
	assert_non_null(
		strstr(why, "compress_codec=default and compress_record=0, not zstd and 8192"));
	options = some_options();
	options.data_seed = 6;
	assert_int_equal(track_open(path, TRACK_READ, false, &options, &track, why), -EINVAL);
	assert_int_equal(track_open(path, TRACK_READ, true, &options, &track, why), 0);
	assert_int_equal(options.data_seed, 5);
	assert_int_equal(try_open(path, TRACK_WRITE, &other, why), -EBUSY);
	track_close(track);
	assert_int_equal(try_open(path, TRACK_WRITE, &track, why), 0);
	assert_int_equal(track_add(track, "f", 1 << 20, 512, &file, why), -EINVAL);
	track_close(track);
}

/* Damage anywhere in the head is refused, or harmless: nothing outside of the file is touched. */
static void damaged_files(void **state)
{
	char why[TRACK_WHY_MAX];
	uint8_t good[4096], bad[4096];
	unsigned int seed = 1;
	int fd;

	(void)state;
	unlink(path);
	in_child(true, 1 << 20, 1);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, good, sizeof(good), 0), sizeof(good));
	for (int n = 0; n < 5000; n++) {
		struct track *track;
		struct track_file *file;

		memcpy(bad, good, sizeof(bad));
		for (int i = 0; i <= n % 4; i++)
			bad[rand_r(&seed) % 400] = (uint8_t)rand_r(&seed);
		assert_int_equal(pwrite(fd, bad, sizeof(bad), 0), sizeof(bad));
		if (try_open(path, TRACK_READ, &track, why))
			continue;
		file = track_find(track, "f");
		if (file && file->at) {
			const struct track_map map = map_of(track, file);
			unsigned int sum = 0;

			for (size_t i = 0; i < track_grains(file); i++)
				sum += map.tags[i] + map.flushed[i];
			assert_true(sum < UINT32_MAX);
		}
		track_close(track);
	}
	for (off_t size = 0; size < 70000; size += 9999) {
		struct track *track;

		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(try_open(path, TRACK_READ, &track, why), -EINVAL);
	}
	close(fd);
}

/* A size that would be a few grains once it is rounded up, versions that nobody could count down. */
static void hostile_files(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
	} fields[] = {
		{ offsetof(struct track_file, size), UINT64_MAX },
		{ offsetof(struct track_file, size), UINT64_MAX - 100 },
		{ offsetof(struct track_file, newest), UINT64_MAX },
		{ offsetof(struct track_file, newest), UINT64_MAX / 2 },
		{ offsetof(struct track_file, oldest), 9 },
		{ offsetof(struct track_file, room), UINT64_MAX },
		{ offsetof(struct track_file, at), UINT64_MAX },
	};
	static uint64_t words[1 << 17];
	char why[TRACK_WHY_MAX];
	struct track *track;
	ssize_t got;
	off_t at = 0;
	int fd;

	(void)state;
	unlink(path);
	in_child(true, 1 << 20, 1);
	fd = open(path, O_RDWR);
	got = pread(fd, words, sizeof(words), 0);
	assert_true(got > 0);
	while (words[at] != dgen_domain("f"))
		assert_true(++at < got / 8);
	assert_int_equal(try_open(path, TRACK_READ, &track, why), 0);
	track_close(track);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const off_t field = at * 8 + (off_t)fields[i].at;
		uint64_t before;

		assert_int_equal(pread(fd, &before, 8, field), 8);
		assert_int_equal(pwrite(fd, &fields[i].value, 8, field), 8);
		assert_int_equal(try_open(path, TRACK_READ, &track, why), -EINVAL);
		assert_non_null(strstr(why, "damaged"));
		assert_int_equal(pwrite(fd, &before, 8, field), 8);
	}
	close(fd);
}

static int make_path(void **state)
{
	const int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(versions_follow_each_other),
		cmocka_unit_test(outlives_its_run),
		cmocka_unit_test(refuses),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(hostile_files),
		cmocka_unit_test(nobody_waits_for_the_dead),
		cmocka_unit_test(nobody_waits_for_a_run_before),
		cmocka_unit_test(cut_while_in_use),
	};

	return cmocka_run_group_tests_name("track", tests, make_path, remove_path);
}
