/* SPDX-License-Identifier: MIT */
/* The control socket of switchyardctl: a Unix socket (0600), one JSON object per line each way.
 *   {"cmd": "account add", "args": {"jid": "...", "password": "..."}}
 *   {"ok": true, "rows": [...]} or {"ok": false, "error": "..."}
 * A page of a longer list also has "next", which as "after" asks for the rest. */
#ifndef ROUTER_CTL_H
#define ROUTER_CTL_H

#include <stddef.h>

struct ctl;
struct router;

/* CTL_SOCKET empty: 0 and *out = NULL. */
int ctl_open(struct ctl **out, struct router *r, char *err, size_t err_len);
void ctl_close(struct ctl *c); /* NULL is fine */

#endif
