/* SPDX-License-Identifier: MIT */
/* Rows describe the fields once; reading, writing and comparing walk over them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "config.h"
#include "pubsub.h"

#define VAR(name) "pubsub#" name
#define VAR_GROUPS VAR("roster_groups_allowed")
#define VAR_MODEL VAR("access_model")
#define AT(field) offsetof(struct node_conf, field)

struct text_row {
	const char *var, *label;
	size_t off;
	bool meta; /* told by disco#info */
};
static const struct text_row texts[] = {
	{ VAR("title"), "Title", AT(title), true },
	{ VAR("description"), "Description", AT(description), true },
	{ VAR("type"), "What the payloads are: a namespace", AT(type), true },
	{ VAR("language"), "Language", AT(language), true },
};
struct bool_row {
	const char *var, *label;
	size_t off;
};
static const struct bool_row bools[] = {
	{ VAR("persist_items"), "Keep items", AT(persist) },
	{ VAR("deliver_payloads"), "Send payloads with notifications", AT(payloads) },
	{ VAR("deliver_notifications"), "Send notifications", AT(notifications) },
	{ VAR("notify_config"), "Tell when the configuration changes", AT(notify_config) },
	{ VAR("notify_delete"), "Tell when the node is deleted", AT(notify_delete) },
	{ VAR("notify_retract"), "Tell when items are removed", AT(notify_retract) },
	{ VAR("notify_sub"), "Tell owners who subscribes", AT(notify_sub) },
	{ VAR("subscribe"), "Allow subscriptions", AT(subscribe) },
};
struct choice_row {
	const char *var, *label, *choices;
	size_t off;
};
static const struct choice_row choices[] = {
	{ VAR_MODEL, "Who may subscribe and retrieve items", ACCESS_MODELS, AT(access) },
	{ VAR("publish_model"), "Who may publish", PUBLISH_MODELS, AT(publish) },
	{ VAR("send_last_published_item"), "When the last item is sent", SEND_LAST, AT(send_last) },
	{ VAR("publish_node_full"), "What happens when the node is full", NODE_FULL, AT(full) },
	{ VAR("notification_type"), "Notifications are messages of type", NOTIFICATION_TYPES,
	    AT(notification) },
};
#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
/* 12.14: an item says whom to reply to, or does not; "owner" is an old name of the latter. */
#define ITEM_REPLY "none|publisher"
#define ITEM_REPLY_KNOWN ITEM_REPLY "|owner"
#define NODE_TYPES "leaf"
#define DOMAIN_MODELS "open|authorize|whitelist" /* it has neither presence nor rosters */
#define FIELD(type, c, row) ((type *)(void *)((char *)(c) + (row)->off))
#define CFIELD(type, c, row) ((type const *)(const void *)((const char *)(c) + (row)->off))

/* --- life --------------------------------------------------------------------------------------
 */

void config_init(struct node_conf *c, const struct config_limits *lim)
{
	*c = (struct node_conf){
		.access = lim->pep ? ACCESS_PRESENCE : ACCESS_OPEN,
		.send_last = LAST_ON_SUB_AND_PRESENCE,
		.max_items = lim->pep || lim->max_items < 20 ? 1 : 20,
		.max_payload = lim->max_payload,
		.persist = true,
		.payloads = true,
		.notifications = true,
		.notify_delete = true,
		.notify_retract = true,
		.subscribe = true,
	};
}

size_t config_groups_len(const char *groups)
{
	size_t n = 0;

	if (!groups)
		return 0;
	while (groups[n])
		n += strlen(groups + n) + 1;
	return n + 1;
}

void config_copy(struct node_conf *to, const struct node_conf *from)
{
	*to = *from;
	for (size_t i = 0; i < N(texts); i++) {
		const char *s = *CFIELD(char *, from, &texts[i]);

		*FIELD(char *, to, &texts[i]) = s ? xstrdup(s) : NULL;
	}
	to->groups = from->groups ? xmemdup(from->groups, config_groups_len(from->groups)) : NULL;
}

void config_done(struct node_conf *c)
{
	for (size_t i = 0; i < N(texts); i++)
		free(*FIELD(char *, c, &texts[i]));
	free(c->groups);
	*c = (struct node_conf){ 0 };
}

bool config_has_group(const struct node_conf *c, const char *group)
{
	for (const char *g = c->groups; g && *g; g += strlen(g) + 1)
		if (strcmp(g, group) == 0)
			return true;
	return false;
}

/* --- reading -----------------------------------------------------------------------------------
 */

#define REFUSE(why) (*ret_why = (why), -COND_NOT_ACCEPTABLE)

