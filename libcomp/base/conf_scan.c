/* SPDX-License-Identifier: MIT */
/* A look at a settings file before libconfuse reads it.
 *
 * libconfuse's lexer silently drops characters that it has no rule for (`*.example.org` becomes
 * ".example.org", `/var/lib/` loses its slash, `https://x` ends at the comment), counts the lines
 * of comments twice, expands ${NAME} from the process's environment, and keeps its state when a
 * string is not closed, so that the next file is read as the inside of that string.  None of this
 * may reach an operator: what would be changed without a word is refused here with its line, and
 * comments are blanked.  What remains is plain libconfuse syntax.
 *
 * ${NAME} is never expanded: a value comes from the file or from the variable, and --print-config
 * says which.  In single quotes it is ordinary text. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "conf_internal.h"

static const char quote_it[] = "put the value into quotes";
static const char expands[] = "${...} is not expanded here: set the setting's own variable, or put "
			      "the value into single quotes";

struct scan {
	char *s;
	size_t len, i;
	unsigned line;
	unsigned depth, opened; /* braces, and the line of the outermost */
	const char *err;
};

/* What libconfuse takes as part of an unquoted word. */
static bool word_char(char c)
{
	return c != '\0' && !strchr(" #\"'\t\n\r={}()+,*", c);
}

static char at(const struct scan *sc, size_t i)
{
	if (i >= sc->len)
		return '\0';
	return sc->s[i];
}

static bool in_word(const struct scan *sc)
{
	return sc->i > 0 && word_char(sc->s[sc->i - 1]);
}

static void blank_line(struct scan *sc)
{
	/* Whoever writes secret=ab#cd does not mean a comment. */
	if (in_word(sc)) {
		sc->err = quote_it;
		return;
	}
	while (sc->i < sc->len && sc->s[sc->i] != '\n')
		sc->s[sc->i++] = ' ';
}

static void blank_comment(struct scan *sc)
{
	if (in_word(sc)) {
		sc->err = quote_it;
		return;
	}
	const char *end = memmem(sc->s + sc->i + 2, sc->len - sc->i - 2, "*/", 2);
	if (!end) {
		sc->err = "this comment is not closed";
		return;
	}
	for (size_t stop = (size_t)(end - sc->s) + 2; sc->i < stop; sc->i++) {
		if (sc->s[sc->i] == '\n')
			sc->line++;
		else
			sc->s[sc->i] = ' ';
	}
}

/* A string; i is at the opening quote and moves behind the closing one. */
static void skip_string(struct scan *sc)
{
	char quote = sc->s[sc->i++];
	unsigned line = sc->line;
	for (; sc->i < sc->len; sc->i++) {
		char c = sc->s[sc->i], next = at(sc, sc->i + 1);
		if (c == quote) {
			sc->i++;
			return;
		}
		if (c == '\n')
			sc->line++;
		if (quote == '"' && c == '$' && next == '{') {
			sc->err = expands;
			return;
		}
		if (c != '\\')
			continue;
		if (quote == '"' && !strchr("\\\"'$nrt\n", next)) {
			sc->err =
			    "after a backslash in double quotes only \\ \" ' $ n r t may stand";
			return;
		}
		if (next == '\n')
			sc->line++;
		sc->i++;
	}
	sc->line = line;
	sc->err = "this string is not closed";
}

static void count_brace(struct scan *sc, char c)
{
	if (c == '{' && sc->depth++ == 0)
		sc->opened = sc->line;
	else if (c == '}' && sc->depth > 0)
		sc->depth--;
}

static void scan_one(struct scan *sc)
{
	char c = sc->s[sc->i], next = at(sc, sc->i + 1);
	if (c == '"' || c == '\'') {
		skip_string(sc);
	} else if (c == '#' || (c == '/' && next == '/')) {
		blank_line(sc);
	} else if (c == '/' && next == '*') {
		blank_comment(sc);
	} else if (c == '$' && next == '{') {
		sc->err = expands;
	} else if (c == '+' && next == '=') {
		sc->err = "a list is written whole, += is not known";
	} else if (c == '*' || c == '+' || (c == '/' && !word_char(next))) {
		sc->err = quote_it;
	} else {
		count_brace(sc, c);
		sc->line += c == '\n';
		sc->i++;
	}
}

const char *conf_scan(char *text, size_t len, unsigned *line)
{
	struct scan sc = { .s = text, .len = len, .line = 1 };
	if (memchr(text, '\0', len)) {
		*line = 1;
		return "the file has a NUL byte in it: it is not text";
	}
	while (sc.i < len && !sc.err)
		scan_one(&sc);
	if (!sc.err &&
	    sc.depth > 0) { /* libconfuse takes the end of the file for the missing one */
		sc.err = "this { is not closed";
		sc.line = sc.opened;
	}
	*line = sc.line;
	return sc.err;
}
