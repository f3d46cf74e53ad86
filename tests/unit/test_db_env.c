/* SPDX-License-Identifier: MIT */
/* The SQL layer against its environment: schema steps, damaged and foreign files, permissions, a
 * full disk, locks of other processes, and being killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "db_fixture.h"

static const struct db_step steps[] = {
	{ 1, "CREATE TABLE account (name TEXT PRIMARY KEY, salt BLOB NOT NULL)" },
	{ 2, "ALTER TABLE account ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;"
	     "CREATE TABLE pair (n INTEGER PRIMARY KEY, half INTEGER NOT NULL) " },
	{ 3, "UPDATE account SET seen = seen + 1" },
};
#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static struct db_q q_add = { "INSERT INTO account (name, salt) VALUES ($1, $2)" };
static struct db_q q_count = { "SELECT count(*) FROM account" };
static struct db_q q_seen = { "SELECT sum(seen) FROM account" };
static struct db_q q_pair = { "INSERT INTO pair (n, half) VALUES ($1, $2)" };

static int open_only(struct fixture *f)
{
	return db_open(&f->db, f->loop, f->path, steps, N_STEPS, f->err, sizeof(f->err));
}

static void refused(struct fixture *f, int err, const char *word)
{
	assert_int_equal(open_only(f), err);
	if (!strstr(f->err, word))
		fail_msg("no \"%s\" in: %s", word, f->err);
	assert_null(strchr(f->err, '\n'));
	assert_null(f->db);
}

static void add_account(struct fixture *f, const char *name, size_t bytes, struct note *n)
{
	struct db_batch *b = db_batch_new(f->db);
	void *salt = calloc(1, bytes + 1);

	assert_non_null(salt);
	db_batch_add(b, &q_add, "sb", name, salt, bytes);
	db_submit(b, note_done, n);
	free(salt);
}

static sqlite3 *raw_open(struct fixture *f)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->path, &h), SQLITE_OK);
	return h;
}

static void raw(sqlite3 *h, const char *sql)
{
	char *msg = NULL;

	if (sqlite3_exec(h, sql, NULL, NULL, &msg) != SQLITE_OK)
		fail_msg("%s", msg);
}

static void write_file(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
}

/* --- the schema ------------------------------------------------------------------------------- */

static void load_dump(struct fixture *f, const char *file)
{
	static char sql[4096];
	FILE *fp = fopen(file, "r");
	sqlite3 *h = raw_open(f);
	size_t n;

	assert_non_null(fp);
	n = fread(sql, 1, sizeof(sql) - 1, fp);
	sql[n] = '\0';
	fclose(fp);
	raw(h, sql);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

static void test_schema_steps(void **state)
{
	static struct db_q version = { "PRAGMA user_version" };
	static struct db_q journal = { "SELECT journal_mode = 'wal' FROM pragma_journal_mode" };
	struct fixture *f = *state;

	load_dump(f, TEST_DATA "/db_v1.sql");
	fixture_open(f, steps, N_STEPS);
	assert_int_equal(number(f->db, &version), 3);
	assert_int_equal(number(f->db, &journal), 1);
	assert_int_equal(number(f->db, &q_count), 2);
	assert_int_equal(number(f->db, &q_seen), 2);
	db_close(f->db);
	fixture_open(f, steps, N_STEPS); /* none runs twice */
	assert_int_equal(number(f->db, &q_seen), 2);
}

static void test_newer_version(void **state)
{
	struct fixture *f = *state;
	sqlite3 *h = raw_open(f);

	raw(h, "PRAGMA user_version=4");
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
	refused(f, -ENOTSUP, "version 4");
}

static void test_failing_step(void **state)
{
	static const struct db_step bad[] = {
		{ 1, "CREATE TABLE account (name TEXT)" },
		{ 2, "CREATE TABLE more (n); INSERT INTO nowhere VALUES (1)" },
	};
	struct fixture *f = *state;

	assert_int_equal(
	    db_open(&f->db, f->loop, f->path, bad, 2, f->err, sizeof(f->err)), -EINVAL);
	assert_non_null(strstr(f->err, "schema step 2"));
	assert_non_null(strstr(f->err, "nowhere"));
	fixture_open(f, steps, N_STEPS); /* the first step went with the second */
	assert_int_equal(number(f->db, &q_count), 0);
}

/* --- files ------------------------------------------------------------------------------------ */

static void test_new_file_is_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char wal[128];

	fixture_open(f, steps, N_STEPS);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_not_a_database(void **state)
{
	struct fixture *f = *state;

	write_file(f->path,
	    "This is the text that somebody has copied over the database, and it is long "
	    "enough to hold what SQLite takes for a header of a hundred bytes.\n");
	refused(f, -EIO, "not an SQLite database");
}

static void test_damaged_schema(void **state)
{
	struct fixture *f = *state;
	char junk[3000];
	int fd;

	fixture_open(f, steps, N_STEPS);
	db_close(f->db);
	f->db = NULL;
	memset(junk, 0xa5, sizeof(junk));
	fd = open(f->path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 100), (ssize_t)sizeof(junk));
	close(fd);
	refused(f, -EIO, "damaged");
}

