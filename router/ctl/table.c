/* SPDX-License-Identifier: MIT */
/* Rows as a table for people.  What stands in them may come from anybody's client, so nothing of it
 * may steer the terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "ctl_client.h"

#define GAP 2
#define COLUMNS_MAX 16

/* C0, DEL, and C1 in UTF-8 (U+0080 to U+009F: C2 80 to C2 9F). */
static bool is_control(const unsigned char *p)
{
	return *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f);
}

void text_print(FILE *out, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (!is_control(p)) {
			(void)fputc(*p, out);
			continue;
		}
		(void)fputc('?', out);
		if (*p == 0xc2)
			p++;
	}
}

/* Characters on the screen, near enough for addresses. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* A cell's text; buf is for numbers. */
static const char *cell(const json_t *row, const char *key, char buf[24])
{
	const json_t *v = json_object_get(row, key);
	const char *s = json_string_value(v);

	if (s)
		return *s ? s : "-";
	if (json_is_integer(v)) {
		(void)snprintf(buf, 24, "%" PRId64, (int64_t)json_integer_value(v));
		return buf;
	}
	if (json_is_boolean(v))
		return json_is_true(v) ? "yes" : "no";
	return "-";
}

static void print_cell(const char *s, size_t width, bool last)
{
	size_t has = width_of(s);

	text_print(stdout, s);
	if (!last)
		printf("%*s", (int)(width - has + GAP), "");
}

void table_print(const json_t *rows, const struct column *columns)
{
	size_t width[COLUMNS_MAX], n = 0, i;
	const json_t *row;
	char buf[24];

	for (; n < COLUMNS_MAX && columns[n].key; n++) {
		width[n] = width_of(columns[n].title);
		json_array_foreach(rows, i, row)
		{
			size_t w = width_of(cell(row, columns[n].key, buf));

			if (w > width[n])
				width[n] = w;
		}
	}
	for (size_t c = 0; c < n; c++)
		print_cell(columns[c].title, width[c], c == n - 1);
	(void)putchar('\n');
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; c < n; c++)
			print_cell(cell(row, columns[c].key, buf), width[c], c == n - 1);
		(void)putchar('\n');
	}
}