static int read_texts(struct node_conf *c, const struct form *f, const char **ret_why)
{
	for (size_t i = 0; i < N(texts); i++) {
		char **slot = FIELD(char *, c, &texts[i]);
		const char *s;
		int r = form_text(f, texts[i].var, PUBSUB_TEXT, &s);

		if (r < 0)
			return REFUSE("A text is too long.");
		if (r == 0)
			continue;
		free(*slot);
		*slot = *s ? xstrdup(s) : NULL;
	}
	return 0;
}

static int read_groups(struct node_conf *c, const struct form *f, const char **ret_why)
{
	const struct form_field *field = form_find(f, VAR_GROUPS);
	struct sbuf out = SBUF_INIT;

	if (!field)
		return 0;
	if (field->values > PUBSUB_GROUPS)
		return REFUSE("There are too many groups.");
	for (size_t i = 0; i < field->values; i++) {
		const char *s = form_value(field, i);

		if (strlen(s) > PUBSUB_TEXT) {
			sbuf_done(&out);
			return REFUSE("A group's name is too long.");
		}
		if (*s)
			sbuf_add(&out, s, strlen(s) + 1);
	}
	free(c->groups);
	c->groups = sbuf_len(&out) ? sbuf_steal(&out) : NULL;
	return 0;
}

/* "max" is as many as there can be (XEP-0060 16.4.3: integer-or-max). */
static int read_count(const struct form *f, const char *var, int64_t most, int64_t *out)
{
	const char *s;
	int r = form_text(f, var, 32, &s);
	int64_t v;

	if (r <= 0)
		return r;
	if (strcmp(s, "max") == 0) {
		*out = most;
		return 1;
	}
	r = form_int(f, var, 0, INT64_MAX, &v);
	if (r < 0 || v > most)
		return -EINVAL;
	*out = v;
	return 1;
}

static int read_counts(struct node_conf *c, const struct form *f, const struct config_limits *lim,
    const char **ret_why)
{
	int64_t expire = 0;
	int reply = c->publisher, type = 0;

	if (read_count(f, VAR("max_items"), lim->max_items, &c->max_items) < 0)
		return REFUSE("The node cannot keep so many items.");
	if (read_count(f, VAR("max_payload_size"), lim->max_payload, &c->max_payload) < 0)
		return REFUSE("Items cannot be so large.");
	if (read_count(f, VAR("item_expire"), 0, &expire) < 0)
		return REFUSE("Items do not expire here.");
	if (form_choice(f, VAR("itemreply"), ITEM_REPLY_KNOWN, &reply) < 0)
		return REFUSE("Replies go to the publisher, or nobody is told whom.");
	if (form_choice(f, VAR("node_type"), NODE_TYPES, &type) < 0)
		return REFUSE("All nodes are leaves here.");
	c->publisher = reply == 1;
	return 0;
}

