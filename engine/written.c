/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which parts of which files a run has written.
 *
 * The jobs of a group may write parts of a file that do not touch, or different parts of different files:
 * then no one range holds for all. Where they are going to write is known in setup, in the main process, and with it the
 * names of all files; what they have written they add to a table that all share.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "written.h"

enum {
	RANGES_MAX = 1 << 18,
	COMMANDS_MAX = 4, /* that are printed at most */
	SECTOR = 512,
};

static struct {
	atomic_uint count;
	atomic_bool whole[RANGES_MAX]; /* all of the range is there */
	struct written_range ranges[RANGES_MAX];
} * table;

int written_load(void)
{
	if (table)
		return 0;
	/* 16 MB of addresses, of which only what is used takes memory. */
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table != MAP_FAILED)
		return 0;
	table = NULL;
	return -errno;
}

/* ---- what is going to be written ---- */

static struct plan {
	const struct run_group *group;
	char *name;
	uint64_t domain; /* of the name */
	uint64_t start,
		end; /* of all jobs of the group, as far as it is known before fio lays files out */
	unsigned int fio_group;
	bool writes;
	char job[128]; /* the last one */
} * plans;
static unsigned int nr_plans;
static unsigned int *slots; /* open-addressed by domain: number of a plan, plus one */
static unsigned int nr_slots;
static struct written_by *by;
static unsigned int nr_by;
static bool plans_lost; /* out of memory */

static void *one_more(void *array, unsigned int count, size_t size)
{
	void *more = realloc(array, (count + 1) * size);

	if (!more)
		plans_lost = true;
	return more;
}

/* The next of a file's plans, those of all groups: at begins at 0. NULL: that was the last. */
static struct plan *next_plan(uint64_t domain, unsigned int *at)
{
	while (nr_slots && *at < nr_slots) {
		const unsigned int slot = slots[(domain + (*at)++) % nr_slots];

		if (!slot)
			break;
		if (plans[slot - 1].domain == domain)
			return &plans[slot - 1];
	}
	return NULL;
}

static struct plan *find_plan(const struct run_group *group, uint64_t domain)
{
	unsigned int at = 0;
	struct plan *plan;

	while ((plan = next_plan(domain, &at)) && plan->group != group)
		;
	return plan;
}

static void put_slot(unsigned int number)
{
	uint64_t at = plans[number].domain;

	while (slots[at % nr_slots])
		at++;
	slots[at % nr_slots] = number + 1;
}

/* The array for one plan more; the table with half of it empty. */
static int grow_plans(void)
{
	struct plan *more = one_more(plans, nr_plans, sizeof(*plans));
	unsigned int *old = slots;

	if (!more)
		return -ENOMEM;
	plans = more;
	if (2 * (nr_plans + 1) <= nr_slots)
		return 0;
	slots = calloc(nr_slots ? 2 * nr_slots : 64, sizeof(*slots));
	if (!slots) {
		slots = old;
		plans_lost = true;
		return -ENOMEM;
	}
	nr_slots = nr_slots ? 2 * nr_slots : 64;
	for (unsigned int i = 0; i < nr_plans; i++)
		put_slot(i);
	free(old);
	return 0;
}

static void plan_range(struct thread_data *td, struct fio_file *f, uint64_t *start, uint64_t *end)
{
	const uint64_t size = td->o.size;

	*start = get_start_offset(td, f);
	*end = UINT64_MAX;
	if (size && size != -1ULL && !td->o.size_percent && !td->o.file_size_high && td->o.nr_files)
		*end = *start + size / td->o.nr_files;
}

/* What comes again, after the first has ended, is the same data again. Where versions are tracked it is not. */
static void warn_again(const struct plan *plan, const struct job *job, uint64_t start, uint64_t end)
{
	static char said[128];
	const struct thread_options *o = &job->td->o;

	if (!plan->writes || !td_write(job->td) || job->track || !job->keeps ||
	    plan->fio_group == job->td->groupid || start >= plan->end || end <= plan->start ||
	    !strcmp(said, o->name))
		return;
	snprintf(said, sizeof(said), "%s", o->name);
	run_warn("job %s writes version %" PRIu64
		 " of %s again, as job %s has: the same data; data_version=%" PRIu64 " changes it",
		 o->name, job->options->data_version, plan->name, plan->job,
		 job->options->data_version + 1);
}

