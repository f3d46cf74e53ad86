/* SPDX-License-Identifier: MIT */
/* Who is who to a component: addresses that stand in its settings, such as admins, and whose users
 * are local. */
#ifndef COMP_WHO_H
#define COMP_WHO_H

#include <base/map.h>
#include <comp/comp.h>

/* For conf_opt.check: a bare JID; a domain. */
int who_check_bare(const char *value, char *err, size_t err_len);
int who_check_domain(const char *value, char *err, size_t err_len);

struct who {
	struct map set; /* of prepared addresses */
};
void who_init(struct who *w);
/* In place of what is in it; what is no address is left out. */
void who_read(struct who *w, const struct conf_list *from);
void who_done(struct who *w);
/* s: a prepared address, or the first n bytes of one. */
bool who_has(const struct who *w, const char *s, size_t n);
/* Of one of these domains; where none is named, of one that the server itself serves. */
bool who_is_local(const struct who *domains, const struct comp *c, const struct jid *j);

#endif
