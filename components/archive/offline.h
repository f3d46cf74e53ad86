/* SPDX-License-Identifier: MIT */
/* Messages that wait for an account (XEP-0160), in pages, to the server that delivers them
 * (docs/component-protocol.md 5). */
#ifndef ARCHIVE_OFFLINE_H
#define ARCHIVE_OFFLINE_H

#include "archive.h"

comp_handler offline_page;

#endif
