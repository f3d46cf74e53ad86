/* SPDX-License-Identifier: MIT */
/* One stanza to many, as single copies: taken all together or not at all. */
#include <stdlib.h>

#include <base/mem.h>

#include "comp_internal.h"

struct comp_many {
	struct comp *c;
	const struct el *el;
	struct sbuf packed;
	uint32_t n;
};

struct comp_many *comp_many_begin(struct comp *c, const struct el *el)
{
	struct comp_many *m = xzalloc(sizeof(*m));

	m->c = c;
	m->el = el;
	return m;
}

void comp_many_add(struct comp_many *m, const char *to)
{
	/* Above this none of it will be taken: there is no need to make the rest. */
	if (sbuf_len(&m->packed) <= COMP_QUEUE_HARD)
		out_pack(&m->packed, m->el, el_attr(m->el, "from") ? NULL : m->c->domain, to);
	m->n++;
}

int comp_many_end(struct comp_many *m)
{
	int r = tx_send_packed(m->c, &m->packed, m->n);

	sbuf_done(&m->packed);
	free(m);
	return r;
}
