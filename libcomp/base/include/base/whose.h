/* SPDX-License-Identifier: MIT */
/* What an operator has to know of a file that this process has no right to: whose it is, as whom it
 * runs, and what mends it. */
#ifndef BASE_WHOSE_H
#define BASE_WHOSE_H

#include <stddef.h>

/* "owner uid 0, gid 0, mode 0600; this runs as uid 999, gid 999: chown 999:999 PATH", in buf, which
 * is returned.  Where the path is out of sight it is the folder in the way that is described and
 * named.  errno stays. */
const char *whose(const char *path, char *buf, size_t len);

#endif
