// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fio.h"
#include "human.h"
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

static volatile sig_atomic_t child;

/* What a terminal sends fio has too; what was sent to us alone is meant for it. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (child > 0 && info->si_code <= 0)
		kill(child, number);
}

/* The number behind a name in the report, of which the first are the totals. */
static double figure(const char *report, const char *name)
{
	const char *at = strstr(report, name);

	return at ? strtod(at + strlen(name), NULL) : 0;
}

/* What the screen shows without JSON, in a line. */
static void tell(const struct bench *bench, int report)
{
	static const char mark[] = "\"verdict\": \"";
	char text[8192], what[64];
	const ssize_t length = pread(report, text, sizeof(text) - 1, 0);
	double written, read;
	const char *verdict;

	if (length <= 0)
		return;
	text[length] = '\0';
	verdict = strstr(text, mark);
	if (!verdict)
		return;
	verdict += strlen(mark);
	snprintf(what, sizeof(what), "%.*s", (int)strcspn(verdict, "\""), verdict);
	written = figure(text, "\"bytes_written\": ");
	read = figure(text, "\"bytes_read\": ");
	complain("%s%s%s%s%s in %.3f s: %.1f MB/s, %s%s",
		 written > 0 ? human((uint64_t)written) : "", written > 0 ? " written" : "",
		 written > 0 && read > 0 ? ", " : "", read > 0 ? human((uint64_t)read) : "",
		 read > 0 ? " read" : "", figure(text, "\"seconds\": "),
		 figure(text, "\"bytes_per_second\": ") / 1e6, what,
		 bench->verify ? "; verified" : "");
}

/* Ends as fio does. */
static int run_and_tell(const struct bench *bench, char **first, int job, int report)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO };
	int status = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		run(bench, first, job);
		_exit(EXIT_FAILURE);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (child < 0)
		return -errno;
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	if (!status)
		tell(bench, report);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

/* fio's JSON leaves the screen empty: the engine reports to us. */
static int exec_for_json(struct bench *bench)
{
	char output[PATH_MAX + 16], path[32];
	char *json[] = { (char *)"--output-format=json", NULL, NULL };
	const int report = memfd_create("dgen-bench report", 0);
	int job, err;

	if (report < 0) {
		err = -errno;
		complain("the report: %s", strerror(-err));
		return err;
	}
	snprintf(path, sizeof(path), "/dev/fd/%d", report);
	bench->report = path;
	job = job_fd(bench);
	bench->report = NULL;
	if (job < 0)
		return job;
	if (strcmp(bench->json, "-")) {
		snprintf(output, sizeof(output), "--output=%s", bench->json);
		json[1] = output;
	}
	err = run_and_tell(bench, json, job, report);
	complain("fio: %s", strerror(-err));
	return err;
}

int fio_exec(struct bench *bench)
{
	char *none[] = { NULL };
	int job;

	if (check_engine())
		return -ENOENT;
	if (bench->json)
		return exec_for_json(bench);
	job = job_fd(bench);
	if (job < 0)
		return job;
	run(bench, none, job);
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
	pid_t fio;

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
	fio = fork();
	if (!fio) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		run(bench, terse, job);
		_exit(127);
	}
	close(ends[1]);
	close(job);
	from = fdopen(ends[0], "r");
	if (fio > 0 && from)
		err = read_speed(from, bench->read, speed);
	if (from)
		fclose(from);
	if (fio < 0 || waitpid(fio, &status, 0) < 0)
		return -ECHILD;
	if (err || status) {
		complain("fio failed with these: %u %s of %u buffers of %llu bytes",
			 bench->shape.writers, workers(bench, bench->shape.writers),
			 bench->shape.depth, (unsigned long long)bench->shape.buffer_size);
		return -EIO;
	}
	return 0;
}
