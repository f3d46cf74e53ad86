/* SPDX-License-Identifier: MIT */
/* What is asked of an archive (XEP-0313 4): the form, the page, and whether whoever asks may. */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

#include "archive.h"

comp_handler query_set;
/* 0, or -enum el_cond: nobody reads another's archive. */
int query_allowed(const struct comp_req *rq);

#endif
