/* SPDX-License-Identifier: MIT */
/* The picture in a <BINVAL/> (XEP-0054): what it is, by its own first bytes, whatever its owner
 * calls it.  Pure; no pixel is looked at. */
#ifndef MUC_IMAGE_H
#define MUC_IMAGE_H

#include <stddef.h>

enum {
	IMAGE_MAX = 65536, /* bytes of one */
	IMAGE_HASH_LEN = 40,
};

/* One of the media types of XEP-0486 and image/webp; NULL: none of these. */
const char *image_type(const void *p, size_t n);
/* Base64 with white space anywhere: its type, and its SHA-1 in hex (XEP-0153).  -EINVAL: no base64,
 * or no such picture, -E2BIG: more than IMAGE_MAX bytes. */
int image_read(const char *base64, const char **ret_type, char hash[IMAGE_HASH_LEN + 1])
    __attribute__((warn_unused_result));

#endif
