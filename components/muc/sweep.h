/* SPDX-License-Identifier: MIT */
/* What is removed bit by bit: what was said in rooms that are no more, and what is too old
 * (muc_archive_expire). */
#ifndef MUC_SWEEP_H
#define MUC_SWEEP_H

#include "muc.h"

void sweep_init(struct muc *m);
void sweep_load(struct muc *m);
void sweep_kick(struct muc *m); /* a room is no more: soon */
void sweep_forget(struct muc *m);
void sweep_stop(struct muc *m);

#endif
