/* SPDX-License-Identifier: MIT */
/* Account events on their way to components.
 *
 * The database is the queue; what is kept in memory is how far each component has been told and how
 * far it has acknowledged.  Events are read one by one as places become free, IN_FLIGHT_MAX at
 * most.  What a link gave up (stanza.dropped) is read again from the first one on that was not
 * acknowledged: an event may come twice, with the same number, and never out of order.
 *
 * A claim ends with its acknowledgement, or with the grant.
 *
 * Must not: keep events in memory; send over a link that acknowledges nothing. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/events.h"
#include "links/tap.h"
#include "router.h"

#define IN_FLIGHT_MAX 256
#define RETRY_MS 5000         /* the link's queue or the database had no room */
#define REPORT_FIRST_MS 60000 /* time to connect after a start */
#define HOUR_MS 3600000       /* what waits for longer is worth a warning ... */
#define AGAIN_H 24            /* ... daily */
#define COUNT_MAX 10001       /* counted up to this */

struct tap {                  /* of a component that has been granted them since the start */
	struct map_node node; /* by domain */
	struct events *events;
	char *domain;
	int64_t sent;       /* the last one that its link has taken */
	int64_t acked;      /* all up to this one are acknowledged */
	int64_t settled;    /* and up to this one the database knows */
	int64_t writing;    /* up to this one it is being told; 0: not at present */
	unsigned in_flight; /* of this epoch */
	unsigned epoch;     /* how often the link has given up what it had */
	bool too_long;      /* said */
	bool pumping;       /* what is sent may let go of what was sent before */
	struct task task;   /* tells the database */
};

struct sent { /* with its stanza */
	struct tap *tap;
	int64_t n;
	unsigned epoch;
};

struct events {
	struct router *router;
	bool reported; /* since the start */
	struct map taps;
	struct timer retry, report;
};

static const char *const names[] = {
	[EVENT_CREATED] = "created",
	[EVENT_DISABLED] = "disabled",
	[EVENT_ENABLED] = "enabled",
	[EVENT_DELETED] = "deleted",
};

static struct db_q q_add = { "INSERT INTO event (kind, jid, host, stamp) VALUES ($1, $2, $3, $4)" };
static struct db_q q_claim = { "INSERT INTO event_for (component, n)"
			       " SELECT $1, max(n) FROM event" };
static struct db_q q_next = { "SELECT e.n, e.kind, e.jid, e.host, e.stamp FROM event_for f"
			      " JOIN event e ON e.n = f.n WHERE f.component = $1 AND f.n > $2"
			      " ORDER BY f.n LIMIT 1" };
static struct db_q q_acked = {
	"DELETE FROM event_for WHERE component = $1 AND n > $2 AND n <= $3"
};
static struct db_q q_unclaimed = { "DELETE FROM event WHERE n > $1 AND n <= $2 AND NOT EXISTS"
				   " (SELECT 1 FROM event_for f WHERE f.n = event.n)" };
static struct db_q q_claimant = { "SELECT component FROM event_for WHERE component > $1"
				  " ORDER BY component LIMIT 1" };
static struct db_q q_withdraw = { "DELETE FROM event_for WHERE component = $1" };
static struct db_q q_withdraw_host = { "DELETE FROM event_for WHERE component = $1 AND n IN"
				       " (SELECT n FROM event WHERE host = $2)" };
static struct db_q q_count = {
	"SELECT count(*) FROM"
	" (SELECT 1 FROM event_for WHERE component = $1 LIMIT $2) AS claims"
};
static struct db_q q_removing = { "SELECT 1 FROM event WHERE jid = $1 AND kind = 'deleted'" };
/* The index that lets a name be deleted once only refuses this row as it would a real one. */
static struct db_q q_guard = { "INSERT INTO event (n, kind, jid, host, stamp)"
			       " VALUES (-1, 'deleted', $1, '', 0)" };
static struct db_q q_unguard = { "DELETE FROM event WHERE n = -1" };

/* --- grants ----------------------------------------------------------------------------------- */

