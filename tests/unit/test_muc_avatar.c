/* SPDX-License-Identifier: MIT */
/* Avatars of rooms (XEP-0486): what a picture is; set, seen, asked for, taken away. */
#include <errno.h>

#include <base/digest.h>

#include "avatar.h"
#include "image.h"
#include "muc_fixture.h"

#define PNG64 "iVBORw0KGgo=" /* its signature */
#define SVG64 "PHN2Zy8+"     /* <svg/> */
#define PHOTO(base64) "<PHOTO><TYPE>text/html</TYPE><BINVAL>" base64 "</BINVAL></PHOTO>"

/* What a picture's hash is. */
static const char *sha1_of(const char *data)
{
	static char hex[2 * DIGEST_MAX + 1];
	uint8_t sum[DIGEST_MAX];

	digest(DIGEST_SHA1, data, strlen(data), sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), hex);
	return hex;
}

static void post_vcard(struct fix *f, const char *who, const char *type, const char *inner)
{
	char *xml = xasprintf("<iq type='%s' id='v-%s' from='%s' to='" ROOM
			      "'><vCard xmlns='vcard-temp'>%s</vCard></iq>",
	    type, type, who, inner);

	fix_post(f, xml);
	free(xml);
}

static void set_vcard(struct fix *f, const char *who, const char *inner)
{
	post_vcard(f, who, "set", inner);
	fix_spin(f);
}

static void get_vcard(struct fix *f, const char *who)
{
	post_vcard(f, who, "get", "");
	fix_spin(f);
}

static void info(struct fix *f, const char *who)
{
	fix_postf(f,
	    "<iq type='get' id='info' from='%s' to='" ROOM "'><query xmlns='" NS_DISCO_INFO
	    "'/></iq>",
	    who);
	fix_spin(f);
}

/* --- pictures ----------------------------------------------------------------------------------
 */

