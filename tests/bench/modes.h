/* SPDX-License-Identifier: MIT */
/* The measurements.  Each logs its sessions in, measures, and prints a line of JSON a run. */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include "conn.h"

/* 0: complete, 1: something is missing. */
int mode_run(const char *name);
void modes_print(void);

int mode_login(void);
int mode_register(void);
int mode_idle(void);
int mode_hibernate(void);
int mode_chat(void);
int mode_archive(void);
int mode_page(void);
int mode_iq(void);
int mode_component(void);
int mode_echo(void);
int mode_muc(void);
int mode_befriend(void);
int mode_pep_login(void);
int mode_publish(void);
int mode_coldstart(void);

/* --- for modes with a floor ---------------------------------------------------------------------
 */
enum conn_kind client_kind(void); /* a client, or a connection to tlsrelay */
/* Tells tlsrelay each connection's group: pairs ('P') or rooms ('R') of so many in a row. */
void relay_join(char kind, int per_group);

#endif
