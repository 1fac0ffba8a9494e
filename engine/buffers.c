/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers are made in small pieces and sent in large ones, so they pass through the address
 * translation of CPU and kernel often. Transparent huge pages cost nothing to set up. They must be
 * asked for before memory is touched, and fio does that right after it has allocated it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "buffers.h"

/* Bytes of a huge page; 0 where the kernel has none of the transparent kind. */
static size_t huge_page_size(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
	size_t size = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%zu", &size) != 1 || size & (size - 1))
		size = 0;
	fclose(f);
	return size;
}

/* With room to begin at a huge page. Only whole ones are asked for: no more memory is used. */
static int buffers_alloc(struct thread_data *td, size_t size)
{
	struct job *job = job_of(td);
	const size_t huge = huge_page_size();
	const size_t whole = huge ? size / huge * huge : 0;
	char *p;

	job->mapped_size = size + (whole ? huge : 0);
	p = mmap(NULL, job->mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED)
		return ENOMEM;
	job->mapped = p;
	if (whole) {
		p = (char *)(((uintptr_t)p + huge - 1) / huge * huge);
		madvise(p, whole, MADV_HUGEPAGE);
	}
	td->orig_buffer = p;
	return 0;
}

/*
 * The part of the memory at an address that lies on huge pages, as the kernel shows it: of its whole
 * mapping, which it may share with what else lies beside it.
 */
static double huge_part(const void *at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long begin, end, number;
	unsigned long resident = 0, huge = 0;
	bool here = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = (uintptr_t)at >= begin && (uintptr_t)at < end;
		else if (here && sscanf(line, "Rss: %lu", &number) == 1)
			resident = number;
		else if (here && sscanf(line, "AnonHugePages: %lu", &number) == 1)
			huge = number;
		else if (here && huge && resident)
			break;
	}
	if (f)
		fclose(f);
	return resident ? (double)huge / (double)resident : 0;
}

/* For the report: while they are still there. */
static void buffers_free(struct thread_data *td)
{
	struct job *job = job_of(td);

	if (!job->mapped)
		return;
	if (job->writer)
		job->huge_part = huge_part(td->orig_buffer);
	munmap(job->mapped, job->mapped_size);
	job->mapped = NULL;
}

void buffers_put_hooks(struct job *job)
{
	job->huge_part = -1;
	if (job->inner->iomem_alloc || fio_option_is_set(&job->td->o, mem_type))
		return;
	job->ops.iomem_alloc = buffers_alloc;
	job->ops.iomem_free = buffers_free;
}
