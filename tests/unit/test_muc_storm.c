/* SPDX-License-Identifier: MIT */
/* Many who enter and leave, one by one and at once, seen by all or by few: who is told what, and in
 * what order (XEP-0045 7.1). */
#include "muc_fixture.h"

enum { MANY = 100 };

static const char *address(unsigned n)
{
	static char s[32];

	(void)snprintf(s, sizeof(s), "u%03u@test/x", n);
	return s;
}

/* Stanzas to one of them, and the last but `behind` of these; NULL: none. */
static unsigned told(struct fix *f, unsigned n, unsigned behind, char *last, size_t len)
{
	const char *lines[2 * MANY + 8];
	char to[64];
	unsigned found = 0;

	(void)snprintf(to, sizeof(to), "to=\"%s\"", address(n));
	for (const char *s = fix_got(f); (s = strstr(s, to)); s++) {
		assert_true(found < sizeof(lines) / sizeof(lines[0]));
		lines[found++] = s;
	}
	if (found > behind) {
		const char *s = lines[found - 1 - behind];

		(void)snprintf(last, len, "%.*s", (int)strcspn(s, "\n"), s);
	}
	return found;
}

static void test_storm(void **state)
{
	struct fix *f = *state;
	char last[1024], want[64];

	two_in(f, "");
	for (unsigned i = 0; i < MANY; i++) {
		fix_clear(f);
		(void)snprintf(want, sizeof(want), ROOM "/n%03u", i);
		enter(f, address(i), want, "");
		/* Alice, Bob, those before it, itself, the subject */
		assert_int_equal(told(f, i, 1, last, sizeof(last)), 2 + i + 1 + 1);
		assert_non_null(strstr(last, want));
		assert_non_null(strstr(last, "<status code=\"110\"/>"));
		(void)told(f, i, 0, last, sizeof(last));
		assert_non_null(strstr(last, "<subject"));
		/* and all of them see it once, besides */
		(void)snprintf(want, sizeof(want), "from=\"" ROOM "/n%03u\"", i);
		assert_int_equal(fix_count(f, want), 2 + i + 1);
	}
	fix_replace(f);
	assert_int_equal(the_room()->n_occupants, MANY + 2);
	fix_clear(f);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(want, sizeof(want), ROOM "/n%03u", i);
		leave(f, address(i), want);
		(void)snprintf(want, sizeof(want), "from=\"" ROOM "/n%03u\"", i);
		assert_int_equal(fix_count(f, want), MANY + 2 - i);
		fix_clear(f);
	}
	assert_int_equal(the_room()->n_occupants, 2);
}

/* All want the same nick in one turn: the first one has it, and its sessions alone. */
static void test_race_for_one_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	for (unsigned i = 0; i < 50; i++)
		fix_postf(f,
		    "<presence from='%s' to='" ROOM "/Same'><x xmlns='" NS_MUC "'/></presence>",
		    address(i));
	fix_postf(f,
	    "<presence from='u000@test/y' to='" ROOM "/Same'><x xmlns='" NS_MUC "'/></presence>");
	fix_spin(f);
	assert_int_equal(fix_count(f, "<conflict "), 49);
	assert_int_equal(the_room()->n_occupants, 3);
	assert_int_equal(map_len(&the_room()->by_jid), 4);
}

/* --- at once -----------------------------------------------------------------------------------
 */

enum { CROWD = 1000 };

/* What each of them was told: of whom it was shown, and how its entry ended. */
struct told {
	bool of[CROWD], in, out, subject;
	unsigned others;
};

/* The number behind this in a stanza's start tag; CROWD: it is somebody else, or nobody. */
static unsigned number_behind(const char *tag, size_t len, const char *what)
{
	const char *s = memmem(tag, len, what, strlen(what));

	return s ? (unsigned)strtoul(s + strlen(what), NULL, 10) : CROWD;
}

/* As strcspn(), which with sanitizers looks at all that follows each time. */
static size_t length(const char *s, char stop, const char *end)
{
	const char *at = memchr(s, stop, (size_t)(end - s));

	return at ? (size_t)(at - s) : (size_t)(end - s);
}

/* Those before it, itself, the subject, those after it; each once. */
static void note_stanza(struct told *all, const char *line, size_t len)
{
	size_t tag = length(line, '>', line + len);
	unsigned to = number_behind(line, tag, "to=\"u"), from;
	struct told *t = &all[to];

	if (to >= CROWD)
		return;
	if (memmem(line, tag, "type=\"error\"", 12)) {
		assert_non_null(memmem(line, len, "<service-unavailable ", 21));
		assert_false(t->in || t->out);
		t->out = true;
	} else if (memmem(line, len, "<subject", 8)) {
		assert_true(t->in && !t->subject);
		t->subject = true;
	} else if (memmem(line, len, "<status code=\"110\"/>", 20)) {
		assert_false(t->in);
		t->in = true;
	} else {
		from = number_behind(line, tag, "from=\"" ROOM "/n");
		assert_int_equal(t->in, from < CROWD && from > to);
		assert_true(from >= CROWD || !t->of[from]);
		if (from < CROWD)
			t->of[from] = true;
		t->others++;
	}
}

/* n of them come in one turn, behind Alice and Bob into a room of n; with `each`, every so many-th
 * is an admin, and moderators alone are seen. */
static void all_at_once(struct fix *f, unsigned n, unsigned each)
{
	struct told *all = calloc(CROWD + 1, sizeof(*all));
	unsigned seen = each ? (n + each - 1) / each + 1 : n;
	const char *end;
	size_t len;

	conf.max_occupants = n;
	for (unsigned i = 0; i < n; i++)
		fix_postf(f,
		    "<presence from='%s' to='" ROOM "/n%03u'><x xmlns='" NS_MUC "'/></presence>",
		    address(i), i);
	fix_spin(f);
	end = fix_got(f) + strlen(fix_got(f));
	for (const char *s = fix_got(f); s < end; s += len + 1) {
		len = length(s, '\n', end);
		note_stanza(all, s, len);
	}
	for (unsigned i = 0; i < n - 2; i++) {
		assert_true(all[i].in && all[i].subject && !all[i].out);
		assert_int_equal(all[i].others, seen - (!each || i % each == 0));
	}
	for (unsigned i = n - 2; i < n; i++)
		assert_true(all[i].out && !all[i].in && all[i].others == 0);
	free(all);
	assert_int_equal(the_room()->n_occupants, n);
	fix_replace(f);
	assert_int_equal(the_room()->n_occupants, n);
}

static void test_all_at_once(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	all_at_once(f, 120, 0);
}

static void test_thousand_at_once(void **state)
{
	struct fix *f = *state;
	struct sbuf items = SBUF_INIT;

	two_in(f, CONF("presencebroadcast", "moderator"));
	for (unsigned i = 0; i < CROWD; i += 20)
		sbuf_printf(&items, "<item jid='%s' affiliation='admin'/>", address(i));
	fix_postf(f,
	    "<iq type='set' id='c1' from='" ALICE "' to='" ROOM "'><query xmlns='" NS_MUC_ADMIN
	    "'>%s</query></iq>",
	    sbuf_str(&items));
	sbuf_done(&items);
	fix_spin(f);
	fix_clear(f);
	all_at_once(f, CROWD, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_storm),
		MUC_TEST(test_race_for_one_nick),
		MUC_TEST(test_all_at_once),
		MUC_TEST(test_thousand_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