static bool granted(const struct component *c)
{
	return tap_has(c, TAP_ACCOUNTS);
}

static struct component *find_granted(const struct events *ev, const char *domain)
{
	struct component *c = components_find(ev->router->components, domain, strlen(domain));

	return c && granted(c) ? c : NULL;
}

/* --- writing events --------------------------------------------------------------------------- */

void events_guard(struct events *ev, struct db_batch *b, const struct jid *bare)
{
	(void)ev;
	db_batch_add(b, &q_guard, "s", bare->s);
	db_batch_add(b, &q_unguard, "");
}

bool events_removing(struct events *ev, const struct jid *bare)
{
	struct db *db = ev->router->db;
	int r = db_query(db, &q_removing, "s", bare->s);

	if (r == 0)
		r = db_next(db, &q_removing);
	if (r > 0)
		db_reset(db, &q_removing);
	return r > 0;
}

struct adding {
	struct router *router;
	struct db_batch *batch;
	const struct jid *jid;
	enum event_kind kind;
	bool written;
};

static void claim(struct component *c, void *arg)
{
	struct adding *a = arg;
	const struct jid *jid = a->jid;
	char *host;

	if (!granted(c) || !component_for_host(c, jid_domain(jid), jid_domain_len(jid)))
		return;
	if (!a->written) {
		host = xstrndup(jid_domain(jid), jid_domain_len(jid));
		db_batch_add(a->batch, &q_add, "sssi", names[a->kind], jid->s, host,
		    loop_wall_ms(a->router->loop));
		free(host);
	}
	a->written = true;
	db_batch_add(a->batch, &q_claim, "s", component_domain(c));
}

void events_add(struct events *ev, struct db_batch *b, const struct jid *bare, enum event_kind kind)
{
	struct adding a = { ev->router, b, bare, kind, false };

	components_each(ev->router->components, claim, &a);
}

/* --- acknowledgements ------------------------------------------------------------------------- */

static void pump(struct tap *t);

static void retry_later(struct events *ev)
{
	if (!timer_armed(&ev->retry))
		timer_set(&ev->retry, RETRY_MS);
}

static void told(int err, void *arg)
{
	struct tap *t = arg;

	if (err == 0)
		t->settled = t->writing;
	t->writing = 0;
	if (err == 0 && t->acked > t->settled)
		task_defer(t->events->router->loop, &t->task);
	else if (err < 0 && !t->events->router->stopping)
		retry_later(t->events);
}

static void tell_database(void *arg)
{
	struct tap *t = arg;
	struct db_batch *b;

	if (t->writing || t->acked <= t->settled)
		return;
	t->writing = t->acked;
	b = db_batch_new(t->events->router->db);
	db_batch_add(b, &q_acked, "sii", t->domain, t->settled, t->writing);
	db_batch_add(b, &q_unclaimed, "ii", t->settled, t->writing);
	db_submit(b, told, t);
}

/* The link has let an event go.  Acknowledgements are cumulative, so they come in order; behind one
 * that was given up, none counts until it has been sent again. */
