/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked list.  A `struct list` is both head and member; a member that is in no
 * list points at itself, so list_del() may be called twice. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <base/mem.h>

struct list {
	struct list *next, *prev;
};
#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert_before(struct list *pos, struct list *m)
{
	m->prev = pos->prev;
	m->next = pos;
	pos->prev->next = m;
	pos->prev = m;
}
static inline void list_add_tail(struct list *head, struct list *m)
{
	list_insert_before(head, m);
}
static inline void list_add_head(struct list *head, struct list *m)
{
	list_insert_before(head->next, m);
}
static inline void list_del(struct list *m)
{
	m->prev->next = m->next;
	m->next->prev = m->prev;
	list_init(m);
}
/* Moves all members of src to the (initialised) list dst, which must be empty. */
static inline void list_take(struct list *dst, struct list *src)
{
	if (list_empty(src))
		return;
	*dst = *src;
	dst->next->prev = dst;
	dst->prev->next = dst;
	list_init(src);
}

#define LIST_ENTRY(ptr, type, member) CONTAINER_OF(ptr, type, member)
#define LIST_FIRST(head, type, member) \
	(list_empty(head) ? NULL : LIST_ENTRY((head)->next, type, member))
#define LIST_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The current member may be deleted. */
#define LIST_EACH_SAFE(it, head)                                               \
	for (struct list *it = (head)->next, *it##_n = it->next; it != (head); \
	     it = it##_n, it##_n = it->next)

#endif
