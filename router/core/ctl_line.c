/* SPDX-License-Identifier: MIT */
/* A request's line, read strictly: one flat JSON object, known keys, known arguments.  Pure: knows
 * a table of commands, but neither sockets nor the router.
 *
 * The line is bounded (LIM_CTL_LINE) before it comes here, and jansson bounds the depth itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "core/ctl_cmd.h"

#define FAULT(...) ((void)snprintf(err, err_len, __VA_ARGS__), -EINVAL)

static const char *const arg_names[CTL_ARGS] = {
	[CTL_JID] = "jid",
	[CTL_PASSWORD] = "password",
	[CTL_TEXT] = "text",
	[CTL_AFTER] = "after",
	[CTL_DOMAIN] = "domain",
	[CTL_ID] = "id",
	[CTL_LIMIT] = "limit",
	[CTL_USES] = "uses",
	[CTL_EXPIRES] = "expires",
};

void ctl_call_done(struct ctl_call *call)
{
	if (call->text[CTL_PASSWORD])
		mem_wipe(call->text[CTL_PASSWORD], strlen(call->text[CTL_PASSWORD]));
	for (size_t i = 0; i < CTL_ARGS; i++)
		free(call->text[i]);
	*call = (struct ctl_call){ 0 };
}

static const struct ctl_cmd *cmd_find(const struct ctl_cmd *cmds, const char *name)
{
	for (; cmds->name; cmds++) {
		if (!strcmp(cmds->name, name))
			return cmds;
	}
	return NULL;
}

static enum ctl_arg arg_find(const char *name)
{
	unsigned a = 0;

	while (a < CTL_ARGS && strcmp(arg_names[a], name) != 0)
		a++;
	return (enum ctl_arg)a;
}

static int take_arg(
    struct ctl_call *call, const char *name, const json_t *value, char *err, size_t err_len)
{
	enum ctl_arg a = arg_find(name);

	if (a == CTL_ARGS || !((call->cmd->needs | call->cmd->takes) & 1u << a))
		return FAULT("%s takes no argument \"%.64s\"", call->cmd->name, name);
	if (a >= CTL_LIMIT) {
		if (!json_is_integer(value) || json_integer_value(value) < 1)
			return FAULT(
			    "%s: %s must be a positive number", call->cmd->name, arg_names[a]);
		call->number[a] = json_integer_value(value);
		return 0;
	}
	if (!json_is_string(value))
		return FAULT("%s: %s must be text", call->cmd->name, arg_names[a]);
	call->text[a] = xstrdup(json_string_value(value));
	return 0;
}

static int take_args(struct ctl_call *call, json_t *args, char *err, size_t err_len)
{
	const char *name;
	json_t *value;

	if (args && !json_is_object(args))
		return FAULT("\"args\" must be an object");
	json_object_foreach(args, name, value)
	{
		int r = take_arg(call, name, value, err, err_len);

		if (r < 0)
			return r;
	}
	for (unsigned a = 0; a < CTL_ARGS; a++) {
		bool given = call->number[a] > 0 || call->text[a];

		if (!given && (call->cmd->needs & 1u << a))
			return FAULT("%s needs the argument \"%s\"", call->cmd->name, arg_names[a]);
	}
	return 0;
}

static int take_request(
    struct ctl_call *call, const struct ctl_cmd *cmds, json_t *root, char *err, size_t err_len)
{
	const char *name, *cmd = json_string_value(json_object_get(root, "cmd"));
	json_t *value;

	if (!json_is_object(root))
		return FAULT("a request is a JSON object");
	json_object_foreach(root, name, value)
	{
		if (strcmp(name, "cmd") != 0 && strcmp(name, "args") != 0)
			return FAULT("a request has no \"%.64s\"", name);
	}
	if (!cmd)
		return FAULT("\"cmd\" must name a command");
	call->cmd = cmd_find(cmds, cmd);
	if (!call->cmd)
		return FAULT("there is no command \"%.64s\"", cmd);
	return take_args(call, json_object_get(root, "args"), err, err_len);
}

int ctl_call_parse(struct ctl_call *out, const struct ctl_cmd *cmds, const char *line, size_t n,
    char *err, size_t err_len)
{
	struct ctl_call call = { 0 };
	json_error_t why;
	json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	int r;

	if (!root) /* why.text may quote the line, and so a password */
		return FAULT("the request is not JSON (byte %d)", why.position);
	r = take_request(&call, cmds, root, err, err_len);
	json_decref(root);
	if (r < 0)
		ctl_call_done(&call);
	else
		*out = call;
	return r;
}

json_t *ctl_text(const char *s)
{
	json_t *text = s ? json_string(s) : json_null();
	char *ascii;

	if (text)
		return text;
	ascii = xstrdup(s);
	for (char *p = ascii; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	text = json_string(ascii);
	free(ascii);
	return text;
}
