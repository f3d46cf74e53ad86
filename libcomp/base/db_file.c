/* SPDX-License-Identifier: MIT */
/* Looks at the file of a database before it is opened, so that an operator reads what is wrong with
 * which path, and not the library's "unable to open database file".
 *
 * Must not: open a file that exists.  Closing it would drop the POSIX locks that this process may
 * hold on it through another connection. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/whose.h>

#include "db_backend.h"

/* The line for errno e at path; returns -e. */
static int explain(const char *path, const char *what, int e, char *err, size_t err_len)
{
	char owner[PATH_MAX + 128];

	if (e == EACCES || e == EPERM)
		(void)snprintf(
		    err, err_len, "%s: %s: %s", path, what, whose(path, owner, sizeof(owner)));
	else
		(void)snprintf(err, err_len, "%s: %s: %s", path, what, strerror(e));
	return -e;
}

/* Journal and shared memory stand beside the file, so its folder has to be writable. */
static int check_folder(const char *path, char *err, size_t err_len)
{
	char copy[PATH_MAX];
	const char *folder;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return explain(path, "cannot use this path", ENAMETOOLONG, err, err_len);
	folder = dirname(copy);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
		return explain(
		    folder, "cannot create files in the database's folder", errno, err, err_len);
	return 0;
}

/* One that another user left behind (a run as root, a restored backup) is as bad as the file's. */
static int check_access(const char *path, const char *suffix, char *err, size_t err_len)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s%s", path, suffix) >= (int)sizeof(name))
		return explain(path, "cannot use this path", ENAMETOOLONG, err, err_len);
	if (faccessat(AT_FDCWD, name, R_OK | W_OK, AT_EACCESS) < 0 && errno != ENOENT)
		return explain(
		    name, "cannot read and write the database's file", errno, err, err_len);
	return 0;
}

int db_file_check(const char *path, char *err, size_t err_len)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct stat st;
	int fd, r;

	r = check_folder(path, err, err_len);
	if (r < 0)
		return r;
	/* The other files get the mode of this one.  It may hold password hashes. */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return explain(path, "cannot create the database", errno, err, err_len);
	if (stat(path, &st) < 0)
		return explain(path, "cannot open the database", errno, err, err_len);
	if (!S_ISREG(st.st_mode)) {
		(void)snprintf(err, err_len, "%s: is not a regular file", path);
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		r = check_access(path, suffix[i], err, err_len);
		if (r < 0)
			return r;
	}
	return 0;
}
