# How the benchmarks run Roost: with TCP_NODELAY, as its README says. Sourced by bench/run.sh in $WORK; see there for the variables.

KEYS=hybrid # see roost-classic.sh

target_here() { [ -x "$ROOST" ]; }

target_configure() {
    "$BENCH" prepare -f roost -d "$DOMAIN" --users "$USERS" --contacts "$CONTACTS" -o society
    cat >roost.conf <<EOC
Data_Dir = "$WORK/data"
Debug_Flags { WARNING = ( ALL ) }
xmpp {}
xmpp_listener {
  AuthPlainParameters = [ uri = "file://$WORK/society/users.plain" ]
  require_tls = false
  listen_backlog = 4096
  disable_nagle_algorithm = true
  tls_key_exchange = $KEYS
  Listen "127.0.0.1:$PORT" {}
}
domain "#xmpp#$DOMAIN" { XMPP_Role = "server" }
scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }
Control_Listener { Listen "$WORK/control.sock" {} }
HTTP_Listener { enable = false Listen "127.0.0.1:$((PORT + 1))" {} }
EOC
    if [ -s society/rosters.jsonl ]; then "$ROOST" roster import -c roost.conf society/rosters.jsonl; fi
}

target_serve() { exec "$ROOST" serve -c roost.conf; }
