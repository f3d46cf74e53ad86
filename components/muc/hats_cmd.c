/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/rnd.h>
#include <xmpp/form.h>

#include "hats_cmd.h"
#include "message.h"
#include "occupant.h"
#include "presence.h"
#include "reach.h"
#include "store.h"

#define NODE "urn:xmpp:hats:commands"
enum { SESSION_LEN = 16, CODE_BYTES = 512 + 6 * 1023, HAT_TAGS = 128 };

struct ask { /* what a submitted form says; NULL: nothing */
	const char *uri, *title, *hue, *jid;
	struct jid who; /* bare, if there is a jid */
};
typedef int run_fn(struct room *r, const struct ask *a);

/* --- who is shown anew -------------------------------------------------------------------------
 */

/* Marks who wears it, or is who. */
static size_t mark(struct room *r, const struct hat *hat, const struct jid *who)
{
	size_t n = 0;

	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);
		const struct jid *real = &occupant_main(o)->jid;

		o->shows = who ? jid_same_bare(real, who) : hat && hat_is_worn(hat, real);
		n += o->shows;
	}
	return n;
}

/* Does the link take all that a change of these n makes the room say, code 104 included?  growth:
 * what each will show more than now, from above. */
static int check(struct room *r, size_t n, size_t growth)
{
	static const struct note as_is = { 0 };
	size_t sessions = map_len(&r->by_jid);

	if (reach_fits(r, &as_is, sessions * (n * growth + CODE_BYTES + reach_text(r->jid))))
		return 0;
	reach_clear(r);
	return -COND_RESOURCE_CONSTRAINT;
}

static void show_marked(struct room *r)
{
	static const struct note as_is = { 0 };

	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (o->shows == 0)
			continue;
		occupant_dress(o);
		presence_tell(o, &as_is);
	}
	reach_clear(r);
}

static void tell_change(struct room *r)
{
	static const unsigned changed = 104;

	message_codes(r, &changed, 1);
}

/* --- the changes -------------------------------------------------------------------------------
 */

static int create(struct room *r, const struct ask *a)
{
	const struct hat *hat = hats_find(&r->hats, a->uri);
	int ret;

	if (!hats_valid_uri(a->uri) || !a->title || !hats_valid_title(a->title) ||
	    (a->hue && !hats_valid_hue(a->hue)))
		return -COND_NOT_ACCEPTABLE;
	if (!hat && r->hats.n >= HATS_MAX)
		return -COND_RESOURCE_CONSTRAINT;
	ret = check(r, mark(r, hat, NULL), HAT_TAGS + reach_text(a->title) + reach_text(a->hue));
	if (ret < 0)
		return ret;
	hats_put(&r->hats, a->uri, a->title, a->hue);
	store_put_hat(comp_tx(r->m->c), r->local, hats_find(&r->hats, a->uri));
	show_marked(r);
	tell_change(r);
	return 0;
}

static int destroy(struct room *r, const struct ask *a)
{
	struct hat *hat = hats_find(&r->hats, a->uri);
	int ret;

	if (!hat)
		return -COND_ITEM_NOT_FOUND;
	ret = check(r, mark(r, hat, NULL), 0);
	if (ret < 0)
		return ret;
	store_del_hat(comp_tx(r->m->c), r->local, a->uri);
	hats_drop(&r->hats, hat);
	show_marked(r);
	tell_change(r);
	return 0;
}

static int assign(struct room *r, const struct ask *a)
{
	struct hat *hat = hats_find(&r->hats, a->uri);
	int ret;

	if (!hat)
		return -COND_ITEM_NOT_FOUND;
	if (hat_is_worn(hat, &a->who))
		return 0;
	if (hats_worn(&r->hats, &a->who) >= HATS_WORN_MAX || r->hats.n_worn >= HATS_WORN_ALL)
		return -COND_RESOURCE_CONSTRAINT;
	ret = check(r, mark(r, NULL, &a->who),
	    HAT_TAGS + reach_text(hat->uri) + reach_text(hat->title) + reach_text(hat->hue));
	if (ret < 0)
		return ret;
	hats_wear(&r->hats, hat, &a->who);
	store_put_worn(comp_tx(r->m->c), r->local, a->uri, a->who.s);
	show_marked(r);
	return 0;
}

