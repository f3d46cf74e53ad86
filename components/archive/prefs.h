/* SPDX-License-Identifier: MIT */
/* What an account wants to be kept (XEP-0441).  The server decides by it: it is told first, and
 * what it has taken is kept here to be shown. */
#ifndef ARCHIVE_PREFS_H
#define ARCHIVE_PREFS_H

#include "archive.h"

comp_handler prefs_get;
comp_handler prefs_set;

#endif
