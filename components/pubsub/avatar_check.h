/* SPDX-License-Identifier: MIT */
/* What an avatar is: the image's type and size by its own first bytes, whatever the sender calls it
 * (XEP-0153 5: the data decides), and its id. */
#ifndef PUBSUB_AVATAR_CHECK_H
#define PUBSUB_AVATAR_CHECK_H

#include <stddef.h>

struct sbuf;

enum { AVATAR_MAX = 65536 }; /* bytes of an image converted between XEP-0084 and XEP-0153 */

/* "image/png", "image/jpeg", "image/gif" or "image/webp"; NULL: none of these. */
const char *avatar_type(const void *p, size_t n);

/* Width and height as the header says, neither of them 0.  -EINVAL: it does not, or is cut off;
 * both are untouched then.  No pixel is looked at: what is behind the header may be anything. */
int avatar_size(const void *p, size_t n, unsigned *width, unsigned *height)
    __attribute__((warn_unused_result));

/* Decodes base64 as it stands in XML, with white space anywhere, and appends it to out.  -EINVAL:
 * none, -E2BIG: more than AVATAR_MAX bytes; out is untouched then. */
int avatar_decode(const char *text, struct sbuf *out) __attribute__((warn_unused_result));

/* The id of an image (XEP-0084 4.2.1): the SHA-1 of its bytes in hex, NUL added. */
void avatar_id(const void *p, size_t n, char out[41]);

#endif
