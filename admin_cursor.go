package timcallback

import "sync"

// servedCursors knows the cursors of the dead letters that were listed last, so
// that a page can be asked for after an ID too, and after one that is gone.
type servedCursors struct {
	mu   sync.Mutex
	byID map[servedID]string
	ids  []servedID // oldest first
}

type servedID struct{ queue, id string }

// mostServed is how many of them are remembered.
const mostServed = 10 * maxDeadLimit

var served = servedCursors{byID: make(map[servedID]string)}

func (s *servedCursors) add(queue, id, cursor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := servedID{queue, id}
	if _, ok := s.byID[key]; !ok {
		s.ids = append(s.ids, key)
		if len(s.ids) > mostServed {
			delete(s.byID, s.ids[0])
			s.ids = s.ids[1:]
		}
	}
	s.byID[key] = cursor
}

// cursor returns the cursor of an ID that was served, and what is no such ID as it is.
func (s *servedCursors) cursor(queue, after string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cursor, ok := s.byID[servedID{queue, after}]; ok {
		return cursor
	}
	return after
}