int config_read(struct node_conf *c, const struct form *f, const struct config_limits *lim,
    const char **ret_why, bool *ret_model)
{
	int r = read_texts(c, f, ret_why);

	*ret_model = false;
	if (r == 0)
		r = read_groups(c, f, ret_why);
	if (r == 0)
		r = read_counts(c, f, lim, ret_why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < N(bools); i++)
		if (form_bool(f, bools[i].var, FIELD(bool, c, &bools[i])) < 0)
			return REFUSE("A field is neither true nor false.");
	for (size_t i = 0; i < N(choices); i++) {
		const struct choice_row *row = &choices[i];

		if (form_choice(f, row->var, row->choices, FIELD(int, c, row)) < 0) {
			*ret_model = strcmp(row->var, VAR_MODEL) == 0;
			return REFUSE("A field has a value that is not possible.");
		}
	}
	if (!lim->pep && (c->access == ACCESS_PRESENCE || c->access == ACCESS_ROSTER)) {
		*ret_model = true;
		return REFUSE("There is no presence and no roster here.");
	}
	return 0;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_groups(const char *a, const char *b)
{
	while (a && b && *a && *b && strcmp(a, b) == 0) {
		a += strlen(a) + 1;
		b += strlen(b) + 1;
	}
	return (!a || !*a) && (!b || !*b);
}

static bool same(const struct node_conf *a, const struct node_conf *b)
{
	for (size_t i = 0; i < N(texts); i++)
		if (!same_text(*CFIELD(char *, a, &texts[i]), *CFIELD(char *, b, &texts[i])))
			return false;
	for (size_t i = 0; i < N(bools); i++)
		if (*CFIELD(bool, a, &bools[i]) != *CFIELD(bool, b, &bools[i]))
			return false;
	for (size_t i = 0; i < N(choices); i++)
		if (*CFIELD(int, a, &choices[i]) != *CFIELD(int, b, &choices[i]))
			return false;
	return same_groups(a->groups, b->groups) && a->max_items == b->max_items &&
	       a->max_payload == b->max_payload && a->publisher == b->publisher;
}

static bool is_known(const char *var)
{
	static const char *const others[] = { VAR_GROUPS, VAR("max_items"), VAR("max_payload_size"),
		VAR("item_expire"), VAR("itemreply"), VAR("node_type") };

	for (size_t i = 0; i < N(texts); i++)
		if (strcmp(var, texts[i].var) == 0)
			return true;
	for (size_t i = 0; i < N(bools); i++)
		if (strcmp(var, bools[i].var) == 0)
			return true;
	for (size_t i = 0; i < N(choices); i++)
		if (strcmp(var, choices[i].var) == 0)
			return true;
	for (size_t i = 0; i < N(others); i++)
		if (strcmp(var, others[i]) == 0)
			return true;
	return false;
}

bool config_knows(const struct form *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (!is_known(f->fields[i].var))
			return false;
	return true;
}

/* A node that meets the options is one that they do not change. */
bool config_meets(const struct node_conf *c, const struct form *f, const struct config_limits *lim)
{
	struct node_conf changed;
	const char *why;
	bool model, ok;

	if (!config_knows(f))
		return false;
	config_copy(&changed, c);
	ok = config_read(&changed, f, lim, &why, &model) == 0 && same(&changed, c);
	config_done(&changed);
	return ok;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* The i-th of "a|b|c". */
static const char *choice(const char *list, int i, char out[static 32])
{
	size_t n;

	while (i-- > 0)
		list += strcspn(list, "|") + 1;
	n = strcspn(list, "|");
	(void)snprintf(out, 32, "%.*s", (int)n, list);
	return out;
}

static void write_choice(
    struct el *form, const char *var, const char *label, const char *offered, const char *value)
{
	struct el *field = form_add_field(form, "list-single", var, label);
	char s[32];
	int i = 0;

	form_add_value(field, value);
	for (const char *p = offered; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		form_add_option(field, NULL, choice(offered, i++, s));
}

/* What config_read() would take. */
static const char *possible(const struct choice_row *row, const struct config_limits *lim)
{
	return !lim->pep && strcmp(row->var, VAR_MODEL) == 0 ? DOMAIN_MODELS : row->choices;
}

static void write_groups(const struct node_conf *c, struct el *form)
{
	struct el *field =
	    form_add_field(form, "text-multi", VAR_GROUPS, "Roster groups that may see the node");

	for (const char *g = c->groups; g && *g; g += strlen(g) + 1)
		form_add_value(field, g);
}

void config_write(const struct node_conf *c, struct el *form, const struct config_limits *lim)
{
	char value[32];

	for (size_t i = 0; i < N(texts); i++) {
		const char *s = *CFIELD(char *, c, &texts[i]);

		form_add_text(form, "text-single", texts[i].var, texts[i].label, s ? s : "");
	}
	for (size_t i = 0; i < N(bools); i++)
		form_add_bool(form, bools[i].var, bools[i].label, *CFIELD(bool, c, &bools[i]));
	for (size_t i = 0; i < N(choices); i++)
		write_choice(form, choices[i].var, choices[i].label, possible(&choices[i], lim),
		    choice(choices[i].choices, *CFIELD(int, c, &choices[i]), value));
	if (lim->pep)
		write_groups(c, form);
	form_add_int(form, "text-single", VAR("max_items"), "Items that are kept", c->max_items);
	form_add_int(
	    form, "text-single", VAR("max_payload_size"), "Bytes of an item", c->max_payload);
	write_choice(form, VAR("itemreply"), "Whom replies go to", ITEM_REPLY,
	    choice(ITEM_REPLY, c->publisher, value));
}

void config_write_meta(const struct node_conf *c, struct el *form)
{
	char s[32];

	for (size_t i = 0; i < N(texts); i++) {
		const char *t = *CFIELD(char *, c, &texts[i]);

		if (texts[i].meta && t)
			form_add_text(form, "text-single", texts[i].var, texts[i].label, t);
	}
	form_add_text(form, "text-single", VAR_MODEL, NULL, config_access_name(c));
	form_add_text(
	    form, "text-single", VAR("publish_model"), NULL, choice(PUBLISH_MODELS, c->publish, s));
	form_add_int(form, "text-single", VAR("max_items"), NULL, c->max_items);
}

const char *config_access_name(const struct node_conf *c)
{
	static const char *const names[] = { "open", "presence", "roster", "authorize",
		"whitelist" };

	return names[c->access];
}

const char *config_notification_name(const struct node_conf *c)
{
	static const char *const names[] = { "headline", "normal", "chat" };

	return names[c->notification];
}
