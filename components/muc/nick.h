/* SPDX-License-Identifier: MIT */
/* What a nickname, and the name of a room, may be.  Both have been through stringprep as parts of
 * an address (XEP-0045 14.1); here is what that lets through and people would be fooled by. */
#ifndef MUC_NICK_H
#define MUC_NICK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The nickname to be used for the one asked for, in a: white space at its ends is taken away, as
 * "bob " looks like "bob".  NULL: nothing that can be seen is left, or it is longer than max bytes.
 */
const char *nick_clean(struct arena *a, const char *nick, size_t max);

#endif
