package conf

import "roost/cmd/internal/ecconf"

// builtin is the configuration that runs without a file. The control socket and
// HTTP on 127.0.0.1:5280 and 127.0.0.1:8098 are on by default.
const builtin = `
xmpp {}

xmpp_listener {
  AuthPlainParameters = [ uri = "accounts://" ]
  require_tls = true                # with the certificate that the server makes for itself
  disable_nagle_algorithm = true    # what has gathered is written at once anyway
  Listen "*:5222" {}
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
// localhost on *:5222, accounts and rosters in ./data, a generated certificate,
// no login without TLS. Streams between servers are not in this release, so
// *:5269 is not opened; a warning says so.
func Default() (*Config, error) {
	c, err := Parse(builtinName, []byte(builtin))
	if err != nil {
		return nil, err
	}
	c.Warnings = append(c.Warnings, &ecconf.Error{Msg: "streams between servers come with a later release: *:5269 is not opened"})
	return c, nil
}

// Builtin returns the text of the configuration behind [Default].
func Builtin() string { return builtin[1:] }
