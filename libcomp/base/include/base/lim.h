/* SPDX-License-Identifier: MIT */
/* Bounds that are part of the protocol or of the design and not settings.  Settings that bound
 * something (LIMIT_...) stand in the program's table of settings. */
#ifndef BASE_LIM_H
#define BASE_LIM_H

#define LIM_READ_CHUNK 65536 /* bytes one connection may deliver per turn of the loop */
#define LIM_TURN_STANZAS 64  /* stanzas one connection may have handled per turn */
#define LIM_TLS_RECORD 16384 /* plain bytes in one TLS record (RFC 8446 5.1) */
#define LIM_JID_PART 1023    /* octets of localpart, domainpart, resourcepart (RFC 7622 3) */
#define LIM_JID (3 * LIM_JID_PART + 2)
#define LIM_LOG_LINE 4096    /* bytes of one log line; the rest is cut */
#define LIM_DB_BATCHES 65536 /* batches that may wait for the writer thread */
#define LIM_DB_GROUP 1024    /* batches committed in one transaction */
#define LIM_HTTP_HEAD 8192   /* bytes of a request head on the health port */
#define LIM_CTL_LINE 65536   /* bytes of one request on the control socket */

#endif
