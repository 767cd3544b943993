package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"roost/cmd/roost/conf"
)

// The control socket speaks HTTP on a Unix socket of mode 0600: who may open it may command the
// server. One request is one command: its words in a header, its standard input as body where it
// reads one, its output as the answer's body, its exit code and last sentence as trailers.
const (
	controlPath   = "/run"
	headerArgs    = "Roost-Args"
	trailerExit   = "Roost-Exit"
	trailerReason = "Roost-Reason"
)

// control serves the control socket.
type control struct {
	path string
	ln   net.Listener
	srv  *http.Server
}

// listenControl opens the socket. A file that nobody listens on is a leftover and is replaced.
func listenControl(at conf.Endpoint, handle func(args []string, e *env) int, inherited *heir) (*control, error) {
	path := at.Address.Path
	ln, err := inherited.listen("unix", path, at.Address)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, at.FileMode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+controlPath, func(w http.ResponseWriter, q *http.Request) { serveControl(w, q, handle) })
	ctx, cancel := context.WithCancelCause(context.Background()) // ends what takes long, such as an import of rosters
	c := &control{path: path, ln: ln, srv: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: withCaller}}
	c.srv.RegisterOnShutdown(func() { cancel(errStopping) })
	go c.srv.Serve(ln)
	return c, nil
}

// removeStale removes a socket that nobody listens on any more, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket; move it away, or name another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("%s: another server listens on it; stop that one first", path), c.Close())
	case errors.Is(err, syscall.ECONNREFUSED): // unix(7): nobody has it open
		return os.Remove(path)
	}
	return fmt.Errorf("%s is in use, or not ours: %w", path, err)
}

func serveControl(w http.ResponseWriter, q *http.Request, handle func([]string, *env) int) {
	var args []string
	if err := json.Unmarshal([]byte(q.Header.Get(headerArgs)), &args); err != nil {
		http.Error(w, "no command", http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", trailerExit+", "+trailerReason)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if q.ContentLength != 0 { // a long import says where it is while it reads
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Connection", "close") // what is not read is dropped with the connection
	}
	w.WriteHeader(http.StatusOK)
	reason := &firstLine{}
	code := handle(args, &env{ctx: q.Context(), in: q.Body, out: flushing{w}, err: reason})
	w.Header().Set(trailerExit, strconv.Itoa(code))
	w.Header().Set(trailerReason, strconv.QuoteToASCII(reason.String()))
}

// flushing sends a command's output on as it comes.
type flushing struct{ w http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}

// firstLine keeps what a command says on stderr, bounded.
type firstLine struct{ b []byte }

func (l *firstLine) Write(p []byte) (int, error) {
	l.b = append(l.b, p[:min(len(p), 4096-min(len(l.b), 4096))]...)
	return len(p), nil
}

func (l *firstLine) String() string { return string(l.b) }

// close ends the socket and waits for the commands that run.
func (c *control) close(ctx context.Context) error { return c.srv.Shutdown(ctx) }

// errNoServer says that nobody listens on the control socket.
var errNoServer = errors.New("no server is running")

// noAnswer says why a command did not get through.
func noAnswer(path string, err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case !ok || op.Op != "dial":
		return fmt.Errorf("control socket %s: the server ended before it answered: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("control socket %s: permission denied; run this as the user who runs the server", path)
	}
	return fmt.Errorf("%w: control socket %s: %w", errNoServer, path, op.Err)
}

// reading is a command that reads its standard input.
type reading interface{ reads() }

func (*userAdd) reads()      {}
func (*userPasswd) reads()   {}
func (*userImport) reads()   {}
func (*rosterSet) reads()    {}
func (*rosterImport) reads() {}

// lasting is a command that shows something until the caller has seen enough.
type lasting interface{ untilInterrupted() }

func (*traceCmd) untilInterrupted() {}

// selected is the command that the words are; nil when they are none.
func selected(args []string) any {
	kctx, _ := parse(&consoleCLI{}, "roost", "", args, &env{out: io.Discard, err: io.Discard})
	if kctx == nil {
		return nil
	}
	return kctx.Selected().Target.Addr().Interface()
}

// remote runs a command in the server behind the socket, with this process's standard streams.
func remote(path string, args []string, e *env) (int, error) {
	words, err := json.Marshal(args)
	if err != nil {
		return exitFailed, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	var body io.Reader // a terminal is not read for a command that wants nothing from it
	cmd := selected(args)
	if _, ok := cmd.(reading); ok {
		body = io.NopCloser(e.in)
	}
	q, err := http.NewRequestWithContext(e.ctx, http.MethodPost, "http://roost"+controlPath, body)
	if err != nil {
		return exitFailed, err
	}
	q.Header.Set(headerArgs, string(words))
	_, goesOn := cmd.(lasting)
	resp, err := client.Do(q)
	if goesOn && e.ctx.Err() != nil {
		return exitOK, nil
	}
	if err != nil {
		return exitFailed, noAnswer(path, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(e.out, resp.Body); err != nil {
		if goesOn && e.ctx.Err() != nil {
			return exitOK, nil
		}
		return exitFailed, fmt.Errorf("control socket %s: the server ended while it answered: %w", path, err)
	}
	if reason, err := strconv.Unquote(resp.Trailer.Get(trailerReason)); err == nil {
		io.WriteString(e.err, reason)
	}
	return strconv.Atoi(resp.Trailer.Get(trailerExit))
}
