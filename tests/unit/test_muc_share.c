/* SPDX-License-Identifier: MIT */
/* Rooms of which this process, m1, has those that the server's lists give it. */
#include <base/rendezvous.h>

#include "muc_fixture.h"

#define OTHER "pub@" DOM

static int setup(void **state)
{
	return muc_setup_as(state, true);
}

#define SHARE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, fix_teardown)

/* --- the server ------------------------------------------------------------------------------- */

static uint64_t weight(const char *member, const char *key)
{
	return rendezvous_weight(
	    rendezvous_hash(member, strlen(member)), rendezvous_hash(key, strlen(key)));
}

/* The name of one that takes this key from m1, and not that one (NULL: whatever it takes). */
static const char *thief(const char *key, const char *spared)
{
	static char id[16];

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof(id), "b%u", i);
		if (weight(id, key) > weight("m1", key) &&
		    (!spared || weight(id, spared) < weight("m1", spared)))
			return id;
	}
	fail_msg("nobody takes %s", key);
	return NULL;
}

static void members(struct fix *f, unsigned epoch, const char *other)
{
	fix_postf(f,
	    "<iq type='set' id='e%u' from='test' to='" DOM "/m1'><members xmlns='" NS_SHARE
	    "' epoch='%u'><member id='m1'/>%s%s%s</members></iq>",
	    epoch, epoch, other ? "<member id='" : "", other ? other : "", other ? "'/>" : "");
	fix_spin(f);
}

static void settled(struct fix *f, unsigned epoch)
{
	fix_postf(f,
	    "<message from='test' to='" DOM "/m1'><settled xmlns='" NS_SHARE
	    "' epoch='%u'/></message>",
	    epoch);
	fix_spin(f);
}

