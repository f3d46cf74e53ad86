/* SPDX-License-Identifier: MIT */
/* Must not: open anything (db_file.c says why). */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/whose.h>

#define LINKS_MAX 8

/* Where a symlink leads whose target is out of sight; NULL: it is none.  Takes path. */
static char *follow(char *path)
{
	char target[PATH_MAX], *slash = strrchr(path, '/'), *next;
	ssize_t n = readlink(path, target, sizeof(target));

	if (n <= 0 || n >= (ssize_t)sizeof(target))
		return NULL;
	if (target[0] == '/' || !slash)
		next = xasprintf("%.*s", (int)n, target);
	else
		next = xasprintf("%.*s/%.*s", (int)(slash - path), path, (int)n, target);
	free(path);
	return next;
}

/* The nearest thing on the way to path that can be seen: itself, or a folder.  Takes path; NULL:
 * nothing. */
static char *nearest(char *path, struct stat *st, bool *below)
{
	char *next, *slash, *real;
	int links = 0;

	for (*below = false; stat(path, st) < 0; *below = true) {
		next = links++ < LINKS_MAX ? follow(path) : NULL;
		if (next) {
			path = next;
			continue;
		}
		slash = strrchr(path, '/');
		if (!slash || slash == path) {
			free(path);
			return NULL;
		}
		*slash = '\0';
	}
	real = links > 0 ? realpath(path, NULL) : NULL;
	if (!real)
		return path;
	free(path);
	return real;
}

const char *whose(const char *path, char *buf, size_t len)
{
	int err = errno;
	struct stat st;
	bool below;
	char *near = nearest(xstrdup(path), &st, &below);
	unsigned uid = geteuid(), gid = getegid();

	if (near)
		(void)snprintf(buf, len,
		    "%s%s%sowner uid %u, gid %u, mode %04o; this runs as uid %u, gid %u: "
		    "chown %s%u:%u %s",
		    below ? "its folder " : "", below ? near : "", below ? ": " : "", st.st_uid,
		    st.st_gid, st.st_mode & 07777U, uid, gid, S_ISDIR(st.st_mode) ? "-R " : "", uid,
		    gid, near);
	else
		(void)snprintf(buf, len, "this runs as uid %u, gid %u", uid, gid);
	free(near);
	errno = err;
	return buf;
}
