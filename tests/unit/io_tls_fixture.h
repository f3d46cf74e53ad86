/* SPDX-License-Identifier: MIT */
/* A certificate for example.test and 192.0.2.1 with the contexts of a server that has it and of a
 * client that trusts it, for the ends of io_fixture.h.  left is the client. */
#ifndef TESTS_IO_TLS_FIXTURE_H
#define TESTS_IO_TLS_FIXTURE_H

#include <base/tls.h>

extern char tls_dir[]; /* where they are */
extern char chain_file[64], key_file[64];
extern struct tls_ctx *server, *client;

int tls_group_setup(void **state);
int tls_group_teardown(void **state);

void serve(void);    /* right is a server */
void ends_tls(void); /* both ends, until they are secure */

#endif