static void test_types(void **state)
{
	static const struct {
		const char *data, *type;
	} rows[] = {
		{ "\x89PNG\r\n\x1a\n...", "image/png" },
		{ "\x89PNG\r\n\x1a", NULL },
		{ "\xff\xd8\xff\xe0", "image/jpeg" },
		{ "GIF89a", "image/gif" },
		{ "GIF88a", NULL },
		{ "RIFF....WEBP", "image/webp" },
		{ "RIFF....WAVE", NULL },
		{ "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml" },
		{ "\xef\xbb\xbf <?xml version='1.0'?>\n<!-- x --><svg>", "image/svg+xml" },
		{ "<html><svgx/></html>", NULL },
		{ "<svg", NULL },
		{ "x<svg/>", NULL },
		{ " \n", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *type = image_type(rows[i].data, strlen(rows[i].data));

		if (rows[i].type)
			assert_string_equal(type, rows[i].type);
		else
			assert_null(type);
	}
}

static void test_reading(void **state)
{
	const char *type;
	char hash[IMAGE_HASH_LEN + 1];
	size_t n = BASE64_LEN((size_t)IMAGE_MAX) + 4;
	char *much = xmalloc(n + 1);

	(void)state;
	assert_int_equal(image_read(" iVBO\nRw0K\tGgo= ", &type, hash), 0);
	assert_string_equal(type, "image/png");
	assert_string_equal(hash, sha1_of("\x89PNG\r\n\x1a\n"));
	assert_int_equal(image_read("", &type, hash), -EINVAL);
	assert_int_equal(image_read("iVBO*w==", &type, hash), -EINVAL);
	assert_int_equal(image_read("aGVsbG8=", &type, hash), -EINVAL); /* hello */
	memset(much, 'A', n);
	much[n] = '\0';
	memcpy(much, "iVBORw0KGgoA", 12);
	assert_int_equal(image_read(much, &type, hash), -E2BIG);
	much[n - 4] = '\0'; /* two bytes more than allowed, as groups of three go */
	assert_int_equal(image_read(much, &type, hash), -E2BIG);
	much[n - 8] = '\0';
	assert_int_equal(image_read(much, &type, hash), 0);
	free(much);
}

/* --- rooms -------------------------------------------------------------------------------------
 */

static void test_set_and_seen(void **state)
{
	struct fix *f = *state;
	const char *hash = sha1_of("\x89PNG\r\n\x1a\n"), *line;

	two_in(f, "");
	info(f, BOB);
	fix_has(f, "<feature var=\"vcard-temp\"/>");
	fix_hasnt(f, "avatarhash");
	fix_clear(f);
	set_vcard(f, ALICE, "<FN>Tea</FN>" PHOTO(PNG64));
	assert_non_null(got(f, "type=\"result\"", "id=\"v-set\""));
	line = got(f, "<presence", "to=\"" BOB "\"");
	assert_non_null(strstr(line, "from=\"" ROOM "\""));
	assert_non_null(strstr(line, hash));
	assert_non_null(got(f, "code=\"104\"", "to=\"" BOB "\""));
	fix_clear(f);
	get_vcard(f, CAROL); /* who is not in the room */
	line = got(f, "type=\"result\"", "id=\"v-get\"");
	assert_non_null(strstr(line, "<vCard xmlns=\"vcard-temp\"><FN>Tea</FN><PHOTO>"));
	assert_non_null(strstr(line, "<TYPE>image/png</TYPE><BINVAL>" PNG64 "</BINVAL>"));
	info(f, CAROL);
	assert_non_null(strstr(got(f, "id=\"info\"", "muc#roominfo_avatarhash"), hash));
	fix_clear(f);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_non_null(strstr(got(f, "vcard-temp:x:update", "to=\"" CAROL "\""), hash));
	assert_int_equal(fix_count(f, "vcard-temp:x:update"), 1);
}

static void test_it_is_there_at_once_and_after_a_restart(void **state)
{
	struct fix *f = *state;
	char *before;

	two_in(f, "");
	post_vcard(f, ALICE, "set", PHOTO(PNG64));
	post_vcard(f, BOB, "get", "");
	fix_spin(f);
	before = xstrdup(got(f, "id=\"v-get\"", PNG64));
	fix_clear(f);
	get_vcard(f, BOB);
	assert_string_equal(got(f, "id=\"v-get\"", PNG64), before);
	assert_true(list_empty(&m.fresh_vcards)); /* it is read */
	fix_replace(f);
	fix_clear(f);
	get_vcard(f, BOB);
	assert_string_equal(got(f, "id=\"v-get\"", PNG64), before);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_non_null(got(f, "vcard-temp:x:update", sha1_of("\x89PNG\r\n\x1a\n")));
	free(before);
}

static void test_several_formats(void **state)
{
	struct fix *f = *state;
	const char *line;

	two_in(f, "");
	set_vcard(f, ALICE, PHOTO(SVG64) PHOTO(PNG64));
	info(f, BOB);
	line = got(f, "id=\"info\"", sha1_of("<svg/>"));
	assert_non_null(line);
	assert_non_null(strstr(line, sha1_of("\x89PNG\r\n\x1a\n")));
	assert_non_null(got(f, "vcard-temp:x:update", sha1_of("<svg/>")));
	assert_null(got(f, "vcard-temp:x:update", sha1_of("\x89PNG\r\n\x1a\n")));
	fix_clear(f);
	set_vcard(f, ALICE, PHOTO(PNG64) PHOTO(PNG64) PHOTO(PNG64) PHOTO(PNG64) PHOTO(PNG64));
	assert_non_null(got(f, "type=\"error\"", "<not-acceptable"));
}

static void test_taken_away(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	set_vcard(f, ALICE, PHOTO(PNG64));
	fix_clear(f);
	set_vcard(f, ALICE, "");
	assert_non_null(got(f, "<photo/>", "to=\"" BOB "\""));
	assert_non_null(got(f, "code=\"104\"", "to=\"" BOB "\""));
	fix_clear(f);
	get_vcard(f, BOB);
	fix_has(f, "<vCard xmlns=\"vcard-temp\"/>");
	fix_replace(f);
	fix_clear(f);
	info(f, BOB);
	fix_hasnt(f, "avatarhash");
	enter(f, CAROL, ROOM "/Carol", "");
	fix_hasnt(f, "vcard-temp:x:update");
}

static void test_refused(void **state)
{
	struct fix *f = *state;
	char *much = xmalloc((128 << 10) + 64);

	two_in(f, "");
	set_vcard(f, BOB, PHOTO(PNG64));
	assert_non_null(got(f, "type=\"error\"", "<forbidden"));
	fix_clear(f);
	set_vcard(f, ALICE, PHOTO("aGVsbG8="));
	assert_non_null(got(f, "type=\"error\"", "<not-acceptable"));
	fix_clear(f);
	(void)snprintf(much, 64, "<NOTE>");
	memset(much + 6, 'x', 128 << 10);
	(void)snprintf(much + 6 + (128 << 10), 8, "</NOTE>");
	set_vcard(f, ALICE, much);
	assert_non_null(got(f, "type=\"error\"", "<not-acceptable"));
	free(much);
	assert_int_equal(fix_count(f, "code=\"104\""), 0);
	assert_int_equal(fix_count(f, "vcard-temp:x:update"), 0);
	fix_clear(f);
	/* A picture elsewhere would tell who looks at it. */
	set_vcard(f, ALICE, "<FN>Tea</FN><PHOTO><EXTVAL>https://x.test/p.png</EXTVAL></PHOTO>");
	fix_clear(f);
	get_vcard(f, BOB);
	fix_has(f, "<FN>Tea</FN></vCard>");
	fix_clear(f);
	fix_post(f, "<iq type='get' id='n' from='" BOB "' to='none@" DOM
		    "'><vCard xmlns='vcard-temp'/></iq>");
	fix_spin(f);
	assert_non_null(got(f, "id=\"n\"", "<item-not-found"));
}

static void test_who_may_not_look(void **state)
{
	struct fix *f = *state;

	enter(f, ALICE, ROOM "/Alice", ""); /* locked still */
	fix_clear(f);
	get_vcard(f, BOB);
	assert_non_null(got(f, "id=\"v-get\"", "<item-not-found"));
	configure(f, ALICE, ROOM, "");
	affs_put(&the_room()->affs, "bob@test", AFF_OUTCAST, NULL, NULL);
	fix_clear(f);
	get_vcard(f, BOB);
	assert_non_null(got(f, "id=\"v-get\"", "<forbidden"));
}

static void test_lost_with_its_commit(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	set_vcard(f, ALICE, PHOTO(SVG64));
	db_fail_commits(comp_db(f->c), 1, -EIO);
	fix_clear(f);
	post_vcard(f, ALICE, "set", PHOTO(PNG64)); /* comes again, and is kept then */
	for (int i = 0; i < 100 && !got(f, "type=\"result\"", "id=\"v-set\""); i++)
		fix_advance(f, 1000);
	assert_int_equal(fix_count(f, "id=\"v-set\""), 1);
	get_vcard(f, BOB);
	fix_has(f, PNG64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_reading),
		MUC_TEST(test_set_and_seen),
		MUC_TEST(test_it_is_there_at_once_and_after_a_restart),
		MUC_TEST(test_several_formats),
		MUC_TEST(test_taken_away),
		MUC_TEST(test_refused),
		MUC_TEST(test_who_may_not_look),
		MUC_TEST(test_lost_with_its_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
