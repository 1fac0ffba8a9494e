// SPDX-License-Identifier: GPL-2.0-only
/* Where does a buffer differ from the content of its place? */
#include "dgen.h"
#include "kernel.h"

#include <string.h>

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t length)
{
	size_t i = 0;

	while (i < length && a[i] == b[i])
		i++;
	return i;
}

size_t dgen_compare(const struct dgen *dgen, uint64_t domain, uint64_t version, uint64_t offset,
		    const void *buffer, size_t length)
{
	_Alignas(64) uint8_t wanted[DGEN_BLOCK];
	const uint8_t *found = buffer;
	size_t done = 0;

	while (done < length) {
		/* To whole blocks after an odd offset: filling is fastest so. */
		size_t part = DGEN_BLOCK - (offset + done) % DGEN_BLOCK;

		if (part > length - done)
			part = length - done;
		dgen_fill(dgen, domain, version, offset + done, wanted, part);
		if (memcmp(wanted, found + done, part))
			return done + first_difference(wanted, found + done, part);
		done += part;
	}
	return length;
}
