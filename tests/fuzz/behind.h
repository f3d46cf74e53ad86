/* SPDX-License-Identifier: MIT */
/* A component of the targets that hand stanzas to one: behind a link without a connection, in the
 * domain "test"; what it is told, and that an iq gets one answer.  There is one in a process. */
#ifndef TESTS_FUZZ_BEHIND_H
#define TESTS_FUZZ_BEHIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>

struct comp;
struct comp_conf;
struct comp_ops;
struct db_q;
struct el;
struct loop;

#define SERVER "test"

/* An iq: its id, and the other end's address, prepared. */
struct behind_iq {
	char id[256], to[1100];
};

/* What became of the stanza at hand. */
struct behind_said {
	bool asks; /* it has to be answered, with what is in `iq` */
	struct behind_iq iq;
	unsigned answers;
};

/* Made of these, but for where it is and what ops calls it, with an empty database; the link takes
 * what is sent.  done(): at the end of the process, when the component has gone; may be NULL. */
struct comp *behind_start(struct comp_ops *ops, void *arg, struct comp_conf *conf,
    const char *domain, void (*done)(void));
struct loop *behind_loop(void);

/* --- what it is told -------------------------------------------------------------------------- */

/* An iq from an address to an account here: as the server forwards it, in place of itself, which is
 * freed then.  Anything else as it is. */
struct el *behind_delegated(struct el *el);
/* What `iq` is answered with; payload may be "". */
struct el *behind_answer(const struct behind_iq *iq, const char *payload);
/* The stanza is about to be handed in.  False, and it is freed: it is too long for us. */
bool behind_expects(struct behind_said *s, struct el *el);
/* In a transaction, which is at hand afterwards.  number: of the link's stanzas; 0: none. */
void behind_hand_in(struct el *el, uint64_t number);

/* --- what it says ----------------------------------------------------------------------------- */

/* It speaks for its own domain, and answers what is at hand alone.  True: an iq that asks. */
bool behind_says(struct behind_said *s, struct el *el);
void behind_note(struct behind_iq *iq, const struct el *asks);

/* Commits all, until nothing waits in this list of the component's. */
void behind_settle(const struct list *waits);

/* --- the end of an input ---------------------------------------------------------------------- */

void behind_none(struct db_q *q); /* the number that it selects is 0 */
/* forget(): what the component keeps itself, or NULL; requests, grants and delegations go around
 * it. */
void behind_forget(void (*forget)(void));

#endif
