/* SPDX-License-Identifier: MIT */
/* Memory of expat's parsers: each has some pages of its own, so that all of it goes back to the
 * system when a session falls silent and gives its parser up.  From malloc the same bytes would
 * stay behind as holes between what the session keeps. */
#ifndef XMPP_XML_MEM_H
#define XMPP_XML_MEM_H

#include <stddef.h>

#include <expat.h>

enum {
	XML_MEM_REGION = 16384
}; /* a parser of ours takes 11 to 12 KiB; what is above is malloc's */

struct xml_mem;
struct xml_mem *xml_mem_new(void);
void xml_mem_free(struct xml_mem *m); /* everything in it must have been freed; NULL is fine */
/* What expat asks for from now on comes from m; NULL: from malloc.  Returns what it was before. */
struct xml_mem *xml_mem_use(struct xml_mem *m);
extern const XML_Memory_Handling_Suite xml_mem_suite;

#endif
