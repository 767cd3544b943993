package xmpplog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"roost/cmd/roost/conf"
	"roost/router/c2s"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Log is all xmpp_loggers of a configuration. It is safe for concurrent use.
type Log struct{ files []*file }

var _ c2s.Tap = (*Log)(nil)

// Options of Next.
type Options struct {
	Log        *slog.Logger // what goes wrong; nil: slog.Default()
	QueueLimit int          // bytes of lines that wait for one file; 0: DefaultQueueLimit
}

// DefaultQueueLimit has room for some 40 000 lines of the default formats.
const DefaultQueueLimit = 4 << 20

// Next makes the Log of other loggers, and of the first ones with a nil l. Those that are as before go on in it; the others are opened. The
// caller closes left, what only the old Log has, once nothing goes there any more; or it closes fresh,
// when everything is to stay as it is. The error is of a file that cannot be written.
func (l *Log) Next(loggers []conf.Logger, o Options) (next *Log, parts Parts, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.QueueLimit == 0 {
		o.QueueLimit = DefaultQueueLimit
	}
	next, parts.Left = &Log{}, &Log{}
	parts.Fresh = &Log{}
	var old []*file
	if l != nil {
		old = slices.Clone(l.files)
	}
	for _, c := range loggers {
		if i := slices.IndexFunc(old, func(f *file) bool { return f != nil && conf.Same(f.conf, c) }); i >= 0 {
			next.files = append(next.files, old[i])
			old[i] = nil
			continue
		}
		f, err := openFile(c, o)
		if err != nil {
			err = fmt.Errorf("%s: %s: %w", c.Pos, label(c), err)
			return nil, parts, errors.Join(err, parts.Fresh.Close(context.Background()))
		}
		next.files, parts.Fresh.files = append(next.files, f), append(parts.Fresh.files, f)
	}
	parts.Left.files = slices.DeleteFunc(old, func(f *file) bool { return f == nil })
	return next, parts, nil
}

// Parts are what a next Log does not share with the one before.
type Parts struct{ Fresh, Left *Log }

// Len is the number of loggers.
func (l *Log) Len() int {
	if l == nil {
		return 0
	}
	return len(l.files)
}

// label names a logger for people.
func label(c conf.Logger) string {
	if c.Name == "" {
		return "xmpp_logger"
	}
	return fmt.Sprintf("xmpp_logger %q", c.Name)
}

// Received implements c2s.Tap: R records. Where st.From is set it is the sender, whatever the client
// wrote (RFC 6120 §8.1.2.1).
func (l *Log) Received(peer netip.AddrPort, st *stanza.Stanza) {
	var x *scratch
	s := subject{peer: peer, el: st.El}
	for _, f := range l.files {
		if f.conf.Reception == nil {
			continue
		}
		if x == nil {
			x = scratches.Get().(*scratch)
			s.now, s.kind = unixNow(), kindOf(st.El)
			x.from = st.From.AppendTo(x.from[:0])
			s.from = x.from
		}
		x.line = appendRecord(x.line[:0], f.conf.Reception, &s)
		f.put(x.line)
	}
	if x != nil {
		x.release()
	}
}

// Delivered implements c2s.Tap: D records, one for each element in b.
func (l *Log) Delivered(peer netip.AddrPort, b []byte) {
	wanted, body := l.wantsDelivery()
	if !wanted {
		return
	}
	x := scratches.Get().(*scratch)
	s := subject{now: unixNow(), peer: peer}
	if env, ok := readEnvelope(b); ok && !body {
		s.env, s.kind = &env, env.kind
		l.delivered(x, &s)
		x.release()
		return
	}
	err := x.elements(b, func(el xmlstream.Element) {
		s.el, s.kind = el, kindOf(el)
		l.delivered(x, &s)
	})
	if err != nil { // bytes that are no elements are still something that was sent
		s.el, s.kind = xmlstream.Element{}, "stream"
		l.delivered(x, &s)
	}
	x.release()
}

func (l *Log) delivered(x *scratch, s *subject) {
	for _, f := range l.files {
		if f.conf.Delivery != nil {
			x.line = appendRecord(x.line[:0], f.conf.Delivery, s)
			f.put(x.line)
		}
	}
}

// wantsDelivery reports whether D records are written, and whether any shows more than the envelope.
func (l *Log) wantsDelivery() (wanted, body bool) {
	for _, f := range l.files {
		wanted = wanted || f.conf.Delivery != nil
		body = body || showsBody(f.conf.Delivery)
	}
	return wanted, body
}

// Reopen writes what waits, and then opens every file anew, as after a rotation has moved it. A file
// that cannot be opened goes on as it was.
func (l *Log) Reopen() error {
	var errs []error
	for _, f := range l.files {
		if err := f.reopen(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", label(f.conf), err))
		}
	}
	return errors.Join(errs...)
}

// Close writes what waits and closes the files. Records that come later are dropped. ctx bounds how
// long a disk that does not answer is waited for.
func (l *Log) Close(ctx context.Context) error {
	var errs []error
	for _, f := range l.files {
		if err := f.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", label(f.conf), err))
		}
	}
	return errors.Join(errs...)
}

// Stats is what one logger has done since it was opened.
type Stats struct {
	Name    string // as people know it
	File    string
	Written uint64 // records
	Dropped uint64 // records
	Waiting int    // bytes
	Err     error  // why the file cannot be written at the moment; nil: it can
}

// Stats describes every logger; a nil Log has none.
func (l *Log) Stats() []Stats {
	var out []Stats
	if l == nil {
		return nil
	}
	for _, f := range l.files {
		out = append(out, f.stats())
	}
	return out
}
