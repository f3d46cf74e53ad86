/* SPDX-License-Identifier: MIT */
/* The avatar is what the newest item of the metadata says: of its <info/>s the first one that is
 * not somewhere else on the web names an item of the data (XEP-0084 4.2). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <base/digest.h>
#include <base/sbuf.h>

#include "avatar.h"
#include "avatar_check.h"
#include "create.h"
#include "item.h"
#include "publish.h"

#define NS_UPDATE "vcard-temp:x:update" /* XEP-0153 */

enum { HASH_LEN = 40 };

/* --- which -------------------------------------------------------------------------------------
 */

static bool is_id(const char *s)
{
	return s && strlen(s) == HASH_LEN && strspn(s, "0123456789abcdefABCDEF") == HASH_LEN;
}

/* What the newest item of the metadata says; NULL: nothing. */
static struct el *read_meta(struct service *s)
{
	struct node *n = node_find(s, NODE_AVATAR_META);
	int r;
	struct item *it = n ? items_last(n, &r) : NULL;

	return it ? item_read(it) : NULL;
}

/* The id of the picture that is meant; false: there is none, or none of ours. */
static bool named(struct service *s, char id[HASH_LEN + 1])
{
	EL_AUTO struct el *meta = read_meta(s);

	*id = '\0';
	if (meta)
		EL_EACH (info, meta, "info", NULL) {
			const char *s_id = el_attr(info, "id");

			if (!*id && !el_attr(info, "url") && is_id(s_id))
				memcpy(id, s_id, HASH_LEN + 1);
		}
	return *id;
}

/* Is it a picture, and the one that the id is the hash of (XEP-0398 3.1)?  Its type, or NULL. */
static const char *check_data(const struct el *data, const char *id)
{
	struct sbuf bytes = SBUF_INIT;
	const char *type = NULL;
	char hash[HASH_LEN + 1];

	if (avatar_decode(el_body(data), &bytes) == 0) {
		avatar_id(sbuf_data(&bytes), sbuf_len(&bytes), hash);
		if (strcasecmp(hash, id) == 0)
			type = avatar_type(sbuf_data(&bytes), sbuf_len(&bytes));
	}
	sbuf_done(&bytes);
	return type;
}

/* The type of the current picture and its id, and the text of <data/> if base64 is not NULL; NULL:
 * there is none that all who may read it would see. */
static const char *current(struct service *s, char id[HASH_LEN + 1], struct sbuf *base64)
{
	struct node *n = node_find(s, NODE_AVATAR_DATA);
	EL_AUTO struct el *data = NULL;
	const char *type;
	struct item *it;

	if (!named(s, id) || !n || items_load(n) < 0)
		return NULL;
	it = items_find(n, id);
	data = it ? item_read(it) : NULL;
	type = data ? check_data(data, id) : NULL;
	if (type && base64)
		sbuf_puts(base64, el_body(data));
	return type;
}

/* --- in presence (XEP-0398 3) ------------------------------------------------------------------
 */

static void on_extra(struct comp *c, int err, const struct el *answer, void *arg)
{
	static const struct log_tag tag = { .mod = "pubsub" };

	(void)c;
	(void)answer;
	(void)arg;
	if (err < 0 && err != -EPERM && err != -ECANCELED)
		log_err(&tag, LOG_LVL_INFO, err, "an avatar could not be shown in presence");
}

static void show(struct request *r, const char *id)
{
	struct el *x = NULL;

	if (!comp_may(r->p->c, r->service->address, COMP_MAY_PRESENCE_EXTRA))
		return;
	if (id) {
		x = el_new("x", NS_UPDATE);
		el_add_text(x, "photo", NULL, id);
	}
	(void)comp_presence_extra(r->p->c, r->service->address, x, on_extra, NULL);
}

/* Data that comes may push out that of the picture shown now, in favour of one that the metadata is
 * about to name: until then nothing is said. */
void avatar_published(struct request *r, const struct node *n)
{
	char id[HASH_LEN + 1];

	if (strcmp(n->name, NODE_AVATAR_META) == 0)
		show(r, current(r->service, id, NULL) ? id : NULL);
	else if (strcmp(n->name, NODE_AVATAR_DATA) == 0 && current(r->service, id, NULL))
		show(r, id);
}

