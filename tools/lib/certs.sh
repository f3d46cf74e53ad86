# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Development certificates: a CA of this stack's own, kept as long as it is valid, and one
# certificate for all served names.  Nothing here is for a public server.  compose/init/init takes
# from here how a CA and a certificate are made.

CA_DIR=$RUN_DIR/ca
CA_NAME="Switchyard development CA ($(hostname 2>/dev/null || uname -n))"
CERT_DAYS=397
CERT_RENEW_S=$((30 * 86400))

# Every name the stack serves: the domains, all names below them, the components' domains (which a
# wildcard does not cover when they are deeper or elsewhere).
served_names() {
	local name
	tr ',' '\n' <<<"$DOMAIN" | tr -d ' \t' | while read -r name; do
		[ -n "$name" ] && printf '%s\n*.%s\n' "$name" "$name"
	done
	for name in $(program_names); do
		component_domain "$name" | tr ',' '\n' | tr -d ' \t'
	done
}

make_ca() {
	[ -s "$CA_DIR/ca.key" ] &&
		openssl x509 -in "$CA_DIR/ca.pem" -noout -checkend "$CERT_RENEW_S" >/dev/null 2>&1 &&
		return
	say "making a CA in $CA_DIR: $CA_NAME"
	rm -f "$CA_DIR/names"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-keyout "$CA_DIR/ca.key" -out "$CA_DIR/ca.pem" \
		-subj "/CN=$CA_NAME" \
		-addext basicConstraints=critical,CA:TRUE,pathlen:0 \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null ||
		die "openssl could not make a CA in $CA_DIR"
}

# make_cert DIR NAME...: fullchain.pem and privkey.pem in DIR.
make_cert() {
	local dir=$1 first=$2 name san=
	shift
	for name; do
		san+=${san:+,}DNS:$name
	done
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$dir/privkey.pem" -out "$dir/req.pem" -subj "/CN=${first:0:64}" 2>/dev/null ||
		die "openssl could not make a key for $*"
	openssl x509 -req -in "$dir/req.pem" -days "$CERT_DAYS" -sha256 \
		-CA "$CA_DIR/ca.pem" -CAkey "$CA_DIR/ca.key" -set_serial "0x$(random_hex 16)" \
		-out "$dir/fullchain.pem" -extfile <(
			printf '%s\n' "subjectAltName=$san" basicConstraints=critical,CA:FALSE \
				keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth,clientAuth
		) 2>/dev/null || die "openssl could not make a certificate for $*"
	rm -f "$dir/req.pem"
}

random_hex() { openssl rand -hex "$1" || die "openssl gives no random bytes"; }

# Made anew when the names have changed or the end is near.
make_dev_certs() {
	local names first
	mkdir -p "$CA_DIR" "$RUN_DIR/certs"
	make_ca
	names=$(served_names | awk '!seen[$0]++')
	first=${names%%$'\n'*}
	if [ "$names" = "$(cat "$CA_DIR/names" 2>/dev/null)" ] &&
		openssl x509 -in "$RUN_DIR/certs/$first/fullchain.pem" -noout \
			-checkend "$CERT_RENEW_S" >/dev/null 2>&1; then
		return
	fi
	say "making a development certificate for ${names//$'\n'/ }"
	rm -rf "$RUN_DIR/certs.new"
	mkdir -p "$RUN_DIR/certs.new/$first"
	# shellcheck disable=SC2046,SC2086 # one word a name
	set -f && make_cert "$RUN_DIR/certs.new/$first" $names && set +f
	rm -rf "$RUN_DIR/certs"
	mv "$RUN_DIR/certs.new" "$RUN_DIR/certs"
	printf '%s\n' "$names" >"$CA_DIR/names"
}

# One secret a component, made once.
make_secrets() {
	local name file
	mkdir -p "$RUN_DIR/secrets"
	for name in $(program_names); do
		file=$RUN_DIR/secrets/$name
		if [ "$(program_field "$name" 3)" != - ] && [ ! -s "$file" ]; then
			random_hex 32 >"$file.new" && mv "$file.new" "$file"
		fi
	done
}
