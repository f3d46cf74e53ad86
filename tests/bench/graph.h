/* SPDX-License-Identifier: MIT */
/* Who has whom in the roster: groups of opt.contacts accounts, the contacts, and as many others at
 * most, opt.sessions in all, each of whom has all contacts of its group and nobody else.  The
 * contacts' accounts come first. */
#ifndef BENCH_GRAPH_H
#define BENCH_GRAPH_H

#include "opts.h"

static inline int graph_contacts(void) /* in all groups together */
{
	return (opt.sessions + opt.contacts - 1) / opt.contacts * opt.contacts;
}

/* The number of an account: of the k-th contact of the i-th session, and of that session. */
static inline int graph_contact(int i, int k)
{
	return i / opt.contacts * opt.contacts + k;
}

static inline int graph_session(int i)
{
	return graph_contacts() + i;
}

#endif
