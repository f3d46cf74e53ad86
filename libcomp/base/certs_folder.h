/* SPDX-License-Identifier: MIT */
/* The folder of certificates: which pairs of files are there, and what was read from them. */
#ifndef BASE_CERTS_FOLDER_H
#define BASE_CERTS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/map.h>

struct cert;

/* What stat says of a file; equal: unchanged. */
struct file_id {
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime, ctime; /* ns; ctime shows that the rights have changed */
	int err;              /* it cannot be looked at */
};

struct pair {
	struct map_node node; /* by chain */
	char *chain, *key;    /* paths; the same for one file with both */
	struct file_id chain_id, key_id;
	unsigned seen;     /* in this scan */
	struct cert *cert; /* the last good one; NULL: never any */
	char *broken;      /* why the files as they are now are not used; NULL: they are */
	bool quiet;        /* broken, but nobody would expect a certificate there */
};

struct folder {
	char *dir; /* a comma list; at: the one that is being looked through */
	const char *at;
	bool (*wanted)(const struct cert *c, void *arg); /* worth loading with its key */
	void *arg;
	struct map pairs;
	unsigned scan;   /* counts them */
	unsigned files;  /* looked at in this scan */
	bool full;       /* there were more, and this has been said */
	char *broken;    /* why it cannot be read; NULL: it can */
	bool unreadable; /* in this scan */
	bool changed;    /* in this scan */
};

void folder_init(
    struct folder *f, const char *dir, bool (*wanted)(const struct cert *c, void *arg), void *arg);
void folder_done(struct folder *f);
/* Reads what has changed; false: nothing has.  A folder that cannot be read is logged once, and all
 * stays as it was. */
bool folder_scan(struct folder *f);

#endif