static void test_wrong_paths(void **state)
{
	struct fixture *f = *state;
	char path[sizeof(f->path)];

	memcpy(path, f->path, sizeof(path));
	(void)snprintf(f->path, sizeof(f->path), "%s/no/t.db", f->dir);
	refused(f, -ENOENT, "/no: ");
	(void)snprintf(f->path, sizeof(f->path), "%s", f->dir);
	refused(f, -EINVAL, "not a regular file");
	memcpy(f->path, path, sizeof(path));
}

/* Runs fn in a child as a user without rights; its exit status is the result. */
static int as_nobody(struct fixture *f, int (*fn)(struct fixture *f))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(99);
		_exit(fn(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int expect_permission_line(struct fixture *f)
{
	char uid[32];

	(void)snprintf(uid, sizeof(uid), "runs as uid %u", (unsigned)geteuid());
	if (open_only(f) != -EACCES)
		return 1;
	return strstr(f->err, "owner uid") && strstr(f->err, uid) && strstr(f->err, f->dir) ? 0 : 2;
}

static void test_unwritable_folder(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->dir, 0555), 0);
	assert_int_equal(as_nobody(f, expect_permission_line), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
}

static void test_read_only_file(void **state)
{
	static const char *const suffix[] = { "", "-wal" };
	struct fixture *f = *state;
	char name[128];

	fixture_open(f, steps, N_STEPS);
	db_close(f->db);
	f->db = NULL;
	for (int i = 0; i < 2; i++) { /* the second: left behind by a run as another user */
		(void)snprintf(name, sizeof(name), "%s%s", f->path, suffix[i]);
		if (i == 1)
			write_file(name, "");
		assert_int_equal(chmod(f->dir, 0777), 0);
		assert_int_equal(chmod(f->path, 0666), 0);
		assert_int_equal(chmod(name, 0444), 0);
		assert_int_equal(as_nobody(f, expect_permission_line), 0);
	}
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void test_database_full(void **state)
{
	static const struct db_step small[] = {
		{ 1, "CREATE TABLE account (name TEXT PRIMARY KEY, salt BLOB NOT NULL);"
		     "PRAGMA max_page_count=20" },
	};
	struct fixture *f = *state;
	struct note n[4] = { 0 };

	fixture_open(f, small, 1);
	add_account(f, "a", 10000, &n[0]);
	run_all(f);
	add_account(f, "b", 200000, &n[1]);
	add_account(f, "c", 10, &n[2]); /* of the same epoch */
	run_all(f);
	add_account(f, "d", 10, &n[3]);
	assert_int_equal(n[0].err, 0);
	assert_int_equal(n[1].err, -ENOSPC);
	assert_int_equal(n[2].err, -ENOSPC);
	assert_false(db_healthy(f->db));
	run_all(f);
	assert_int_equal(n[3].err, 0);
	assert_true(db_healthy(f->db));
	assert_int_equal(number(f->db, &q_count), 2);
}

/* No file may grow: the write itself fails, as on a full disk.  Runs in a child. */
static int write_beyond_limit(struct fixture *f)
{
	struct rlimit lim, before;
	struct note n[3] = { 0 };

	signal(SIGXFSZ, SIG_IGN);
	fixture_open(f, steps, N_STEPS);
	add_account(f, "a", 1000, &n[0]);
	run_all(f);
	if (getrlimit(RLIMIT_FSIZE, &before) < 0)
		return 1;
	lim = before;
	lim.rlim_cur = 65536; /* the log is larger than that already, or soon */
	if (setrlimit(RLIMIT_FSIZE, &lim) < 0)
		return 2;
	add_account(f, "b", 300000, &n[1]);
	run_all(f);
	if (setrlimit(RLIMIT_FSIZE, &before) < 0)
		return 3;
	if (n[0].err != 0 || n[1].err != -ENOSPC || db_healthy(f->db))
		return 4;
	add_account(f, "c", 300000, &n[2]);
	run_all(f);
	if (n[2].err != 0 || !db_healthy(f->db) || number(f->db, &q_count) != 2)
		return 5;
	db_close(f->db);
	loop_free(f->loop);
	return 0;
}

static void test_file_limit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->dir, 0777), 0);
	assert_int_equal(as_nobody(f, write_beyond_limit), 0);
	fixture_open(f, steps, N_STEPS);
	assert_int_equal(number(f->db, &q_count), 2);
}

