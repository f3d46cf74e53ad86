/* SPDX-License-Identifier: MIT */
/* Requests that meet, in one turn: the order in which they come decides, and what a room is then is
 * the same in its lists, its maps and its database. */
#include "muc_fixture.h"
#include "occupant.h"

#define ADAM "adam@test/d"

/* --- what a room is ----------------------------------------------------------------------------
 */

/* Its occupants, each as nick/affiliation/role and its sessions; the maps have the same. */
static void write_room(struct sbuf *out)
{
	struct room *r = the_room();
	size_t occupants = 0, sessions = 0;

	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		assert_ptr_equal(room_occupant(r, o->nick), o);
		assert_int_equal(room_aff(r, &occupant_main(o)->jid), o->aff);
		assert_false(o->going);
		sbuf_printf(out, "%s/%s/%s", o->nick, aff_name(o->aff), role_name(o->role));
		LIST_EACH (at, &o->sessions) {
			struct session *s = LIST_ENTRY(at, struct session, link);

			assert_ptr_equal(room_session(r, &s->jid), s);
			sbuf_printf(out, " %s", s->jid.s);
			sessions++;
		}
		sbuf_putc(out, '\n');
		occupants++;
	}
	assert_int_equal(occupants, r->n_occupants);
	assert_int_equal(occupants, map_len(&r->by_nick));
	assert_int_equal(sessions, map_len(&r->by_jid));
}

/* So it is now, and after the process was killed. */
static void settled(struct fix *f, const char *want)
{
	struct sbuf now = SBUF_INIT, then = SBUF_INIT;

	write_room(&now);
	assert_string_equal(sbuf_str(&now), want);
	fix_replace(f);
	assert_int_equal(room_load(the_room()), 0);
	write_room(&then);
	assert_string_equal(sbuf_str(&then), want);
	sbuf_done(&now);
	sbuf_done(&then);
}

#define ALICE_IS "Alice/owner/moderator " ALICE "\n"
#define IS(nick, jid) nick "/none/participant " jid "\n"

/* --- what people do ----------------------------------------------------------------------------
 */

static void comes(struct fix *f, const char *who, const char *nick)
{
	fix_postf(f, "<presence from='%s' to='" ROOM "/%s'><x xmlns='" NS_MUC "'/></presence>", who,
	    nick);
}

static void takes(struct fix *f, const char *who, const char *nick)
{
	fix_postf(f, "<presence from='%s' to='" ROOM "/%s'/>", who, nick);
}

/* item: attributes */
static void changes(struct fix *f, const char *who, const char *item)
{
	fix_postf(f,
	    "<iq type='set' id='c1' from='%s' to='" ROOM "'><query xmlns='" NS_MUC_ADMIN
	    "'><item %s/></query></iq>",
	    who, item);
}

static void bans(struct fix *f, const char *who, const char *jid)
{
	char item[128];

	(void)snprintf(item, sizeof(item), "jid='%s' affiliation='outcast'", jid);
	changes(f, who, item);
}

static void closes(struct fix *f)
{
	fix_postf(f,
	    "<iq type='set' id='cfg' from='" ALICE "' to='" ROOM "'><query xmlns='" NS_MUC_OWNER
	    "'><x xmlns='jabber:x:data' type='submit'>" CONF(
		"membersonly", "1") "</x></query></iq>");
}

/* Who was told that who has the nick has gone, with these codes. */
static void gone(struct fix *f, const char *who, const char *nick, const char *codes)
{
	char tag[256];

	(void)snprintf(
	    tag, sizeof(tag), "to=\"%s\" type=\"unavailable\" from=\"" ROOM "/%s\"", who, nick);
	assert_non_null(got(f, tag, codes));
}

#define CODE(n) "<status code=\"" #n "\"/>"
#define NOT_HERE CODE(110) CODE(307) CODE(333)

/* --- a ban -------------------------------------------------------------------------------------
 */

static void test_ban_before_the_entry(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	bans(f, ALICE, "carol@test");
	comes(f, CAROL, "Carol");
	fix_spin(f);
	assert_non_null(got(f, "to=\"" CAROL "\"", "<forbidden "));
	fix_hasnt(f, CODE(301));
	settled(f, ALICE_IS IS("Bob", BOB));
}

static void test_ban_behind_the_entry(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	comes(f, CAROL, "Carol");
	bans(f, ALICE, "carol@test");
	fix_spin(f);
	assert_non_null(got(f, "to=\"" BOB "\" from=\"" ROOM "/Carol\"", "role=\"participant\""));
	gone(f, CAROL, "Carol", CODE(110) CODE(301));
	gone(f, BOB, "Carol", CODE(301));
	settled(f, ALICE_IS IS("Bob", BOB));
}

static void test_ban_before_another_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	bans(f, ALICE, "bob@test");
	takes(f, BOB, "Rob");
	fix_spin(f);
	gone(f, ALICE, "Bob", CODE(301));
	gone(f, BOB, "Rob", NOT_HERE);
	fix_hasnt(f, CODE(303));
	settled(f, ALICE_IS);
}

static void test_ban_behind_another_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	takes(f, BOB, "Rob");
	bans(f, ALICE, "bob@test");
	fix_spin(f);
	gone(f, ALICE, "Bob", CODE(303));
	gone(f, ALICE, "Rob", CODE(301));
	gone(f, BOB, "Rob", CODE(110) CODE(301));
	settled(f, ALICE_IS);
}

