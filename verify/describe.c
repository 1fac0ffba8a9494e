// SPDX-License-Identifier: GPL-2.0-only
/* A finding in words. */
#include "diagnose.h"
#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NEAR (1u << 20) /* bytes: an I/O went astray, more than a unit was mistaken */

/* What does not fit is cut off, and counted. */
struct text {
	char *at;
	size_t left;
	int length;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (length < 0)
		return;
	text->length += length;
	if ((size_t)length >= text->left)
		length = text->left ? (int)text->left - 1 : 0;
	text->at += length;
	text->left -= (size_t)length;
}

const char *verify_kind_name(enum verify_kind kind)
{
	static const char *const names[VERIFY_KINDS] = {
		[VERIFY_RIGHT] = "right",         [VERIFY_BITS] = "flipped bits",
		[VERIFY_BYTES] = "damaged bytes", [VERIFY_ZEROS] = "zeros",
		[VERIFY_STALE] = "stale",         [VERIFY_NEWER] = "newer",
		[VERIFY_TORN] = "torn",           [VERIFY_MISDIRECTED] = "misdirected",
		[VERIFY_MIXED] = "mixed",         [VERIFY_OTHER_SEED] = "other seed",
		[VERIFY_MISSING] = "missing",     [VERIFY_UNKNOWN] = "unknown",
	};

	return kind < VERIFY_KINDS ? names[kind] : "unknown";
}

static void add_place(struct text *text, const struct verify_finding *f,
		      const struct verify_place *whose, uint64_t offset, uint64_t version)
{
	if (whose == f->here)
		add(text, "offset %" PRIu64 " of this file", offset);
	else if (whose)
		add(text, "%s offset %" PRIu64, whose->name, offset);
	else
		add(text, "offset %" PRIu64 " of a file that is not checked here", offset);
	if (version != f->wanted_version || !whose)
		add(text, " (version %" PRIu64 ")", version);
}

static void add_part(struct text *text, const struct verify_finding *f,
		     const struct verify_part *part)
{
	if (part->first == part->last)
		add(text, "sector %" PRIu32, part->first);
	else
		add(text, "sectors %" PRIu32 "-%" PRIu32, part->first, part->last);
	switch (part->kind) {
	case VERIFY_RIGHT:
		add(text, " right");
		break;
	case VERIFY_ZEROS:
		add(text, " zeros");
		break;
	case VERIFY_STALE:
	case VERIFY_NEWER:
		add(text, " of version %" PRIu64, part->version);
		break;
	case VERIFY_MISDIRECTED:
		add(text, " of ");
		add_place(text, f, part->whose, part->whose_offset, part->version);
		break;
	default:
		add(text, " unknown");
	}
}

static void add_parts(struct text *text, const struct verify_finding *f)
{
	for (uint32_t i = 0; i < f->nr_parts; i++) {
		add(text, i ? ", " : ": ");
		if (i == VERIFY_PARTS_MAX) {
			add(text, "and more");
			break;
		}
		add_part(text, f, &f->parts[i]);
	}
}

static void add_bits(struct text *text, const struct verify_finding *f)
{
	if (f->bits == 1)
		add(text, ", 1 bit: byte %" PRIu64 " is 0x%02x, must be 0x%02x", f->first, f->found,
		    f->wanted);
	else
		add(text, ", %" PRIu64 " bits", f->bits);
}

static void add_bytes(struct text *text, const struct verify_finding *f)
{
	if (f->bytes == 1)
		add(text, ": byte %" PRIu64 " is 0x%02x, must be 0x%02x", f->first, f->found,
		    f->wanted);
	else
		add(text, ": %" PRIu64 " bytes differ", f->bytes);
}

static void add_misdirected(struct text *text, const struct verify_finding *f)
{
	uint64_t shift = f->whose_offset - f->offset;
	uint64_t off = shift >> 63 ? 0 - shift : shift;

	if (f->whole) {
		add(text, ": holds what belongs to ");
		add_place(text, f, f->whose, f->whose_offset, f->version);
	} else {
		add_parts(text, f);
	}
	if (f->whose == f->here && off <= NEAR)
		add(text, ", %" PRIu64 " bytes %s its place", off,
		    shift >> 63 ? "behind" : "before");
}

static void add_what(struct text *text, const struct verify_finding *f)
{
	switch (f->kind) {
	case VERIFY_RIGHT:
		break;
	case VERIFY_BITS:
		add_bits(text, f);
		break;
	case VERIFY_BYTES:
		add_bytes(text, f);
		break;
	case VERIFY_ZEROS:
		if (!f->whole)
			add_parts(text, f);
		add(text, "; lost, trimmed or never written");
		break;
	case VERIFY_STALE:
		add(text, ": version %" PRIu64 " where %" PRIu64 " must be; a write was lost",
		    f->version, f->wanted_version);
		break;
	case VERIFY_NEWER:
		add(text,
		    ": version %" PRIu64 " where %" PRIu64
		    " must be; was data_version given right?",
		    f->version, f->wanted_version);
		break;
	case VERIFY_TORN:
		add(text, " with version %" PRIu64, f->version);
		add_parts(text, f);
		break;
	case VERIFY_MISDIRECTED:
		add_misdirected(text, f);
		break;
	case VERIFY_MIXED:
		add_parts(text, f);
		break;
	case VERIFY_OTHER_SEED:
		add(text, ": random where dgen's data is, but not of this seed; another run's?");
		break;
	case VERIFY_MISSING:
		add(text, ": the file ends before it");
		break;
	default:
		add(text, ": %" PRIu64 " bytes differ; %s", f->bytes,
		    f->ours ? "data of this seed, but its place was not found" :
			      "no data of this seed");
	}
}

int verify_describe(const struct verify_finding *f, char *line, size_t size)
{
	struct text text = { line, size, 0 };

	add(&text, "%s: offset %" PRIu64, f->here->name, f->offset);
	if (f->last_unit > f->unit)
		add(&text, ", units %" PRIu64 "-%" PRIu64 ", %" PRIu64 " bytes", f->unit,
		    f->last_unit, f->length);
	else
		add(&text, ", unit %" PRIu64 ", bytes %" PRIu64 "-%" PRIu64 " of %" PRIu64, f->unit,
		    f->first, f->last, f->length);
	add(&text, ": %s", verify_kind_name(f->kind));
	add_what(&text, f);
	return text.length;
}