/* --- locks ------------------------------------------------------------------------------------ */

struct holder {
	pid_t pid;
	int fd; /* closing it makes the child let go */
};

/* A process that takes a lock, says so, and keeps it until told. */
static struct holder hold(struct fixture *f, int (*take)(struct fixture *f))
{
	struct holder h;
	int go[2], up[2];
	char c = 0;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(up), 0);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		close(go[1]);
		if (take(f) < 0 || write(up[1], "", 1) != 1 || read(go[0], &c, 1) < 0)
			_exit(1);
		_exit(0); /* and with it the locks */
	}
	close(go[0]);
	close(up[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	h.fd = go[1];
	return h;
}

static void let_go(struct holder *h)
{
	int status;

	close(h->fd);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_int_equal(status, 0);
}

static int take_write_lock(struct fixture *f)
{
	sqlite3 *h;

	if (sqlite3_open(f->path, &h) != SQLITE_OK ||
	    sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	return 0;
}

static int take_all(struct fixture *f)
{
	sqlite3 *h;

	if (sqlite3_open(f->path, &h) != SQLITE_OK ||
	    sqlite3_exec(h, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL) !=
		SQLITE_OK)
		return -1;
	return 0;
}

static void test_writer_waits(void **state)
{
	struct fixture *f = *state;
	struct note n = { 0 };
	struct holder h;
	uint64_t start;

	fixture_open(f, steps, N_STEPS);
	db_close(f->db);
	f->db = NULL;
	h = hold(f, take_write_lock);
	fixture_open(f, steps, N_STEPS); /* nothing to migrate: no lock is needed */
	add_account(f, "a", 10, &n);
	start = loop_now(f->loop);
	while (loop_now(f->loop) < start + 2600) { /* longer than one wait: the next try */
		assert_int_equal(number(f->db, &q_count), 0);
		(void)loop_turn(f->loop, false);
		usleep(20000);
	}
	assert_int_equal(n.order, 0);
	let_go(&h);
	run_all(f);
	assert_int_equal(n.err, 0);
	assert_true(db_healthy(f->db));
	assert_int_equal(number(f->db, &q_count), 1);
}

static void test_locked_at_open(void **state)
{
	struct fixture *f = *state;
	struct holder h;

	fixture_open(f, steps, N_STEPS);
	db_close(f->db);
	f->db = NULL;
	h = hold(f, take_all);
	refused(f, -EBUSY, "another process holds a lock");
	let_go(&h);
	fixture_open(f, steps, N_STEPS);
}

/* As a process that is recovering the log looks to readers: it holds the locks WRITE and RECOVER
 * (sqlite.org/walformat.html 2.3) and the index is not valid. */
static int take_recovery(struct fixture *f)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 3 };
	static const char junk[64] = "not a header";
	char shm[128];
	int fd;

	(void)snprintf(shm, sizeof(shm), "%s-shm", f->path);
	fd = open(shm, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_SETLK, &fl) < 0)
		return -1;
	return pwrite(fd, junk, sizeof(junk), 0) == (ssize_t)sizeof(junk) ? 0 : -1;
}

