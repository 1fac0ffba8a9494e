/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened to data that is not as it must be? Judged sector by sector, from nothing but the bytes:
 * each content of a plan leads back to its place and version.
 *
 * Functions are thread-safe and print nothing. They allocate nothing, and need some KiB of stack.
 */
#ifndef VERIFY_DIAGNOSE_H
#define VERIFY_DIAGNOSE_H

#include "dgen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_PARTS_MAX 6  /* of a finding, are told from each other */
#define VERIFY_LINE_MAX 768 /* bytes, enough for most lines */

/* A file whose data may turn up elsewhere. */
struct verify_place {
	const char *name;
	uint64_t domain;
	uint64_t size; /* bytes */
};

enum verify_kind {
	VERIFY_RIGHT,       /* nothing is wrong */
	VERIFY_BITS,        /* a few bits are flipped */
	VERIFY_BYTES,       /* some bytes are damaged, within a sector's length */
	VERIFY_ZEROS,       /* all, or some sectors */
	VERIFY_STALE,       /* all of it is of an older version */
	VERIFY_NEWER,       /* all of it is of a newer version */
	VERIFY_TORN,        /* a part of the sectors is of another version */
	VERIFY_MISDIRECTED, /* all or some sectors belong to another place */
	VERIFY_MIXED,       /* several of these, or one and what is unknown */
	VERIFY_OTHER_SEED,  /* no data of this seed, but of its shape */
	VERIFY_MISSING,     /* the file ends before it; never a diagnosis */
	VERIFY_UNKNOWN,
	VERIFY_KINDS
};

/* Sectors of one origin. */
struct verify_part {
	enum verify_kind kind;            /* RIGHT, ZEROS, STALE, NEWER, MISDIRECTED or UNKNOWN */
	uint32_t first, last;             /* sectors, counted from that of the finding's offset */
	uint64_t version;                 /* STALE, NEWER, MISDIRECTED */
	const struct verify_place *whose; /* MISDIRECTED; NULL: of a file that is not known */
	uint64_t whose_offset;            /* of the first byte */
};

struct verify_finding {
	enum verify_kind kind;
	bool whole; /* no sector is right: never where a part of it may be */
	bool ours;  /* UNKNOWN: of this seed, but no place was found that has it */
	const struct verify_place *here;
	uint64_t offset, length;
	uint64_t unit, last_unit;
	uint64_t first, last;             /* bytes that differ, from offset on */
	uint64_t bytes, bits;             /* that differ */
	uint8_t found, wanted;            /* the first byte of them */
	uint64_t wanted_version;          /* what had to be there */
	uint64_t version;                 /* of what is there: STALE, NEWER, TORN, MISDIRECTED */
	const struct verify_place *whose; /* MISDIRECTED; NULL: of a file that is not known */
	uint64_t whose_offset;            /* of what is found at offset */
	uint32_t nr_parts; /* VERIFY_PARTS_MAX + 1: there are more, which are not told */
	struct verify_part parts[VERIFY_PARTS_MAX];
};

/*
 * Looks at found, length bytes from offset of places[here]: a unit or a part of one. unit: bytes, as
 * dgen was created with. version must be there; other versions, from oldest to newest, are looked
 * for, up to some hundred on either side. places and their names must outlive the finding.
 */
void verify_diagnose(const struct dgen *dgen, uint32_t unit, const struct verify_place *places,
		     size_t nr_places, size_t here, uint64_t offset, const void *found,
		     uint32_t length, uint64_t version, uint64_t oldest, uint64_t newest,
		     struct verify_finding *finding);

/*
 * Adds what was found just behind, if the same happened to it: true. So a lost or misdirected I/O
 * of many units becomes one finding.
 */
bool verify_merge(struct verify_finding *finding, const struct verify_finding *next);

/*
 * One line for a user, without a newline: file, offset, unit, bytes, what happened. The length that it
 * has or, where that is size or more, would have: as snprintf().
 */
int verify_describe(const struct verify_finding *finding, char *line, size_t size);

/* A word or two: "stale". */
const char *verify_kind_name(enum verify_kind kind);

#endif
