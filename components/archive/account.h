/* SPDX-License-Identifier: MIT */
/* Accounts that go: nothing of theirs is found from then on, and it is removed bit by bit. */
#ifndef ARCHIVE_ACCOUNT_H
#define ARCHIVE_ACCOUNT_H

#include "archive.h"

comp_handler account_event;

#endif