static void sent_done(struct stanza *st)
{
	const struct sent *s = st->arg;
	struct tap *t = s->tap;

	if (s->epoch != t->epoch)
		return;
	if (st->dropped) {
		t->epoch++;
		t->in_flight = 0;
		t->sent = t->acked;
		retry_later(t->events); /* not at once: the link may be giving up all it has */
		return;
	}
	t->in_flight--;
	t->acked = s->n;
	task_defer(t->events->router->loop, &t->task);
	if (t->in_flight <= IN_FLIGHT_MAX / 2)
		pump(t);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The row that q_next stands at. */
static struct el *event_el(struct db *db, const char *to)
{
	struct el *msg = el_message(NULL, to), *account = el_add(msg, "account", NS_TAP);
	int64_t n = db_int(db, &q_next, 0);
	char stamp[STAMP_LEN + 1];

	el_set(msg, "from", db_text(db, &q_next, 3));
	el_setf(msg, "id", "account-%" PRId64, n);
	el_setf(account, "n", "%" PRId64, n);
	el_set(account, "event", db_text(db, &q_next, 1));
	el_set(account, "jid", db_text(db, &q_next, 2));
	stamp_write_s(db_int(db, &q_next, 4), stamp);
	el_set(account, "stamp", stamp);
	return msg;
}

/* 1: a stanza and its number; 0: there is no other; < 0: the database does not answer now. */
static int next_event(struct tap *t, struct stanza **out, int64_t *n)
{
	struct db *db = t->events->router->db;
	int r = db_query(db, &q_next, "si", t->domain, t->sent);

	if (r == 0)
		r = db_next(db, &q_next);
	if (r <= 0)
		return r;
	*n = db_int(db, &q_next, 0);
	r = stanza_new(out, event_el(db, t->domain));
	db_reset(db, &q_next);
	if (r < 0) {
		log_error(NULL, "account event %" PRId64 " in the database is damaged", *n);
		stanza_release(*out);
		return -EIO;
	}
	return 1;
}

static bool hand_over(struct tap *t, struct component *c, struct stanza *st, int64_t n)
{
	enum component_verdict v;
	struct sent *s;

	st->acked_only = true; /* it may still wait when a plain link takes over */
	v = component_tell(c, st);
	if (v == COMPONENT_TOO_LONG && !t->too_long)
		log_warn(NULL,
		    "account event %" PRId64 " is longer than %s takes (max_stanza): it waits, and "
		    "all behind it",
		    n, t->domain);
	t->too_long = v == COMPONENT_TOO_LONG;
	if (v != COMPONENT_TAKEN)
		return false;
	s = arena_zalloc(el_arena(st->el), sizeof(*s));
	*s = (struct sent){ t, n, t->epoch };
	st->arg = s;
	st->done = sent_done; /* at our own release, if nobody holds it */
	t->sent = n;
	t->in_flight++;
	return true;
}

static void pump(struct tap *t)
{
	struct component *c = find_granted(t->events, t->domain);
	struct stanza *st;
	bool taken = true;
	int64_t n;
	int r = 1;

	if (!c || !component_acked(c) || t->pumping || t->events->router->stopping)
		return;
	t->pumping = true;
	while (taken && t->in_flight < IN_FLIGHT_MAX && (r = next_event(t, &st, &n)) > 0) {
		if (t->sent == 0) /* the first one since the start */
			t->settled = t->acked = n - 1;
		taken = hand_over(t, c, st, n);
		stanza_release(st);
	}
	t->pumping = false;
	if (r < 0 || !taken)
		retry_later(t->events);
}

static struct tap *tap_of(struct events *ev, const char *domain)
{
	struct map_node *n = map_gets(&ev->taps, domain);
	struct tap *t;

	if (n)
		return MAP_ENTRY(n, struct tap, node);
	t = xzalloc(sizeof(*t));
	t->events = ev;
	t->domain = xstrdup(domain);
	task_init(&t->task, tell_database, t);
	map_put(&ev->taps, &t->node, t->domain, strlen(t->domain));
	return t;
}

void events_online(struct events *ev, const struct component *c)
{
	if (granted(c))
		pump(tap_of(ev, component_domain(c)));
}

void events_committed(struct events *ev)
{
	MAP_EACH (n, &ev->taps)
		pump(MAP_ENTRY(n, struct tap, node));
}

static void on_retry(void *arg)
{
	struct events *ev = arg;

	MAP_EACH (n, &ev->taps) {
		struct tap *t = MAP_ENTRY(n, struct tap, node);

		tell_database(t);
		pump(t);
	}
}

/* --- claims that nobody has any more ---------------------------------------------------------- */

static void withdrawn(int err, void *arg)
{
	(void)arg;
	if (err < 0)
		log_err(NULL, LOG_LVL_WARN, err,
		    "account events of components that are granted none were not dropped");
}

static void drop_claims(struct events *ev, const char *domain)
{
	const struct component *c = find_granted(ev, domain);
	const struct conf_list *hosts = &ev->router->conf->domains;
	struct db_batch *b = db_batch_new(ev->router->db);

	if (!c)
		db_batch_add(b, &q_withdraw, "s", domain);
	for (size_t i = 0; c && i < hosts->n; i++) {
		if (!component_for_host(c, hosts->v[i], strlen(hosts->v[i])))
			db_batch_add(b, &q_withdraw_host, "ss", domain, hosts->v[i]);
	}
	db_batch_add(b, &q_unclaimed, "ii", (int64_t)0, INT64_MAX);
	db_submit(b, withdrawn, NULL);
}

/* The next component, in alphabetical order, that has claims; 1, 0 or -Exxx. */
static int next_claimant(struct events *ev, char **domain)
{
	struct db *db = ev->router->db;
	int r = db_query(db, &q_claimant, "s", *domain ? *domain : "");

	if (r == 0)
		r = db_next(db, &q_claimant);
	free(*domain);
	*domain = NULL;
	if (r <= 0)
		return r;
	*domain = xstrdup(db_text(db, &q_claimant, 0));
	db_reset(db, &q_claimant);
	return 1;
}

static int check_claims(struct events *ev)
{
	char *domain = NULL;
	int r;

	while ((r = next_claimant(ev, &domain)) > 0) {
		const struct component *c = find_granted(ev, domain);

		if (!c || component_conf_of(c)->hosts.n > 0)
			drop_claims(ev, domain);
	}
	return r;
}

void events_reload(struct events *ev)
{
	int r = check_claims(ev);

	if (r < 0)
		withdrawn(r, NULL);
}

/* --- what waits for too long ------------------------------------------------------------------ */

static void report(struct component *c, void *arg)
{
	struct events *ev = arg;
	struct db *db = ev->router->db;
	int64_t now = loop_wall_ms(ev->router->loop), since = now, count = 0, hours;

	if (!granted(c))
		return;
	if (db_query(db, &q_next, "si", component_domain(c), (int64_t)0) == 0 &&
	    db_next(db, &q_next) > 0) {
		since = db_int(db, &q_next, 4);
		db_reset(db, &q_next);
	}
	hours = (now - since) / HOUR_MS;
	if (hours == 0 || (ev->reported && hours != 1 && hours % AGAIN_H != 0))
		return;
	if (db_query(db, &q_count, "si", component_domain(c), (int64_t)COUNT_MAX) == 0 &&
	    db_next(db, &q_count) > 0) {
		count = db_int(db, &q_count, 0);
		db_reset(db, &q_count);
	}
	log_warn(NULL,
	    "%" PRId64 "%s account events wait for %s, the first for %" PRId64
	    " hours: until it has acknowledged them, names of deleted accounts stay taken",
	    count, count == COUNT_MAX ? " or more" : "", component_domain(c), hours);
}

static void on_report(void *arg)
{
	struct events *ev = arg;

	components_each(ev->router->components, report, ev);
	ev->reported = true;
	timer_set(&ev->report, HOUR_MS);
}

/* --- opening and closing ---------------------------------------------------------------------- */

int events_open(struct events **out, struct router *r)
{
	struct events *ev = xzalloc(sizeof(*ev));
	int rc;

	ev->router = r;
	map_init(&ev->taps);
	timer_init(&ev->retry, r->loop, on_retry, ev);
	timer_init(&ev->report, r->loop, on_report, ev);
	*out = ev;
	rc = check_claims(ev);
	timer_set(&ev->report, REPORT_FIRST_MS);
	return rc < 0 ? rc : 0;
}

void events_close(struct events *ev)
{
	struct map_node *n;

	if (!ev)
		return;
	timer_done(&ev->retry);
	timer_done(&ev->report);
	while ((n = map_first(&ev->taps))) {
		struct tap *t = MAP_ENTRY(n, struct tap, node);

		map_del(&ev->taps, n);
		task_cancel(&t->task);
		free(t->domain);
		free(t);
	}
	map_done(&ev->taps);
	free(ev);
}