/* --- members only ------------------------------------------------------------------------------
 */

static void test_members_only_before_the_entry(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	closes(f);
	comes(f, CAROL, "Carol");
	fix_spin(f);
	gone(f, BOB, "Bob", CODE(110) CODE(322));
	assert_non_null(got(f, "to=\"" CAROL "\"", "<registration-required "));
	settled(f, ALICE_IS);
}

static void test_members_only_behind_the_entry(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	comes(f, CAROL, "Carol");
	closes(f);
	fix_spin(f);
	gone(f, CAROL, "Carol", CODE(110) CODE(322));
	gone(f, ALICE, "Carol", CODE(322));
	settled(f, ALICE_IS);
}

/* The entry of who is made a member first. */
static void test_member_before_the_entry(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	closes(f);
	changes(f, ALICE, "jid='carol@test' affiliation='member'");
	comes(f, CAROL, "Carol");
	fix_spin(f);
	settled(f, ALICE_IS "Carol/member/participant " CAROL "\n");
}

/* --- nicks -------------------------------------------------------------------------------------
 */

/* It was about Bob; who takes the nick afterwards stays. */
static void test_kick_before_the_nick_is_free(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	changes(f, ALICE, "nick='Bob' role='none'");
	takes(f, BOB, "Rob");
	comes(f, CAROL, "Bob");
	fix_spin(f);
	gone(f, BOB, "Bob", CODE(110) CODE(307));
	gone(f, BOB, "Rob", NOT_HERE);
	settled(f, ALICE_IS IS("Bob", CAROL));
}

/* It names who has the nick when it comes. */
static void test_kick_between_two_of_one_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	takes(f, BOB, "Rob");
	changes(f, ALICE, "nick='Bob' role='none'");
	comes(f, CAROL, "Bob");
	fix_spin(f);
	fix_has(f, "<item-not-found ");
	fix_hasnt(f, CODE(307));
	settled(f, ALICE_IS IS("Rob", BOB) IS("Bob", CAROL));
}

static void test_kick_behind_another_of_the_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	takes(f, BOB, "Rob");
	comes(f, CAROL, "Bob");
	changes(f, ALICE, "nick='Bob' role='none'");
	fix_spin(f);
	gone(f, CAROL, "Bob", CODE(110) CODE(307));
	settled(f, ALICE_IS IS("Rob", BOB));
}

/* Both want what the other one has: whoever asks first finds it taken. */
static void test_two_who_change_nicks(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	enter(f, CAROL, ROOM "/Carol", "");
	fix_clear(f);
	takes(f, BOB, "Carol");
	takes(f, CAROL, "Bob");
	takes(f, BOB, "Rob");
	takes(f, CAROL, "Bob");
	fix_spin(f);
	assert_int_equal(fix_count(f, "<conflict "), 2);
	settled(f, ALICE_IS IS("Rob", BOB) IS("Bob", CAROL));
}

/* --- an admin ----------------------------------------------------------------------------------
 */

static void with_adam(struct fix *f)
{
	two_in(f, "");
	changes(f, ALICE, "jid='adam@test' affiliation='admin'");
	comes(f, ADAM, "Adam");
	fix_spin(f);
	fix_clear(f);
}

static void test_ban_by_who_was_an_admin(void **state)
{
	struct fix *f = *state;

	with_adam(f);
	changes(f, ALICE, "jid='adam@test' affiliation='none'");
	bans(f, ADAM, "bob@test");
	fix_spin(f);
	fix_has(f, "<forbidden ");
	settled(f, ALICE_IS IS("Bob", BOB) IS("Adam", ADAM));
}

static void test_ban_by_who_is_an_admin_still(void **state)
{
	struct fix *f = *state;

	with_adam(f);
	bans(f, ADAM, "bob@test");
	changes(f, ALICE, "jid='adam@test' affiliation='none'");
	fix_spin(f);
	gone(f, BOB, "Bob", CODE(110) CODE(301));
	settled(f, ALICE_IS IS("Adam", ADAM));
}

/* Outside of the room the list alone says who he is. */
static void test_ban_by_who_was_an_admin_outside(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	changes(f, ALICE, "jid='adam@test' affiliation='admin'");
	changes(f, ALICE, "jid='adam@test' affiliation='none'");
	bans(f, ADAM, "bob@test");
	fix_spin(f);
	fix_has(f, "<forbidden ");
	settled(f, ALICE_IS IS("Bob", BOB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_ban_before_the_entry),
		MUC_TEST(test_ban_behind_the_entry),
		MUC_TEST(test_ban_before_another_nick),
		MUC_TEST(test_ban_behind_another_nick),
		MUC_TEST(test_members_only_before_the_entry),
		MUC_TEST(test_members_only_behind_the_entry),
		MUC_TEST(test_member_before_the_entry),
		MUC_TEST(test_kick_before_the_nick_is_free),
		MUC_TEST(test_kick_between_two_of_one_nick),
		MUC_TEST(test_kick_behind_another_of_the_nick),
		MUC_TEST(test_two_who_change_nicks),
		MUC_TEST(test_ban_by_who_was_an_admin),
		MUC_TEST(test_ban_by_who_is_an_admin_still),
		MUC_TEST(test_ban_by_who_was_an_admin_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
