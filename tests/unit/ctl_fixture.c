/* SPDX-License-Identifier: MIT */
/* These definitions take the place of the router's own: the linker finds them first. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/arena.h>
#include <base/certs.h>
#include <base/daemon.h>
#include <base/db.h>
#include <base/log.h>

#include "c2s/c2s.h"
#include "ctl_fixture.h"

struct fakes fakes;

/* --- accounts --------------------------------------------------------------------------------- */

static int account_call(
    const char *call, const struct jid *j, const char *password, accounts_done *done, void *arg)
{
	assert_true(jid_is_bare(j) && j->dom);
	(void)snprintf(fakes.call, sizeof(fakes.call), "%s", call);
	(void)snprintf(fakes.jid, sizeof(fakes.jid), "%s", j->s);
	(void)snprintf(fakes.password, sizeof(fakes.password), "%s", password ? password : "");
	fakes.n++;
	if (fakes.at_once < 0)
		return fakes.at_once;
	fakes.done = done;
	fakes.arg = arg;
	return 0;
}

void complete(int err)
{
	accounts_done *done = fakes.done;

	assert_non_null(done);
	fakes.done = NULL;
	done(err, fakes.arg);
}

int accounts_add(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg)
{
	(void)a;
	return account_call("add", bare, password, done, arg);
}

int accounts_passwd(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg)
{
	(void)a;
	return account_call("passwd", bare, password, done, arg);
}

int accounts_delete(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	(void)a;
	return account_call("delete", bare, NULL, done, arg);
}

int accounts_disable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	(void)a;
	return account_call("disable", bare, NULL, done, arg);
}

int accounts_enable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	(void)a;
	return account_call("enable", bare, NULL, done, arg);
}

int accounts_list(struct accounts *a, const char *after, unsigned n,
    void (*fn)(const char *bare, bool disabled, void *arg), void *arg)
{
	char jid[64];

	(void)a;
	(void)snprintf(fakes.after, sizeof(fakes.after), "%s", after ? after : "");
	for (unsigned i = 0; i < fakes.n_accounts && n > 0; i++) {
		(void)snprintf(jid, sizeof(jid), "u%03u@example.org", i);
		if (after && strcmp(jid, after) <= 0)
			continue;
		fn(jid, i == 1, arg);
		n--;
	}
	return fakes.list_err;
}

bool accounts_exist(struct accounts *a, const struct jid *jid)
{
	(void)a;
	return !strcmp(jid->s, "taken@example.org");
}

/* --- invitations ------------------------------------------------------------------------------ */

void invites_create(struct router *r, const struct invite *in, char id[INVITE_ID + 1],
    char token[INVITE_TOKEN + 1], invites_done *done, void *arg)
{
	(void)r;
	(void)snprintf(fakes.call, sizeof(fakes.call), "invite");
	(void)snprintf(fakes.jid, sizeof(fakes.jid), "%s", in->account ? in->account : in->domain);
	fakes.uses = in->uses;
	fakes.expires_ms = in->expires_ms;
	(void)snprintf(id, INVITE_ID + 1, "%s", "abcdefghij");
	(void)snprintf(token, INVITE_TOKEN + 1, "%s", "0123456789abcdefghijklmnopqrstuv");
	fakes.done = done;
	fakes.arg = arg;
}

void invites_revoke(struct router *r, const char *id, invites_done *done, void *arg)
{
	(void)r;
	(void)snprintf(fakes.call, sizeof(fakes.call), "revoke");
	(void)snprintf(fakes.jid, sizeof(fakes.jid), "%s", id);
	fakes.done = done;
	fakes.arg = arg;
}

int invites_list(struct router *r, const char *after, unsigned n,
    void (*fn)(const struct invite *in, void *arg), void *arg)
{
	char id[16];

	(void)r;
	for (unsigned i = 0; i < fakes.n_accounts && n > 0; i++) {
		const struct invite in = { id, "example.org", i == 1 ? "u@example.org" : NULL, 3, 0,
			1000 };

		(void)snprintf(id, sizeof(id), "i%03u", i);
		if (after && strcmp(id, after) <= 0)
			continue;
		fn(&in, arg);
		n--;
	}
	return fakes.list_err;
}

