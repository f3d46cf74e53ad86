/* SPDX-License-Identifier: MIT */
/* What the server tells of messages (docs/component-protocol.md 5): kept once, for everybody it
 * names, however often it comes. */
#ifndef ARCHIVE_EVENT_H
#define ARCHIVE_EVENT_H

#include "archive.h"

comp_handler event_tapped;

#endif
