package sasl

import "testing"

// BenchmarkLogin is a whole exchange with a File, without the client's part
// for PLAIN and with it for SCRAM.
func BenchmarkLogin(b *testing.B) {
	f := openFileText(b, user+":"+password)
	e := secureEnv(f)
	b.Run("PLAIN", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := run(b, start(b, e, "PLAIN"), plainClient("", user, password)); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, h := range []Hash{SHA1, SHA256, SHA512} {
		b.Run("derive "+h.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := DeriveScram(h, password, []byte("0123456789abcdef"), Iterations); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("SCRAM-"+h.String()+" repeated", func(b *testing.B) {
			b.ReportAllocs()
			c, err := scramHash[h].NewClient(user, password, "")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() { // the client keeps its derived keys too
				conv := c.NewConversation()
				step := func(challenge []byte) ([]byte, error) {
					s, err := conv.Step(string(challenge))
					return []byte(s), err
				}
				if _, err := run(b, start(b, e, "SCRAM-"+h.String()), step); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
