/* SPDX-License-Identifier: MIT */
/* The search for rooms (XEP-0433): those that are listed, by words in name, description and
 * address, in pages.  Nothing is kept between them.
 *
 * A search looks at every room once, at no more than so many words; how often is limited for each
 * who asks and for all of them together. */
#ifndef MUC_SEARCH_H
#define MUC_SEARCH_H

#include "muc.h"

#define NS_SEARCH "urn:xmpp:channel-search:0:search"

int search_handle(struct comp_req *rq, void *arg); /* arg: struct muc */

enum { SEARCH_WORDS_MAX = 4, SEARCH_QUERY_MAX = 128, SEARCH_WORD_MIN = 3 };
/* Splits a query at white space, in place; words that are too short are left out.  Their number. */
unsigned search_words(char *query, const char *words[SEARCH_WORDS_MAX]);
/* Are all of the words in these texts (NULL: nothing), each in any of them, however written in
 * ASCII's letters? */
bool search_match(
    const char *const *words, unsigned n_words, const char *const *texts, unsigned n_texts);

#endif
