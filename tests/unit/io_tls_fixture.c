/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_fixture.h"
#include "io_tls_fixture.h"
#include "mint.h"

char tls_dir[] = "/tmp/io-tls-XXXXXX";
char chain_file[64], key_file[64];
struct tls_ctx *server, *client;

int tls_group_setup(void **state)
{
	char err[256] = "";

	(void)state;
	assert_non_null(mkdtemp(tls_dir));
	(void)snprintf(chain_file, sizeof(chain_file), "%s/chain.pem", tls_dir);
	(void)snprintf(key_file, sizeof(key_file), "%s/key.pem", tls_dir);
	mint(chain_file, key_file,
	    &(struct mint){ .cn = "test",
		.sans = "example.test IP:192.0.2.1",
		.from = -3600,
		.until = MINT_DAY });
	assert_int_equal(tls_server_new(&server, chain_file, key_file, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&client, chain_file, err, sizeof(err)), 0);
	return 0;
}

int tls_group_teardown(void **state)
{
	(void)state;
	tls_unref(server);
	tls_unref(client);
	unlink(chain_file);
	unlink(key_file);
	rmdir(tls_dir);
	return 0;
}

void serve(void)
{
	io_tls_server(right.io, &(struct io_tls){ .dflt = server });
}

void ends_tls(void)
{
	serve();
	io_tls_client(left.io, client, "example.test", NULL);
	until(&left.seen[IO_SECURE], 1);
	until(&right.seen[IO_SECURE], 1);
}
