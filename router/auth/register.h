/* SPDX-License-Identifier: MIT */
/* In-band registration (XEP-0077), with invitations where these are needed (XEP-0445), and what an
 * account may change about itself: its password, and that it is there. */
#ifndef ROUTER_REGISTER_H
#define ROUTER_REGISTER_H

#include <stdbool.h>

#include <xmpp/el.h>

struct registrar;
struct registration;
struct router;
struct stanza;

int registrar_open(struct registrar **out, struct router *r);
void registrar_close(struct registrar *rr); /* NULL is fine */
void registrar_reload(struct registrar *rr);

/* --- before login: one connection, which has TLS ---------------------------------------------- */
/* peer: its address; host: the served domain of the stream. */
struct registration *registration_new(struct registrar *rr, const char *peer, const char *host);
void registration_free(struct registration *rg); /* NULL is fine */
void registration_features(const struct registration *rg, struct el *features);

enum reg_status { REG_ANSWERED, REG_LATER, REG_NOT_OURS, REG_TOO_MANY };
/* Handles one iq that came instead of a login.  ANSWERED: *reply, which the caller sends and frees.
 * LATER: it follows through `later`.  NOT_OURS: it is about something else.  TOO_MANY: end the
 * stream with policy-violation. */
typedef void registration_later(struct el *reply, void *arg);
enum reg_status registration_iq(struct registration *rg, const struct el *iq, struct el **reply,
    registration_later *later, void *arg);

/* --- logged in -------------------------------------------------------------------------------- */
/* The iqs of a session in NS_REGISTER about its own account.  Always answers. */
void register_own(struct router *r, struct stanza *st);

#endif
