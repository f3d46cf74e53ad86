/* SPDX-License-Identifier: MIT */
/* SASL for clients (RFC 6120 6, and the profile of XEP-0388): mechanisms, one exchange at a time,
 * bounded tries. */
#ifndef ROUTER_SASL_H
#define ROUTER_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include <base/io.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>

struct router;
struct sasl;
struct sasl_server;

int sasl_server_open(struct sasl_server **out, struct router *r);
void sasl_server_close(struct sasl_server *ss);
void sasl_server_reload(struct sasl_server *ss);

/* One connection's exchange.  host: the served domain of the stream. */
struct sasl *sasl_new(struct sasl_server *ss, struct io *io, const char *host);
/* Who the client says that it is, in its stream's header; NULL: nothing. */
void sasl_said(struct sasl *sa, const char *from);
void sasl_free(struct sasl *sa); /* NULL is fine */
/* <mechanisms/>, <authentication/> (XEP-0388) and XEP-0440's <sasl-channel-binding/>, added to
 * <stream:features/>. */
void sasl_features(struct sasl *sa, struct el *features);

/* Adds <fast/> (XEP-0484) to the <inline/> of <authentication/>. */
void sasl_fast_features(const struct sasl *sa, struct el *into);

enum sasl_status { SASL_SENT, SASL_SUCCESS, SASL_FAILED, SASL_DROP };
/* Handles one element in NS_SASL or NS_SASL2 and writes the answer with *reply (caller sends and
 * frees; NULL: the answer follows later through `later`). SENT: the exchange goes on.  SUCCESS:
 * sasl_jid().  FAILED: may be tried again.  DROP: tried too often or nonsense: end the stream with
 * policy-violation after sending the reply. Failures above the limit are answered late (a delay),
 * through `later`. */
typedef void sasl_later(enum sasl_status status, struct el *reply, void *arg);
enum sasl_status sasl_element(
    struct sasl *sa, const struct el *el, struct el **reply, sasl_later *later, void *arg);
const struct jid *sasl_jid(const struct sasl *sa); /* bare, after success */
/* An exchange has begun and is not over. */
bool sasl_goes_on(const struct sasl *sa);
/* After success: the <authenticate/> of XEP-0388 that it began with, which is the caller's now;
 * NULL: it began with <auth/>. */
struct el *sasl_take_request(struct sasl *sa);

#endif