/* --- sessions --------------------------------------------------------------------------------- */

struct sessions {
	struct list all;
	struct user user; /* of everybody */
};

static bool kicked(const struct session *s, const struct jid *any)
{
	return jid_same_bare(&s->jid, any);
}

struct session *fake_session(const char *full, const char *id, int64_t since_ms)
{
	struct session *s = xzalloc(sizeof(*s));

	s->jid = jid_view(xstrdup(full));
	(void)snprintf(s->id, sizeof(s->id), "%s", id);
	s->since_ms = since_ms;
	s->tag.peer = "192.0.2.1";
	list_add_tail(&fakes.sessions->all, &s->of_all);
	list_add_tail(&fakes.sessions->user.sessions, &s->of_user);
	return s;
}

void fake_session_end(struct session *s)
{
	list_del(&s->of_all);
	list_del(&s->of_user);
	jid_done(&s->jid);
	free(s);
}

struct list *sessions_all(struct sessions *ss)
{
	fakes.asked_sessions++;
	return &ss->all;
}

size_t sessions_count(const struct sessions *ss)
{
	size_t n = 0;

	for (const struct list *it = ss->all.next; it != &ss->all; it = it->next)
		n++;
	return n;
}

struct session *sessions_find(struct sessions *ss, const struct jid *full)
{
	LIST_EACH (it, &ss->all) {
		struct session *s = LIST_ENTRY(it, struct session, of_all);

		if (jid_same(&s->jid, full))
			return s;
	}
	return NULL;
}

struct user *sessions_user(struct sessions *ss, const struct jid *any)
{
	LIST_EACH (it, &ss->all) {
		if (kicked(LIST_ENTRY(it, struct session, of_all), any))
			return &ss->user;
	}
	return NULL;
}

void session_kick(struct session *s, enum stream_err e, const char *text)
{
	size_t n = strlen(fakes.kicked);

	assert_int_equal(e, STREAM_E_POLICY_VIOLATION);
	(void)snprintf(fakes.kicked + n, sizeof(fakes.kicked) - n, "%s ", s->jid.s);
	(void)snprintf(fakes.kick_text, sizeof(fakes.kick_text), "%s", text);
}

/* --- the rest of the router ------------------------------------------------------------------- */

void components_each(struct components *cs, component_each_fn *fn, void *arg)
{
	(void)cs;
	for (size_t i = 0; i < 3 && fakes.components[i].domain; i++)
		fn((struct component *)&fakes.components[i], arg);
}

void component_state(const struct component *c, struct component_state *out)
{
	*out = *(const struct component_state *)c;
}

void component_each_member(const struct component *c, component_member_fn *fn, void *arg)
{
	(void)c;
	(void)fn;
	(void)arg;
}

const char *component_phase_name(enum component_phase p)
{
	return p == COMP_ONLINE ? "online" : p == COMP_GRACE ? "grace" : "away";
}

bool component_online(const struct component *c)
{
	return ((const struct component_state *)c)->phase == COMP_ONLINE;
}

int certs_days_left(const struct certs *c, const char *name)
{
	(void)c;
	return strcmp(name, "example.org") == 0 ? 61 : INT_MIN;
}

bool db_healthy(const struct db *db)
{
	(void)db;
	return !fakes.db_fails;
}

size_t c2s_count(const struct c2s *c)
{
	(void)c;
	return 7;
}

int daemon_reload(struct daemon *d, char **notes)
{
	(void)d;
	*notes = xstrdup(fakes.reload_notes);
	return fakes.reload_err;
}

bool router_serves(const struct router *r, const char *domain, size_t len)
{
	for (size_t i = 0; i < r->conf->domains.n; i++) {
		const char *d = r->conf->domains.v[i];

		if (strlen(d) == len && !memcmp(d, domain, len))
			return true;
	}
	return false;
}