static void plan_file(const struct job *job, struct fio_file *f)
{
	const uint64_t domain = dgen_domain(f->file_name);
	struct plan *plan = find_plan(job->group, domain);
	uint64_t start, end;

	plan_range(job->td, f, &start, &end);
	if (plan) {
		warn_again(plan, job, start, end);
	} else {
		if (grow_plans())
			return;
		plan = &plans[nr_plans];
		*plan = (struct plan){
			job->group, strdup(f->file_name), domain, start, end, 0, false, ""
		};
		if (!plan->name) {
			plans_lost = true;
			return;
		}
		put_slot(nr_plans++);
	}
	plan->start = start < plan->start ? start : plan->start;
	plan->end = end > plan->end ? end : plan->end;
	plan->fio_group = job->td->groupid;
	plan->writes = plan->writes || td_write(job->td);
	snprintf(plan->job, sizeof(plan->job), "%s", job->td->o.name);
}

/* What one command could read. */
static bool go_the_same_way(const struct options *a, const struct options *b)
{
	return !strcmp(a->dedup_domain, b->dedup_domain) && !strcmp(a->backend, b->backend) &&
	       !strcmp(a->backend_options, b->backend_options) &&
	       !strcmp(a->verify_state_file, b->verify_state_file);
}

void written_plan(const struct job *job)
{
	struct thread_data *td = job->td;
	struct written_by *more = (struct written_by *)written_by(job->group);
	bool mixed = false;

	/* Before each loop but the first. fio counts loops down. */
	if (td->o.unlink || (td->o.unlink_each_loop && (td->o.loops > 1 || td->o.time_based)))
		job->group->removed = true;
	if (!(job_writes(td) || td->o.unlink) || (!td->o.create_serialize && td->o.use_thread))
		return;
	if (!more) {
		more = one_more(by, nr_by, sizeof(*by));
		if (!more)
			return;
		by = more;
		more = &by[nr_by++];
	} else {
		mixed = more->mixed || !go_the_same_way(&more->options, job->options);
	}
	*more = (struct written_by){ job->group, *job->options, td->o.iodepth, mixed };
	for (unsigned int i = 0; i < job->nr_files; i++)
		plan_file(job, (struct fio_file *)job->files[i]->file);
}

const struct written_by *written_by(const struct run_group *group)
{
	for (unsigned int i = 0; i < nr_by; i++)
		if (by[i].group == group)
			return &by[i];
	return NULL;
}

/* ---- what has been written ---- */

unsigned int written_count(void)
{
	return table->count;
}

bool written_add(const struct written_range *range)
{
	const unsigned int at = atomic_fetch_add(&table->count, 1);

	if (at >= RANGES_MAX) {
		table->count = RANGES_MAX;
		return false;
	}
	table->ranges[at] = *range;
	atomic_store(&table->whole[at], true);
	return true;
}

static int by_place(const void *left, const void *right)
{
	const struct written_range *a = *(const struct written_range *const *)left;
	const struct written_range *b = *(const struct written_range *const *)right;

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return 0;
}

/*
 * Is what was trimmed none of what was written, or was all of it written afterwards, by jobs that began when the
 * trimming one had ended?
 */
static bool is_harmless(const struct written_range *const *sorted, unsigned int count,
			const struct written_range *trim)
{
	const unsigned int number = (unsigned int)(trim - table->ranges);
	uint64_t at = trim->start;
	bool hit = false;

	for (unsigned int i = 0; i < count; i++) {
		const struct written_range *r = sorted[i];

		if (r->trimmed || r->domain != trim->domain)
			continue;
		if (r->began <= number)
			hit = hit || (r->start < trim->end && r->end > trim->start);
		else if (r->start <= at && r->end > at)
			at = r->end;
	}
	return !hit || at >= trim->end;
}

