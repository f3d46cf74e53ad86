/* SPDX-License-Identifier: MIT */
/* vCards between their two forms: <vCard xmlns='vcard-temp'/> (XEP-0054) and
 * <vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/> (RFC 6351, XEP-0292).
 *
 * Converted are, both ways: FN, N, NICKNAME, URL, BDAY, ORG, TITLE, ROLE, DESC (and NOTE, both are
 * vCard4's NOTE), TEL, EMAIL, ADR, JABBERID (IMPP with an xmpp: URI).  All else is left out of the
 * converted copy: it has no counterpart, or, as the pictures, another way (XEP-0398).  So are
 * fields without content.
 *
 * Pure: no database, no network, no state. */
#ifndef PUBSUB_VCARD_CONV_H
#define PUBSUB_VCARD_CONV_H

#include <xmpp/el.h>

#define NS_VCARD_TEMP "vcard-temp"                    /* XEP-0054 */
#define NS_VCARD_4 "urn:ietf:params:xml:ns:vcard-4.0" /* RFC 6351 */

enum {
	VCARD_FIELDS_MAX = 256, /* of a converted vCard: those that come first */
	VCARD_LIST_MAX = 16,    /* values of one field's part, types, units of an organisation */
};

/* Both return a root that the caller frees; NULL: the element is no such vCard.  What has no field
 * to convert becomes an empty element; one that has some gets the FN that vCard4 demands (RFC 6350
 * 6.2.1), empty where there is none. */
struct el *vcard_to_4(const struct el *vcard_temp);
struct el *vcard_from_4(const struct el *vcard4);

/* --- pictures (vcard_photo.c) -------------------------------------------------------------------
 */
/* The picture of a vcard-temp: the text of PHOTO/BINVAL, base64 with whatever white space its
 * author put there.  NULL: there is none, or an empty one, which is the same (XEP-0153 4.4). */
const char *vcard_photo(const struct el *vcard_temp);
/* A copy with this picture in place of all it had, which the caller frees.  vcard_temp NULL, or no
 * vCard: a new one; type NULL: not said; base64 NULL: without picture. */
struct el *vcard_with_photo(const struct el *vcard_temp, const char *type, const char *base64);

#endif
