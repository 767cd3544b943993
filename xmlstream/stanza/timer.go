package stanza

import "time"

// Timer measures how long a stanza took through the server: from being read until every connection
// that its Frame went to has written it, or has ended.
type Timer struct {
	began time.Time
	over  func(took time.Duration)
}

// StartTimer makes a Timer that began now. over is called once, by any goroutine, and must not block.
func StartTimer(over func(took time.Duration)) *Timer { return &Timer{time.Now(), over} }

func (t *Timer) stop() {
	if t != nil {
		t.over(time.Since(t.began))
	}
}