/* Parts of files that do not touch; the array is as large as the ranges are many. */
static unsigned int merge(const struct written_range *const *sorted, unsigned int count,
			  bool bridged, struct written_range *parts)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct written_range *r = sorted[i];
		struct written_range *last = nr ? &parts[nr - 1] : NULL;

		if (r->trimmed)
			continue;
		if (!last || last->domain != r->domain || (r->start > last->end && !bridged)) {
			parts[nr++] = *r;
			continue;
		}
		last->end = r->end > last->end ? r->end : last->end;
		last->lowest = r->lowest < last->lowest ? r->lowest : last->lowest;
		last->highest = r->highest > last->highest ? r->highest : last->highest;
		last->began = r->began < last->began ? r->began : last->began;
		if (r->file_size > last->file_size)
			last->file_size = r->file_size;
	}
	return nr;
}

/* How far the jobs of all groups go in a file, as far as that is known beforehand. */
static uint64_t grows_to(uint64_t domain)
{
	unsigned int at = 0;
	uint64_t end = 0;
	const struct plan *plan;

	while ((plan = next_plan(domain, &at)))
		if (plan->end != UINT64_MAX && plan->end > end)
			end = plan->end;
	return end;
}

/* A file may have grown since the first of its parts was noted. Those of one file lie together. */
static void spread_sizes(struct written_range *parts, unsigned int nr)
{
	for (unsigned int i = 1; i < nr; i++)
		if (parts[i].domain == parts[i - 1].domain &&
		    parts[i].file_size < parts[i - 1].file_size)
			parts[i].file_size = parts[i - 1].file_size;
	for (unsigned int i = nr; i-- > 1;)
		if (parts[i].domain == parts[i - 1].domain)
			parts[i - 1].file_size = parts[i].file_size;
	for (unsigned int i = 0; i < nr; i++)
		if (grows_to(parts[i].domain) > parts[i].file_size)
			parts[i].file_size = grows_to(parts[i].domain);
}

/* Whole sectors: a job that verifies reads nothing less. */
static void cut(struct written_range *part)
{
	part->start = (part->start + SECTOR - 1) / SECTOR * SECTOR;
	part->end = part->end / SECTOR * SECTOR;
}

static bool is_whole(const struct written_range *part)
{
	return part->end >= part->file_size;
}

/* Can one command verify both? */
static bool go_together(const struct written_range *a, const struct written_range *b)
{
	return a->start == b->start && is_whole(a) == is_whole(b) &&
	       (is_whole(a) || a->end == b->end);
}

/* Is another group, with other data, going to write there, or at it? */
static const struct plan *find_other(const struct run_group *group,
				     const struct written_range *part)
{
	unsigned int at = 0;
	struct plan *plan;

	while ((plan = next_plan(part->domain, &at)))
		if (plan->group != group && plan->group->jobs > 0 && plan->start < part->end &&
		    plan->end > part->start)
			break;
	return plan;
}

static int by_domain(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const struct written_range *const *b = right;

	return a < (*b)->domain ? -1 : a > (*b)->domain;
}

/* Has another group, with other data, written or trimmed some of it since the first of these jobs began? */
static bool is_mixed(const struct written_range *const *others, unsigned int count,
		     const struct written_range *part)
{
	const struct written_range *const *one = count ? bsearch(&part->domain, others, count,
								 sizeof(struct written_range *),
								 by_domain) :
							 NULL;

	while (one && one > others && one[-1]->domain == part->domain)
		one--;
	for (; one && one < others + count && (*one)->domain == part->domain; one++)
		if ((unsigned int)(*one - table->ranges) >= part->began &&
		    (*one)->start < part->end && (*one)->end > part->start)
			return true;
	return false;
}

/* Into part, all that goes together with the first; these are done with. In the order of the names. */
static void take_part(const struct run_group *group, struct written_range *parts, unsigned int nr,
		      unsigned int first, const char **names, struct written_part *part)
{
	const struct written_range key = parts[first];

	*part = (struct written_part){ .start = key.start,
				       .end = key.end,
				       .whole = is_whole(&key),
				       .even = true,
				       .lowest = UINT64_MAX,
				       .names = names };
	for (unsigned int i = 0; i < nr; i++) {
		const struct plan *plan;

		if (!parts[i].group || !go_together(&parts[i], &key))
			continue;
		plan = find_plan(group, parts[i].domain);
		names[part->nr_names++] = plan->name;
		part->sizes |= parts[i].start | parts[i].end;
		part->even = part->even && parts[i].end == key.end;
		part->lowest = parts[i].lowest < part->lowest ? parts[i].lowest : part->lowest;
		part->highest = parts[i].highest > part->highest ? parts[i].highest : part->highest;
		parts[i].group = NULL;
	}
}

