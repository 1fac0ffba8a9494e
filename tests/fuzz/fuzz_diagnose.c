// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verify diagnosis: any part of a file with any damage. It finds something where something is wrong,
 * and only there, within what it looked at, and says it in a line that fits where it must.
 */
#include "diagnose.h"
#include "fuzz.h"
#include "trace.h"

#define LENGTH_MAX (16u << 10)
#define DAMAGES_MAX 12
#define SIZE (4u << 20)

enum damage { FLIP, ZERO, RANDOM, OTHER_VERSION, OTHER_PLACE, OTHER_FILE, OTHER_SEED, DAMAGES };

struct scene {
	const struct dgen *dgen, *other; /* of another seed */
	struct verify_place places[2];
	uint64_t offset, version;
	uint32_t length;
	uint8_t found[LENGTH_MAX], right[LENGTH_MAX];
};

/* One thing that may go wrong, to a part that the input says. */
static void damage(struct scene *s, struct input *in)
{
	enum damage what = (enum damage)(take(in, 1) % DAMAGES);
	uint32_t from = (uint32_t)take(in, 2) % s->length;
	uint32_t count = (uint32_t)take(in, 2) % (s->length - from) + 1;
	uint64_t number = take(in, 2), domain = s->places[0].domain;
	uint8_t *at = s->found + from;

	/* I/O goes wrong by sectors. */
	if (what > RANDOM && number & 1) {
		from &= ~(DGEN_SECTOR - 1);
		at = s->found + from;
		count = count + DGEN_SECTOR > s->length - from ? s->length - from :
								 count | (DGEN_SECTOR - 1);
	}
	switch (what) {
	case FLIP:
		*at ^= (uint8_t)number;
		break;
	case ZERO:
		memset(at, 0, count);
		break;
	case RANDOM:
		for (uint32_t i = 0; i < count; i++)
			at[i] = (uint8_t)take(in, 1);
		break;
	case OTHER_VERSION:
		dgen_fill(s->dgen, domain, s->version + (number >> 1) - 300, s->offset + from, at,
			  count);
		break;
	case OTHER_PLACE:
		dgen_fill(s->dgen, domain, s->version, s->offset + from + (number << 9), at, count);
		break;
	case OTHER_FILE:
		dgen_fill(s->dgen, s->places[1].domain, s->version, s->offset + from, at, count);
		break;
	default:
		dgen_fill(s->other, domain, s->version, s->offset + from, at, count);
	}
}

static void check(const struct scene *s, const struct verify_finding *f)
{
	const bool right = !memcmp(s->found, s->right, s->length);
	struct verify_finding twice = *f;
	char line[VERIFY_LINE_MAX], cut[40];
	int length = verify_describe(f, line, sizeof(line));

	must((f->kind == VERIFY_RIGHT) == right);
	must(f->kind < VERIFY_KINDS && f->nr_parts <= VERIFY_PARTS_MAX + 1);
	must(length > 0 &&
	     strlen(line) == ((size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1));
	must(verify_describe(f, cut, sizeof(cut)) == length);
	must(strlen(cut) < sizeof(cut) && !strncmp(cut, line, strlen(cut)));
	verify_merge(&twice, f);
	if (right)
		return;
	must(f->offset == s->offset && f->length == s->length);
	must(f->first <= f->last && f->last < s->length);
	must(f->bytes > 0 && f->bytes <= f->last - f->first + 1 && f->bits >= f->bytes);
	must(s->found[f->first] != s->right[f->first] && s->found[f->last] != s->right[f->last]);
	must(f->found == s->found[f->first] && f->wanted == s->right[f->first]);
	for (uint32_t i = 0; i < f->nr_parts && i < VERIFY_PARTS_MAX; i++)
		must(f->parts[i].first <= f->parts[i].last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene s;
	struct input in = { data, size };
	struct dgen_options o = take_options(&in), other = o;
	struct verify_finding finding;
	struct dgen *dgen, *dgen_other;
	uint64_t unit, oldest, newest;

	o.dedup_unit = (o.dedup_unit - 512) % LENGTH_MAX + 512;
	other = o;
	other.data_seed++;
	if (dgen_create(&o, &dgen, NULL))
		return -1;
	must(!dgen_create(&other, &dgen_other, NULL));
	s.dgen = dgen;
	s.other = dgen_other;
	s.places[0] = (struct verify_place){ "here", take(&in, 8), SIZE };
	s.places[1] = (struct verify_place){ "there", take(&in, 8), SIZE };
	unit = take(&in, 2) % (SIZE / o.dedup_unit);
	s.offset = unit * o.dedup_unit;
	s.length = o.dedup_unit;
	if (take(&in, 1) % 4 == 0) { /* a part */
		uint32_t from = (uint32_t)take(&in, 2) % s.length;

		s.offset += from;
		s.length = (uint32_t)take(&in, 2) % (s.length - from) + 1;
	}
	s.version = take(&in, 1) % 2 ? take(&in, 8) & DGEN_VERSION_MAX : take(&in, 2);
	oldest = s.version - take(&in, 1) % (s.version + 1);
	newest = s.version + take(&in, 1);
	dgen_fill(dgen, s.places[0].domain, s.version, s.offset, s.right, s.length);
	memcpy(s.found, s.right, s.length);
	for (int i = 0; i < DAMAGES_MAX && in.left; i++)
		damage(&s, &in);
	verify_diagnose(dgen, o.dedup_unit, s.places, 2, 0, s.offset, s.found, s.length, s.version,
			oldest, newest, &finding);
	check(&s, &finding);
	dgen_destroy(dgen);
	dgen_destroy(dgen_other);
	return 0;
}
