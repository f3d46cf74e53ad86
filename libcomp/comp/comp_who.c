/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <comp/who.h>

/* --- settings --------------------------------------------------------------------------------- */

static int check(const char *value, bool (*fits)(const struct jid *j), const char *what, char *err,
    size_t err_len)
{
	struct arena *a = arena_new();
	struct jid j;
	int r = jid_parse(&j, a, value);

	if (r == 0 && !fits(&j))
		r = -EINVAL;
	if (r < 0)
		(void)snprintf(err, err_len, "%s", what);
	arena_free(a);
	return r;
}

int who_check_bare(const char *value, char *err, size_t err_len)
{
	return check(value, jid_is_bare, "an address without a resource, such as a@example.org",
	    err, err_len);
}

int who_check_domain(const char *value, char *err, size_t err_len)
{
	return check(value, jid_is_domain, "a domain, such as example.org", err, err_len);
}

/* --- sets ------------------------------------------------------------------------------------- */

struct entry {
	struct map_node node;
	char jid[];
};

void who_init(struct who *w)
{
	map_init(&w->set);
}

void who_done(struct who *w)
{
	struct map_node *n;

	while ((n = map_first(&w->set))) {
		map_del(&w->set, n);
		free(MAP_ENTRY(n, struct entry, node));
	}
	map_done(&w->set);
}

void who_read(struct who *w, const struct conf_list *from)
{
	struct arena *a = arena_new();

	who_done(w);
	for (size_t i = 0; i < from->n; i++) {
		struct entry *e;
		struct jid j;

		if (jid_parse(&j, a, from->v[i]) < 0 || who_has(w, j.s, j.len))
			continue;
		e = xmalloc(sizeof(*e) + j.len + 1U);
		memcpy(e->jid, j.s, j.len + 1U);
		map_put(&w->set, &e->node, e->jid, j.len);
	}
	arena_free(a);
}

bool who_has(const struct who *w, const char *s, size_t n)
{
	return map_len(&w->set) > 0 && map_get(&w->set, s, n);
}

bool who_is_local(const struct who *domains, const struct comp *c, const struct jid *j)
{
	if (map_len(&domains->set) > 0)
		return who_has(domains, jid_domain(j), jid_domain_len(j));
	return comp_is_served(c, j);
}