/* Files in the order in which jobs have named them, not in that of the hashes of their names. */
static int by_plan(const void *left, const void *right)
{
	const struct written_range *a = left, *b = right;
	const struct plan *p = find_plan(a->group, a->domain), *q = find_plan(b->group, b->domain);

	if (p != q)
		return p < q ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* others: the ranges of other groups, by place. */
static const char *refuse(const struct run_group *group, const struct written_range *parts,
			  unsigned int nr, const struct written_range *const *others,
			  unsigned int nr_others)
{
	unsigned int commands = 0;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int k = 0;

		if (!find_plan(group, parts[i].domain))
			return "not all names of files are known";
		if (find_other(group, &parts[i]))
			return "another job of this run, with other data, writes or removes some of it";
		if (is_mixed(others, nr_others, &parts[i]))
			return "another job of this run, with other data, wrote or trimmed some of it meanwhile";
		while (k < i && !go_together(&parts[i], &parts[k]))
			k++;
		commands += k == i;
		if (commands > COMMANDS_MAX)
			return "it lies in too many parts; verify_state_file= does";
	}
	return commands ? NULL : "less than a sector of any file";
}

static const char *put_all(const struct run_group *group, struct written_range *parts,
			   unsigned int nr,
			   void (*put)(const struct written_part *part, unsigned int number,
				       unsigned int count, void *data),
			   void *data)
{
	const char **names = calloc(nr ? nr : 1, sizeof(*names));
	struct written_part found[COMMANDS_MAX];
	unsigned int count = 0, used = 0;
	const char *why = names ? NULL : "out of memory";

	if (!why && nr)
		qsort(parts, nr, sizeof(*parts), by_plan);
	for (unsigned int i = 0; !why && i < nr; i++) {
		if (!parts[i].group)
			continue;
		take_part(group, parts, nr, i, names + used, &found[count]);
		if (found[count].highest - found[count].lowest >= VERSIONS_MAX ||
		    found[count].highest > DATA_VERSION_MAX)
			why = "its versions are too many, or too high; verify_state_file= does";
		used += found[count++].nr_names;
	}
	for (unsigned int i = 0; !why && i < count; i++)
		put(&found[i], i + 1, count, data);
	free(names);
	return why;
}

const char *written_parts(const struct run_group *group, bool bridged,
			  void (*put)(const struct written_part *part, unsigned int number,
				      unsigned int count, void *data),
			  void *data)
{
	const unsigned int all = table->count < RANGES_MAX ? table->count : RANGES_MAX;
	/* The group's, and behind them the others'. */
	const struct written_range **sorted = calloc(all + 1, sizeof(struct written_range *));
	struct written_range *parts = calloc(all + 1, sizeof(*parts));
	const char *why = sorted && parts && !plans_lost ? NULL : "out of memory";
	unsigned int count = 0, others = 0, nr = 0, kept = 0;

	for (unsigned int i = 0; !why && i < all; i++) {
		/* Jobs of other groups may end just now. */
		if (!atomic_load(&table->whole[i]))
			continue;
		if (table->ranges[i].group == group)
			sorted[count++] = &table->ranges[i];
		else
			sorted[all - ++others] = &table->ranges[i];
	}
	if (count)
		qsort(sorted, count, sizeof(*sorted), by_place);
	if (others)
		qsort(sorted + all - others, others, sizeof(*sorted), by_place);
	for (unsigned int i = 0; !why && !bridged && i < count; i++)
		if (sorted[i]->trimmed && !is_harmless(sorted, count, sorted[i]))
			why = "some of it was trimmed; verify_state_file= does";
	if (!why)
		nr = merge(sorted, count, bridged, parts);
	spread_sizes(parts, nr);
	for (unsigned int i = 0; i < nr; i++) {
		cut(&parts[i]);
		if (parts[i].start < parts[i].end)
			parts[kept++] = parts[i];
	}
	if (!why)
		why = refuse(group, parts, kept, sorted + all - others, others);
	if (!why)
		why = put_all(group, parts, kept, put, data);
	free(sorted);
	free(parts);
	return why;
}
