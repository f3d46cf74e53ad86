/* SPDX-License-Identifier: MIT */
/* What a nickname may be.  As part of an address it has been through stringprep (XEP-0045 17.1);
 * here is what that lets through and people would be fooled by. */
#ifndef MUC_NICK_H
#define MUC_NICK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The nickname to be used for the one asked for, in a: white space at its ends is taken away, as
 * "bob " looks like "bob".  NULL: nothing that can be seen is left, or it is longer than max bytes.
 */
const char *nick_clean(struct arena *a, const char *nick, size_t max);
/* The same of one that did not come as part of an address.  0 and the nickname, or what is wrong:
 * -COND_JID_MALFORMED, -COND_NOT_ACCEPTABLE. */
int nick_read(struct arena *a, const char *s, size_t max, const char **out)
    __attribute__((warn_unused_result));

#endif
