package load

// A timer is something that the loop is to do at a time, in nanoseconds since it began.
type timer struct {
	at   int64
	what timerKind
	arg  int32 // of a session or a stream, by what
	with int32 // the load, for a session that thinks
}

type timerKind uint8

const (
	tBeat   timerKind = iota // measures how late the loop is
	tSecond                  // ends a second of the series, looks for what has timed out
	tStream                  // a stream's next arrival: arg
	tThink                   // session arg goes on with load with
	tLogin                   // the next login of the launcher
	tRetry                   // session arg tries again to log in
	tEnd                     // the segment's time is over
)

// timers is a heap, the earliest first.
type timers []timer

func (h *timers) push(t timer) {
	*h = append(*h, t)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if s[up].at <= t.at {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = t
}

func (h *timers) pop() timer {
	s := *h
	first, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	i := 0
	for {
		c := 2*i + 1
		if c >= len(s) {
			break
		}
		if c+1 < len(s) && s[c+1].at < s[c].at {
			c++
		}
		if last.at <= s[c].at {
			break
		}
		s[i] = s[c]
		i = c
	}
	if len(s) > 0 {
		s[i] = last
	}
	return first
}
