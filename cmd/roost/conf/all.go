package conf

import "iter"

// All gives every [Effective] that l has for some client: Base, and one for each block of its Peers.
func (l *Listen) All() iter.Seq[*Effective] {
	return func(yield func(*Effective) bool) {
		if !yield(l.Base) {
			return
		}
		for _, e := range l.peers.byPrefix {
			if !yield(e) {
				return
			}
		}
	}
}
