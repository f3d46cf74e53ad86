/* SPDX-License-Identifier: MIT */
/* Client connections: from accept to the bound session and its end. */
#ifndef ROUTER_C2S_H
#define ROUTER_C2S_H

#include <stddef.h>

struct c2s;
struct router;
struct session;
enum stream_err;

int c2s_open(struct c2s **out, struct router *r, char *err, size_t err_len);
void c2s_close(struct c2s *c);
/* What the settings say of connections that are there: how much may wait for them.  What they may
 * send was announced to them (XEP-0478) and stays as it was. */
void c2s_reload(struct c2s *c);
/* No new connections; every stream is closed with system-shutdown. */
void c2s_stop(struct c2s *c);
size_t c2s_count(const struct c2s *c); /* connections, logged in or not */

#endif