static int unassign(struct room *r, const struct ask *a)
{
	struct hat *hat = hats_find(&r->hats, a->uri);
	int ret;

	if (!hat || !hat_is_worn(hat, &a->who))
		return -COND_ITEM_NOT_FOUND;
	ret = check(r, mark(r, NULL, &a->who), 0);
	if (ret < 0)
		return ret;
	hats_doff(&r->hats, hat, &a->who);
	store_del_worn(comp_tx(r->m->c), r->local, a->uri, a->who.s);
	show_marked(r);
	return 0;
}

/* --- the commands ------------------------------------------------------------------------------
 */

static const struct cmd {
	const char *node, *name;
	run_fn *run;     /* NULL: it lists */
	bool jid, title; /* the form asks for these besides the URI; of lists: who wears them */
	bool open;       /* for everybody in the room */
} cmds[] = {
	{ NODE ":create", "Create or change a hat", create, false, true, false },
	{ NODE ":destroy", "Destroy a hat", destroy, false, false, false },
	{ NODE ":assign", "Assign a hat", assign, true, false, false },
	{ NODE ":unassign", "Take a hat away", unassign, true, false, false },
	{ NODE ":list", "List the hats", NULL, false, false, true },
	{ NODE ":list-assigned", "List who wears hats", NULL, true, false, false },
};
enum { CMDS = sizeof(cmds) / sizeof(cmds[0]) };

static const struct cmd *find_cmd(const char *node)
{
	for (size_t i = 0; node && i < CMDS; i++) {
		if (!strcmp(cmds[i].node, node))
			return &cmds[i];
	}
	return NULL;
}

static bool may_use(const struct cmd *cmd, const struct room *r, const struct jid *who)
{
	enum aff aff = room_aff(r, who);

	return aff >= AFF_ADMIN || (cmd->open && (aff == AFF_MEMBER || room_session(r, who)));
}

void hats_items(const struct room *r, const struct jid *who, struct el *query)
{
	for (size_t i = 0; i < CMDS; i++) {
		struct el *item;

		if (!may_use(&cmds[i], r, who))
			continue;
		item = el_add(query, "item", NULL);
		el_set(item, "jid", r->jid);
		el_set(item, "node", cmds[i].node);
		el_set(item, "name", cmds[i].name);
	}
}

int hats_info(const char *node, struct el *query)
{
	const struct cmd *cmd = find_cmd(node);
	struct el *id;

	if (!cmd)
		return COMP_PASS;
	id = el_add(query, "identity", NULL);
	el_set(id, "category", "automation");
	el_set(id, "type", "command-node");
	el_set(id, "name", cmd->name);
	el_set(el_add(query, "feature", NULL), "var", NS_COMMANDS);
	el_set(el_add(query, "feature", NULL), "var", NS_XDATA);
	return COMP_DONE;
}

/* <command/> of the answer. */
static struct el *command(
    struct el *answer, struct comp_req *rq, const struct cmd *cmd, const char *status)
{
	const char *session = el_attr(comp_payload(rq), "sessionid");
	struct el *el = el_add(answer, "command", NS_COMMANDS);
	char id[SESSION_LEN + 1];

	rnd_id(id, SESSION_LEN);
	el_set(el, "node", cmd->node);
	el_set(el, "sessionid", session ? session : id);
	el_set(el, "status", status);
	return el;
}

static int finish(struct comp_req *rq, const struct cmd *cmd, const char *status)
{
	struct el *answer = comp_result(rq);

	(void)command(answer, rq, cmd, status);
	comp_reply(rq, answer);
	return ANSWERED;
}

static int send_form(const struct room *r, struct comp_req *rq, const struct cmd *cmd)
{
	struct el *answer = comp_result(rq), *el = command(answer, rq, cmd, "executing"), *form,
		  *field, *actions = el_add(el, "actions", NULL);

	el_set(actions, "execute", "complete");
	el_add(actions, "complete", NULL);
	form = form_add(el, FORM_FORM, NODE);
	el_add_text(form, "title", NULL, cmd->name);
	if (cmd->jid) {
		field = form_add_field(form, "jid-single", "hats#jid", "Address of the user");
		el_add(field, "required", NULL);
	}
	if (cmd->title) {
		field = form_add_field(form, "text-single", "hats#title", "Title of the hat");
		el_add(field, "required", NULL);
	}
	field = form_add_field(
	    form, cmd->title ? "text-single" : "list-single", "hats#uri", "URI of the hat");
	el_add(field, "required", NULL);
	if (cmd->title) {
		(void)form_add_field(form, "text-single", "hats#hue", "Hue, in degrees");
	} else {
		LIST_EACH (it, &r->hats.list) {
			const struct hat *hat = LIST_ENTRY(it, struct hat, link);

			form_add_option(field, hat->title, hat->uri);
		}
	}
	comp_reply(rq, answer);
	return ANSWERED;
}

