package recent

// Attempt is an attempt to deliver an event that has ended.
type Attempt struct {
	Queue   string
	EventID string
	Delivery
}

// earlyNotes is how many attempts are remembered whose callbacks are not there yet. It is a power of 2.
const earlyNotes = 256

// note is an attempt whose callback was not there. The event may be delivered before its callback
// is answered, and is then not remembered yet.
type note struct {
	id       [idSize]byte
	delivery Delivery
}

func (n *note) is(id []byte) bool { return n.delivery.State != "" && string(n.id[:]) == string(id) }

func (r *Ring) earlyNote(hash uint64) *note { return &r.early[hash%earlyNotes] }

// maxSame is how many callbacks of one event are updated. There are several if Tencent sends a
// callback again.
const maxSame = 100

// Attempted updates what is known about the delivery of an event.
func (r *Ring) Attempted(a Attempt) {
	if !r.On() || a.EventID == "" {
		return
	}
	a.LastError = short(a.LastError, MaxText)
	id := []byte(a.EventID)
	hash := r.hash(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.newest(id, hash)
	if s == nil {
		n := r.earlyNote(hash)
		*n = note{delivery: a.Delivery}
		copy(n.id[:], id)
		return
	}
	for range maxSame {
		if s.queue == a.Queue {
			s.delivery = a.Delivery
		}
		if s = r.from(s.older, id, hash); s == nil {
			return
		}
	}
}
