// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify_state_file: a file that was damaged, cut, or made to deceive. It is refused with one line, or
 * every tag of every file that it names can be read and written, and nothing else is.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "track.h"

#define NEAR 4288u /* bytes: the head, and some of the table of files */

static char path[] = "/dev/shm/dgen-fuzz-state.XXXXXX";

static uint8_t *original;
static size_t original_size;
static int state;

static void remove_state(void)
{
	unlink(path);
}

static struct dgen_options options(void)
{
	struct dgen_options o = DGEN_OPTIONS_DEFAULT;

	o.data_seed = 7;
	return o;
}

/* Its tags lie behind those of the run; as many bytes again are those that were flushed. */
static void unmap(const struct track_map *map, const struct track_file *f)
{
	must(!munmap((void *)map->tags,
		     2 * f->room + (f->room / TRACK_PIECE + 65535) / 65536 * 65536));
}

/* A good file to begin with: one file of which some tags are set. */
static void make_original(void)
{
	const struct track_initial initial = { .base = 3, .known = true };
	struct dgen_options o = options();
	struct track_file *f;
	struct track *track;
	struct track_map map;
	char why[TRACK_WHY_MAX];

	/* By name: links are refused, those of /proc too. */
	state = mkstemp(path);
	must(state >= 0 && !atexit(remove_state));
	must(!track_open(path, TRACK_WRITE, false, &o, &track, why));
	must(!track_add(track, "one", 100 * 4096, 4096, &f, why));
	must(!track_map(track, f, &initial, &map, why));
	track_join(track);
	map.tags[1] = track_next(f, map.tags[1]);
	track_leave(track);
	unmap(&map, f);
	track_close(track);
	original_size = (size_t)lseek(state, 0, SEEK_END);
	original = malloc(original_size);
	must(original && pread(state, original, original_size, 0) == (ssize_t)original_size);
}

/* Some numbers of the file are replaced. Most of what lies in it is zero, so places are few. */
static void damage(struct input *in)
{
	uint8_t value[8];

	/* In its old pages: new ones would be most of the fuzzer's time. */
	must(pwrite(state, original, original_size, 0) == (ssize_t)original_size &&
	     !ftruncate(state, (off_t)original_size));
	for (int i = 0; i < 16 && in->left; i++) {
		uint64_t where = take(in, 2), bytes = take(in, 1) % 8 + 1, number = take(in, 8);

		if (where >= NEAR)
			where = original_size - 1 - (where & 0x3ffff);
		for (int j = 0; j < 8; j++)
			value[j] = (uint8_t)(number >> (8 * j));
		must(pwrite(state, value, bytes, (off_t)where) == (ssize_t)bytes);
	}
}

static void use(struct track *track, const char *name, uint64_t size, uint32_t grain)
{
	const struct track_initial initial = { .base = 1, .known = true };
	struct track_file *f;
	struct track_map map;
	char why[TRACK_WHY_MAX] = "";
	uint64_t grains;
	uint8_t tag;

	if (track_add(track, name, size, grain, &f, why)) {
		must_be_a_line(why, sizeof(why));
		return;
	}
	if (!f || (track_mode(track) == TRACK_READ && !f->at))
		return;
	must(track_written(track, f) <= f->room * f->grain);
	if (track_mode(track) == TRACK_WRITE && !(f->base & 7))
		track_begin_again(track, f);
	if (track_map(track, f, &initial, &map, why)) {
		must_be_a_line(why, sizeof(why));
		return;
	}
	must(f->grain >= 512);
	grains = f->size / f->grain + (f->size % f->grain != 0);
	must(grains == track_grains(f) && grains <= f->room);
	if (grains) {
		const uint64_t ends[] = { 0, grains / 2, grains - 1 };

		for (int i = 0; i < 3; i++) {
			tag = map.tags[ends[i]];
			if (track_mode(track) == TRACK_READ)
				continue;
			map.tags[ends[i]] = track_next(f, tag);
			map.flushed[ends[i]] = tag;
			map.changed[ends[i] / TRACK_PIECE] = 1;
		}
	}
	unmap(&map, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct dgen_options o = options();
	uint64_t flags = take(&in, 1), cut = take(&in, 3), file_size = take(&in, 4);
	uint32_t grain = 512u << take(&in, 1) % 4;
	struct track *track;
	char why[TRACK_WHY_MAX] = "";

	if (!original)
		make_original();
	damage(&in);
	if (flags & 1)
		must(!ftruncate(state, (off_t)cut));
	if (track_open(path, flags & 2 ? TRACK_READ : TRACK_WRITE, flags & 4, &o, &track, why)) {
		must_be_a_line(why, sizeof(why));
		return 0;
	}
	track_join(track);
	use(track, "one", flags & 8 ? file_size : 4096, grain);
	use(track, "two", file_size >> 4, grain);
	use(track, "one", 4096, 4096);
	track_leave(track);
	track_close(track);
	return 0;
}
