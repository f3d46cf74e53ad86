/* SPDX-License-Identifier: MIT */
/* Entity capabilities (XEP-0115): the hash that names an answer to disco#info, and the nodes whose
 * notifications that answer asks for.  Whoever has verified the hash may keep the names under it,
 * for everybody who announces it. */
#ifndef PUBSUB_CAPS_HASH_H
#define PUBSUB_CAPS_HASH_H

#include <stddef.h>

#include <base/digest.h>
#include <xmpp/el.h>

struct sbuf;

enum {
	CAPS_HASH_LEN = BASE64_LEN(DIGEST_MAX),
	CAPS_IDENTITIES_MAX = 64,
	CAPS_FEATURES_MAX = 512,
	CAPS_FORMS_MAX = 16,   /* each with FORM_FIELDS_MAX and FORM_VALUES_MAX (xmpp/form.h) */
	CAPS_NOTIFY_MAX = 256, /* names */
	CAPS_NAME_MAX = 1023,  /* bytes of each */
};

/* The hash function by its name in the attribute `hash`: "sha-1", "sha-256", "sha-512".  -EINVAL:
 * none of them, or NULL. */
int caps_alg(const char *name, enum digest_alg *out) __attribute__((warn_unused_result));

/* Hashes the verification string (5.1) of a disco#info <query/> into out: base64, NUL added.
 * -EINVAL: ill-formed (5.4), beyond the bounds above, or nothing that one string stands for:
 * - an identity without category or type, or with '/' in these or its language;
 * - a feature or a field without a name, two fields of a form with the same one;
 * - "+notify" at the end of anything but a feature, or behind a name with '<' in it.
 * What is left has this property: answers with the same string ask for the same notifications.
 * (The string does not say where features end and forms begin.  An answer to somebody else's hash
 * that shows features as a form's values could otherwise take them away from everybody.) */
int caps_hash(const struct el *query, enum digest_alg alg, char out[CAPS_HASH_LEN + 1])
    __attribute__((warn_unused_result));

/* The names of the nodes that features of the query ask notifications for (XEP-0163 4.2): each
 * feature that ends in "+notify", without it.  In the order of their bytes, each once, and appended
 * to out one after the other, each with its NUL; the first CAPS_NOTIFY_MAX of them, and none longer
 * than CAPS_NAME_MAX.  Returns how many. */
size_t caps_notify(const struct el *query, struct sbuf *out);

#endif
