// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into fio: a mocked kernel behind liburing and libaio, which does the I/O of the engine
 * with pread() and pwrite(), and goes wrong at random.
 *
 *	FAULTS       kinds, separated by commas:
 *	             ENAME         an I/O fails with it and moves nothing (EIO, EAGAIN, ECANCELED ...)
 *	             sync-ENAME    a flush does
 *	             short, zero   an I/O moves a part, or nothing, and says so
 *	             submit-ENAME  the call that submits fails; with submit-part it takes the first few
 *	             wait-ENAME    the call that waits fails
 *	             reorder       completions come in any order, and as late as is possible
 *	             slow          an I/O takes up to FAULT_DELAY milliseconds
 *	             setup-ENAME, register-ENAME   so does what makes a ring, or registers with it
 *	FAULT_RATE   percent of I/Os and calls for each kind, 10 by default
 *	FAULT_SEED   a number; the same one makes the same faults, ring by ring
 *	FAULT_LOG    a file, which gets a line "KIND OPERATION OFFSET LENGTH" for each fault, and for
 *	             each ring at its end "ring accepted delivered bytes"
 *
 * Data moves when an I/O completes, from memory as it is then. What a kernel would punish with a hang or
 * with damage, a wait for more than there is or one slot submitted twice, is "broken" in the log and
 * ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ---- what is to go wrong ---- */

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "EIO", EIO },
	{ "ENOSPC", ENOSPC },
	{ "EAGAIN", EAGAIN },
	{ "EINTR", EINTR },
	{ "EBUSY", EBUSY },
	{ "ENOMEM", ENOMEM },
	{ "EPERM", EPERM },
	{ "ENOSYS", ENOSYS },
	{ "EMFILE", EMFILE },
	{ "ENODEV", ENODEV },
	{ "EINVAL", EINVAL },
	{ "ETIMEDOUT", ETIMEDOUT },
	{ "ECANCELED", ECANCELED },
	{ "EREMOTEIO", EREMOTEIO },
	{ "EBADMSG", EBADMSG },
	{ "EFBIG", EFBIG },
	{ "EDQUOT", EDQUOT },
};

enum where { ON_IO, ON_SYNC, ON_SUBMIT, ON_WAIT, ON_SETUP, ON_REGISTER };
static const char *const places[] = { "", "sync-", "submit-", "wait-", "setup-", "register-" };

enum { KINDS_MAX = 16 };
static struct kind {
	char name[32];
	enum where where;
	int error; /* 0: named by its name */
} kinds[KINDS_MAX];
static unsigned int nr_kinds;
static bool reorders, slow, takes_parts;
static double rate = 0.1;
static unsigned int delay_max = 100;
static int log_fd = -1;

/* Of all processes. */
static struct {
	atomic_ulong seed;
} * shared;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	char line[160];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (log_fd >= 0 && write(log_fd, line, (size_t)length) != length)
		_exit(99);
}

static void broken(const char *what, unsigned int a, unsigned int b)
{
	note("broken %s %u %u\n", what, a, b);
	fprintf(stderr, "faults: broken: %s %u %u\n", what, a, b);
	abort();
}

static void add_kind(const char *name)
{
	struct kind *kind = &kinds[nr_kinds];

	if (!strcmp(name, "reorder")) {
		reorders = true;
		return;
	}
	if (!strcmp(name, "slow")) {
		slow = true;
		return;
	}
	if (!strcmp(name, "submit-part")) {
		takes_parts = true;
		return;
	}
	if (nr_kinds == KINDS_MAX)
		exit(99);
	snprintf(kind->name, sizeof(kind->name), "%s", name);
	for (unsigned int i = ON_SYNC; i <= ON_REGISTER; i++) {
		if (!strncmp(name, places[i], strlen(places[i]))) {
			kind->where = i;
			name += strlen(places[i]);
			break;
		}
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(name, errors[i].name))
			kind->error = errors[i].number;
	if (!kind->error && strcmp(name, "short") && strcmp(name, "zero")) {
		fprintf(stderr, "faults: no such kind: %s\n", kind->name);
		exit(99);
	}
	nr_kinds++;
}

