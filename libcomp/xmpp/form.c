/* SPDX-License-Identifier: MIT */
/* Data forms (XEP-0004).  A form from the wire is looked at once, by form_parse(), which counts
 * fields and values and keeps where each field is; the getters check one field's type each.
 *
 * Must not: know what any form is about. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xmpp/form.h>

static const char *const type_names[] = {
	[FORM_FORM] = "form",
	[FORM_SUBMIT] = "submit",
	[FORM_CANCEL] = "cancel",
	[FORM_RESULT] = "result",
};
enum { N_TYPES = sizeof(type_names) / sizeof(type_names[0]) };

/* --- reading ------------------------------------------------------------------------------------
 */

static int parse_type(const struct el *x, enum form_type *out)
{
	const char *type = el_attr(x, "type");

	for (int i = 0; type && i < N_TYPES; i++) {
		if (!strcmp(type, type_names[i])) {
			*out = (enum form_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

static size_t count_values(const struct el *field)
{
	size_t n = 0;

	EL_EACH (v, field, "value", NS_XDATA)
		n++;
	return n;
}

static int parse_field(struct form *f, const struct el *field, size_t *values)
{
	const char *var = el_attr(field, "var"), *type = el_attr(field, "type");
	size_t n = count_values(field);

	*values += n;
	if (*values > FORM_VALUES_MAX)
		return -EINVAL;
	if (type && !strcmp(type, "fixed"))
		return 0;
	if (!var || !*var)
		return -EINVAL;
	if (!strcmp(var, "FORM_TYPE")) {
		if (f->form_type || n != 1)
			return -EINVAL;
		f->form_type = el_child_text(field, "value", NS_XDATA);
		return 0;
	}
	if (f->n == FORM_FIELDS_MAX || form_find(f, var))
		return -EINVAL;
	f->fields[f->n++] = (struct form_field){ var, field, n };
	return 0;
}

int form_parse(struct form *f, const struct el *x)
{
	size_t values = 0;

	f->n = 0;
	f->form_type = NULL;
	if (!el_is(x, "x", NS_XDATA) || parse_type(x, &f->type) < 0)
		return -EINVAL;
	EL_EACH (field, x, "field", NS_XDATA) {
		if (parse_field(f, field, &values) < 0)
			return -EINVAL;
	}
	return 0;
}

const struct form_field *form_find(const struct form *f, const char *var)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!strcmp(f->fields[i].var, var))
			return &f->fields[i];
	}
	return NULL;
}

const char *form_value(const struct form_field *field, size_t i)
{
	const struct el *v = el_child(field->el, "value", NS_XDATA);

	for (; v && i > 0; i--)
		v = el_next(v, "value", NS_XDATA);
	return v ? el_body(v) : "";
}

/* 1 and the value of a field that has one at most. */
static int single(const struct form *f, const char *var, const char **out)
{
	const struct form_field *field = form_find(f, var);

	if (!field)
		return 0;
	if (field->values > 1)
		return -EINVAL;
	*out = form_value(field, 0);
	return 1;
}

int form_text(const struct form *f, const char *var, size_t max, const char **out)
{
	const char *s;
	int r = single(f, var, &s);

	if (r <= 0)
		return r;
	if (strlen(s) > max)
		return -EINVAL;
	*out = s;
	return 1;
}

/* XEP-0004 3.3: the lexical forms of xs:boolean. */
int form_bool(const struct form *f, const char *var, bool *out)
{
	const char *s;
	int r = single(f, var, &s);

	if (r <= 0)
		return r;
	if (!strcmp(s, "1") || !strcmp(s, "true"))
		*out = true;
	else if (!strcmp(s, "0") || !strcmp(s, "false"))
		*out = false;
	else
		return -EINVAL;
	return 1;
}

int form_int(const struct form *f, const char *var, int64_t min, int64_t max, int64_t *out)
{
	const char *s;
	int64_t v = 0;
	bool minus;
	int r = single(f, var, &s);

	if (r <= 0)
		return r;
	minus = *s == '-';
	if (minus)
		s++;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, *s - '0', &v))
			return -EINVAL;
	}
	/* Counted downwards, where there is room for the smallest number too. */
	if (!minus && v == INT64_MIN)
		return -EINVAL;
	v = minus ? v : -v;
	if (v < min || v > max)
		return -EINVAL;
	*out = v;
	return 1;
}

static int choice_index(const char *choices, const char *s)
{
	size_t len = strlen(s);

	for (int i = 0;; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, s, n))
			return i;
		if (!choices[n])
			return -EINVAL;
		choices += n + 1;
	}
}

int form_choice(const struct form *f, const char *var, const char *choices, int *out)
{
	const char *s;
	int r = single(f, var, &s), i;

	if (r <= 0)
		return r;
	i = choice_index(choices, s);
	if (i < 0)
		return -EINVAL;
	*out = i;
	return 1;
}

int form_choices(const struct form *f, const char *var, const char *choices, unsigned *out)
{
	const struct form_field *field = form_find(f, var);
	unsigned set = 0;

	if (!field)
		return 0;
	EL_EACH (v, field->el, "value", NS_XDATA) {
		int i = choice_index(choices, el_body(v));

		if (i < 0)
			return -EINVAL;
		set |= 1U << i;
	}
	*out = set;
	return 1;
}

/* --- building -----------------------------------------------------------------------------------
 */

struct el *form_add(struct el *parent, enum form_type type, const char *form_type)
{
	struct el *x = el_add(parent, "x", NS_XDATA);

	el_set(x, "type", type_names[type]);
	if (form_type)
		form_add_text(x, "hidden", "FORM_TYPE", NULL, form_type);
	return x;
}

struct el *form_add_field(struct el *form, const char *type, const char *var, const char *label)
{
	struct el *field = el_add(form, "field", NULL);

	if (type)
		el_set(field, "type", type);
	el_set(field, "var", var);
	if (label)
		el_set(field, "label", label);
	return field;
}

void form_add_value(struct el *field, const char *value)
{
	el_add_text(field, "value", NULL, value);
}

void form_add_option(struct el *field, const char *label, const char *value)
{
	struct el *option = el_add(field, "option", NULL);

	el_set(option, "label", label);
	el_add_text(option, "value", NULL, value);
}

void form_add_text(
    struct el *form, const char *type, const char *var, const char *label, const char *value)
{
	struct el *field = form_add_field(form, type, var, label);

	if (value)
		form_add_value(field, value);
}

void form_add_bool(struct el *form, const char *var, const char *label, bool value)
{
	form_add_text(form, "boolean", var, label, value ? "1" : "0");
}

void form_add_int(
    struct el *form, const char *type, const char *var, const char *label, int64_t value)
{
	char s[24];

	(void)snprintf(s, sizeof(s), "%" PRId64, value);
	form_add_text(form, type, var, label, s);
}
