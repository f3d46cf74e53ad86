/* SPDX-License-Identifier: MIT */
/* Result sets in pages (XEP-0059), for sets whose items have a unique id each and are in the order
 * of these ids: a page begins where an id would stand, whether the item is still there or not. */
#ifndef XMPP_RSM_H
#define XMPP_RSM_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/el.h>

struct rsm {                        /* borrows from the element */
	bool asked;                 /* there was a <set/> */
	bool last;                  /* an empty <before/>: the last page */
	size_t max;                 /* SIZE_MAX: not said */
	size_t index;               /* SIZE_MAX: not said */
	const char *after, *before; /* NULL: not said */
};
/* Reads the <set/> below parent, if there is one.  0, or -EINVAL: not a number, or two ways to say
 * where the page is. */
int rsm_parse(struct rsm *r, const struct el *parent) __attribute__((warn_unused_result));

/* Where an id stands or would stand: the number of items below it; *ret_there: it is an item. */
typedef size_t rsm_find_fn(const char *id, bool *ret_there, void *arg);
struct rsm_page {
	size_t from, n; /* items from, ..., from + n - 1 */
};
/* The page of a set of `count` items that was asked for, of at most `limit` items. */
struct rsm_page rsm_page(
    const struct rsm *r, size_t count, size_t limit, rsm_find_fn *find, void *arg);
/* The <set/> of the answer; first and last are the ids of the page's ends, unused if it is empty.
 */
void rsm_add(
    struct el *parent, const struct rsm_page *p, size_t count, const char *first, const char *last);

#endif
