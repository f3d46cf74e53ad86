/* SPDX-License-Identifier: MIT */
/* Finds the pairs of chain and key below one folder, or a few, whatever their layout, and keeps of
 * each what was last read well.
 *
 * NAME/fullchain.pem + NAME/privkey.pem (also in the folder itself, and below live/, so that all of
 * /etc/letsencrypt may be given, which certbot's symlinks need), NAME.crt + NAME.key, and NAME.pem
 * with NAME.key or with the key inside.
 *
 * A pair is: unread, good (cert) or broken; one that was good and breaks keeps the certificate it
 * had.  A file is read, and a failure logged, once per change that stat shows.  A file that does
 * not look like a certificate is nobody's concern: debug level.
 *
 * Must not: decide which name gets which certificate (certs.c). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <base/log.h>
#include <base/mem.h>
#include <base/whose.h>

#include "cert.h"
#include "certs_folder.h"

enum { FILES_MAX = 4096 };

static const struct log_tag tag = { .mod = "certs" };

/* --- one pair --------------------------------------------------------------------------------- */

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct file_id id_of(const char *path)
{
	struct file_id id = { 0 };
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct file_id){ .err = errno };
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = st.st_size;
	id.mtime = ns(st.st_mtim);
	id.ctime = ns(st.st_ctim);
	return id;
}

static bool same_id(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime == b->mtime &&
	       a->ctime == b->ctime && a->err == b->err;
}

static void pair_broken(struct pair *p, const char *why)
{
	bool keeps = p->cert && p->cert->tls;
	size_t n = strlen(p->key);
	char owner[512];

	/* The line begins with the path of the file it is about. */
	(void)whose(strncmp(why, p->key, n) == 0 && why[n] == ':' ? p->key : p->chain, owner,
	    sizeof(owner));
	p->broken = xasprintf("%s (%s)", why, owner);
	if (p->quiet)
		log_debug(&tag, "ignored: %s", p->broken);
	else
		log_warn(&tag, "certificate not used: %s%s", p->broken,
		    keeps ? "; the one loaded before stays in use" : "");
}

/* Says of a failure whether an operator meant these files to be a certificate of ours. */
static bool is_quiet(const struct pair *p, int r, bool wanted)
{
	bool separate = strcmp(p->chain, p->key) != 0 && p->key_id.err == 0;

	if ((p->cert && p->cert->tls) || p->chain_id.err || r == -EACCES || r == -EBADMSG)
		return false;
	if (wanted)
		return r == -ENOKEY && !separate; /* cert.pem beside fullchain.pem */
	return !separate;
}

static void pair_read(struct folder *f, struct pair *p)
{
	struct cert *cert = NULL;
	bool wanted = false;
	char err[512];
	int r = -p->chain_id.err;

	free(p->broken);
	p->broken = NULL;
	if (r == -ENOENT) {
		(void)snprintf(err, sizeof(err), "%s: the symlink leads nowhere", p->chain);
	} else {
		r = cert_peek(&cert, p->chain, err, sizeof(err));
		wanted = r == 0 && f->wanted(cert, f->arg);
	}
	if (wanted) {
		cert_unref(cert);
		r = cert_load(&cert, p->chain, p->key, err, sizeof(err));
	}
	p->quiet = r < 0 && is_quiet(p, r, wanted);
	if (r < 0) {
		pair_broken(p, err);
		return;
	}
	cert_unref(p->cert);
	p->cert = cert;
}

static void pair_free(struct pair *p)
{
	cert_unref(p->cert);
	free(p->broken);
	free(p->chain);
	free(p->key);
	free(p);
}

/* --- the folder ------------------------------------------------------------------------------- */

static char *path_of(const struct folder *f, const char *sub, const char *name, const char *file)
{
	return xasprintf("%s/%s%s%s%s", f->at, sub, name, *name && *file ? "/" : "", file);
}

/* Takes the paths. */
static void see_pair(struct folder *f, char *chain, char *key)
{
	struct map_node *node = map_gets(&f->pairs, chain);
	struct file_id chain_id = id_of(chain), key_id = id_of(key);
	struct pair *p = node ? MAP_ENTRY(node, struct pair, node) : NULL;
	struct stat st;

	if (chain_id.err == ENOTDIR || (chain_id.err == ENOENT && lstat(chain, &st) < 0)) {
		free(chain); /* nothing there, not even a symlink */
		free(key);
		return;
	}
	if (p) {
		free(chain);
		free(p->key); /* may be another one: NAME.key beside NAME.pem is new */
		p->key = key;
	} else {
		p = xzalloc(sizeof(*p));
		p->chain = chain;
		p->key = key;
		p->chain_id.err = p->key_id.err = -1; /* like no file's */
		map_put(&f->pairs, &p->node, p->chain, strlen(p->chain));
	}
	p->seen = f->scan;
	if (same_id(&p->chain_id, &chain_id) && same_id(&p->key_id, &key_id))
		return;
	p->chain_id = chain_id;
	p->key_id = key_id;
	f->changed = true;
	pair_read(f, p);
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n > k && strcmp(s + n - k, suffix) == 0;
}

