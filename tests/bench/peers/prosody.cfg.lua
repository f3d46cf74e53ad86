-- SPDX-License-Identifier: MIT
-- Prosody with the modules that Debian's package enables, without mod_limits, and with rooms, nodes,
-- one component and registration.  Its other settings are its own defaults.  What stands in @archive{ }@
-- is for the rows with an archive: in SQLite, whose defaults write each message to the disk.
pidfile = "@folder@/prosody.pid"
data_path = "@folder@/data"
run_as_root = true
daemonize = false
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { @port@ }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
s2s_ports = {}
http_ports = {}
https_ports = {}
component_ports = { @component_port@ }
component_interfaces = { "127.0.0.1" }
admin_socket = "@folder@/prosody.sock"
modules_enabled = {
	"disco"; "roster"; "saslauth"; "tls"; "blocklist"; "bookmarks"; "carbons"; "pep"; "private";
	"smacks"; "vcard4"; "vcard_legacy"; "csi_simple"; "ping"; "register"; "time"; "uptime"; "version";
	"admin_shell"; "posix";@archive{ "mam";}@
}
modules_disabled = { "s2s" }
allow_registration = true
registration_invite_only = false
c2s_require_encryption = true
authentication = "internal_hashed"
default_storage = "internal"
@archive{
storage = { archive = "sql" }
sql = { driver = "SQLite3", database = "archive.sqlite" }
default_archive_policy = true
archive_expires_after = "never"
}@
log = { info = "@folder@/server.log" }
certificates = "@folder@"
ssl = { certificate = "@cert@", key = "@key@" }
VirtualHost "localhost"
Component "@muc@" "muc"
Component "@pubsub@" "pubsub"
	admins = { "u0@localhost" }
Component "@component@"
	component_secret = "@secret@"
