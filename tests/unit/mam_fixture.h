/* SPDX-License-Identifier: MIT */
/* What an archive is asked (XEP-0313, XEP-0059).  NS_MAM is the component's. */
#ifndef MAM_FIXTURE_H
#define MAM_FIXTURE_H

#include <xmpp/ns.h>

#define QUERY(content) "<query xmlns='" NS_MAM "' queryid='f1'>" content "</query>"
#define BEGIN_FORM                                                       \
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' " \
	"type='hidden'><value>" NS_MAM "</value></field>"
#define FORM(fields) BEGIN_FORM fields "</x>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define SET(content) "<set xmlns='" NS_RSM "'>" content "</set>"

#endif
