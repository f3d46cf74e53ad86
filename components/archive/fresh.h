/* SPDX-License-Identifier: MIT */
/* What came last stands in the order in which it came, and is filed into the archives of those who
 * have it later, together: one row behind the others costs little, one in each of four places that
 * nobody has looked at for a while costs as many pages. */
#ifndef ARCHIVE_FRESH_H
#define ARCHIVE_FRESH_H

#include "archive.h"
#include "held.h"
#include "owner.h"
#include "uid.h"

void fresh_init(struct archive *a);
int fresh_load(struct archive *a); /* 0 or -Exxx */
void fresh_forget(struct archive *a);
void fresh_stop(struct archive *a);

/* A message of the account's has been written. */
void fresh_put(struct archive *a, struct owner *o, const struct uid *uid);
/* Files all of it, in the transaction under way. */
void fresh_file(struct archive *a);
/* The transaction with which all that the account has can be read where it belongs. */
uint64_t fresh_wait(struct archive *a, const struct owner *o);
/* For a request about an account: HELD_UNTIL that is committed, or HELD_DONE. */
enum held_next fresh_held(struct archive *a, const char *jid);
/* Could a message with this id have come before? */
bool fresh_repeats(const struct archive *a, const struct uid *uid);

#endif
