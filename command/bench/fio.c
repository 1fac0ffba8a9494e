// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fio.h"
#include "values.h"

#define ENGINE "libdgen_engine.so"
#define OWN_ARGUMENTS 8

const char *fio_engine(void)
{
	static const char *const places[] = { ENGINE, "../lib/dgen/" ENGINE };
	static char path[PATH_MAX];
	char self[PATH_MAX], guess[2 * PATH_MAX];
	const char *given = getenv("DGEN_ENGINE");
	ssize_t length;
	char *slash;

	if (given && *given)
		return given;
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return NULL;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(guess, sizeof(guess), "%s/%s", self, places[i]);
		if (realpath(guess, path))
			return path;
	}
	return NULL;
}

/* The job in memory that has no name, as a file descriptor that fio inherits; or -errno. */
static int job_fd(const struct bench *bench)
{
	const int fd = memfd_create("dgen-bench", 0);
	FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");
	int err = out ? 0 : -errno;

	if (out) {
		job_write(bench, out);
		if (fclose(out))
			err = -errno;
	}
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	complain("the job: %s", strerror(-err));
	return err;
}

static void run(const struct bench *bench, char **first, int job)
{
	const char *fio = getenv("FIO");
	const char *engine = fio_engine();
	char option[PATH_MAX + 32], path[32];
	size_t count = OWN_ARGUMENTS;
	char **arguments, **to;

	for (char **each = bench->fio_options; each && *each; each++)
		count++;
	arguments = to = calloc(count, sizeof(*arguments));
	if (!arguments) {
		complain("out of memory");
		return;
	}
	if (!fio || !*fio)
		fio = "fio";
	snprintf(option, sizeof(option), "--ioengine=external:%s", engine);
	snprintf(path, sizeof(path), "/dev/fd/%d", job);
	*to++ = (char *)fio;
	/* First, so that its options are known behind it. */
	*to++ = option;
	while (*first)
		*to++ = *first++;
	for (char **each = bench->fio_options; each && *each; each++)
		*to++ = *each;
	*to = path;
	execvp(fio, arguments);
	complain("%s: %s; is fio installed? FIO= names another", fio, strerror(errno));
	free(arguments);
}

static int check_engine(void)
{
	if (fio_engine())
		return 0;
	complain(ENGINE " is neither beside this program nor installed; run make, or name it in "
			"DGEN_ENGINE=");
	return -ENOENT;
}

int fio_exec(const struct bench *bench)
{
	char output[PATH_MAX + 16];
	char *json[] = { (char *)"--output-format=json", NULL, NULL };
	char *none[] = { NULL };
	int job;

	if (check_engine())
		return -ENOENT;
	job = job_fd(bench);
	if (job < 0)
		return job;
	if (bench->json && strcmp(bench->json, "-")) {
		snprintf(output, sizeof(output), "--output=%s", bench->json);
		json[1] = output;
	}
	run(bench, bench->json ? json : none, job);
	close(job);
	return -ENOENT;
}

/* Fields of fio's terse format, version 3, from 0. */
enum { TERSE_ERROR = 4, TERSE_READ = 6, TERSE_WRITE = 47 };

/* KiB a second of the one line that a group has. */
static int parse_terse(char *line, bool read, double *speed)
{
	const int wanted = read ? TERSE_READ : TERSE_WRITE;
	char *rest = line, *field;

	for (int i = 0; (field = strsep(&rest, ";")); i++) {
		if (i == 0 && strcmp(field, "3"))
			return -EINVAL;
		if (i == TERSE_ERROR && strcmp(field, "0"))
			return -EIO;
		if (i == wanted) {
			*speed = strtod(field, NULL) * 1024;
			return *speed > 0 ? 0 : -EINVAL;
		}
	}
	return -EINVAL;
}

static int read_speed(FILE *from, bool read, double *speed)
{
	char *line = NULL;
	size_t size = 0;
	int err = -EINVAL;

	while (getline(&line, &size, from) >= 0)
		if (err)
			err = parse_terse(line, read, speed);
	free(line);
	return err;
}

int fio_measure(const struct bench *bench, double *speed)
{
	static char *terse[] = { (char *)"--output-format=terse", (char *)"--terse-version=3",
				 (char *)"--eta=never", NULL };
	int job, ends[2], status, err = 0;
	FILE *from;
	pid_t child;

	if (check_engine())
		return -ENOENT;
	job = job_fd(bench);
	if (job < 0)
		return job;
	if (pipe(ends)) {
		close(job);
		complain("a pipe: %s", strerror(errno));
		return -EMFILE;
	}
	child = fork();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		run(bench, terse, job);
		_exit(127);
	}
	close(ends[1]);
	close(job);
	from = fdopen(ends[0], "r");
	if (child > 0 && from)
		err = read_speed(from, bench->read, speed);
	if (from)
		fclose(from);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -ECHILD;
	if (err || status) {
		complain("fio failed with these: %u %s of %u buffers of %llu bytes",
			 bench->shape.writers, workers(bench, bench->shape.writers),
			 bench->shape.depth, (unsigned long long)bench->shape.buffer_size);
		return -EIO;
	}
	return 0;
}
