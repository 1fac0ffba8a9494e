// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each sector that differs is given an origin. One origin that explains all that differs is the
 * finding; several make a mixture. A sector may have several origins (zeros at the end of a chunk are
 * the same everywhere), so an origin that was found takes all sectors that it explains.
 */
#include "diagnose.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

#define SECTOR DGEN_SECTOR
#define ORIGINS_MAX 6       /* in one finding; what is left is unknown */
#define SECTORS_MAX 32769   /* of the largest unit, at any alignment */
#define BITS_MAX 8          /* flipped, each in another byte */
#define VERSIONS_TRIED 500  /* on either side */
#define UNITS_MAX (1 << 21) /* visited, for the places of shared contents */
#define NEIGHBOURS 256 /* sectors on either side, where a sector holds too little to be traced */

/* Sector states besides the numbers of origins. */
#define RIGHT 255
#define OPEN 254

/* Where sectors come from: what lies shift bytes further at that version. */
struct origin {
	enum verify_kind kind; /* ZEROS, or of a version and place */
	const struct verify_place *whose;
	uint64_t domain, version;
	uint64_t shift; /* modulo 2^64 */
};

struct scene {
	const struct dgen *dgen;
	uint32_t unit;
	const struct verify_place *places;
	size_t nr_places, here;
	uint64_t offset;
	const uint8_t *found;
	uint32_t length;
	uint64_t version, oldest, newest;
	uint64_t *units; /* that may be visited yet */
	bool *ours;      /* something was of this seed */
	uint32_t sectors;
	uint32_t nr_origins;
	struct origin origins[ORIGINS_MAX];
	uint8_t states[SECTORS_MAX];
};

/* The part of a sector that lies within the scene. */
struct piece {
	uint64_t offset;
	const uint8_t *found;
	uint32_t length;
};

static struct piece piece(const struct scene *s, uint32_t sector)
{
	uint32_t skip = (uint32_t)(s->offset % SECTOR);
	uint32_t from = sector ? sector * SECTOR - skip : 0, to = (sector + 1) * SECTOR - skip;

	if (to > s->length)
		to = s->length;
	return (struct piece){ s->offset + from, s->found + from, to - from };
}

static bool is_zero(const uint8_t *p, size_t length)
{
	return !length || (!p[0] && !memcmp(p, p + 1, length - 1));
}

static bool explains(const struct scene *s, const struct origin *o, uint32_t sector)
{
	struct piece p = piece(s, sector);

	if (o->kind == VERIFY_ZEROS)
		return is_zero(p.found, p.length);
	return dgen_compare(s->dgen, o->domain, o->version, p.offset + o->shift, p.found,
			    p.length) == p.length;
}

static struct origin version_here(const struct scene *s, uint64_t version)
{
	return (struct origin){ version < s->version ? VERIFY_STALE : VERIFY_NEWER,
				&s->places[s->here], s->places[s->here].domain, version, 0 };
}

static bool find_older(const struct scene *s, uint32_t sector, struct origin *o)
{
	uint64_t version = s->version;

	for (int i = 0; i < VERSIONS_TRIED && version > s->oldest; i++) {
		*o = version_here(s, --version);
		if (explains(s, o, sector))
			return true;
	}
	return false;
}

static bool find_newer(const struct scene *s, uint32_t sector, struct origin *o)
{
	uint64_t version = s->version;

	for (int i = 0; i < VERSIONS_TRIED && version < s->newest; i++) {
		*o = version_here(s, ++version);
		if (explains(s, o, sector))
			return true;
	}
	return false;
}

/* An origin of data found at a sector, whose block begins at bytes before it. */
static bool settle(const struct scene *s, uint32_t sector, uint32_t at,
		   const struct verify_place *whose, const struct dgen_source *source,
		   struct origin *o)
{
	*o = (struct origin){ VERIFY_MISDIRECTED, whose, source->domain, source->version,
			      source->offset + at - piece(s, sector).offset };
	/* A version that is out of the range that was asked for. */
	if (whose == &s->places[s->here] && !o->shift)
		*o = version_here(s, source->version);
	return explains(s, o, sector);
}

