// SPDX-License-Identifier: GPL-2.0-only
/*
 * What users type: lines of NAME=VALUE for the options of the engine, and the values of the programs'
 * options. Each is refused with one line that names it, or taken; what is taken together makes a plan or
 * is refused with one line.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "compat.h"
#include "fuzz.h"
#include "options.h"
#include "shares.h"

#include "command/values.h"

#define VALUE_MAX 6000u

const char program[] = "fuzz";

static unsigned int lines; /* said by the engine */
static const char *about;  /* the option that they must name */
static bool refused;       /* a value; with fio that is the end */

/* What fio has for messages. */
ssize_t log_err(const char *format, ...)
{
	static char line[2 * VALUE_MAX];
	va_list args;
	size_t length;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	length = strlen(line);
	must(!strncmp(line, "dgen: ", 6) && length > 6 && line[length - 1] == '\n');
	must(!memchr(line, '\n', length - 1) && strstr(line, about) != NULL);
	lines++;
	return (ssize_t)length;
}

/* As fio calls it: a value may be missing. */
static void set(struct options *options, const struct fio_option *o, const char *value)
{
	fio_opt_str_fn *take_value = (fio_opt_str_fn *)o->cb;
	int ret;

	about = o->name;
	lines = 0;
	ret = take_value(options, value);
	must(ret ? ret > 0 && lines == 1 : !lines);
	refused |= ret;
}

static void set_line(struct options *options, char *line)
{
	char *value = strchr(line, '=');

	if (value)
		*value++ = '\0';
	for (const struct fio_option *o = options_table; o->name; o++)
		if (o->type == FIO_OPT_STR && o->cb && !strcmp(o->name, line))
			set(options, o, value);
}

static void must_end(const char *text, size_t room)
{
	must(strnlen(text, room) < room);
}

/* The text of a mix comes back as it is. */
static void check_mix(const struct dgen_options *data)
{
	struct dgen_options again = *data;
	char text[DGEN_MIX_TEXT_MAX], twice[DGEN_MIX_TEXT_MAX];

	dgen_mix_print(data, text);
	must_end(text, sizeof(text));
	if (dgen_mix_parse(text, &again, NULL))
		return; /* rounded, so that it adds up no more */
	dgen_mix_print(&again, twice);
	must(!strcmp(text, twice));
}

static void check_engine(const char *text)
{
	struct options *options = calloc(1, sizeof(*options));
	char why[DGEN_WHY_MAX] = "", *copy = strdup(text), *rest = copy, *line;
	struct dgen *dgen;

	must(options && copy);
	options->data = (struct dgen_options)DGEN_OPTIONS_DEFAULT;
	refused = false;
	while ((line = strsep(&rest, "\n")))
		set_line(options, line);
	must_end(options->dedup_domain, DOMAIN_MAX);
	must_end(options->verify_state_file, PATH_LENGTH_MAX);
	must_end(options->report_file, PATH_LENGTH_MAX);
	must_end(options->backend, BACKEND_MAX);
	must_end(options->backend_options, BACKEND_OPTIONS_MAX);
	must(options->gen_threads <= GEN_THREADS_MAX && options->numa_mode <= NUMA_DISABLED);
	must(refused || options->data_version <= DATA_VERSION_MAX);
	must(refused || options->oldest_version <= DATA_VERSION_MAX);
	check_mix(&options->data);
	if (dgen_create(&options->data, &dgen, why))
		must_be_a_line(why, sizeof(why));
	else
		dgen_destroy(dgen);
	free(options);
	free(copy);
}

static void check_values(const char *text)
{
	uint64_t number = 0;
	double ratio = 0;

	if (!set_size("size", text, INT64_MAX, &number))
		must(number <= INT64_MAX);
	if (!parse_size(text, 1000, &number))
		must(number <= 1000);
	if (!set_number("number", text, 77, "less", &number))
		must(number <= 77);
	if (!set_decimal("decimal", text, 0, 99, "less", &ratio))
		must(ratio >= 0 && ratio <= 99);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[VALUE_MAX];
	const char *value;

	if (size >= sizeof(text) || memchr(data, 0, size))
		return -1;
	memcpy(text, data, size);
	text[size] = '\0';
	check_engine(text);
	value = strchr(text, '=');
	check_values(value ? value + 1 : text);
	return 0;
}