/* NAME.crt or NAME.pem, with NAME.key. */
static void see_file(struct folder *f, const char *sub, const char *name)
{
	char *chain = path_of(f, sub, name, "");
	char *key = xstrdup(chain);
	struct stat st;

	memcpy(key + strlen(key) - 4, ".key", 4);
	if (ends_with(name, ".pem") && lstat(key, &st) < 0 && errno == ENOENT)
		memcpy(key, chain, strlen(chain));
	see_pair(f, chain, key);
}

static void scan_dir(struct folder *f, const char *sub);

static void see_entry(struct folder *f, const char *sub, const char *name)
{
	if (strcmp(name, "fullchain.pem") == 0)
		see_pair(f, path_of(f, sub, "", name), path_of(f, sub, "", "privkey.pem"));
	else if (ends_with(name, ".crt") || ends_with(name, ".pem"))
		see_file(f, sub, name);
	else if (strcmp(name, "live") == 0 && !*sub)
		scan_dir(f, "live/");
	else if (!ends_with(name, ".key"))
		see_pair(f, path_of(f, sub, name, "fullchain.pem"),
		    path_of(f, sub, name, "privkey.pem"));
}

/* The first one of a scan is what is said. */
static void folder_unreadable(struct folder *f, const char *path, int err)
{
	char owner[512];
	char *why;

	if (f->unreadable)
		return;
	why = xasprintf(
	    "cannot look into %s: %s (%s)", path, strerror(err), whose(path, owner, sizeof(owner)));
	if (!f->broken || strcmp(f->broken, why) != 0)
		log_warn(&tag, "%s", why);
	free(f->broken);
	f->broken = why;
	f->unreadable = true;
}

static void scan_dir(struct folder *f, const char *sub)
{
	char *path = path_of(f, sub, "", "");
	DIR *d = opendir(path);
	const struct dirent *e;

	if (!d) {
		if (errno != ENOTDIR || !*sub)
			folder_unreadable(f, path, errno);
		free(path);
		return;
	}
	while ((e = readdir(d)) && f->files < FILES_MAX) {
		if (e->d_name[0] == '.')
			continue;
		f->files++;
		see_entry(f, sub, e->d_name);
	}
	if (e && !f->full) {
		f->full = true;
		log_warn(
		    &tag, "more than %d files in %s: the rest is not looked at", FILES_MAX, path);
	}
	(void)closedir(d);
	free(path);
}

/* What is gone.  Names that use its certificate have a reference of their own. */
static void sweep(struct folder *f)
{
	for (struct map_node *n = map_first(&f->pairs), *next; n; n = next) {
		struct pair *p = MAP_ENTRY(n, struct pair, node);

		next = map_next(&f->pairs, n);
		if (p->seen == f->scan)
			continue;
		if (p->cert && p->cert->tls)
			log_info(&tag, "certificate %s is gone", p->chain);
		map_del(&f->pairs, n);
		pair_free(p);
		f->changed = true;
	}
}

/* One folder after the other, of those that commas separate. */
static void scan_all(struct folder *f)
{
	char *dirs = xstrdup(f->dir), *save = NULL;

	for (f->at = strtok_r(dirs, ",", &save); f->at; f->at = strtok_r(NULL, ",", &save)) {
		f->at += strspn(f->at, " ");
		scan_dir(f, "");
	}
	free(dirs);
}

bool folder_scan(struct folder *f)
{
	f->scan++;
	f->files = 0;
	f->unreadable = f->changed = false;
	scan_all(f);
	if (!f->unreadable) {
		free(f->broken);
		f->broken = NULL;
		sweep(f);
	}
	return f->changed;
}

void folder_init(
    struct folder *f, const char *dir, bool (*wanted)(const struct cert *c, void *arg), void *arg)
{
	*f = (struct folder){ .dir = xstrdup(dir), .wanted = wanted, .arg = arg };
	map_init(&f->pairs);
}

void folder_done(struct folder *f)
{
	for (struct map_node *n = map_first(&f->pairs), *next; n; n = next) {
		next = map_next(&f->pairs, n);
		pair_free(MAP_ENTRY(n, struct pair, node));
	}
	map_done(&f->pairs);
	free(f->broken);
	free(f->dir);
}
