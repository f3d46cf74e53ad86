/* SPDX-License-Identifier: MIT */
/* Client state indication (XEP-0352): while a client says that nobody looks at it, presence and
 * chat states wait for it, the newest of each sender; what matters is sent at once.
 *
 * What waits from somebody goes before anything else of his, so that the order between two
 * entities is kept (RFC 6120 10.1). */
#ifndef ROUTER_SESSION_CSI_H
#define ROUTER_SESSION_CSI_H

#include <stdbool.h>
#include <stddef.h>

struct el;
struct session;

void session_csi_set(struct session *s, bool inactive); /* active: what waits is sent */
/* Before an element is sent to a session that is inactive; true: it waits. */
bool session_csi_hold(struct session *s, const struct el *el, const char *from, const char *to);
size_t session_csi_bytes(const struct session *s); /* of what waits */
void session_csi_free(struct session *s);          /* nothing of it is sent any more */

#endif