void avatar_removed(struct request *r, const struct node *n)
{
	char id[HASH_LEN + 1];

	if (strcmp(n->name, NODE_AVATAR_META) == 0 ||
	    (strcmp(n->name, NODE_AVATAR_DATA) == 0 && named(r->service, id)))
		show(r, current(r->service, id, NULL) ? id : NULL);
}

/* --- to vCards ---------------------------------------------------------------------------------
 */

static bool may_read(const struct request *r, const struct node *n)
{
	struct standing st;

	request_standing(r, n, &st);
	return access_retrieve((enum access_model)n->conf.access, &st) == MAY;
}

bool avatar_get(struct request *r, struct sbuf *base64, const char **ret_type)
{
	struct node *data = node_find(r->service, NODE_AVATAR_DATA);
	struct node *meta = node_find(r->service, NODE_AVATAR_META);
	char id[HASH_LEN + 1];

	if (!data || !meta || !may_read(r, data) || !may_read(r, meta))
		return false;
	*ret_type = current(r->service, id, base64);
	return *ret_type;
}

/* --- from vCards -------------------------------------------------------------------------------
 */

/* The node, made open if it is not there, as vCards are. */
static struct node *obtain(struct request *r, const char *name)
{
	struct node_conf conf;

	create_defaults(r->service, &conf);
	conf.access = ACCESS_OPEN;
	return create_obtain(r, name, &conf);
}

static int publish(struct request *r, struct node *n, const char *id, const struct el *payload)
{
	struct sbuf text = SBUF_INIT;
	int ret;

	el_write(&text, payload, NULL);
	ret = publish_put(n, r->roster, id, comp_from(r->rq)->s, &text);
	sbuf_done(&text);
	return ret < 0 ? -COND_RESOURCE_CONSTRAINT : 0;
}

static int publish_meta(
    struct request *r, const char *id, const struct sbuf *bytes, const char *type)
{
	struct node *n = obtain(r, NODE_AVATAR_META);
	EL_AUTO struct el *meta = el_new("metadata", NODE_AVATAR_META);
	unsigned width, height;
	struct el *info;
	int ret;

	if (!n)
		return -COND_RESOURCE_CONSTRAINT;
	if (bytes) {
		info = el_add(meta, "info", NULL);
		el_set(info, "id", id);
		el_set(info, "type", type);
		el_setf(info, "bytes", "%zu", sbuf_len(bytes));
		if (avatar_size(sbuf_data(bytes), sbuf_len(bytes), &width, &height) == 0) {
			el_setf(info, "width", "%u", width);
			el_setf(info, "height", "%u", height);
		}
	}
	ret = publish(r, n, id, meta);
	if (ret == 0)
		avatar_published(r, n);
	return ret;
}

static int publish_both(
    struct request *r, const char *id, const struct sbuf *bytes, const char *type)
{
	struct node *n = obtain(r, NODE_AVATAR_DATA);
	EL_AUTO struct el *data = el_new("data", NODE_AVATAR_DATA);
	char base64[BASE64_LEN(AVATAR_MAX) + 1];
	int ret;

	if (!n)
		return -COND_RESOURCE_CONSTRAINT;
	base64_encode(sbuf_data(bytes), sbuf_len(bytes), base64);
	el_text(data, base64);
	ret = publish(r, n, id, data);
	return ret < 0 ? ret : publish_meta(r, id, bytes, type);
}

int avatar_unset(struct request *r)
{
	EL_AUTO struct el *meta = read_meta(r->service);

	return meta && el_child(meta, NULL, NULL) ? publish_meta(r, "current", NULL, NULL) : 0;
}

int avatar_set(struct request *r, const char *base64)
{
	struct sbuf bytes = SBUF_INIT;
	char now[HASH_LEN + 1], id[HASH_LEN + 1];
	const char *type;
	int ret = 0;

	type = avatar_decode(base64, &bytes) < 0 ? NULL
	                                         : avatar_type(sbuf_data(&bytes), sbuf_len(&bytes));
	if (type) {
		avatar_id(sbuf_data(&bytes), sbuf_len(&bytes), id);
		if (!current(r->service, now, NULL) || strcasecmp(id, now) != 0)
			ret = publish_both(r, id, &bytes, type);
	}
	sbuf_done(&bytes);
	return ret < 0 ? ret : type != NULL;
}