/* In a place: as it must be now, then at any version. */
static bool find_in_place(const struct scene *s, const struct verify_place *place,
			  struct dgen_content number, uint32_t sector, uint32_t at,
			  struct origin *o)
{
	uint64_t offset = piece(s, sector).offset;
	struct dgen_search search = { place->domain, place->size, offset > at ? offset - at : 0,
				      s->oldest,     s->version,  *s->units };
	struct dgen_source source;
	bool found = dgen_locate(s->dgen, number, &search, &source);

	if (!found && s->newest > s->version) {
		search.oldest = s->version;
		search.newest = s->newest;
		found = dgen_locate(s->dgen, number, &search, &source);
	}
	*s->units = search.units;
	return found && settle(s, sector, at, place, &source, o);
}

static bool find_place(const struct scene *s, struct dgen_content number, uint32_t sector,
		       uint32_t at, struct origin *o)
{
	uint32_t block = (uint32_t)(piece(s, sector).offset % s->unit / DGEN_BLOCK);
	struct dgen_source source;

	*s->ours = true;
	/* Here first, as files may be clones of each other. */
	if (find_in_place(s, &s->places[s->here], number, sector, at, o))
		return true;
	for (size_t i = 0; i < s->nr_places; i++)
		if (i != s->here && find_in_place(s, &s->places[i], number, sector, at, o))
			return true;
	return dgen_guess(s->dgen, number, block, &source) &&
	       settle(s, sector, at, NULL, &source, o);
}

/* From a sector alone, wherever in a block it belongs: here first. */
static bool trace_sector(const struct scene *s, uint32_t sector, struct origin *o)
{
	uint32_t block = s->unit < DGEN_BLOCK ? s->unit : DGEN_BLOCK;
	struct piece p = piece(s, sector);
	uint32_t here = (uint32_t)(p.offset % s->unit % DGEN_BLOCK);
	struct dgen_content number;

	if (p.length < SECTOR)
		return false;
	for (uint32_t i = 0; i < block; i += SECTOR) {
		uint32_t at = (here + i) % block;

		if (dgen_trace(s->dgen, p.found, SECTOR, at, &number))
			return find_place(s, number, sector, at, o);
	}
	return false;
}

/* With the sectors that follow it in its block, if they belong together. */
static bool trace_block(const struct scene *s, uint32_t sector, struct origin *o)
{
	struct piece p = piece(s, sector);
	uint32_t at = (uint32_t)(p.offset % s->unit % DGEN_BLOCK);
	uint32_t length = DGEN_BLOCK - at, left = (uint32_t)(s->found + s->length - p.found);
	struct dgen_content number;

	if (length > left / SECTOR * SECTOR)
		length = left / SECTOR * SECTOR;
	return p.length == SECTOR && length && dgen_trace(s->dgen, p.found, length, at, &number) &&
	       find_place(s, number, sector, at, o);
}

static bool try_place(const struct scene *s, uint32_t sector, const struct verify_place *place,
		      uint64_t shift, struct origin *o)
{
	if (piece(s, sector).offset + shift >= place->size)
		return false;
	*o = (struct origin){ VERIFY_MISDIRECTED, place, place->domain, s->version, shift };
	return explains(s, o, sector);
}

/* Too few random bytes to be traced: the places that are likely. */
static bool find_neighbour(const struct scene *s, uint32_t sector, struct origin *o)
{
	for (size_t i = 0; i < s->nr_places; i++)
		if (i != s->here && try_place(s, sector, &s->places[i], 0, o))
			return true;
	for (uint64_t i = 1; i <= NEIGHBOURS; i++)
		if (try_place(s, sector, &s->places[s->here], i * SECTOR, o) ||
		    try_place(s, sector, &s->places[s->here], 0 - i * SECTOR, o))
			return true;
	return false;
}

static bool find_origin(const struct scene *s, uint32_t sector, struct origin *o)
{
	struct piece p = piece(s, sector);

	if (is_zero(p.found, p.length)) {
		*o = (struct origin){ .kind = VERIFY_ZEROS };
		return true;
	}
	/* A shared content may be both: what lies elsewhere now is likelier than what comes later. */
	return find_older(s, sector, o) || trace_sector(s, sector, o) ||
	       trace_block(s, sector, o) || find_newer(s, sector, o) ||
	       find_neighbour(s, sector, o);
}

