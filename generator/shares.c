// SPDX-License-Identifier: GPL-2.0-only
#include "shares.h"
#include "allowed.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATIO_MAX 10000.0
#define ALL 10000u /* of the units, in 1/100 % */

static const char usual[] =
	"must be a number from 1 on, such as 2 or 1.5, or up to 6 of RATIO/PERCENT, such as "
	"1/20:2/50:4/30";

/* A plain decimal: strtod() takes "nan", "0x2" and leading blanks too. -ERANGE: not one of these. */
static int parse_number(const char **text, double least, double most, double *number)
{
	char *end;

	if (!isdigit((unsigned char)**text) ||
	    ((*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X')))
		return -EINVAL;
	*number = strtod(*text, &end);
	*text = end;
	return *number >= least && *number <= most ? 0 : -ERANGE;
}

/* RATIO[/[PERCENT][/SYMBOLS]] */
static int parse_part(const char **text, struct dgen_part *part, bool *open, char *why)
{
	double number;
	int err = parse_number(text, 1, RATIO_MAX, &number);

	if (err)
		return dgen_refuse(why, "%s", err == -ERANGE ? "RATIO must be 1 to 10000" : usual);
	*part = (struct dgen_part){ .ratio = (uint32_t)lrint(number * 1000) };
	*open = true;
	if (**text != '/')
		return 0;
	++*text;
	if (isdigit((unsigned char)**text)) {
		if (parse_number(text, 0, 100, &number))
			return dgen_refuse(why, "PERCENT must be 0 to 100");
		part->share = (uint16_t)lrint(number * ALL / 100);
		*open = false;
	}
	if (**text != '/')
		return 0;
	++*text;
	if (parse_number(text, DGEN_SYMBOLS_MIN, 256, &number) || number != floor(number))
		return dgen_refuse(why, "SYMBOLS must be a whole number, 32 to 255");
	part->symbols = number < 256 ? (uint16_t)number : 0;
	return 0;
}

/* What is left goes to those without a percentage. */
static int close_parts(struct dgen_part *mix, const bool *open, size_t count, char *why)
{
	unsigned int sum = 0, left, waiting = 0;

	for (size_t i = 0; i < count; i++) {
		sum += mix[i].share;
		waiting += open[i];
	}
	if (sum > ALL || (!waiting && sum < ALL))
		return dgen_refuse(why, "percentages must add up to 100, here %g", sum / 100.0);
	if (waiting && sum == ALL)
		return dgen_refuse(why, "percentages must leave some for the ratio without one");
	left = ALL - sum;
	for (size_t i = 0; i < count; i++)
		if (open[i]) {
			mix[i].share = (uint16_t)(left / waiting);
			left -= mix[i].share;
			waiting--;
		}
	return 0;
}

/* Of all units together. */
static double overall(const struct dgen_part *mix)
{
	double out = 0;

	for (size_t i = 0; i < DGEN_PARTS_MAX && mix[i].ratio; i++)
		out += mix[i].share * 1000.0 / mix[i].ratio;
	return ALL / out;
}

int dgen_mix_parse(const char *text, struct dgen_options *options, char *why)
{
	struct dgen_part mix[DGEN_PARTS_MAX] = { { 0 } };
	bool open[DGEN_PARTS_MAX] = { false };
	size_t count = 0;
	double ratio;

	/* Who writes 3:1 means 3, not two halves. */
	if (!strchr(text, '/')) {
		if (parse_number(&text, 1, INFINITY, &ratio) || *text || !isfinite(ratio))
			return dgen_refuse(why, "%s", usual);
		options->compress_ratio = ratio;
		memset(options->compress_mix, 0, sizeof(options->compress_mix));
		return 0;
	}
	do {
		if (count == DGEN_PARTS_MAX)
			return dgen_refuse(why, "must be at most %d ratios", DGEN_PARTS_MAX);
		if (parse_part(&text, &mix[count], &open[count], why))
			return -EINVAL;
		count++;
	} while (*text++ == ':');
	if (text[-1])
		return dgen_refuse(why, "%s", usual);
	if (close_parts(mix, open, count, why))
		return -EINVAL;
	memcpy(options->compress_mix, mix, sizeof(mix));
	options->compress_ratio = overall(mix);
	return 0;
}

void dgen_number_print(double number, char text[DGEN_NUMBER_TEXT_MAX])
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, DGEN_NUMBER_TEXT_MAX, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return;
	}
}

void dgen_mix_print(const struct dgen_options *options, char text[DGEN_MIX_TEXT_MAX])
{
	const struct dgen_part *part = options->compress_mix;
	size_t used = 0;

	if (!part->ratio)
		dgen_number_print(options->compress_ratio, text);
	for (size_t i = 0; i < DGEN_PARTS_MAX && part[i].ratio; i++) {
		/* A thousandth is the finest that is kept of a ratio, of which the largest has 8 digits then. */
		used += (size_t)snprintf(text + used, DGEN_MIX_TEXT_MAX - used, "%s%.8g/%g",
					 i ? ":" : "", part[i].ratio / 1000.0,
					 part[i].share / 100.0);
		if (part[i].symbols)
			used += (size_t)snprintf(text + used, DGEN_MIX_TEXT_MAX - used, "/%u",
						 part[i].symbols);
	}
}

int dgen_mix_check(const struct dgen_options *options, const char **allowed)
{
	const struct dgen_part *part = options->compress_mix;
	uint32_t sum = 0;
	size_t count = 0;

	for (; count < DGEN_PARTS_MAX && part[count].ratio; count++) {
		sum += part[count].share;
		if (part[count].symbols &&
		    (part[count].symbols < DGEN_SYMBOLS_MIN || part[count].symbols > 255)) {
			*allowed = "32 to 255 symbols are allowed, or 0";
			return -EINVAL;
		}
	}
	for (size_t i = count; i < DGEN_PARTS_MAX; i++)
		if (part[i].ratio || part[i].share || part[i].symbols) {
			*allowed = "only zeros are allowed behind the last ratio";
			return -EINVAL;
		}
	*allowed = "percentages must add up to 100";
	return !count || sum == ALL ? 0 : -EINVAL;
}

uint64_t dgen_place_of(const struct dgen_zeros *zeros, uint64_t rank)
{
	uint64_t place = rank, found;

	if (!zeros->share)
		return rank;
	place = (uint64_t)(((unsigned __int128)rank << 64) / (0 - zeros->share));
	place -= place > 2 ? 2 : place;
	while (dgen_is_zero(zeros, place, &found) || found < rank)
		place++;
	return place;
}
