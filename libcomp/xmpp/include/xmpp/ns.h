/* SPDX-License-Identifier: MIT */
/* Namespaces, by the short names that the XEPs give them. */
#ifndef XMPP_NS_H
#define XMPP_NS_H

#define NS_STREAM "http://etherx.jabber.org/streams"
#define NS_CLIENT "jabber:client" /* also what :component:accept and :server become inside */
#define NS_COMPONENT "jabber:component:accept"
#define NS_SERVER "jabber:server"
#define NS_XML "http://www.w3.org/XML/1998/namespace"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_STREAMS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2"      /* XEP-0388 */
#define NS_BIND2 "urn:xmpp:bind:0"      /* XEP-0386 */
#define NS_FAST "urn:xmpp:fast:0"       /* XEP-0484 */
#define NS_SASL_CB "urn:xmpp:sasl-cb:0" /* XEP-0440 */
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define NS_ROSTER "jabber:iq:roster"
#define NS_PREAPPROVAL "urn:xmpp:features:pre-approval"
#define NS_ROSTERVER "urn:xmpp:features:rosterver" /* RFC 6121 2.6 */
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_SERVERINFO "http://jabber.org/network/serverinfo" /* XEP-0157 */
#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_PING "urn:xmpp:ping"
#define NS_XDATA "jabber:x:data"                /* XEP-0004 */
#define NS_RSM "http://jabber.org/protocol/rsm" /* XEP-0059 */
#define NS_VERSION "jabber:iq:version"          /* XEP-0092 */
#define NS_LAST "jabber:iq:last"                /* XEP-0012 */
#define NS_TIME "urn:xmpp:time"                 /* XEP-0202 */
#define NS_LIMITS "urn:xmpp:stream-limits:0"    /* XEP-0478 */
#define NS_DELAY "urn:xmpp:delay"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define NS_CONFERENCE "jabber:x:conference" /* XEP-0249 */
#define NS_XHTML_IM "http://jabber.org/protocol/xhtml-im"
#define NS_XHTML "http://www.w3.org/1999/xhtml"
#define NS_OOB "jabber:x:oob"
#define NS_SFS "urn:xmpp:sfs:0"             /* XEP-0447 */
#define NS_SIMS "urn:xmpp:sims:1"           /* XEP-0385 */
#define NS_REFERENCE "urn:xmpp:reference:0" /* XEP-0372 */
#define NS_OMEMO_LEGACY "eu.siacs.conversations.axolotl"
#define NS_OMEMO_1 "urn:xmpp:omemo:1"
#define NS_OMEMO_2 "urn:xmpp:omemo:2"
#define NS_OPENPGP "urn:xmpp:openpgp:0"    /* XEP-0373 */
#define NS_PGP_LEGACY "jabber:x:encrypted" /* XEP-0027 */
#define NS_EME "urn:xmpp:eme:0"            /* XEP-0380 */
#define NS_BLOCKING "urn:xmpp:blocking"    /* XEP-0191 */
#define NS_BLOCKING_ERRORS "urn:xmpp:blocking:errors"
#define NS_REGISTER "jabber:iq:register" /* XEP-0077 */
#define NS_REGISTER_FEATURE "http://jabber.org/features/iq-register"
#define NS_CHATSTATES "http://jabber.org/protocol/chatstates"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_PARS "urn:xmpp:pars:0"             /* XEP-0379 */
#define NS_IBR_TOKEN "urn:xmpp:ibr-token:0"   /* XEP-0445 */
#define NS_INVITE "urn:xmpp:invite"           /* what XEP-0445 was before it had that number */
#define NS_SM "urn:xmpp:sm:3"                 /* XEP-0198 */
#define NS_CSI "urn:xmpp:csi:0"               /* XEP-0352 */
#define NS_FORWARD "urn:xmpp:forward:0"       /* XEP-0297 */
#define NS_CARBONS "urn:xmpp:carbons:2"       /* XEP-0280 */
#define NS_SID "urn:xmpp:sid:0"               /* XEP-0359 */
#define NS_MAM "urn:xmpp:mam:2"               /* XEP-0313 */
#define NS_RECEIPTS "urn:xmpp:receipts"       /* XEP-0184 */
#define NS_MARKERS "urn:xmpp:chat-markers:0"  /* XEP-0333 */
#define NS_HINTS "urn:xmpp:hints"             /* XEP-0334 */
#define NS_DELEGATION "urn:xmpp:delegation:2" /* XEP-0355 */
#define NS_DELEGATION_1 "urn:xmpp:delegation:1"
#define NS_PRIVILEGE_1 "urn:xmpp:privilege:1"               /* XEP-0356 0.3 */
#define NS_PRIVILEGE_2 "urn:xmpp:privilege:2"               /* XEP-0356 */
#define NS_LINK "urn:switchyard:link:1"                     /* docs/component-protocol.md 2 */
#define NS_TAP "urn:switchyard:tap:1"                       /* likewise, 5 */
#define NS_FANOUT "urn:switchyard:fanout:1"                 /* likewise, 6 */
#define NS_SHARE "urn:switchyard:share:1"                   /* likewise, 7 */
#define NS_PRESENCE_EXTRA "urn:switchyard:presence-extra:1" /* likewise, 4 */

#endif