static void look_for_right(struct scene *s)
{
	struct origin right = version_here(s, s->version);

	for (uint32_t i = 0; i < s->sectors; i++)
		s->states[i] = explains(s, &right, i) ? RIGHT : OPEN;
}

static void add_origin(struct scene *s, uint32_t sector)
{
	struct origin *o = &s->origins[s->nr_origins];

	if (!find_origin(s, sector, o))
		return;
	for (uint32_t i = 0; i < s->sectors; i++)
		if (s->states[i] == OPEN && explains(s, o, i))
			s->states[i] = (uint8_t)s->nr_origins;
	s->nr_origins++;
}

/*
 * What has data first: its origin may explain zeros. Of unknown sectors only some are tried, for an
 * end in time.
 */
static void look_for_origins(struct scene *s)
{
	for (int zeros = 0; zeros < 2; zeros++)
		for (uint32_t i = 0, tried = 0;
		     i < s->sectors && tried < 2 * ORIGINS_MAX && s->nr_origins < ORIGINS_MAX;
		     i++) {
			struct piece p = piece(s, i);

			if (s->states[i] != OPEN || is_zero(p.found, p.length) != zeros)
				continue;
			add_origin(s, i);
			tried++;
		}
}

static uint32_t ones(uint8_t x)
{
	return (uint32_t)__builtin_popcount(x);
}

static void count_differences(const struct scene *s, struct verify_finding *f)
{
	uint8_t wanted[SECTOR];

	for (uint32_t i = 0; i < s->sectors; i++) {
		struct piece p = piece(s, i);

		if (s->states[i] == RIGHT)
			continue;
		dgen_fill(s->dgen, s->places[s->here].domain, s->version, p.offset, wanted,
			  p.length);
		for (uint32_t j = 0; j < p.length; j++) {
			if (p.found[j] == wanted[j])
				continue;
			f->last = p.offset - s->offset + j;
			if (!f->bytes++) {
				f->first = f->last;
				f->found = p.found[j];
				f->wanted = wanted[j];
			}
			f->bits += ones(p.found[j] ^ wanted[j]);
		}
	}
}

/* The origin's name for sectors that begin at a piece. */
static void set_part(const struct scene *s, uint32_t first, uint32_t last, struct verify_part *part)
{
	uint8_t state = s->states[first];

	*part = (struct verify_part){ .kind = state == RIGHT ? VERIFY_RIGHT : VERIFY_UNKNOWN,
				      .first = first,
				      .last = last,
				      .version = s->version };
	if (state < s->nr_origins) {
		const struct origin *o = &s->origins[state];

		part->kind = o->kind;
		part->version = o->version;
		part->whose = o->whose;
		part->whose_offset = piece(s, first).offset + o->shift;
	}
}

static void set_parts(const struct scene *s, struct verify_finding *f)
{
	for (uint32_t first = 0, next; first < s->sectors; first = next) {
		for (next = first + 1; next < s->sectors && s->states[next] == s->states[first];)
			next++;
		if (f->nr_parts < VERIFY_PARTS_MAX)
			set_part(s, first, next - 1, &f->parts[f->nr_parts]);
		if (f->nr_parts <= VERIFY_PARTS_MAX)
			f->nr_parts++;
	}
}

/* Does the origin explain what is right, too? */
static bool explains_all(const struct scene *s, const struct origin *o)
{
	for (uint32_t i = 0; i < s->sectors; i++)
		if (!explains(s, o, i))
			return false;
	return true;
}

static void judge_origin(const struct scene *s, const struct origin *o, struct verify_finding *f)
{
	f->kind = o->kind;
	f->version = o->version;
	f->whose = o->whose;
	f->whose_offset = s->offset + o->shift;
	f->whole = explains_all(s, o);
	if (!f->whole && (o->kind == VERIFY_STALE || o->kind == VERIFY_NEWER))
		f->kind = VERIFY_TORN;
}

/* As many different bytes as chance gives, to within some deviations: random or compressed data. */
static bool is_random(const uint8_t *p, uint32_t length)
{
	uint32_t count[256] = { 0 }, seen = 0;
	double wanted = 256, miss = 1;

	for (uint32_t i = 0; i < length; i++)
		seen += !count[p[i]]++;
	for (uint32_t i = 0; i < length; i++)
		miss *= 255.0 / 256;
	wanted *= 1 - miss;
	return seen + 24 >= wanted && seen <= wanted + 24;
}

