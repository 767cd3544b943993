# How the benchmarks run Prosody (Debian package prosody), tuned as its manual says: epoll, the incremental collector with Lua's own
# settings (Prosody's, threshold 105, take twice the CPU for a message), no rate limits, internal storage, errors only in the log. Sourced by bench/run.sh.

target_here() { command -v prosody >/dev/null; }

target_configure() {
    "$BENCH" prepare -f prosody -d "$DOMAIN" --users "$USERS" --contacts "$CONTACTS" -o data >/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$DOMAIN" \
        -keyout key.pem -out cert.pem 2>/dev/null
    cat >prosody.cfg.lua <<EOC
run_as_root = true
daemonize = false
pidfile = "$WORK/prosody.pid"
data_path = "$WORK/data"
interfaces = { "127.0.0.1" }
c2s_ports = { $PORT }
c2s_direct_tls_ports = {}
s2s_ports = {}
http_ports = {}
https_ports = {}
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "posix" }
modules_disabled = { "s2s", "offline" }
network_backend = "epoll"
network_settings = { tcp_backlog = 4096 }
gc = { mode = "incremental", threshold = 200, speed = 200 }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
limits = {}
log = { error = "*console" }
ssl = { certificate = "$WORK/cert.pem", key = "$WORK/key.pem" }
VirtualHost "$DOMAIN"
EOC
}

target_serve() { exec prosody -F --config "$WORK/prosody.cfg.lua"; }
