/* SPDX-License-Identifier: MIT */
/* From exec() to the first <stream:features/>: the server is this program's child here, in a
 * process group of its own that ends with the mode. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modes.h"
#include "opts.h"
#include "report.h"

enum { POLL_US = 1000, RECEIVE_S = 2, END_S = 15 };

static pid_t start(const char *command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid > 0)
		return pid;
	if (setpgid(0, 0) < 0 || !freopen("/dev/null", "r", stdin) ||
	    !freopen("/dev/null", "w", stdout))
		_exit(127);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Reads until the features are there, or nothing more comes. */
static bool read_features(int fd)
{
	char b[8192];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(b) && (n = recv(fd, b + len, sizeof(b) - len, 0)) > 0) {
		len += (size_t)n;
		if (xml_has(b, len, "<stream:features"))
			return true;
	}
	return false;
}

static bool answers(const struct sockaddr_in *sa)
{
	const struct timeval wait = { .tv_sec = RECEIVE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there = false;

	if (fd < 0)
		die("no socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 &&
	    dprintf(fd,
		"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' "
		"xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
		opt.domain) > 0)
		there = read_features(fd);
	(void)close(fd);
	return there;
}

static void end(pid_t pid)
{
	(void)kill(-pid, SIGTERM);
	for (int i = 0; i < END_S * 100 && waitpid(pid, NULL, WNOHANG) != pid; i++)
		(void)usleep(10000);
	(void)kill(-pid, SIGKILL); /* whoever of the group is left */
}

int mode_coldstart(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
	struct snap from = { 0 }, to;
	uint64_t deadline, up_at;
	struct hist latency = { 0 };
	bool up = false;
	pid_t pid;

	if (!opt.exec || inet_pton(AF_INET, opt.host, &sa.sin_addr) != 1)
		die("coldstart needs --exec, and an address as --host");
	if (answers(&sa))
		die("somebody serves port %d already", opt.port);
	from.at = now_ns();
	deadline = from.at + (uint64_t)opt.timeout_s * 1000000000;
	pid = start(opt.exec);
	while (!up && now_ns() < deadline) {
		up = answers(&sa);
		if (!up && waitpid(pid, NULL, WNOHANG) == pid)
			die("the server has ended");
		if (!up)
			(void)usleep(POLL_US);
	}
	up_at = now_ns();
	hist_add(&latency, up_at - from.at);
	opt.pids[0] = pid;
	opt.n_pids = 1;
	snap_take(&to, true);
	report("start", up, &from, &to, &latency, "\"up_ms\":%.1f", seconds(from.at, up_at) * 1e3);
	end(pid);
	return !up;
}
