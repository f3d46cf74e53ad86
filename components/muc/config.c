/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/form.h>

#include "config.h"
#include "muc.h"
#include "slow.h"

#define VAR(name) "muc#roomconfig_" name
#define VAR_HISTORY "muc#maxhistoryfetch"                /* the XEP's name */
#define VAR_HISTORY_ALIAS "muc#roomconfig_historylength" /* Prosody's */
#define VAR_ARCHIVE VAR("enablearchiving")               /* Prosody's */
#define VAR_ARCHIVE_ALIAS VAR("mam")                     /* ejabberd's */
#define VAR_REGISTRATION "x-muc#roomconfig_registration" /* XEP-0045 has none for these two */
#define VAR_LOCK_NICKS "x-muc#roomconfig_reservednick"
#define NS_XDATA_VALIDATE "http://jabber.org/protocol/xdata-validate" /* XEP-0122 */
#define WHOIS_CHOICES "moderators|anyone"

/* --- life --------------------------------------------------------------------------------------
 */

static char *dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static unsigned read_roles(const struct conf_list *l)
{
	unsigned set = 0;
	enum role role;

	for (size_t i = 0; i < l->n; i++) {
		if (role_parse(l->v[i], &role) == 0 && role != ROLE_NONE)
			set |= ROLE_BIT(role);
	}
	return set ? set : ROLES_ALL;
}

int config_check_role(const char *value, char *err, size_t err_len)
{
	enum role role;

	if (role_parse(value, &role) == 0 && role != ROLE_NONE)
		return 0;
	(void)snprintf(err, err_len, "moderator, participant or visitor");
	return -EINVAL;
}

int config_check_lang(const char *value, char *err, size_t err_len)
{
	if (strlen(value) <= MUC_LANG_MAX)
		return 0;
	(void)snprintf(err, err_len, "a language tag of at most %d bytes", MUC_LANG_MAX);
	return -EINVAL;
}

void config_init(struct room_conf *c, const struct muc_conf *mc)
{
	*c = (struct room_conf){
		.persistent = mc->dflt.persistent,
		.public = mc->dflt.public,
		.members_only = mc->dflt.members_only,
		.moderated = mc->dflt.moderated,
		.nonanon = mc->dflt.nonanon,
		.archive = mc->dflt.archive,
		.change_subject = mc->dflt.change_subject,
		.allow_invites = mc->dflt.allow_invites,
		.allow_pm = mc->dflt.allow_pm,
		.max_users = least(mc->dflt.max_users, mc->max_occupants),
		.registration = mc->dflt.registration,
		.lock_nicks = mc->dflt.lock_nicks,
		.history = least(mc->dflt.history, mc->max_history),
		.broadcast = read_roles(&mc->dflt.broadcast),
		.member_list = read_roles(&mc->dflt.member_list),
		.lang = mc->dflt.lang && *mc->dflt.lang ? xstrdup(mc->dflt.lang) : NULL,
	};
}

void config_copy(struct room_conf *to, const struct room_conf *from)
{
	*to = *from;
	to->name = dup(from->name);
	to->desc = dup(from->desc);
	to->lang = dup(from->lang);
	to->password = dup(from->password);
	for (int i = 0; i < ABOUT_N; i++)
		to->about[i] = dup(from->about[i]);
}

void config_done(struct room_conf *c)
{
	free(c->name);
	free(c->desc);
	free(c->lang);
	free(c->password);
	for (int i = 0; i < ABOUT_N; i++)
		free(c->about[i]);
	*c = (struct room_conf){ 0 };
}

/* --- reading -----------------------------------------------------------------------------------
 */

#define REFUSE(why) (*ret_why = (why), -COND_NOT_ACCEPTABLE)

static void replace(char **slot, const char *by)
{
	free(*slot);
	*slot = *by ? xstrdup(by) : NULL;
}

