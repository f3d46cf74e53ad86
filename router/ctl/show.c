/* SPDX-License-Identifier: MIT */
/* What each command's answer looks like to people: the columns of lists, sentences for the rest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <base/mem.h>

#include "ctl_client.h"

const struct column account_columns[] = { { "jid", "JID" }, { "disabled", "DISABLED" }, { 0 } };
const struct column session_columns[] = { { "jid", "JID" }, { "id", "ID" }, { "peer", "PEER" },
	{ "tls", "TLS" }, { "since", "SINCE" }, { "priority", "PRIORITY" }, { "queued", "QUEUED" },
	{ 0 } };
const struct column component_columns[] = { { "domain", "DOMAIN" }, { "title", "TITLE" },
	{ "state", "STATE" }, { "since", "SINCE" }, { "acknowledged", "ACKS" }, { "peer", "PEER" },
	{ "in", "IN" }, { "out", "OUT" }, { "queued", "QUEUED" }, { "unacknowledged", "UNACKED" },
	{ "last_error", "LAST END" }, { 0 } };
const struct column invite_columns[] = { { "id", "ID" }, { "domain", "DOMAIN" },
	{ "account", "ACCOUNT" }, { "uses", "USES LEFT" }, { "expires", "EXPIRES" }, { 0 } };
static const struct column certificate_columns[] = { { "domain", "DOMAIN" },
	{ "days_left", "CERTIFICATE, DAYS LEFT" }, { 0 } };

static int64_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void say_jid(const char *what, const json_t *row)
{
	const char *jid = json_string_value(json_object_get(row, "jid"));

	printf("%s ", what);
	text_print(stdout, jid ? jid : "-");
	(void)putchar('\n');
}

void show_added(const json_t *row)
{
	say_jid("added", row);
}

void show_changed(const json_t *row)
{
	say_jid("changed the password of", row);
}

void show_deleted(const json_t *row)
{
	say_jid("deleted", row);
}

void show_disabled(const json_t *row)
{
	say_jid("disabled", row);
}

void show_enabled(const json_t *row)
{
	say_jid("enabled", row);
}

void show_kicked(const json_t *row)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "ended %" PRId64 " of", number(row, "ended"));
	say_jid(what, row);
}

/* The address alone on standard output: it is what gets passed on. */
void show_invited(const json_t *row)
{
	text_print(stdout, json_string_value(json_object_get(row, "uri")));
	(void)putchar('\n');
	(void)fflush(stdout);
	(void)fprintf(stderr, "id %s, good for %" PRId64 " until %s\n",
	    json_string_value(json_object_get(row, "id")), number(row, "uses"),
	    json_string_value(json_object_get(row, "expires")));
	if (!json_is_true(json_object_get(row, "usable")))
		(void)fputs("Nobody can use it yet: ALLOW_REGISTRATION is not true.\n", stderr);
}

void show_revoked(const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "id"));

	(void)fputs("revoked ", stdout);
	text_print(stdout, id ? id : "-");
	(void)putchar('\n');
}

void show_reloaded(const json_t *row)
{
	const json_t *note;
	size_t i;

	(void)puts("settings reloaded");
	json_array_foreach(json_object_get(row, "notes"), i, note)
	{
		text_print(stdout, json_string_value(note));
		(void)putchar('\n');
	}
}

void show_status(const json_t *row)
{
	const char *version = json_string_value(json_object_get(row, "version"));
	int64_t up = number(row, "uptime");

	printf("version      %s\n", version ? version : "-");
	printf("up           %" PRId64 " d %02d:%02d:%02d\n", up / 86400, (int)(up / 3600 % 24),
	    (int)(up / 60 % 60), (int)(up % 60));
	printf("sessions     %" PRId64 "\n", number(row, "sessions"));
	printf("connections  %" PRId64 "\n", number(row, "connections"));
	printf("components   %" PRId64 " of %" PRId64 " online\n", number(row, "components_online"),
	    number(row, "components_configured"));
	printf("database     %s\n\n",
	    json_is_true(json_object_get(row, "database_healthy")) ? "healthy" : "failing");
	table_print(json_object_get(row, "certificates"), certificate_columns);
}

/* A refusal may have several lines: what is wrong with the settings. */
void show_error(const char *error)
{
	char *lines = xstrdup(error), *save = NULL;

	(void)fputs("switchyardctl: ", stderr);
	for (char *p = strtok_r(lines, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		text_print(stderr, p);
		(void)fputc('\n', stderr);
	}
	free(lines);
}
