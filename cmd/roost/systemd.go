package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells the service manager where the server is (sd_notify(3)); without one it does nothing.
// The unit says Type=notify.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("the service manager was not told", "state", state, "err", err)
	}
}

// watchdog tells the service manager so often that every event loop answers (WatchdogSec of the unit). One that
// does not keeps it silent, and the service manager starts the server anew.
func (s *Server) watchdog(log *slog.Logger) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-tick.C:
			s.engine.Answer()
			notify(log, daemon.SdNotifyWatchdog)
		}
	}
}

// notifyReloading tells the service manager that the service is changing, until it is told READY (sd_notify(3)).
func notifyReloading(log *slog.Logger, what string) {
	notify(log, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec()+"STATUS="+what)
}

// ready is READY=1 with a line for `systemctl status`.
func (s *Server) ready() string {
	return fmt.Sprintf("%s\nSTATUS=serving %s on %s", daemon.SdNotifyReady,
		count(len(served(s.conf())), "domain"), count(len(s.open()), "socket"))
}
