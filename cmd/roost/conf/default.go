package conf

// builtin is the configuration that runs without a file. The control socket and
// HTTP on 127.0.0.1:5280 and 127.0.0.1:8098 are on by default.
const builtin = `
xmpp {}

xmpp_listener {
  AuthPlainParameters = [ uri = "accounts://" ]
  require_tls = true                # with the certificate that the server makes for itself
  disable_nagle_algorithm = true    # what has gathered is written at once anyway
  tcp_recv_buffer_size = 16384      # README, "Tuning", says why
  tcp_send_buffer_size = 65536
  Listen "*:5222" {}
  Listen "*:5269" {}                # where other servers look for this one
}

domain "#xmpp#localhost" {
  XMPP_Role = "server"
}

scriptlet "scriptlet" {
  script "xmpp-presence" {
    source = "msys.xmpp.presence"
  }
}
`

// builtinName stands for a file name in messages about the built-in configuration.
const builtinName = "built-in"

// Default returns the configuration that runs without a file: the domain
// localhost on *:5222 and *:5269, accounts and rosters in ./data, a generated
// certificate, no login without TLS.
func Default() (*Config, error) { return Parse(builtinName, []byte(builtin)) }
