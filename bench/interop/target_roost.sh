# How the checks run Roost. Sourced by server.sh in $INTEROP_DIR.

target_configure() {
    cat >roost.conf <<EOF
Data_Dir = "$INTEROP_DIR/data"
Hostname = "$INTEROP_DOMAIN"
xmpp {}
xmpp_listener {
  AuthPlainParameters = [ uri = "accounts://" ]
  AuthDigestMD5Parameters = [ uri = "file://$INTEROP_DIR/users" stored_cleartext = "true" ]
  TLS_Certificate = "$INTEROP_CERTS/server.pem"
  TLS_Key = "$INTEROP_CERTS/server-key.pem"
  TLS_Client_CA = "$INTEROP_CERTS/ca.pem"
  TLS_Verify_Mode = "optional"
  Listen "$INTEROP_HOST:$INTEROP_PORT" {}
  Listen "$INTEROP_HOST:$INTEROP_TLS_PORT" { use_ssl = true }
}
domain "#xmpp#$INTEROP_DOMAIN" { XMPP_Role = "server" }
scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }
Control_Listener { Listen "$INTEROP_DIR/control.sock" {} }
HTTP_Listener { Listen "127.0.0.1:$INTEROP_HTTP_PORT" {} }
EOF
    "$INTEROP_ROOST" check -c roost.conf
}

target_add() { "$INTEROP_ROOST" user add -c roost.conf "$1@$INTEROP_DOMAIN"; }

target_serve() { exec "$INTEROP_ROOST" serve -c roost.conf; }
