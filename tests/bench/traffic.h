/* SPDX-License-Identifier: MIT */
/* Messages and their arrival, for all modes that send.
 *
 * A closed loop keeps opt.window messages of each sender under way.  An open one (opt.rate) sends
 * on a schedule, and latency counts from the scheduled time: a queue shows, it is not hidden. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn.h"

struct traffic {
	const char *op;
	void (*send)(struct conn *c, uint64_t due); /* one item, which carries `due` */
	struct conn **senders;
	int n_senders;
	int copies; /* arrivals of each item */
};

/* Measures opt.repeat times, after opt.warmup items each time, and prints a line each; false: not
 * all has arrived.  on.stanza has to be set, and to say what arrived. */
bool traffic_run(const struct traffic *t);
void traffic_arrived(uint64_t due);
/* The sender may send its next one, if this is a closed loop. */
void traffic_next(struct conn *c);

/* --- messages -----------------------------------------------------------------------------------
 */
/* A message stanza of about a kilobyte, in the shape of OMEMO's, at opt.bytes of 200. */
void message_send(struct conn *c, const char *to, const char *type, uint64_t due);
/* When a stanza of ours was due and which session sent it; false: it is not one of ours. */
bool message_read(const char *s, size_t n, uint64_t *due, unsigned *sender);
/* The same without a payload: the id for a stanza that the mode makes itself. */
#define MESSAGE_ID_LEN 25
const char *message_id(char id[static MESSAGE_ID_LEN + 1], const struct conn *c, uint64_t due);
void message_done(void);

#endif