__attribute__((constructor)) static void load(void)
{
	const char *text = getenv("FAULTS"), *value;
	char *list = strdup(text ? text : "");

	for (char *word = strtok(list, ","); word; word = strtok(NULL, ","))
		add_kind(word);
	free(list);
	value = getenv("FAULT_RATE");
	if (value)
		rate = atof(value) / 100;
	value = getenv("FAULT_DELAY");
	if (value)
		delay_max = (unsigned int)atoi(value);
	value = getenv("FAULT_LOG");
	if (value)
		log_fd = open(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		exit(99);
	value = getenv("FAULT_SEED");
	shared->seed = value ? strtoul(value, NULL, 0) * 1000 : 0;
}

/* ---- a ring or context ---- */

struct op {
	uint64_t user;
	int code; /* of io_uring */
	int fd;
	char *buffer;
	size_t length;
	off_t offset;
	uint64_t due; /* nanoseconds */
};

struct kernel {
	struct kernel *next;
	const void *ring;
	uint64_t random;
	struct op *ops; /* in flight */
	unsigned int nr_ops, room;
	int *files;
	unsigned int nr_files;
	unsigned long accepted, delivered, bytes;
	unsigned int serial; /* faults in a row of calls */
};

static struct kernel *kernels;
static atomic_flag kernels_lock = ATOMIC_FLAG_INIT;

/* splitmix64 */
static uint64_t draw(struct kernel *k)
{
	uint64_t z = k->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int below(struct kernel *k, unsigned int limit)
{
	return (unsigned int)(draw(k) % limit);
}

static bool chance(struct kernel *k)
{
	return (double)(draw(k) >> 11) / 9007199254740992.0 < rate;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void start(struct kernel *k)
{
	*k = (struct kernel){ .random = shared->seed++ };
}

static const struct kind *fault_at(struct kernel *k, enum where where)
{
	const struct kind *found = NULL;

	for (unsigned int i = 0; i < nr_kinds; i++)
		if (kinds[i].where == where && chance(k) && !found)
			found = &kinds[i];
	return found;
}

/* A call fails: -errno, or 0. */
static int call_fails(struct kernel *k, enum where where)
{
	const struct kind *kind = fault_at(k, where);

	if (!kind)
		return 0;
	note("%s call 0 0\n", kind->name);
	return -kind->error;
}

static struct kernel *add(const void *ring)
{
	struct kernel *k = malloc(sizeof(*k));

	if (!k)
		abort();
	start(k);
	k->ring = ring;
	while (atomic_flag_test_and_set(&kernels_lock))
		;
	k->next = kernels;
	kernels = k;
	atomic_flag_clear(&kernels_lock);
	return k;
}

static struct kernel *kernel_of(const void *ring)
{
	struct kernel *k;

	while (atomic_flag_test_and_set(&kernels_lock))
		;
	for (k = kernels; k && k->ring != ring; k = k->next)
		;
	atomic_flag_clear(&kernels_lock);
	if (!k)
		broken("no-such-ring", 0, 0);
	return k;
}

static void end(struct kernel *gone)
{
	struct kernel **at;

	/* A kernel lets them finish, unseen. */
	note("ring %lu %lu %lu\n", gone->accepted, gone->delivered, gone->bytes);
	while (atomic_flag_test_and_set(&kernels_lock))
		;
	for (at = &kernels; *at != gone; at = &(*at)->next)
		;
	*at = gone->next;
	atomic_flag_clear(&kernels_lock);
	free(gone->ops);
	free(gone->files);
	free(gone);
}

/* ---- I/O ---- */

static void accept_op(struct kernel *k, const struct op *op)
{
	for (unsigned int i = 0; i < k->nr_ops; i++)
		if (k->ops[i].user == op->user)
			broken("submitted-twice", k->nr_ops, i);
	if (k->nr_ops == k->room) {
		k->room = k->room ? 2 * k->room : 64;
		k->ops = realloc(k->ops, k->room * sizeof(*k->ops));
		if (!k->ops)
			abort();
	}
	k->ops[k->nr_ops] = *op;
	if (slow)
		k->ops[k->nr_ops].due = now() + (uint64_t)below(k, delay_max + 1) * 1000000;
	k->nr_ops++;
	k->accepted++;
}

static bool is_write(int code)
{
	return code == IORING_OP_WRITE || code == IORING_OP_WRITEV || code == IORING_OP_WRITE_FIXED;
}

static bool is_read(int code)
{
	return code == IORING_OP_READ || code == IORING_OP_READV || code == IORING_OP_READ_FIXED;
}

static long long result(ssize_t moved)
{
	return moved < 0 ? -errno : moved;
}

static long long move(const struct op *op, size_t length)
{
	if (is_write(op->code))
		return result(pwrite(op->fd, op->buffer, length, op->offset));
	if (is_read(op->code))
		return result(pread(op->fd, op->buffer, length, op->offset));
	if (op->code == IORING_OP_FALLOCATE)
		return result(fallocate(op->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					op->offset, (off_t)op->length));
	return result(fsync(op->fd));
}

/* How much an I/O that falls short moves: O_DIRECT goes on at whole blocks only. */
static size_t part(struct kernel *k, const struct op *op)
{
	const size_t block = fcntl(op->fd, F_GETFL) & O_DIRECT ? 4096 : 1;

	if (op->length <= block)
		return op->length;
	return (1 + below(k, (unsigned int)((op->length - 1) / block))) * block;
}

static long long perform(struct kernel *k, const struct op *op)
{
	const bool rw = is_write(op->code) || is_read(op->code);
	const struct kind *kind = fault_at(k, rw ? ON_IO : ON_SYNC);
	size_t length = op->length;

	if (kind) {
		if (!kind->error && kind->name[0] == 's')
			length = part(k, op);
		note("%s %s %lld %zu\n", kind->name,
		     is_write(op->code) ? "write" :
		     is_read(op->code)  ? "read" :
					  "sync",
		     (long long)op->offset, op->length - length ? length : op->length);
		if (kind->error)
			return -kind->error;
		if (kind->name[0] == 'z')
			return 0;
	}
	return move(op, length);
}

/* The next that completes, or -1: none is due. */
static int choose(struct kernel *k, bool must)
{
	const uint64_t time = slow ? now() : 0;
	unsigned int at;

	if (!k->nr_ops)
		return -1;
	if (!slow)
		return reorders ? (int)below(k, k->nr_ops) : 0;
	at = 0;
	for (unsigned int i = 1; i < k->nr_ops; i++)
		if (k->ops[i].due < k->ops[at].due)
			at = i;
	if (k->ops[at].due > time) {
		struct timespec rest = { 0 };

		if (!must)
			return -1;
		rest.tv_sec = (time_t)((k->ops[at].due - time) / 1000000000);
		rest.tv_nsec = (long)((k->ops[at].due - time) % 1000000000);
		if (nanosleep(&rest, NULL))
			return -1;
	}
	return (int)at;
}

/* One I/O completes. False: none can. */
static bool complete(struct kernel *k, bool must, uint64_t *user, long long *res)
{
	const int at = choose(k, must);
	struct op op;

	if (at < 0)
		return false;
	op = k->ops[at];
	memmove(&k->ops[at], &k->ops[at + 1], (--k->nr_ops - (unsigned int)at) * sizeof(op));
	*user = op.user;
	*res = perform(k, &op);
	if (*res > 0)
		k->bytes += (unsigned long)*res;
	k->delivered++;
	return true;
}

/* How many complete in this call, beyond those that are waited for. */
static unsigned int more_than(struct kernel *k, unsigned int wanted)
{
	if (k->nr_ops <= wanted)
		return k->nr_ops;
	if (!reorders)
		return k->nr_ops;
	return below(k, 3) ? wanted : wanted + below(k, k->nr_ops - wanted + 1);
}

/* ---- liburing ---- */

/* Of the memory that the library would map. */
struct memory {
	unsigned int sq_head, cq_head, cq_tail;
	struct io_uring_cqe *cqes;
};

int io_uring_queue_init_params(unsigned int entries, struct io_uring *ring,
			       struct io_uring_params *p)
{
	struct kernel *k;
	struct memory *m;
	unsigned int size = 1;
	int err;

	(void)p;
	k = add(ring);
	err = call_fails(k, ON_SETUP);
	if (err) {
		end(k);
		return err;
	}
	while (size < entries)
		size *= 2;
	m = calloc(1, sizeof(*m));
	memset(ring, 0, sizeof(*ring));
	if (!m)
		abort();
	ring->sq.sqes = calloc(size, sizeof(*ring->sq.sqes));
	ring->sq.khead = &m->sq_head;
	ring->sq.ring_entries = size;
	ring->sq.ring_mask = size - 1;
	ring->sq.ring_ptr = m;
	m->cqes = calloc(2 * size, sizeof(*m->cqes));
	ring->cq.cqes = m->cqes;
	ring->cq.khead = &m->cq_head;
	ring->cq.ktail = &m->cq_tail;
	ring->cq.ring_entries = 2 * size;
	ring->cq.ring_mask = 2 * size - 1;
	return 0;
}

int io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	struct io_uring_params p = { .flags = flags };

	return io_uring_queue_init_params(entries, ring, &p);
}

void io_uring_queue_exit(struct io_uring *ring)
{
	struct memory *m = ring->sq.ring_ptr;

	end(kernel_of(ring));
	free(ring->sq.sqes);
	free(m->cqes);
	free(m);
}

static void post(struct io_uring *ring, struct kernel *k, unsigned int wanted)
{
	struct memory *m = ring->sq.ring_ptr;
	const unsigned int there = m->cq_tail - m->cq_head;
	const unsigned int must = wanted > there ? wanted - there : 0;
	unsigned int nr, done = 0;
	uint64_t user;
	long long res;

	if (must > k->nr_ops)
		broken("waits-for-more-than-in-flight", wanted, k->nr_ops + there);
	nr = more_than(k, must);
	while (done < nr && m->cq_tail - m->cq_head < ring->cq.ring_entries) {
		struct io_uring_cqe *cqe = &m->cqes[m->cq_tail & ring->cq.ring_mask];

		if (!complete(k, done < must, &user, &res)) {
			/* A signal ends the wait. */
			break;
		}
		cqe->user_data = user;
		cqe->res = (int)res;
		__atomic_store_n(&m->cq_tail, m->cq_tail + 1, __ATOMIC_RELEASE);
		done++;
	}
}

static struct op op_of(const struct kernel *k, const struct io_uring_sqe *sqe)
{
	struct op op = {
		.user = sqe->user_data,
		.code = sqe->opcode,
		.fd = sqe->fd,
		.buffer = (char *)(uintptr_t)sqe->addr,
		.length = sqe->len,
		.offset = (off_t)sqe->off,
	};

	if (sqe->flags & IOSQE_FIXED_FILE) {
		if ((unsigned int)sqe->fd >= k->nr_files || k->files[sqe->fd] < 0)
			broken("no-such-registered-file", (unsigned int)sqe->fd, k->nr_files);
		op.fd = k->files[sqe->fd];
	}
	if (op.code == IORING_OP_READV || op.code == IORING_OP_WRITEV) {
		const struct iovec *iov = (const struct iovec *)(uintptr_t)sqe->addr;

		op.buffer = iov->iov_base;
		op.length = iov->iov_len;
	} else if (op.code == IORING_OP_FALLOCATE) {
		op.length = sqe->addr;
	}
	return op;
}

/* How many of nr the kernel takes in one call, or -errno. */
static int taken(struct kernel *k, unsigned int nr)
{
	const int err = call_fails(k, ON_SUBMIT);

	if (err || !takes_parts || nr < 2 || !chance(k))
		return err ? err : (int)nr;
	note("submit-part call 0 0\n");
	return 1 + (int)below(k, nr - 1);
}

static int submit(struct io_uring *ring, struct kernel *k)
{
	struct memory *m = ring->sq.ring_ptr;
	const unsigned int count = ring->sq.sqe_tail - ring->sq.sqe_head;
	const int nr = count ? taken(k, count) : 0;

	if (nr <= 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		const struct op op = op_of(
			k, &ring->sq.sqes[ring->sq.sqe_head++ & ring->sq.ring_mask]);

		accept_op(k, &op);
	}
	m->sq_head = ring->sq.sqe_head;
	return nr;
}

static int enter(struct io_uring *ring, bool submits, unsigned int wanted)
{
	struct kernel *k = kernel_of(ring);
	const unsigned int asked = ring->sq.sqe_tail - ring->sq.sqe_head;
	const int taken = submits ? submit(ring, k) : 0;
	int err;

	if (taken < 0)
		return taken;
	/* One that takes less than it is given does not wait. */
	if (submits && (unsigned int)taken < asked)
		wanted = 0;
	err = wanted ? call_fails(k, ON_WAIT) : 0;
	if (err)
		return taken ? taken : err;
	post(ring, k, wanted);
	return taken;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned int wanted)
{
	return enter(ring, true, wanted);
}

int io_uring_submit_and_get_events(struct io_uring *ring)
{
	return enter(ring, true, 0);
}

int io_uring_get_events(struct io_uring *ring)
{
	return enter(ring, false, 0);
}

int io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned int wanted,
		       struct __kernel_timespec *timeout, sigset_t *mask)
{
	const struct memory *m = ring->sq.ring_ptr;
	const unsigned int before = m->cq_tail;
	struct kernel *k = kernel_of(ring);
	int err = enter(ring, true, 0);

	(void)cqe;
	(void)mask;
	if (err < 0)
		return err;
	err = call_fails(k, ON_WAIT);
	if (err)
		return err;
	if (!timeout)
		post(ring, k, wanted);
	return timeout && m->cq_tail == before ? -ETIME : 0;
}

int io_uring_register_buffers(struct io_uring *ring, const struct iovec *iovecs, unsigned int nr)
{
	(void)iovecs;
	(void)nr;
	return call_fails(kernel_of(ring), ON_REGISTER);
}

int io_uring_register_files(struct io_uring *ring, const int *files, unsigned int nr)
{
	struct kernel *k = kernel_of(ring);
	const int err = call_fails(k, ON_REGISTER);

	if (err)
		return err;
	k->files = malloc(nr * sizeof(*files));
	if (!k->files)
		abort();
	memcpy(k->files, files, nr * sizeof(*files));
	k->nr_files = nr;
	return 0;
}

int io_uring_register_files_update(struct io_uring *ring, unsigned int at, const int *files,
				   unsigned int nr)
{
	struct kernel *k = kernel_of(ring);
	int err = 0;

	/* To take one out fails as little as close() does. */
	if (files[0] >= 0)
		err = call_fails(k, ON_REGISTER);
	if (err)
		return err;
	if (at + nr > k->nr_files)
		return -EINVAL;
	memcpy(k->files + at, files, nr * sizeof(*files));
	return (int)nr;
}

int io_uring_register_ring_fd(struct io_uring *ring)
{
	return call_fails(kernel_of(ring), ON_REGISTER);
}

/* ---- libaio ---- */

int io_queue_init(int entries, io_context_t *context)
{
	/* As much as a reader of the ring's head may look at. */
	void *at = calloc(1, 4096);
	int err;

	(void)entries;
	if (!at)
		return -ENOMEM;
	err = call_fails(add(at), ON_SETUP);
	if (err) {
		end(kernel_of(at));
		free(at);
	} else {
		*context = at;
	}
	return err;
}

int io_queue_release(io_context_t context)
{
	end(kernel_of(context));
	free(context);
	return 0;
}

static struct op op_of_iocb(struct iocb *iocb)
{
	struct op op = {
		.user = (uint64_t)(uintptr_t)iocb,
		.fd = iocb->aio_fildes,
		.buffer = iocb->u.c.buf,
		.length = iocb->u.c.nbytes,
		.offset = iocb->u.c.offset,
	};

	if (iocb->aio_lio_opcode == IO_CMD_PREADV || iocb->aio_lio_opcode == IO_CMD_PWRITEV) {
		const struct iovec *iov = iocb->u.c.buf;

		op.buffer = iov->iov_base;
		op.length = iov->iov_len;
	}
	op.code = iocb->aio_lio_opcode == IO_CMD_PREAD || iocb->aio_lio_opcode == IO_CMD_PREADV ?
			  IORING_OP_READ :
			  IORING_OP_WRITE;
	return op;
}

int io_submit(io_context_t context, long count, struct iocb **iocbs)
{
	struct kernel *k = kernel_of(context);
	const int nr = count ? taken(k, (unsigned int)count) : 0;

	for (int i = 0; i < nr; i++) {
		const struct op op = op_of_iocb(iocbs[i]);

		accept_op(k, &op);
	}
	return nr;
}

int io_getevents(io_context_t context, long min, long max, struct io_event *events,
		 struct timespec *timeout)
{
	struct kernel *k = kernel_of(context);
	const int err = call_fails(k, ON_WAIT);
	unsigned int nr;
	uint64_t user;
	long long res;
	long done = 0;

	if (err)
		return err;
	if (min > (long)k->nr_ops && !timeout)
		broken("waits-for-more-than-in-flight", (unsigned int)min, k->nr_ops);
	if (min > (long)k->nr_ops)
		min = (long)k->nr_ops;
	nr = more_than(k, (unsigned int)min);
	while (done < max && done < (long)nr && complete(k, done < min && !timeout, &user, &res)) {
		struct iocb *iocb = (struct iocb *)(uintptr_t)user;

		events[done++] = (struct io_event){ .data = iocb->data,
						    .obj = iocb,
						    .res = (unsigned long)res };
	}
	return !done && min && !timeout ? -EINTR : (int)done;
}
