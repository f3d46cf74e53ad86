/* SPDX-License-Identifier: MIT */
/* Certificates found without being named, in whatever layout an operator has below one folder
 * (docs: configuration, Certificates):
 *   NAME/fullchain.pem + NAME/privkey.pem, NAME.crt + NAME.key, NAME.pem with both.
 * For each served name the newest currently valid certificate whose SANs match wins: exact, then
 * wildcard, then that of the parent domain where it covers the name.  A pair is loaded and its key
 * checked before it replaces the old one; a broken pair keeps the old one and is logged with file,
 * owner and reason.  The folder is looked through again every 10 s (by stat: changed files only),
 * off the hot path. */
#ifndef BASE_CERTS_H
#define BASE_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certs;
struct loop;
struct tls_ctx;

/* names: n served names, prepared (as UTF-8 or A-labels, here and below), copied.  -ENOENT: a name
 * has no certificate; err then has one line that says where was looked and for what.  optional:
 * names[i] may go without one of its own (a component's domain), which is served with the parent's
 * and, unless quiet, a warning. */
struct certs_name {
	const char *name;
	bool optional, quiet;
};
/* dir: a folder, or several with commas between them. */
int certs_open(struct certs **out, struct loop *l, const char *dir, const struct certs_name *names,
    size_t n, char *err, size_t err_len) __attribute__((warn_unused_result));
void certs_close(struct certs *c); /* NULL is fine */

/* Borrowed, valid for this turn; NULL: not a served name and no certificate in use covers it.
 * name NULL: the first served name's. */
struct tls_ctx *certs_find(struct certs *c, const char *name);
void certs_rescan(struct certs *c); /* now: SIGHUP */
/* Days until the certificate in use for a name ends (negative: it has ended;
 * INT_MIN: there is none). */
int certs_days_left(const struct certs *c, const char *name);

#endif
