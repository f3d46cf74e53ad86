/* SPDX-License-Identifier: MIT */
/* What can be found out about the service and its rooms (XEP-0045 6, 7.12, 18.1.1; XEP-0030, 0128,
 * 0059). */
#ifndef MUC_DISCO_H
#define MUC_DISCO_H

#include "muc.h"

void disco_start(struct muc *m);

#endif
