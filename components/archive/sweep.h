/* SPDX-License-Identifier: MIT */
/* What is removed bit by bit: archives whose accounts are gone, and what is older than messages are
 * kept.  Each bit waits until the one before it is committed, and lets others write in between. */
#ifndef ARCHIVE_SWEEP_H
#define ARCHIVE_SWEEP_H

#include "archive.h"

void sweep_init(struct archive *a);
void sweep_load(struct archive *a);
void sweep_kick(struct archive *a); /* there is something to be removed */
void sweep_forget(struct archive *a);
void sweep_stop(struct archive *a);

#endif
