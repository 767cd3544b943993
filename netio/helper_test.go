package netio_test

import (
	"crypto/tls"
	"log/slog"
)

type tlsState = tls.ConnectionState

var discardLog = slog.New(slog.DiscardHandler)
