# How the checks run Prosody (Debian package prosody), which shows that the checks themselves are right. Sourced by
# server.sh in $INTEROP_DIR.

target_configure() {
    mkdir -p "data/${INTEROP_DOMAIN//./%2e}/accounts"
    cat >prosody.cfg.lua <<EOF
run_as_root = true
daemonize = false
pidfile = "$INTEROP_DIR/prosody.pid"
data_path = "$INTEROP_DIR/data"
interfaces = { "$INTEROP_HOST" }
c2s_ports = { $INTEROP_PORT }
c2s_direct_tls_ports = { $INTEROP_TLS_PORT }
s2s_ports = {}
http_ports = {}
https_ports = {}
modules_enabled = { "roster", "saslauth", "tls", "disco", "private", "vcard_legacy", "pep", "version", "uptime", "time", "ping", "posix" }
modules_disabled = { "s2s" }
c2s_require_encryption = true
allow_registration = false
authentication = "internal_plain"
limits = {}
log = { debug = "*console" }
ssl = { certificate = "$INTEROP_CERTS/server.pem", key = "$INTEROP_CERTS/server-key.pem", cafile = "$INTEROP_CERTS/ca.pem" }
c2s_direct_tls_ssl = ssl
VirtualHost "$INTEROP_DOMAIN"
EOF
}

target_add() {
    local password
    IFS= read -r password
    password=${password//\\/\\\\}
    printf 'return { ["password"] = "%s" };\n' "${password//\"/\\\"}" >"data/${INTEROP_DOMAIN//./%2e}/accounts/$1.dat"
}

target_serve() { exec prosody -F --config "$INTEROP_DIR/prosody.cfg.lua"; }
