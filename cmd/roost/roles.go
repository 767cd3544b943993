package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"roost/cmd/roost/conf"
)

// nobody is the user of a command that did not come through a control socket.
const nobody = -1

// callerKey is where the context of a connection has the user who opened it.
type callerKey struct{}

// withCaller notes who is at the other end of a Unix socket (unix(7), SO_PEERCRED).
func withCaller(ctx context.Context, c net.Conn) context.Context {
	uid := nobody
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
					uid = int(cred.Uid)
				}
			})
		}
	}
	return context.WithValue(ctx, callerKey{}, uid)
}

// caller is the user behind a command.
func caller(ctx context.Context) int {
	if uid, ok := ctx.Value(callerKey{}).(int); ok {
		return uid
	}
	return nobody
}

// allowed says whether a user may give a command: everybody who can open the socket where there is no
// Authorization, else who has a role that allows it.
func allowed(c conf.Control, uid int, args []string) error {
	if !c.Authorization {
		return nil
	}
	name := strconv.Itoa(uid)
	names := []string{name}
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
		names = append(names, u.Username)
	}
	line, has := strings.Join(args, " "), false
	for _, r := range c.Roles {
		if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(r.Users, n) }) {
			continue
		}
		has = true
		for _, re := range r.Allow {
			if re.MatchString(line) {
				return nil
			}
		}
	}
	if !has {
		return fmt.Errorf("user %s has no Role in Authorization: permission denied", name)
	}
	return errors.New("no Role of user " + name + " allows this command: permission denied")
}
