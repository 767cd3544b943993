package routertest

import (
	"strings"
	"sync"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Client is one session and the stream behind it.
type Client struct {
	Session *router.Session
	srv     *Server
	out     *Outlet
	tok     xmlstream.Tokenizer
}

// Send routes one stanza as a stream does: first where nothing may block, out of a buffer that is
// overwritten afterwards; then, if need be, as a copy where it may. It reports whether it blocked.
func (c *Client) Send(text string) (blocked bool) {
	c.srv.T.Helper()
	buf := []byte(text)
	ev, el, used, err := c.tok.Next(buf)
	if err != nil || ev != xmlstream.Complete || used != len(buf) {
		c.srv.T.Fatalf("not one stanza (%v): %s", err, text)
	}
	st := stanza.Parse(el, stanza.NSClient)
	if st.Kind == stanza.NotStanza {
		c.srv.T.Fatalf("not a stanza: %s", text)
	}
	if c.srv.Router.Route(c.Session, &st, false) {
		clear(buf)
		return false
	}
	st = stanza.Parse(el, stanza.NSClient) // Route may have changed its copy of the envelope
	own := st.Clone()
	clear(buf)
	if !c.srv.Router.Route(c.Session, own, true) {
		c.srv.T.Fatalf("not done where it may block: %s", text)
	}
	return true
}

func (c *Client) feed(text string) {
	c.srv.T.Helper()
	if _, _, _, err := c.tok.Next([]byte(text)); err != nil {
		c.srv.T.Fatal(err)
	}
}

// Got is what the client received since the last call, one text for each stanza.
func (c *Client) Got() []string { return c.out.take() }

// One is the only stanza that the client received since the last call.
func (c *Client) One() string {
	c.srv.T.Helper()
	got := c.Got()
	if len(got) != 1 {
		c.srv.T.Fatalf("%s got %d stanzas, want 1: %s", c.Session.JID, len(got), strings.Join(got, "\n"))
	}
	return got[0]
}

// Ask sends a request and gives the only answer.
func (c *Client) Ask(text string) string {
	c.srv.T.Helper()
	c.Send(text)
	return c.One()
}

// Leave ends the session without a word, as a broken connection does.
func (c *Client) Leave() { c.srv.Router.Unbind(c.Session, "") }

// Stop makes the stream take nothing more, as one that is ending does.
func (c *Client) Stop() {
	c.out.mu.Lock()
	c.out.stopped = true
	c.out.mu.Unlock()
}

// Ended is the error that the stream was told to end with, and whether it was told to.
func (c *Client) Ended() (*stanza.StreamError, bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.err, c.out.ended
}

// Outlet records what it is given.
type Outlet struct {
	mu      sync.Mutex
	got     []string
	stopped bool
	ended   bool
	err     *stanza.StreamError
}

// Deliver implements router.Outlet.
func (o *Outlet) Deliver(f *stanza.Frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer f.Release()
	if o.stopped {
		return false
	}
	o.got = append(o.got, string(f.Bytes()))
	return true
}

// End implements router.Outlet.
func (o *Outlet) End(e *stanza.StreamError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.ended, o.stopped, o.err = true, true, e
	}
}

func (o *Outlet) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	got := o.got
	o.got = nil
	return got
}
