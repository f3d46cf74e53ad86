/* SPDX-License-Identifier: MIT */
/* A client's side of SASL: enough of SCRAM and PLAIN to log in, and to do it wrong. */
#ifndef TESTS_SASL_CLIENT_H
#define TESTS_SASL_CLIENT_H

#include <base/digest.h>
#include <base/sbuf.h>

#include "auth_fixture.h"

struct client {
	struct sasl *sa;
	enum sasl_status status; /* of the last answer */
	bool waits;              /* it is still to come, by `later` */
	unsigned late;           /* answers that came so */
	struct sbuf xml;         /* the last answer; empty: none */
	char data[2048];         /* what it carried, decoded */

	void (*between)(void); /* SCRAM's challenge is here; NULL: nothing */
	const char *gs2;       /* "n,," unless set */
	const uint8_t *cb;
	size_t cb_len; /* channel binding data behind the gs2 header */
};

void client_open(struct client *c, struct io *io);
void client_close(struct client *c);

/* One element; attr mechanism and text unless NULL. */
enum sasl_status client_raw(struct client *c, const char *name, const char *mech, const char *text);
/* As client_raw(), with the data in base64. */
enum sasl_status client_say(
    struct client *c, const char *name, const char *mech, const char *data, size_t n);
/* Turns until the answer is there; its status. */
enum sasl_status client_wait(struct client *c);

/* Whole exchanges up to the answer, which may be still to come. */
enum sasl_status client_plain(struct client *c, const char *user, const char *password);
enum sasl_status client_scram(
    struct client *c, const char *mech, const char *user, const char *password);
/* Only SCRAM's first message; the challenge is in c->data. */
enum sasl_status client_first(struct client *c, const char *mech, const char *user);

void client_failed(struct client *c, const char *cond); /* the answer says just that */

#endif
