// Command demoroster is an example of a web application that owns rosters: a page with contacts, a
// Roost whose HTTP_Roster_URL points here, and two XMPP clients that show what they are told.
//
//	app.go      the application: who is whose friend, GET /contacts/NAME for Roost, the page's requests
//	roost.go    a Roost with a configuration made for it, and the refresh call
//	client.go   an XMPP client of the standard library's encoding/xml
//	board.go    what the page shows, and its live stream (server-sent events)
//	page.html   the page
//
// It is started by `make demo-roster`. All of it is gone when it ends.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// people have accounts. Those in front are played by clients of this program; the others are for whoever
// wants to log in with a client of his own.
var people = []string{"alice", "bob", "carol"}

const (
	played   = 2
	domain   = "localhost"
	password = "demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demoroster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	bin := flag.String("roost", "bin/roost", "the server's program")
	addr := flag.String("listen", "127.0.0.1:0", "address of the page; port 0: any that is free")
	flag.Parse()
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	token := rand.Text() // Roost shows it to the application, and the application to Roost
	r, err := startRoost(*bin, "http://"+ln.Addr().String(), token)
	if err != nil {
		return err
	}
	defer r.stop()
	b := newBoard()
	a := &app{token: token, board: b, refresh: r.refresh, friends: map[pair]bool{}}
	srv := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go srv.Serve(ln)
	defer srv.Close()
	for _, name := range people[:played] {
		go (&client{name: name, addr: r.xmpp, board: b}).stay(ctx)
	}
	fmt.Printf("page       http://%s/\nXMPP       %s, accounts of %s: %v, password %q\nrefresh    %s/roster_admin/refresh\nend with Ctrl-C\n",
		ln.Addr(), r.xmpp, domain, people, password, r.web)
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.ended:
		return errors.Join(errors.New("roost has ended"), err)
	}
}
