package main

import (
	"fmt"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells the service manager where the server is (sd_notify(3)); without one it does nothing.
// The unit says Type=notify.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("the service manager was not told", "state", state, "err", err)
	}
}

// ready is READY=1 with a line for `systemctl status`.
func (s *Server) ready() string {
	return fmt.Sprintf("%s\nSTATUS=serving %s on %s", daemon.SdNotifyReady,
		count(len(served(s.conf())), "domain"), count(len(s.open()), "socket"))
}
