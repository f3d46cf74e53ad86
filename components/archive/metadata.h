/* SPDX-License-Identifier: MIT */
/* What can be asked about an archive: by which fields it is searched (XEP-0313 4.1.5), and where it
 * begins and ends (5). */
#ifndef ARCHIVE_METADATA_H
#define ARCHIVE_METADATA_H

#include "archive.h"

comp_handler metadata_form;
comp_handler metadata_get;

#endif