static int read_texts(
    struct room_conf *c, const struct form *f, const struct muc_conf *mc, const char **ret_why)
{
	const struct {
		const char *var;
		char **slot;
		size_t max;
		const char *why;
	} rows[] = {
		{ VAR("roomname"), &c->name, MUC_TITLE_MAX, "The room's name is too long." },
		{ VAR("roomdesc"), &c->desc, (size_t)mc->max_description,
		    "The description is too long." },
		{ VAR("lang"), &c->lang, MUC_LANG_MAX, "That is no language." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *s;
		int r = form_text(f, rows[i].var, rows[i].max, &s);

		if (r < 0)
			return REFUSE(rows[i].why);
		if (r > 0)
			replace(rows[i].slot, s);
	}
	return 0;
}

static int read_bools(struct room_conf *c, const struct form *f)
{
	const struct {
		const char *var;
		bool *slot;
	} rows[] = {
		{ VAR("changesubject"), &c->change_subject },
		{ VAR("allowinvites"), &c->allow_invites },
		{ VAR("publicroom"), &c->public },
		{ VAR("persistentroom"), &c->persistent },
		{ VAR("moderatedroom"), &c->moderated },
		{ VAR("membersonly"), &c->members_only },
		{ VAR_ARCHIVE, &c->archive },
		{ VAR_ARCHIVE_ALIAS, &c->archive },
		{ VAR_LOCK_NICKS, &c->lock_nicks },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (form_bool(f, rows[i].var, rows[i].slot) < 0)
			return -COND_BAD_REQUEST;
	}
	return 0;
}

/* The password is needed where passwordprotectedroom says so; a form with a secret alone means it.
 */
static int read_password(struct room_conf *c, const struct form *f, const char **ret_why)
{
	const char *secret = NULL;
	bool need = c->password != NULL;
	int said = form_bool(f, VAR("passwordprotectedroom"), &need);
	int r = form_text(f, VAR("roomsecret"), MUC_PASSWORD_MAX, &secret);

	if (said < 0)
		return -COND_BAD_REQUEST;
	if (r < 0)
		return REFUSE("The password is too long.");
	if (said == 0 && r > 0)
		need = *secret != '\0';
	if (need && r > 0)
		replace(&c->password, secret);
	if (need && !c->password)
		return REFUSE("A room that needs a password must have one.");
	if (!need)
		replace(&c->password, "");
	return 0;
}

/* "none" and the empty value: no limit but the service's. */
static int read_max_users(
    struct room_conf *c, const struct form *f, const struct muc_conf *mc, const char **ret_why)
{
	const char *s;
	int r = form_text(f, VAR("maxusers"), 20, &s);

	if (r < 0)
		return -COND_BAD_REQUEST;
	if (r > 0 && (!*s || !strcmp(s, "none")))
		c->max_users = 0;
	else if (form_int(f, VAR("maxusers"), 1, mc->max_occupants, &c->max_users) < 0)
		return REFUSE("That many occupants are not possible.");
	return 0;
}

static int read_history(
    struct room_conf *c, const struct form *f, const struct muc_conf *mc, const char **ret_why)
{
	if (form_int(f, VAR_HISTORY, 0, mc->max_history, &c->history) < 0 ||
	    form_int(f, VAR_HISTORY_ALIAS, 0, mc->max_history, &c->history) < 0)
		return REFUSE("The room cannot keep that many messages.");
	return 0;
}

static int read_slow_mode(struct room_conf *c, const struct form *f, const char **ret_why)
{
	if (form_int(f, VAR("slow_mode_duration"), 0, SLOW_SECONDS_MAX, &c->slow_mode) < 0)
		return REFUSE("Slow mode is between 0 (none) and 86400 seconds.");
	return 0;
}

static int read_choices(struct room_conf *c, const struct form *f, const char **ret_why)
{
	int whois = c->nonanon;

	if (form_choice(f, VAR("whois"), WHOIS_CHOICES, &whois) < 0)
		return REFUSE("Real addresses are seen by moderators or by anyone.");
	c->nonanon = whois != 0;
	if (form_choice(f, VAR("allowpm"), MUC_ALLOW_PM, &c->allow_pm) < 0 ||
	    form_choice(f, VAR_REGISTRATION, MUC_REGISTRATION, &c->registration) < 0 ||
	    form_choices(f, VAR("presencebroadcast"), ROLES_LISTED, &c->broadcast) < 0 ||
	    form_choices(f, VAR("getmemberlist"), ROLES_LISTED, &c->member_list) < 0)
		return REFUSE("That is not one of the options.");
	return 0;
}

int config_read(
    struct room_conf *c, const struct form *f, const struct muc_conf *mc, const char **ret_why)
{
	int r;

