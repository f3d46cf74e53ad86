/* SPDX-License-Identifier: MIT */
/* Data forms (XEP-0004), with the FORM_TYPE of XEP-0068: built as elements, and read into a view.
 *
 * Reading is strict about shape and generous about content: a form that is none, or is too large,
 * is refused as a whole by form_parse(); fields that nobody asks for are ignored; a field that is
 * asked for and has a value out of its type or range is -EINVAL.  The view borrows from the
 * element. */
#ifndef XMPP_FORM_H
#define XMPP_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xmpp/el.h>

enum {
	FORM_FIELDS_MAX = 128,  /* of one form */
	FORM_VALUES_MAX = 1024, /* of all its fields together */
};

enum form_type { FORM_FORM, FORM_SUBMIT, FORM_CANCEL, FORM_RESULT };

struct form_field {
	const char *var;
	const struct el *el;
	size_t values;
};
struct form {
	enum form_type type;
	const char *form_type; /* FORM_TYPE; NULL: none */
	size_t n;              /* FORM_TYPE and fixed text are not counted */
	struct form_field fields[FORM_FIELDS_MAX];
};

/* --- reading ------------------------------------------------------------------------------------
 */
/* x is <x xmlns='jabber:x:data'/>.  0, or -EINVAL: an unknown type, a field without or with a
 * repeated name, too much of anything. */
int form_parse(struct form *f, const struct el *x) __attribute__((warn_unused_result));
const struct form_field *form_find(const struct form *f, const char *var); /* NULL: not there */
/* All of these: 1 and *out, 0 the field is not there (*out untouched), or -EINVAL.  A field without
 * a value has the empty one (XEP-0004 3.5). */
int form_text(const struct form *f, const char *var, size_t max, const char **out);
int form_bool(const struct form *f, const char *var, bool *out);
int form_int(const struct form *f, const char *var, int64_t min, int64_t max, int64_t *out);
/* choices: "a|b|c"; *out is the index. */
int form_choice(const struct form *f, const char *var, const char *choices, int *out);
/* Any number of them: bit 1 << index each. */
int form_choices(const struct form *f, const char *var, const char *choices, unsigned *out);
/* The text of the field's i-th value, i < values. */
const char *form_value(const struct form_field *field, size_t i);

/* --- building -----------------------------------------------------------------------------------
 */
/* A form below parent, with its hidden FORM_TYPE (NULL: none). */
struct el *form_add(struct el *parent, enum form_type type, const char *form_type);
/* A field; type and label may be NULL (a form of type result). */
struct el *form_add_field(struct el *form, const char *type, const char *var, const char *label);
void form_add_value(struct el *field, const char *value);
void form_add_option(struct el *field, const char *label, const char *value);
/* Field and value in one. */
void form_add_text(
    struct el *form, const char *type, const char *var, const char *label, const char *value);
void form_add_bool(struct el *form, const char *var, const char *label, bool value);
void form_add_int(
    struct el *form, const char *type, const char *var, const char *label, int64_t value);

#endif