/* Where ours is random it is random, and zero where ours is zero. */
static bool has_our_shape(const struct scene *s)
{
	uint8_t wanted[SECTOR];

	for (uint32_t i = 0; i < s->sectors; i++) {
		struct piece p = piece(s, i);
		uint32_t random = p.length, end;

		dgen_fill(s->dgen, s->places[s->here].domain, s->version, p.offset, wanted,
			  p.length);
		while (random && !wanted[random - 1])
			random--;
		/* The last bytes of what is random may be zero by chance. */
		end = random + 2 < p.length ? random + 2 : p.length;
		if (!is_zero(p.found + end, p.length - end))
			return false;
		if (!is_random(p.found, random))
			return false;
	}
	return true;
}

/* Zeros that must be there are no sign of the right data. */
static bool has_right_data(const struct scene *s)
{
	for (uint32_t i = 0; i < s->sectors; i++)
		if (s->states[i] == RIGHT && !is_zero(piece(s, i).found, piece(s, i).length))
			return true;
	return false;
}

static void judge(const struct scene *s, struct verify_finding *f)
{
	bool unknown = memchr(s->states, OPEN, s->sectors);

	if (!f->bytes)
		f->kind = VERIFY_RIGHT;
	else if (f->bits <= BITS_MAX && f->bits == f->bytes)
		f->kind = VERIFY_BITS;
	else if (f->bytes == 1)
		f->kind = VERIFY_BYTES;
	else if (s->nr_origins == 1 && !unknown)
		judge_origin(s, &s->origins[0], f);
	else if (s->nr_origins)
		f->kind = VERIFY_MIXED;
	else if (f->last - f->first < SECTOR)
		f->kind = VERIFY_BYTES;
	else if (!*s->ours && !has_right_data(s) && has_our_shape(s))
		f->kind = VERIFY_OTHER_SEED;
	else
		f->kind = VERIFY_UNKNOWN;
}

void verify_diagnose(const struct dgen *dgen, uint32_t unit, const struct verify_place *places,
		     size_t nr_places, size_t here, uint64_t offset, const void *found,
		     uint32_t length, uint64_t version, uint64_t oldest, uint64_t newest,
		     struct verify_finding *finding)
{
	uint64_t units = UNITS_MAX;
	struct scene s = { .dgen = dgen,
			   .units = &units,
			   .ours = &finding->ours,
			   .unit = unit,
			   .places = places,
			   .nr_places = nr_places,
			   .here = here,
			   .offset = offset,
			   .found = found,
			   .length = length,
			   .version = version,
			   .oldest = oldest < version ? oldest : version,
			   .newest = newest > version ? newest : version };

	s.sectors = (uint32_t)((offset % SECTOR + length + SECTOR - 1) / SECTOR);
	*finding = (struct verify_finding){ .here = &places[here],
					    .offset = offset,
					    .length = length,
					    .unit = offset / unit,
					    .last_unit = offset / unit,
					    .wanted_version = version };
	look_for_right(&s);
	count_differences(&s, finding);
	/* Flipped bits are not worth a search, and would not lead anywhere. */
	if (finding->bytes > 1 && (finding->bits > BITS_MAX || finding->bits != finding->bytes))
		look_for_origins(&s);
	set_parts(&s, finding);
	judge(&s, finding);
	if (finding->kind == VERIFY_OTHER_SEED || finding->kind == VERIFY_UNKNOWN)
		finding->whole = !has_right_data(&s);
}

bool verify_merge(struct verify_finding *f, const struct verify_finding *next)
{
	if (f->kind != next->kind || f->here != next->here || !f->whole || !next->whole ||
	    f->offset + f->length != next->offset || f->version != next->version ||
	    f->wanted_version != next->wanted_version || f->whose != next->whose ||
	    f->whose_offset - f->offset != next->whose_offset - next->offset)
		return false;
	f->last = f->length + next->last;
	f->length += next->length;
	f->last_unit = next->last_unit;
	f->bytes += next->bytes;
	f->bits += next->bits;
	return true;
}
