/* SPDX-License-Identifier: MIT */
/* Whom a session has sent directed presence (RFC 6121 4.6): struct session.im.directed. */
#ifndef ROUTER_DIRECTED_H
#define ROUTER_DIRECTED_H

#include <stdbool.h>

struct jid;
struct session;

/* false: there are too many already. */
bool directed_add(struct session *s, const struct jid *to);
void directed_remove(struct session *s, const struct jid *to);
/* Empties it; fn is called for each address. */
void directed_flush(
    struct session *s, void (*fn)(struct session *s, const struct jid *to, void *arg), void *arg);
/* As directed_flush, for the addresses that `which` picks. */
void directed_flush_if(struct session *s, bool (*which)(const struct jid *to, void *arg),
    void (*fn)(struct session *s, const struct jid *to, void *arg), void *arg);

#endif
