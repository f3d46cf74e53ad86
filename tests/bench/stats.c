/* SPDX-License-Identifier: MIT */
/* Latency histogram and /proc.  CPU time there comes in ticks of 10 ms: runs that burn less than a
 * second of it say little. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>

#include "opts.h"
#include "stats.h"

uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

double seconds(uint64_t from, uint64_t to)
{
	return (double)(to - from) / 1e9;
}

/* --- histogram ----------------------------------------------------------------------------------
 */
/* Below 64 each value has its bucket; above, each power of two has 32. */

static unsigned bucket_of(uint64_t v)
{
	unsigned shift, i;

	if (v < 64)
		return (unsigned)v;
	shift = 58 - (unsigned)__builtin_clzll(v); /* v >> shift is in 32..63 */
	i = 64 + (shift - 1) * 32 + (unsigned)((v >> shift) - 32);
	return i < HIST_N ? i : HIST_N - 1;
}

static double bucket_ms(unsigned i)
{
	if (i < 64)
		return (double)i / 1e6;
	return (double)((uint64_t)(i % 32 + 32) << ((i - 64) / 32 + 1)) / 1e6;
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->bucket[bucket_of(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

double hist_ms(const struct hist *h, double quantile)
{
	uint64_t rank = (uint64_t)(quantile * (double)h->n), seen = 0;

	for (unsigned i = 0; i < HIST_N; i++) {
		seen += h->bucket[i];
		if (seen > rank)
			return bucket_ms(i);
	}
	return (double)h->max / 1e6;
}

/* --- /proc --------------------------------------------------------------------------------------
 */

struct proc {
	int pid, parent;
	double ticks;
	bool counted;
};

/* CPU time of a process and of the children it has waited for. */
static bool read_stat(struct proc *p)
{
	unsigned long user, system;
	long children_user, children_system;
	char path[64], line[1024], *fields;
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", p->pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	(void)fclose(f);
	line[n] = '\0';
	fields = strrchr(line, ')'); /* the name may hold spaces and brackets */
	if (!fields ||
	    sscanf(fields + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
		&p->parent, &user, &system, &children_user, &children_system) != 5)
		return false;
	p->ticks = (double)user + (double)system + (double)children_user + (double)children_system;
	return true;
}

static void add_memory(int pid, struct snap *s)
{
	char path[64], line[256];
	unsigned long kb;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %lu", &kb) == 1)
			s->rss += (uint64_t)kb * 1024;
		else if (sscanf(line, "Pss: %lu", &kb) == 1)
			s->pss += (uint64_t)kb * 1024;
	}
	(void)fclose(f);
}

static struct proc *read_procs(size_t *n)
{
	DIR *dir = opendir("/proc");
	struct proc *list = NULL;
	size_t cap = 0;

	*n = 0;
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		struct proc p = { .pid = atoi(e->d_name) };

		if (!isdigit((unsigned char)e->d_name[0]) || !read_stat(&p))
			continue;
		for (int i = 0; i < opt.n_pids; i++)
			p.counted |= opt.pids[i] == p.pid;
		if (*n == cap) {
			cap = cap ? cap * 2 : 256;
			list = xreallocarray(list, cap, sizeof(*list));
		}
		list[(*n)++] = p;
	}
	if (dir)
		(void)closedir(dir);
	return list;
}

static bool child_of_counted(const struct proc *list, size_t n, const struct proc *p)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].counted && list[i].pid == p->parent)
			return true;
	return false;
}

/* A generation a pass: process trees are flat. */
static void count_children(struct proc *list, size_t n)
{
	bool more;

	do {
		more = false;
		for (size_t i = 0; i < n; i++)
			if (!list[i].counted && child_of_counted(list, n, &list[i]))
				list[i].counted = more = true;
	} while (more);
}

void snap_take(struct snap *s, bool memory)
{
	struct proc *list;
	struct rusage own;
	size_t n;

	*s = (struct snap){ 0 };
	if (opt.n_pids > 0) {
		list = read_procs(&n);
		count_children(list, n);
		for (size_t i = 0; i < n; i++) {
			if (!list[i].counted)
				continue;
			s->procs++;
			s->cpu += list[i].ticks / (double)sysconf(_SC_CLK_TCK);
			if (memory)
				add_memory(list[i].pid, s);
		}
		free(list);
		if (s->procs == 0)
			die("--pids: none of these processes is there");
	}
	(void)getrusage(RUSAGE_SELF, &own);
	s->own_cpu = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
	             (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
	s->at = now_ns();
}
