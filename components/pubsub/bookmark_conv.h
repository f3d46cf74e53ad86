/* SPDX-License-Identifier: MIT */
/* Bookmarks between their two forms: one <storage xmlns='storage:bookmarks'/> that lists them all
 * (XEP-0048), and one item for each room with a <conference xmlns='urn:xmpp:bookmarks:1'/>
 * (XEP-0402), whose id is the room's prepared bare JID.
 *
 * What both forms know is autojoin, name, nick and password; an empty text is the same as none.
 * A room whose address is invalid, or one of whose texts is longer than BOOKMARK_TEXT_MAX, is left
 * out; of several for one room the first counts.
 *
 * Pure: no database, no network, no state. */
#ifndef PUBSUB_BOOKMARK_CONV_H
#define PUBSUB_BOOKMARK_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/el.h>

#define NS_BOOKMARKS "storage:bookmarks"      /* XEP-0048 */
#define NS_BOOKMARKS_1 "urn:xmpp:bookmarks:1" /* XEP-0402 */

enum {
	BOOKMARKS_MAX = 1000,      /* rooms of one account, and as many web pages */
	BOOKMARK_TEXT_MAX = 3071,  /* bytes of a name, nick or password */
	BOOKMARK_ITEM_MAX = 262144 /* bytes of a payload that is read back */
};

/* --- from XEP-0048 ------------------------------------------------------------------------------
 */
/* Calls each() for the rooms of a <storage/>, in its order: id is the item's, conference its
 * payload without extensions (bookmark_keep() adds them).  Both live as long as the call, which may
 * change the payload and returns 0, or what ends the walk.
 *
 * Returns how many rooms there were; -EINVAL: that is no <storage/>; or what each() returned.
 * *ret_more (may be NULL): there is more than BOOKMARKS_MAX allows, which was not looked at. */
int bookmark_from_storage(const struct el *storage,
    int (*each)(const char *id, struct el *conference, void *arg), void *arg, bool *ret_more);
/* What XEP-0402 does not know: a <storage/> of its own with the <url/> elements of this one, which
 * the caller frees; NULL: there are none. */
struct el *bookmark_urls(const struct el *storage);

/* --- payloads of XEP-0402 -----------------------------------------------------------------------
 */
/* The text of a payload as a tree that the caller frees; NULL: it is no <conference/>. */
struct el *bookmark_read(const char *payload);
/* Adds to a payload what the one that it replaces has besides nick and password: its <extensions/>,
 * and whatever else was put there (XEP-0402 3.4).  old may be NULL. */
void bookmark_keep(struct el *conference, const struct el *old);
/* Do two payloads say the same, as far as XEP-0048 could say it?  Then nothing is published, and
 * nobody notified (XEP-0402 5.3.2).  NULL is the same as nothing. */
bool bookmark_same(const struct el *a, const struct el *b);

/* --- to XEP-0048 --------------------------------------------------------------------------------
 */
/* An empty <storage/>; the caller frees it. */
struct el *bookmark_storage_new(void);
/* Appends the room of one item, given as its id and the text of its payload (XEP-0402 5.3.1): the
 * order is that of the calls.  false: the item is no bookmark, or there are enough. */
bool bookmark_to_storage(struct el *storage, const char *id, const char *payload);
/* Appends what bookmark_urls() has kept; kept may be NULL. */
void bookmark_add_urls(struct el *storage, const struct el *kept);

#endif