/* --- the fixture ------------------------------------------------------------------------------ */

static void on_log(const char *line, void *arg)
{
	sbuf_puts(arg, line);
	sbuf_putc(arg, '\n');
}

int ctl_setup(void **state)
{
	static char org[] = "example.org", net[] = "example.net";
	static char *domains[] = { org, net };
	struct ctl_fixture *f = xzalloc(sizeof(*f));
	char err[256] = "";

	(void)signal(SIGPIPE, SIG_IGN);
	fakes = (struct fakes){ .reload_notes = "" };
	fakes.sessions = xzalloc(sizeof(*fakes.sessions));
	list_init(&fakes.sessions->all);
	list_init(&fakes.sessions->user.sessions);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->loop = loop_new();
	f->conf.domains = (struct conf_list){ domains, 2 };
	f->conf.ctl_socket = f->path;
	f->router =
	    (struct router){ .loop = f->loop, .conf = &f->conf, .sessions = fakes.sessions };
	log_set_level(LOG_LVL_DEBUG);
	log_capture(on_log, &f->log);
	assert_int_equal(ctl_open(&f->router.ctl, &f->router, err, sizeof(err)), 0);
	*state = f;
	return 0;
}

int ctl_teardown(void **state)
{
	struct ctl_fixture *f = *state;

	ctl_close(f->router.ctl);
	if (fakes.done)
		complete(-ECANCELED);
	turns(f, 2);
	loop_free(f->loop);
	log_capture(NULL, NULL);
	sbuf_done(&f->log);
	LIST_EACH_SAFE (it, &fakes.sessions->all)
		fake_session_end(LIST_ENTRY(it, struct session, of_all));
	free(fakes.sessions);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

void turns(struct ctl_fixture *f, int n)
{
	while (n-- > 0)
		(void)loop_turn(f->loop, false);
}

int dial(struct ctl_fixture *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	memcpy(sa.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	turns(f, 2);
	return fd;
}

void say(int fd, const char *line)
{
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
	assert_int_equal(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
}

/* Takes what has come of a line, up to its end: bytes taken, 0: closed, -1: nothing is there. */
static ssize_t take_line(int fd, struct sbuf *in)
{
	char buf[16384];
	const char *end;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK);

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? -1 : 0;
	end = memchr(buf, '\n', (size_t)n);
	if (end)
		n = end + 1 - buf;
	assert_int_equal(recv(fd, buf, (size_t)n, MSG_DONTWAIT), n);
	sbuf_add(in, buf, (size_t)n);
	return n;
}

static bool has_line(const struct sbuf *in)
{
	return sbuf_len(in) > 0 && sbuf_data(in)[sbuf_len(in) - 1] == '\n';
}

json_t *hear(struct ctl_fixture *f, int fd)
{
	struct sbuf in = SBUF_INIT;
	json_t *answer = NULL;

	for (int idle = 0; !has_line(&in) && idle < 2000;) {
		ssize_t n = take_line(fd, &in);

		if (n == 0)
			break;
		if (n < 0 && !loop_turn(f->loop, false)) {
			(void)poll(NULL, 0, 1);
			idle++;
		}
	}
	if (has_line(&in)) {
		answer = json_loadb(sbuf_data(&in), sbuf_len(&in), 0, NULL);
		assert_non_null(answer);
	}
	sbuf_done(&in);
	return answer;
}

json_t *ask(struct ctl_fixture *f, int fd, const char *line)
{
	say(fd, line);
	return hear(f, fd);
}

void assert_error(json_t *answer, const char *error)
{
	assert_non_null(answer);
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_string_equal(json_string_value(json_object_get(answer, "error")), error);
	json_decref(answer);
}

const char *row_text(const json_t *answer, size_t i, const char *key)
{
	assert_non_null(answer);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	return json_string_value(
	    json_object_get(json_array_get(json_object_get(answer, "rows"), i), key));
}
