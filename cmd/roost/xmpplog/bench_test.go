package xmpplog

import "testing"

const chat = `<message from='alice@example.org/phone' to='bob@example.org' type='chat' id='a1b2c3'><body>Shall we meet at six?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>`

// BenchmarkRecord is what one record costs the loop.
func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct{ name, format string }{
		{"default", "%t+R+%st+%at+%af+%ai+%ay+%H"}, {"raw", "%t+%sr"}, {"obscured", "%t+%so"}} {
		l := start(b, Options{}, logger(b, "/dev/null", c.format, c.format))
		st, raw := parse(b, chat), []byte(chat)
		b.Run("received/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Received(peer, st)
			}
		})
		b.Run("delivered/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Delivered(peer, raw)
			}
		})
	}
}