static void change(struct fix *f, unsigned epoch, const char *other)
{
	members(f, epoch, other);
	settled(f, epoch);
	fix_clear(f);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_a_room_goes_and_comes(void **state)
{
	struct fix *f = *state;

	change(f, 1, NULL);
	two_in(f, CONF("persistentroom", "1"));
	say(f, ALICE, ROOM, "s1", "<subject>Tea</subject>");
	say(f, ALICE, ROOM, "m1", "<body>one</body>");
	fix_clear(f);
	members(f, 2, thief(ROOM, NULL));
	assert_non_null(the_room()); /* until all know */
	settled(f, 2);
	assert_null(the_room());
	assert_int_equal(map_len(&m.rooms), 0);
	assert_int_equal(fix_count(f, "<presence"), 0);
	change(f, 3, NULL);
	assert_int_equal(the_room()->n_occupants, 2);
	assert_string_equal(the_room()->subject, "Tea");
	assert_int_equal(the_room()->history.n, 1);
	say(f, BOB, ROOM, "m2", "<body>two</body>");
	assert_int_equal(fix_count(f, "id=\"m2\""), 2);
}

/* What stays is not read again: it may know more than has been committed. */
static void test_a_room_that_stays(void **state)
{
	struct fix *f = *state;
	struct room *r;

	change(f, 1, NULL);
	two_in(f, "");
	r = the_room();
	members(f, 2, thief(DOM, ROOM));
	fix_postf(f, "<presence type='unavailable' from='" BOB "' to='" ROOM "/Bob'/>");
	settled(f, 2); /* in the same turn */
	assert_ptr_equal(the_room(), r);
	assert_int_equal(r->n_occupants, 1);
}

/* Bob is asked whether he is there. */
static bool is_pinged(struct fix *f, char id[64])
{
	const char *ping = got(f, "<ping xmlns=\"urn:xmpp:ping\"", BOB);

	return ping && sscanf(strstr(ping, " id=\"") + 5, "%63[^\"]", id) == 1;
}

static void suspected(struct fix *f, char id[64])
{
	fix_postf(f, "<message type='error' from='" BOB "' to='" ROOM "'><error type='cancel'>"
		     "<service-unavailable xmlns='" NS_STANZAS "'/></error></message>");
	fix_spin(f);
	assert_true(is_pinged(f, id));
	fix_clear(f);
}

static void not_there(struct fix *f, const char *id)
{
	fix_postf(f,
	    "<iq type='error' id='%s' from='" BOB "' to='" ROOM "'><error type='cancel'>"
	    "<item-not-found xmlns='" NS_STANZAS "'/></error></iq>",
	    id);
	fix_spin(f);
}

/* Who was asked, and says no when the room is another's, stays in it. */
static void test_a_ghost_of_a_room_that_goes(void **state)
{
	struct fix *f = *state;
	char id[64];

	change(f, 1, NULL);
	two_in(f, "");
	suspected(f, id);
	members(f, 2, thief(ROOM, NULL));
	not_there(f, id);
	assert_int_equal(fix_count(f, "unavailable"), 0);
	settled(f, 2);
	change(f, 3, NULL);
	assert_int_equal(the_room()->n_occupants, 2);
}

/* If the room stays after all, he is asked again. */
static void test_a_ghost_of_a_room_that_stays_after_all(void **state)
{
	struct fix *f = *state;
	char id[64];

	change(f, 1, NULL);
	two_in(f, "");
	suspected(f, id);
	members(f, 2, thief(ROOM, NULL));
	not_there(f, id);
	members(f, 3, NULL);
	fix_advance(f, 1001);
	fix_spin(f);
	assert_true(is_pinged(f, id));
	not_there(f, id);
	assert_int_equal(the_room()->n_occupants, 1);
}

/* --- what is of all rooms --------------------------------------------------------------------- */

static const char *listed(struct fix *f)
{
	fix_clear(f);
	fix_sendf(f, "<iq type='get' id='q1' from='" BOB "' to='" DOM "'><query xmlns='%s'/></iq>",
	    NS_DISCO_ITEMS);
	fix_spin(f);
	return fix_got(f);
}

static void test_the_list_is_of_all_rooms(void **state)
{
	struct fix *f = *state;

	change(f, 1, NULL);
	two_in(f, "");
	enter(f, ALICE, OTHER "/Alice", "");
	configure(f, ALICE, OTHER, CONF("roomname", "A pub"));
	enter(f, ALICE, "hid@" DOM "/Alice", "");
	configure(f, ALICE, "hid@" DOM, CONF("publicroom", "0"));
	change(f, 2, thief(OTHER, DOM));
	assert_null(rooms_find(&m, "pub", 3));
	assert_non_null(strstr(listed(f), "jid=\"" OTHER "\" name=\"A pub\""));
	fix_has(f, "jid=\"" ROOM "\"");
	assert_int_equal(fix_count(f, "<item "), 2);
}

static void test_the_bound_is_of_all_rooms(void **state)
{
	struct fix *f = *state;

	conf.max_rooms = 1;
	change(f, 1, NULL);
	enter(f, ALICE, OTHER "/Alice", "");
	configure(f, ALICE, OTHER, "");
	change(f, 2, thief(OTHER, ROOM));
	assert_int_equal(map_len(&m.rooms), 0);
	fix_clear(f);
	enter(f, BOB, ROOM "/Bob", "");
	fix_has(f, "<resource-constraint ");
}

/* What destroyed rooms have left one process removes, which has the domain itself. */
static void test_who_sweeps(void **state)
{
	struct fix *f = *state;

	change(f, 1, NULL);
	two_in(f, "");
	talk(f, ALICE, "abc");
	change(f, 2, thief(DOM, ROOM));
	fix_postf(f, "<iq type='set' id='d1' from='" ALICE "' to='" ROOM
		     "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	fix_spin(f);
	for (int i = 0; i < 20; i++)
		fix_advance(f, 21);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 3);
	change(f, 3, NULL);
	for (int i = 0; i < 20; i++)
		fix_advance(f, 21);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(test_a_room_goes_and_comes),
		SHARE_TEST(test_a_room_that_stays),
		SHARE_TEST(test_a_ghost_of_a_room_that_goes),
		SHARE_TEST(test_a_ghost_of_a_room_that_stays_after_all),
		SHARE_TEST(test_the_list_is_of_all_rooms),
		SHARE_TEST(test_the_bound_is_of_all_rooms),
		SHARE_TEST(test_who_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
