package delegated

import (
	"fmt"
	"time"
)

// aim is where rosters are asked for, and how. It can be turned while the Store works.
type aim struct {
	url     target
	token   string
	timeout time.Duration
}

func (s *Store) aimed() *aim { return s.aim.Load() }

// Aim has the Store ask elsewhere, with another token or another patience, from now on. Rosters of users with
// a session stay in force: RefreshAll fetches them anew. What is kept of others is forgotten.
func (s *Store) Aim(url, token string, timeout time.Duration) error {
	if err := CheckURL(url); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	def(&timeout, s.o.Timeout)
	was := s.aim.Swap(&aim{target(url), token, timeout})
	if was.url == target(url) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		e.etag = "" // of another application
		if !e.live && e.flight == nil {
			s.drop(e)
		}
	}
	return nil
}
