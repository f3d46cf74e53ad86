/* SPDX-License-Identifier: MIT */
/* The picture of a vcard-temp (XEP-0153).  A copy takes over the children that stay: cutting the
 * others out of a full copy would look for each from the front. */
#include <stddef.h>

#include "vcard_conv.h"
#include "vcard_value.h"

const char *vcard_photo(const struct el *vcard_temp)
{
	if (!vcard_temp || !el_is(vcard_temp, "vCard", NS_VCARD_TEMP))
		return NULL;
	EL_EACH (photo, vcard_temp, "PHOTO", NS_VCARD_TEMP) {
		const char *s = el_child_text(photo, "BINVAL", NS_VCARD_TEMP);

		if (!blank(s))
			return s;
	}
	return NULL;
}

static void copy_others(struct el *out, const struct el *vcard_temp)
{
	static const char *const attrs[] = { "version", "xml:lang" };

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		el_set(out, attrs[i], el_attr(vcard_temp, attrs[i]));
	EL_EACH (it, vcard_temp, NULL, NULL) {
		if (!el_is(it, "PHOTO", NS_VCARD_TEMP))
			el_add_copy(out, it);
	}
}

struct el *vcard_with_photo(const struct el *vcard_temp, const char *type, const char *base64)
{
	struct el *out = el_new("vCard", NS_VCARD_TEMP), *photo;

	if (vcard_temp && el_is(vcard_temp, "vCard", NS_VCARD_TEMP))
		copy_others(out, vcard_temp);
	if (base64) {
		photo = el_add(out, "PHOTO", NULL);
		if (type)
			el_add_text(photo, "TYPE", NULL, type);
		el_add_text(photo, "BINVAL", NULL, base64);
	}
	return out;
}
