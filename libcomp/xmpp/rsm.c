/* SPDX-License-Identifier: MIT */
/* Result set management (XEP-0059): what a request asks for, which items those are, and the
 * answer's summary.  Nothing is kept between pages. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <xmpp/rsm.h>

/* A number from the wire; absent: SIZE_MAX. */
static int parse_number(const struct el *set, const char *name, size_t *out)
{
	const char *s = el_child_text(set, name, NS_RSM);
	size_t v = 0;

	if (!s)
		return 0;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (size_t)(*s - '0'), &v))
			return -EINVAL;
	}
	*out = v;
	return 0;
}

int rsm_parse(struct rsm *r, const struct el *parent)
{
	const struct el *set = el_child(parent, "set", NS_RSM);
	int ways;

	*r = (struct rsm){ .max = SIZE_MAX, .index = SIZE_MAX };
	if (!set)
		return 0;
	r->asked = true;
	if (parse_number(set, "max", &r->max) < 0 || parse_number(set, "index", &r->index) < 0)
		return -EINVAL;
	r->after = el_child_text(set, "after", NS_RSM);
	r->before = el_child_text(set, "before", NS_RSM);
	if (r->before && !*r->before) {
		r->last = true;
		r->before = NULL;
	}
	ways = (r->after != NULL) + (r->before != NULL) + r->last + (r->index != SIZE_MAX);
	return ways > 1 ? -EINVAL : 0;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

struct rsm_page rsm_page(
    const struct rsm *r, size_t count, size_t limit, rsm_find_fn *find, void *arg)
{
	size_t max = min(r->max, limit), end;
	struct rsm_page p = { 0, 0 };
	bool there = false;

	if (r->after) {
		p.from = find(r->after, &there, arg);
		if (there)
			p.from++;
	} else if (r->before || r->last) {
		end = r->last ? count : find(r->before, &there, arg);
		p.from = end - min(end, max);
		p.n = end - p.from;
		return p;
	} else if (r->index != SIZE_MAX) {
		p.from = min(r->index, count);
	}
	p.n = min(max, count - p.from);
	return p;
}

void rsm_add(
    struct el *parent, const struct rsm_page *p, size_t count, const char *first, const char *last)
{
	struct el *set = el_add(parent, "set", NS_RSM);
	char total[24];

	if (p->n > 0) {
		el_setf(el_add_text(set, "first", NULL, first), "index", "%zu", p->from);
		el_add_text(set, "last", NULL, last);
	}
	(void)snprintf(total, sizeof(total), "%zu", count);
	el_add_text(set, "count", NULL, total);
}
