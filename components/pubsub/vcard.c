/* SPDX-License-Identifier: MIT */
/* The vCard is kept as it was set, but for its picture if that became the avatar.  What it says is
 * published as vCard4, too; of the two the one that was written last counts. */
#include <string.h>

#include <base/sbuf.h>

#include "avatar.h"
#include "create.h"
#include "hidden.h"
#include "item.h"
#include "publish.h"
#include "vcard.h"
#include "vcard_conv.h"

#define NODE_VCARD4 "urn:xmpp:vcard4"
#define ID "current"

void vcard_start(struct pubsub *p)
{
	comp_feature_for(p->c, COMP_FOR_ACCOUNT, NS_VCARD, NS_VCARD_4);
	comp_feature_for(p->c, COMP_FOR_ACCOUNT, NS_VCARD, "urn:xmpp:pep-vcard-conversion:0");
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* The vCard4 that whoever asks may see; NULL: none. */
static struct item *newest_vcard4(struct request *r)
{
	struct node *n = node_find(r->service, NODE_VCARD4);
	struct standing st;
	int ret;

	if (!n)
		return NULL;
	request_standing(r, n, &st);
	if (access_retrieve((enum access_model)n->conf.access, &st) != MAY)
		return NULL;
	return items_last(n, &ret);
}

/* NULL: there is none. */
static struct el *read_vcard(struct request *r, int *ret)
{
	struct item *kept, *published = newest_vcard4(r);
	struct el *vcard4, *vcard = NULL;

	*ret = hidden_get(r, HIDDEN_VCARD, ID, &kept);
	if (*ret < 0)
		return NULL;
	if (published && (!kept || published->seq > kept->seq)) {
		vcard4 = item_read(published);
		vcard = vcard4 ? vcard_from_4(vcard4) : NULL;
		el_free(vcard4);
	}
	return vcard || !kept ? vcard : item_read(kept);
}

int vcard_get(struct request *r)
{
	struct sbuf base64 = SBUF_INIT;
	const char *type;
	struct el *vcard, *answer, *shown = NULL;
	int ret;

	vcard = read_vcard(r, &ret);
	if (ret < 0)
		return ret;
	if (avatar_get(r, &base64, &type))
		shown = vcard_with_photo(vcard, type, sbuf_str(&base64));
	sbuf_done(&base64);
	if (!vcard && !shown) /* 3.3: as if there were no such user */
		return request_is_owner(r) ? -COND_ITEM_NOT_FOUND : -COND_SERVICE_UNAVAILABLE;
	answer = comp_result(r->rq);
	el_add_copy(answer, shown ? shown : vcard);
	comp_reply(r->rq, answer);
	el_free(vcard);
	el_free(shown);
	return COMP_DONE;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* XEP-0292 asks for an open node. */
static int publish_vcard4(struct request *r, const struct el *vcard)
{
	EL_AUTO struct el *vcard4 = vcard_to_4(vcard);
	struct sbuf text = SBUF_INIT;
	struct node_conf conf;
	struct node *n;
	int ret;

	create_defaults(r->service, &conf);
	conf.access = ACCESS_OPEN;
	n = create_obtain(r, NODE_VCARD4, &conf);
	if (!n)
		return -COND_RESOURCE_CONSTRAINT;
	if (!vcard4)
		return 0;
	el_write(&text, vcard4, NULL);
	ret = publish_put(n, r->roster, ID, comp_from(r->rq)->s, &text);
	sbuf_done(&text);
	return ret < 0 ? -COND_RESOURCE_CONSTRAINT : 0;
}

static bool is_elsewhere(const struct el *vcard)
{
	const char *uri;

	EL_EACH (photo, vcard, "PHOTO", NS_VCARD) {
		uri = el_child_text(photo, "EXTVAL", NS_VCARD);
		if (uri && *uri)
			return true;
	}
	return false;
}

/* Without <PHOTO/> the avatar stays: many clients leave it out when they change something else.
 * What no avatar can be made of is shown instead of one, to who asks for the vCard.  1: what is in
 * <PHOTO/> need not be kept. */
static int set_avatar(struct request *r, const struct el *vcard)
{
	const char *base64 = vcard_photo(vcard);
	int taken = 0, ret;

	if (!el_child(vcard, "PHOTO", NS_VCARD))
		return 0;
	if (base64)
		taken = avatar_set(r, base64);
	if (taken != 0)
		return taken;
	ret = avatar_unset(r);
	return ret < 0 ? ret : !base64 && !is_elsewhere(vcard);
}

static bool fits(const struct request *r, const struct el *vcard)
{
	struct sbuf text = SBUF_INIT;
	size_t len;

	el_write(&text, vcard, NULL);
	len = sbuf_len(&text);
	sbuf_done(&text);
	return (int64_t)len <= r->p->conf->max_item;
}

int vcard_set(struct request *r)
{
	const struct el *vcard = comp_payload(r->rq);
	struct el *kept;
	int ret, taken;

	if (!request_is_owner(r))
		return -COND_FORBIDDEN;
	if (!fits(r, vcard))
		return -COND_NOT_ACCEPTABLE;
	ret = request_charge(r, 1);
	taken = ret < 0 ? ret : set_avatar(r, vcard);
	ret = taken < 0 ? taken : publish_vcard4(r, vcard);
	if (ret < 0)
		return ret;
	kept = taken ? vcard_with_photo(vcard, NULL, NULL) : el_dup(vcard);
	ret = hidden_put(r, HIDDEN_VCARD, ID, kept, 1);
	el_free(kept);
	if (ret < 0)
		return ret;
	comp_reply_ok(r->rq);
	return COMP_DONE;
}