	*ret_why = NULL;
	if (f->form_type && strcmp(f->form_type, NS_MUC_ROOMCONFIG) != 0)
		return -COND_BAD_REQUEST;
	if ((r = read_texts(c, f, mc, ret_why)) < 0 || (r = read_bools(c, f)) < 0 ||
	    (r = read_password(c, f, ret_why)) < 0 || (r = read_max_users(c, f, mc, ret_why)) < 0 ||
	    (r = read_history(c, f, mc, ret_why)) < 0 ||
	    (r = about_read(c->about, f, ret_why)) < 0 || (r = read_slow_mode(c, f, ret_why)) < 0)
		return r;
	return read_choices(c, f, ret_why);
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* A list-single or list-multi field; `chosen` is a set of indices into names. */
static void write_list(struct el *form, const char *type, const char *var, const char *label,
    const char *const *names, const char *const *labels, size_t n, unsigned chosen)
{
	struct el *field = form_add_field(form, type, var, label);

	for (size_t i = 0; i < n; i++) {
		if (chosen & (1U << i))
			form_add_value(field, names[i]);
	}
	for (size_t i = 0; i < n; i++)
		form_add_option(field, labels[i], names[i]);
}

static void write_roles(struct el *form, const char *var, const char *label, unsigned set)
{
	static const char *const names[] = { "moderator", "participant", "visitor" };
	static const char *const labels[] = { "Moderators", "Participants", "Visitors" };

	write_list(form, "list-multi", var, label, names, labels, 3, set);
}

static void write_max_users(const struct room_conf *c, struct el *form, int64_t most)
{
	static const int64_t steps[] = { 10, 20, 50, 100, 200, 500, 1000 };
	struct el *field =
	    form_add_field(form, "list-single", VAR("maxusers"), "Maximum number of occupants");
	bool listed = c->max_users == 0;
	char s[24];

	(void)snprintf(s, sizeof(s), "%" PRId64, c->max_users);
	form_add_value(field, c->max_users ? s : "none");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && steps[i] <= most; i++) {
		(void)snprintf(s, sizeof(s), "%" PRId64, steps[i]);
		form_add_option(field, s, s);
		listed = listed || steps[i] == c->max_users;
	}
	if (!listed) {
		(void)snprintf(s, sizeof(s), "%" PRId64, c->max_users);
		form_add_option(field, s, s);
	}
	form_add_option(field, "No limit", "none");
}

static void write_registration(const struct room_conf *c, struct el *form)
{
	static const char *const names[] = { "none", "approval", "open" };
	static const char *const labels[] = { "Nobody", "Whom an admin approves", "Anyone" };

	write_list(form, "list-single", VAR_REGISTRATION, "Who may register as a member", names,
	    labels, 3, 1U << c->registration);
	form_add_bool(
	    form, VAR_LOCK_NICKS, "Members use the nickname reserved for them", c->lock_nicks);
}

static void write_access(const struct room_conf *c, struct el *form)
{
	static const char *const whois[] = { "moderators", "anyone" };
	static const char *const whois_labels[] = { "Moderators only", "Anyone" };

	form_add_bool(
	    form, VAR("persistentroom"), "Keep the room when nobody is in it", c->persistent);
	form_add_bool(form, VAR("publicroom"), "List the room publicly", c->public);
	form_add_bool(form, VAR("membersonly"), "Only members may enter", c->members_only);
	form_add_bool(form, VAR("allowinvites"), "Members may invite others", c->allow_invites);
	write_registration(c, form);
	form_add_bool(
	    form, VAR("passwordprotectedroom"), "A password is needed to enter", c->password);
	form_add_text(
	    form, "text-private", VAR("roomsecret"), "Password", c->password ? c->password : "");
	write_list(form, "list-single", VAR("whois"), "Who may see real addresses", whois,
	    whois_labels, 2, 1U << c->nonanon);
}

static void write_pm(const struct room_conf *c, struct el *form)
{
	static const char *const pm[] = { "anyone", "participants", "moderators", "none" };
	static const char *const pm_labels[] = { "Anyone", "Anyone with voice", "Moderators only",
		"Nobody" };

	write_list(form, "list-single", VAR("allowpm"), "Who may send private messages", pm,
	    pm_labels, 4, 1U << c->allow_pm);
}

static void write_talk(const struct room_conf *c, struct el *form)
{
	form_add_bool(
	    form, VAR("changesubject"), "Participants may change the subject", c->change_subject);
	write_pm(c, form);
	form_add_int(
	    form, "text-single", VAR_HISTORY, "Messages that who enters is shown", c->history);
	form_add_bool(form, VAR_ARCHIVE, "Keep what is said for those who may enter", c->archive);
	write_roles(form, VAR("presencebroadcast"), "Whose presence is shown", c->broadcast);
	write_roles(form, VAR("getmemberlist"), "Who may read the list of members", c->member_list);
}

/* XEP-0500 and XEP-0122 */
static void write_slow_mode(const struct room_conf *c, struct el *form)
{
	struct el *field = form_add_field(form, "text-single", VAR("slow_mode_duration"),
	    "Slow mode: seconds between two messages of one user");
	struct el *valid = el_add(field, "validate", NS_XDATA_VALIDATE);
	struct el *range = el_add(valid, "range", NULL);
	char s[24];

	(void)snprintf(s, sizeof(s), "%" PRId64, c->slow_mode);
	el_add_text(field, "desc", NULL, "0: none");
	el_set(valid, "datatype", "xs:integer");
	el_set(range, "min", "0");
	el_setf(range, "max", "%d", (int)SLOW_SECONDS_MAX);
	form_add_value(field, s);
}

void config_write(const struct room_conf *c, struct el *form, const struct muc_conf *mc)
{
	form_add_text(
	    form, "text-single", VAR("roomname"), "Name of the room", c->name ? c->name : "");
	form_add_text(form, "text-single", VAR("roomdesc"), "Description", c->desc ? c->desc : "");
	form_add_text(form, "text-single", VAR("lang"), "Language", c->lang ? c->lang : "");
	write_access(c, form);
	form_add_bool(form, VAR("moderatedroom"), "Only those with voice may speak", c->moderated);
	write_talk(c, form);
	write_max_users(c, form, mc->max_occupants);
	write_slow_mode(c, form);
	for (int i = 0; i < ABOUT_N; i++)
		about_write(c->about, (enum about)i, form);
}

/* The rest is said by features, or is nobody's business. */
void config_tell(const struct room_conf *c, struct el *form)
{
	char s[24];

	if (c->name)
		form_add_text(form, "text-single", VAR("roomname"), "Name of the room", c->name);
	(void)snprintf(s, sizeof(s), "%" PRId64, c->max_users);
	form_add_text(form, "text-single", VAR("maxusers"), "Maximum number of occupants",
	    c->max_users ? s : "none");
	form_add_bool(form, VAR("allowinvites"), "Members may invite others", c->allow_invites);
	write_talk(c, form);
}
