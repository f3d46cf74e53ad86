/* SPDX-License-Identifier: MIT */
/* Where a new password comes from.  Never from an argument: others can read those. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/rnd.h>

#include "ctl_client.h"

#define GENERATED 20 /* characters of [a-z0-9]: 103 bits */

void password_free(char *password)
{
	if (password)
		mem_wipe(password, strlen(password));
	free(password);
}

char *password_generate(void)
{
	char *password = xmalloc(GENERATED + 1);

	rnd_id(password, GENERATED);
	return password;
}

/* --- from a file or a pipe -------------------------------------------------------------------- */

/* Reads to the end or, with one_line, to the end of the line; not through stdio, whose buffers
 * would keep a copy.  The length, or -Exxx. */
static ssize_t slurp(int fd, bool one_line, char buf[PASSWORD_MAX + 3])
{
	size_t len = 0;

	while (len < PASSWORD_MAX + 3) {
		ssize_t n = read(fd, buf + len, one_line ? 1 : PASSWORD_MAX + 3 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (n == 0 || (one_line && buf[len - 1] == '\n'))
			break;
	}
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	return len <= PASSWORD_MAX ? (ssize_t)len : -EFBIG;
}

/* Says what is wrong with it, if anything is. */
static char *read_password(int fd, bool one_line, const char *where)
{
	char buf[PASSWORD_MAX + 3];
	ssize_t n = slurp(fd, one_line, buf);
	char *password = NULL;

	if (n == -EFBIG)
		(void)fprintf(stderr, "%s: longer than %d bytes\n", where, PASSWORD_MAX);
	else if (n < 0)
		(void)fprintf(stderr, "%s: %s\n", where, strerror((int)-n));
	else if (n == 0)
		(void)fprintf(stderr, "%s: the password is empty\n", where);
	else if (memchr(buf, '\0', (size_t)n))
		(void)fprintf(stderr, "%s: not text\n", where);
	else
		password = xstrndup(buf, (size_t)n);
	mem_wipe(buf, sizeof(buf));
	return password;
}

char *password_from_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *password;

	if (fd < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return NULL;
	}
	password = read_password(fd, false, path);
	(void)close(fd);
	return password;
}

/* --- from the terminal ------------------------------------------------------------------------ */

static struct termios shown; /* the terminal as it was */
static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define N_DEADLY (sizeof(deadly) / sizeof(deadly[0]))

/* Nobody should be left with a terminal that shows nothing. */
static void on_signal(int signo)
{
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &shown);
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

/* Before the prompt is there, so that nothing that follows it is shown or lost. */
static int hide(void)
{
	struct termios hidden = shown;

	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ICANON | ECHONL;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0)
		return 0;
	(void)fprintf(stderr, "the terminal: %s\n", strerror(errno));
	return -errno;
}

static char *prompt(const char *what, const char *jid)
{
	(void)fprintf(stderr, "%s ", what);
	text_print(stderr, jid);
	(void)fputs(": ", stderr);
	(void)fflush(stderr);
	return read_password(STDIN_FILENO, true, "terminal");
}

static char *prompt_twice(const char *jid)
{
	char *password = hide() == 0 ? prompt("New password of", jid) : NULL;
	char *again = password ? prompt("Once more, for", jid) : NULL;

	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &shown);
	if (again && strcmp(password, again) != 0)
		(void)fputs("these are two different passwords\n", stderr);
	if (!again || strcmp(password, again) != 0) {
		password_free(password);
		password = NULL;
	}
	password_free(again);
	return password;
}

char *password_ask(const char *jid)
{
	struct sigaction restore = { .sa_handler = on_signal }, before[N_DEADLY];
	char *password;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) < 0)
		return read_password(STDIN_FILENO, true, "standard input");
	for (size_t i = 0; i < N_DEADLY; i++)
		(void)sigaction(deadly[i], &restore, &before[i]);
	password = prompt_twice(jid);
	for (size_t i = 0; i < N_DEADLY; i++)
		(void)sigaction(deadly[i], &before[i], NULL);
	return password;
}
