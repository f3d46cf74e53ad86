/* SPDX-License-Identifier: MIT */
/* The certificates that the router shows: those of the served domains to clients, and what it shows
 * on the component port, out of the same folder unless COMPONENT_CERTS_DIR names another. */
#ifndef ROUTER_SERVER_CERTS_H
#define ROUTER_SERVER_CERTS_H

#include <stddef.h>

struct router;

/* Sets r->certs and r->component_certs (the same one, where the folder is the same).  err: one line
 * for the operator. */
int server_certs_open(struct router *r, char *err, size_t err_len);
void server_certs_close(struct router *r);
void server_certs_rescan(struct router *r); /* SIGHUP */
void server_certs_health(struct router *r); /* says whether they are valid still */

#endif
