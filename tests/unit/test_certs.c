/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include <base/certs.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

#include "../../libcomp/base/tls_internal.h"
#include "mint.h"

enum { NOBODY = 65534 };

/* A folder, a loop and what was logged at warning level. */
struct fix {
	char dir[64];
	struct loop *loop;
	struct certs *certs;
	char err[512];
	unsigned warnings;
	char last[1024];
};

static void on_log(const char *line, void *arg)
{
	struct fix *f = arg;

	if (!strstr(line, "lvl=warn"))
		return;
	f->warnings++;
	(void)snprintf(f->last, sizeof(f->last), "%s", line);
}

static int setup(void **state)
{
	struct fix *f = xzalloc(sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_certs.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->loop = loop_new();
	log_capture(on_log, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	char *cmd = xasprintf("rm -rf '%s'", f->dir);

	certs_close(f->certs);
	loop_free(f->loop);
	log_capture(NULL, NULL);
	assert_int_equal(system(cmd), 0); /* NOLINT(bugprone-command-processor) */
	free(cmd);
	free(f);
	return 0;
}

/* A path below the folder; good for a few calls. */
static const char *at(const struct fix *f, const char *name)
{
	static char buf[4][256];
	static unsigned i;
	char *p = buf[i++ % 4];

	(void)snprintf(p, sizeof(buf[0]), "%s/%s", f->dir, name);
	return p;
}

static void put_text(const struct fix *f, const char *name, const char *text)
{
	FILE *out = fopen(at(f, name), "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	(void)fclose(out);
}

static void put(const struct fix *f, const char *chain, const char *key, const char *cn,
    const char *sans, long from, long until)
{
	struct mint m = { cn, sans, from, until, NULL };

	mint(at(f, chain), at(f, key), &m);
}

static int open_for(struct fix *f, const char *name, const char *optional)
{
	struct certs_name names[] = { { name, false }, { optional, true } };

	return certs_open(
	    &f->certs, f->loop, f->dir, names, optional ? 2 : 1, f->err, sizeof(f->err));
}

static void ten_seconds(struct fix *f)
{
	loop_clock_advance(f->loop, 10000);
	(void)loop_turn(f->loop, false);
}

static void assert_cn(struct fix *f, const char *name, const char *cn)
{
	struct tls_ctx *t = certs_find(f->certs, name);
	X509_NAME *subject;
	char buf[64] = "";

	assert_non_null(t);
	subject = X509_get_subject_name(SSL_CTX_get0_certificate(tls_ssl_ctx(t)));
	(void)X509_NAME_get_text_by_NID(subject, NID_commonName, buf, sizeof(buf));
	assert_string_equal(buf, cn);
}

static void assert_says(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("\"%s\" is not in: %s", part, line);
}

/* --- layouts ---------------------------------------------------------------------------------- */

static void test_layouts(void **state)
{
	static const struct {
		const char *mkdir, *chain, *key;
	} row[] = {
		{ "any.name", "any.name/fullchain.pem", "any.name/privkey.pem" },
		{ NULL, "a.crt", "a.key" },
		{ NULL, "b.pem", "b.pem" },
		{ NULL, "c.pem", "c.key" },
		{ NULL, "fullchain.pem", "privkey.pem" },
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (row[i].mkdir)
			assert_int_equal(mkdir(at(f, row[i].mkdir), 0700), 0);
		put(f, row[i].chain, row[i].key, "layout", "x.example", -10, MINT_DAY);
		assert_int_equal(open_for(f, "x.example", NULL), 0);
		assert_cn(f, "x.example", "layout");
		certs_close(f->certs);
		f->certs = NULL;
		assert_int_equal(unlink(at(f, row[i].chain)), 0);
		(void)unlink(at(f, row[i].key));
	}
	assert_int_equal(f->warnings, 0);
}

/* live/NAME -> ../../archive/NAME, renewed by pointing the symlinks elsewhere. */
static void test_certbot(void **state)
{
	struct fix *f = *state;

	assert_int_equal(mkdir(at(f, "live"), 0700), 0);
	assert_int_equal(mkdir(at(f, "live/x.example"), 0700), 0);
	assert_int_equal(mkdir(at(f, "archive"), 0700), 0);
	assert_int_equal(mkdir(at(f, "archive/x.example"), 0700), 0);
	put_text(f, "live/README", "Do not touch.\n");
	assert_int_equal(symlink("../../archive/x.example/fullchain1.pem",
			     at(f, "live/x.example/fullchain.pem")),
	    0);
	assert_int_equal(
	    symlink("../../archive/x.example/privkey1.pem", at(f, "live/x.example/privkey.pem")),
	    0);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "leads nowhere");

	put(f, "archive/x.example/fullchain1.pem", "archive/x.example/privkey1.pem", "one",
	    "x.example", -100, MINT_DAY);
	put(f, "archive/x.example/fullchain2.pem", "archive/x.example/privkey2.pem", "two",
	    "x.example", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_cn(f, "x.example", "one");
	assert_int_equal(unlink(at(f, "live/x.example/fullchain.pem")), 0);
	assert_int_equal(unlink(at(f, "live/x.example/privkey.pem")), 0);
	assert_int_equal(symlink("../../archive/x.example/fullchain2.pem",
			     at(f, "live/x.example/fullchain.pem")),
	    0);
	assert_int_equal(
	    symlink("../../archive/x.example/privkey2.pem", at(f, "live/x.example/privkey.pem")),
	    0);
	assert_cn(f, "x.example", "one");
	ten_seconds(f);
	assert_cn(f, "x.example", "two");
}

/* --- choice ----------------------------------------------------------------------------------- */

static void test_rank_and_newest(void **state)
{
	struct fix *f = *state;

	put(f, "wild.pem", "wild.pem", "wild", "*.example", -10, 9 * MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_cn(f, "x.example", "wild");
	put(f, "old.pem", "old.pem", "old", "y.example X.Example", -1000, 5 * MINT_DAY);
	ten_seconds(f);
	assert_cn(f, "x.example", "old"); /* exact before wildcard */
	put(f, "new.pem", "new.pem", "new", "x.example", -500, 4 * MINT_DAY);
	ten_seconds(f);
	assert_cn(f, "x.example", "new"); /* the newest, even if it ends sooner */
	assert_int_equal(certs_days_left(f->certs, "x.example"), 3);
	put(f, "later.pem", "later.pem", "later", "x.example", 3600, 9 * MINT_DAY);
	put(f, "over.pem", "over.pem", "over", "x.example", -400, -10);
	ten_seconds(f);
	assert_cn(f, "x.example", "new"); /* only what is valid */
	loop_clock_advance(f->loop, 3600 * 1000);
	(void)loop_turn(f->loop, false);
	assert_cn(f, "x.example", "later"); /* time alone has changed */
	assert_int_equal(f->warnings, 0);
}

static void test_names(void **state)
{
	struct fix *f = *state;

	put(f, "a.pem", "a.pem", "a", "x.example *.x.example", -10, MINT_DAY);
	put(f, "b.pem", "b.pem", "b", "other.example", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_cn(f, NULL, "a");
	assert_cn(f, "xmpp.x.example", "a");
	assert_null(certs_find(f->certs, "a.b.x.example")); /* a wildcard is for one label */
	assert_null(certs_find(f->certs, ".x.example"));
	assert_null(certs_find(f->certs, "other.example")); /* there, but not served */
	assert_null(certs_find(f->certs, ""));
	assert_int_equal(certs_days_left(f->certs, "y.example"), INT_MIN);
}

static void test_no_common_name_no_partial_wildcard(void **state)
{
	struct fix *f = *state;

	put(f, "cn.pem", "cn.pem", "x.example", "", -10, MINT_DAY);
	put(f, "part.pem", "part.pem", "part", "x*.example *x.example", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
}

static void test_idn(void **state)
{
	struct fix *f = *state;

	put(f, "a.pem", "a.pem", "idn", "xn--bcher-kva.example", -10, MINT_DAY);
	assert_int_equal(open_for(f,
			     "b\xc3\xbc"
			     "cher.example",
			     NULL),
	    0);
	assert_cn(f, "xn--bcher-kva.example", "idn");
	assert_cn(f,
	    "b\xc3\xbc"
	    "cher.example",
	    "idn");
}

static void test_optional_borrows(void **state)
{
	struct fix *f = *state;

	put(f, "a.pem", "a.pem", "parent", "x.example", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", "muc.x.example"), 0);
	assert_cn(f, "muc.x.example", "parent");
	assert_int_equal(f->warnings, 1);
	assert_says(f->last, "muc.x.example");
	ten_seconds(f);
	assert_int_equal(f->warnings, 1);
	put(f, "m.pem", "m.pem", "own", "muc.x.example", -10, MINT_DAY);
	ten_seconds(f);
	assert_cn(f, "muc.x.example", "own");
	assert_cn(f, "x.example", "parent");
}

/* --- the start refuses ------------------------------------------------------------------------ */

static void test_nothing_there(void **state)
{
	struct fix *f = *state;

	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "x.example");
	assert_says(f->err, f->dir);
	assert_says(f->err, "no certificate at all");
	assert_int_equal(rmdir(f->dir), 0);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "No such file");
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void test_expired_and_others(void **state)
{
	struct fix *f = *state;

	put(f, "over.pem", "over.pem", "over", "x.example", -9000, -10);
	put(f, "soon.crt", "soon.key", "soon", "*.example", MINT_DAY, 2 * MINT_DAY);
	put(f, "other.pem", "other.pem", "other", "a.example b.example c.d e.f g.h", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "over.pem expired on 20");
	assert_says(f->err, "soon.crt is not valid before 20");
	assert_says(f->err, "other.pem is for other names: a.example, b.example");
	assert_says(f->err, "and 1 more");
}

static void test_wrong_key(void **state)
{
	struct fix *f = *state;

	put(f, "a.crt", "a.key", "a", "x.example", -10, MINT_DAY);
	put(f, "b.crt", "a.key", "b", "y.example", -10, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "a.key: the private key does not belong");
	assert_says(f->last, "uid");
	assert_int_equal(unlink(at(f, "a.key")), 0);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "a.key: No such file");
}

static void test_encrypted_key(void **state)
{
	struct fix *f = *state;
	struct mint m = { "a", "x.example", -10, MINT_DAY, "secret" };

	mint(at(f, "a.crt"), at(f, "a.key"), &m);
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "encrypted");
}

static void test_damaged(void **state)
{
	struct fix *f = *state;

	put_text(f, "a.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
	assert_int_equal(open_for(f, "x.example", NULL), -ENOENT);
	assert_says(f->err, "a.pem: ");
	assert_int_equal(f->warnings, 1);
}

static void as_nobody(struct fix *f, const char *path)
{
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(path, 0), 0);
	if (geteuid() == 0) {
		assert_int_equal(setegid(NOBODY), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
}

static void as_before(const char *path)
{
	if (getuid() == 0) {
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(setegid(0), 0);
	}
	assert_int_equal(chmod(path, 0755), 0);
}

static void test_unreadable(void **state)
{
	static const char *const what[] = { "x", "x/privkey.pem", "x/fullchain.pem" };
	struct fix *f = *state;
	int r;

	assert_int_equal(mkdir(at(f, "x"), 0755), 0);
	put(f, "x/fullchain.pem", "x/privkey.pem", "a", "x.example", -10, MINT_DAY);
	assert_int_equal(chmod(at(f, "x/privkey.pem"), 0644), 0);
	for (size_t i = 0; i < 3; i++) {
		as_nobody(f, at(f, what[i]));
		r = open_for(f, "x.example", NULL);
		as_before(at(f, what[i]));
		assert_int_equal(r, -ENOENT);
		assert_says(f->err, "Permission denied");
		assert_says(f->err, "chown");
		assert_says(f->last, i == 0 ? "/x: owner uid" : "owner uid");
	}
}

/* --- later ------------------------------------------------------------------------------------ */

static void test_broken_keeps_old(void **state)
{
	struct fix *f = *state;

	put(f, "a.crt", "a.key", "one", "x.example", -100, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	put(f, "a.crt", "other.key", "two", "x.example", -10, MINT_DAY); /* the key comes later */
	ten_seconds(f);
	assert_cn(f, "x.example", "one");
	assert_int_equal(f->warnings, 1);
	assert_says(f->last, "a.key");
	assert_says(f->last, "stays in use");
	ten_seconds(f);
	ten_seconds(f);
	assert_int_equal(f->warnings, 1); /* once per change */
	assert_int_equal(rename(at(f, "other.key"), at(f, "a.key")), 0);
	ten_seconds(f);
	assert_cn(f, "x.example", "two");
	put_text(f, "a.crt", "-----BEGIN CERTIFICATE-----\nMIIB");
	ten_seconds(f);
	assert_cn(f, "x.example", "two");
	assert_int_equal(f->warnings, 2);
}

static void test_gone_keeps_old(void **state)
{
	struct fix *f = *state;

	put(f, "a.pem", "a.pem", "one", "x.example", -100, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_int_equal(unlink(at(f, "a.pem")), 0);
	ten_seconds(f);
	assert_cn(f, "x.example", "one");
	assert_int_equal(f->warnings, 1);
	assert_says(f->last, "no valid certificate for x.example is left");
	loop_clock_advance(f->loop, 2000ULL * MINT_DAY);
	(void)loop_turn(f->loop, false);
	assert_cn(f, "x.example", "one");
	assert_int_equal(certs_days_left(f->certs, "x.example"), -2);
	assert_int_equal(f->warnings, 1);
	put(f, "b.pem", "b.pem", "two", "x.example", -1000, 5 * MINT_DAY);
	certs_rescan(f->certs);
	assert_cn(f, "x.example", "two"); /* although begun earlier */
}

static void test_folder_gone(void **state)
{
	struct fix *f = *state;
	char *away = xasprintf("%s.away", f->dir);

	put(f, "a.pem", "a.pem", "one", "x.example", -100, MINT_DAY);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_int_equal(rename(f->dir, away), 0);
	ten_seconds(f);
	ten_seconds(f);
	assert_cn(f, "x.example", "one");
	assert_int_equal(f->warnings, 1);
	assert_int_equal(rename(away, f->dir), 0);
	ten_seconds(f);
	assert_int_equal(f->warnings, 1);
	free(away);
}

/* A file that is no certificate concerns nobody, one that never ends stops nothing. */
static void test_other_files(void **state)
{
	struct fix *f = *state;

	put(f, "a.crt", "a.key", "one", "x.example", -100, MINT_DAY);
	put(f, "cert.pem", "lost", "one", "x.example", -10, MINT_DAY); /* its key is elsewhere */
	put(f, "ca.crt", "lost", "ca", "ca.invalid", -100, MINT_DAY);
	put_text(f, "notes.txt", "hello");
	put_text(f, "dh.pem",
	    "-----BEGIN DH PARAMETERS-----\nMAYCAQsCAQI=\n-----END DH PARAMETERS-----\n");
	put_text(f, "empty.pem", "");
	assert_int_equal(mkfifo(at(f, "fifo.pem"), 0600), 0);
	assert_int_equal(mkdir(at(f, "dir.pem"), 0700), 0);
	put_text(f, "big.pem", "");
	assert_int_equal(truncate(at(f, "big.pem"), 1 << 30), 0);
	assert_int_equal(open_for(f, "x.example", NULL), 0);
	assert_cn(f, "x.example", "one");
	assert_int_equal(f->warnings, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_layouts),
		CASE(test_certbot),
		CASE(test_rank_and_newest),
		CASE(test_names),
		CASE(test_no_common_name_no_partial_wildcard),
		CASE(test_idn),
		CASE(test_optional_borrows),
		CASE(test_nothing_there),
		CASE(test_expired_and_others),
		CASE(test_wrong_key),
		CASE(test_encrypted_key),
		CASE(test_damaged),
		CASE(test_unreadable),
		CASE(test_broken_keeps_old),
		CASE(test_gone_keeps_old),
		CASE(test_folder_gone),
		CASE(test_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