static void test_reader_busy(void **state)
{
	struct fixture *f = *state;
	struct note n = { 0 };
	struct holder h;
	uint64_t start;

	fixture_open(f, steps, N_STEPS);
	add_account(f, "a", 10, &n);
	run_all(f);
	assert_int_equal(number(f->db, &q_count), 1);
	h = hold(f, take_recovery);
	start = loop_now(f->loop);
	assert_int_equal(db_query(f->db, &q_count, ""), 0);
	assert_int_equal(db_next(f->db, &q_count), -EBUSY);
	assert_true(loop_now(f->loop) - start < 500); /* never waits */
	let_go(&h);
	assert_int_equal(number(f->db, &q_count), 1);
}

/* --- being killed ----------------------------------------------------------------------------- */

struct pair_note {
	int fd;
	int64_t n;
};

static void say_done(int err, void *arg)
{
	struct pair_note *p = arg;

	if (err != 0 || write(p->fd, &p->n, sizeof(p->n)) != (ssize_t)sizeof(p->n))
		_exit(1);
	free(p);
}

/* Writes pairs of rows for ever and says which are kept. */
static void write_pairs(struct fixture *f, int fd)
{
	fixture_open(f, steps, N_STEPS);
	for (int64_t i = 1;; i++) {
		struct db_batch *b = db_batch_new(f->db);
		struct pair_note *p = malloc(sizeof(*p));

		assert_non_null(p);
		*p = (struct pair_note){ fd, i };
		db_batch_add(b, &q_pair, "ii", i * 2, i);
		db_batch_add(b, &q_pair, "ii", i * 2 + 1, i);
		db_submit(b, say_done, p);
		while (db_waiting(f->db) > 100)
			(void)loop_turn(f->loop, true);
	}
}

static void test_killed(void **state)
{
	static struct db_q kept = { "SELECT count(*) FROM pair WHERE half <= $1" };
	static struct db_q broken = { "SELECT count(*) FROM (SELECT half FROM pair GROUP BY half"
				      " HAVING count(*) <> 2)" };
	struct fixture *f = *state;
	int64_t n, last = 0;
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd[0]);
		write_pairs(f, fd[1]);
	}
	close(fd[1]);
	while (last < 1500 && read(fd[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
		last = n;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (read(fd[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
		last = n;
	close(fd[0]);
	assert_true(last >= 1500);

	fixture_open(f, steps, N_STEPS);
	assert_int_equal(db_query(f->db, &kept, "i", last), 0);
	assert_int_equal(db_next(f->db, &kept), 1);
	assert_int_equal(db_int(f->db, &kept, 0), last * 2);
	db_reset(f->db, &kept);
	assert_int_equal(number(f->db, &broken), 0);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_schema_steps),
		CASE(test_newer_version),
		CASE(test_failing_step),
		CASE(test_new_file_is_private),
		CASE(test_not_a_database),
		CASE(test_damaged_schema),
		CASE(test_wrong_paths),
		CASE(test_unwritable_folder),
		CASE(test_read_only_file),
		CASE(test_database_full),
		CASE(test_file_limit),
		CASE(test_writer_waits),
		CASE(test_locked_at_open),
		CASE(test_reader_busy),
		CASE(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