static void put_row(struct el *form, const struct hat *hat, const char *jid)
{
	struct el *item = el_add(form, "item", NULL);

	if (jid)
		form_add_text(item, NULL, "hats#jid", NULL, jid);
	form_add_text(item, NULL, "hats#uri", NULL, hat->uri);
	form_add_text(item, NULL, "hats#title", NULL, hat->title);
	form_add_text(item, NULL, "hats#hue", NULL, hat->hue ? hat->hue : "");
}

static int send_list(const struct room *r, struct comp_req *rq, const struct cmd *cmd)
{
	static const char *const vars[] = { "hats#jid", "hats#uri", "hats#title", "hats#hue" };
	struct el *answer = comp_result(rq), *form, *reported;

	form = form_add(command(answer, rq, cmd, "completed"), FORM_RESULT, NODE);
	el_add_text(form, "title", NULL, cmd->name);
	reported = el_add(form, "reported", NULL);
	for (size_t i = cmd->jid ? 0 : 1; i < 4; i++)
		(void)form_add_field(reported, NULL, vars[i], NULL);
	LIST_EACH (it, &r->hats.list) {
		const struct hat *hat = LIST_ENTRY(it, struct hat, link);

		if (!cmd->jid)
			put_row(form, hat, NULL);
		else
			MAP_EACH (w, &hat->worn)
				put_row(form, hat, MAP_ENTRY(w, struct wearer, node)->who);
	}
	comp_reply(rq, answer);
	return ANSWERED;
}

/* 0 or -enum el_cond. */
static int read_ask(struct ask *a, const struct cmd *cmd, const struct form *f, struct arena *arena)
{
	struct jid full;

	*a = (struct ask){ 0 };
	if ((f->form_type && strcmp(f->form_type, NODE) != 0) ||
	    form_text(f, "hats#uri", SIZE_MAX, &a->uri) <= 0 ||
	    form_text(f, "hats#title", SIZE_MAX, &a->title) < 0 ||
	    form_text(f, "hats#hue", SIZE_MAX, &a->hue) < 0 ||
	    form_text(f, "hats#jid", SIZE_MAX, &a->jid) < 0)
		return -COND_BAD_REQUEST;
	if (!cmd->jid)
		return 0;
	if (!a->jid)
		return -COND_BAD_REQUEST;
	if (jid_parse(&full, arena, a->jid) < 0 || !full.dom)
		return -COND_JID_MALFORMED;
	a->who = jid_bare(&full, arena);
	return 0;
}

static int run(struct room *r, struct comp_req *rq, const struct cmd *cmd, const struct el *x)
{
	struct ask a;
	struct form f;
	int ret;

	if (form_parse(&f, x) < 0)
		return -COND_BAD_REQUEST;
	if (f.type == FORM_CANCEL)
		return finish(rq, cmd, "canceled");
	if (f.type != FORM_SUBMIT)
		return -COND_BAD_REQUEST;
	ret = read_ask(&a, cmd, &f, el_arena(comp_el(rq)));
	if (ret == 0)
		ret = cmd->run(r, &a);
	return ret < 0 ? ret : finish(rq, cmd, "completed");
}

int hats_command(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *asked = comp_payload(rq), *x = el_child(asked, "x", NS_XDATA);
	const struct cmd *cmd = find_cmd(el_attr(asked, "node"));
	const char *action = el_attr(asked, "action");
	int ret;

	(void)m;
	if (!r || !cmd || (r->locked && room_aff(r, comp_from(rq)) != AFF_OWNER))
		return -COND_ITEM_NOT_FOUND;
	if (!may_use(cmd, r, comp_from(rq)))
		return -COND_FORBIDDEN;
	ret = message_charge(r, rq, 1);
	if (ret != 0)
		return ret;
	if (action && !strcmp(action, "cancel"))
		return finish(rq, cmd, "canceled");
	if (action && strcmp(action, "execute") != 0 && strcmp(action, "complete") != 0)
		return -COND_BAD_REQUEST;
	if (!cmd->run)
		return send_list(r, rq, cmd);
	return x ? run(r, rq, cmd, x) : send_form(r, rq, cmd);
}
