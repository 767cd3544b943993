package netio

import "unsafe"

// FD and ListenerFD let tests look at the sockets.
func FD(c *Conn) int              { return int(c.fd) }
func ListenerFD(ls *Listener) int { return ls.fd }

// ConnSize is the size of a Conn in bytes.
const ConnSize = unsafe.Sizeof(Conn{})

// Buffers returns how many pooled buffers are in use.
func Buffers(e *Engine) int {
	n := 0
	for _, l := range e.loops {
		n += int(l.count.buffers.Load())
	}
	return n
}

// Hot returns how many connections hold ciphers of their own.
func Hot(e *Engine) int {
	n := make(chan int)
	sum := 0
	for _, l := range e.loops {
		l.post(task{fn: func() { n <- len(l.hot) }})
		sum += <-n
	}
	return sum
}

// PerLoop returns how many connections each loop has.
func PerLoop(e *Engine) (n []int) {
	for _, l := range e.loops {
		n = append(n, int(l.open.Load()))
	}
	return n
}

// Rest has the listener's loop rest it, as if there were no descriptor even for
// turning peers away.
func Rest(ls *Listener) {
	done := make(chan bool)
	ls.loop.post(task{fn: func() { ls.loop.rest(ls); close(done) }})
	<-done
}
