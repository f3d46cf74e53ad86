/* SPDX-License-Identifier: MIT */
/* The control socket of switchyardctl: a Unix socket (0600), one JSON object per line each way.
 *   {"cmd": "account add", "args": {"jid": "...", "password": "..."}}
 *   {"ok": true, "rows": [...]} or {"ok": false, "error": "..."} */
#ifndef ROUTER_CTL_H
#define ROUTER_CTL_H

#include <stddef.h>

struct ctl;
struct router;

int ctl_open(struct ctl **out, struct router *r, char *err, size_t err_len);
void ctl_close(struct ctl *c); /* NULL is fine */

#endif
