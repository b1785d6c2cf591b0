package recent

import "hash/maphash"

// The index finds callbacks by the ID of their event. Each bucket is a list of slots, newest first.

func (r *Ring) hash(id []byte) uint64 { return maphash.Bytes(r.seed, id) }

func (r *Ring) bucket(hash uint64) *int32 { return &r.buckets[hash&uint64(len(r.buckets)-1)] }

// link adds the newest slot to the index, unless it has no ID.
func (r *Ring) link(s *slot) {
	s.newer, s.older = -1, -1
	if !s.hasID() {
		return
	}
	n, newest := int32(s.seq%uint64(len(r.slots))), r.bucket(s.hash)
	if s.older = *newest; s.older >= 0 {
		r.slots[s.older].newer = n
	}
	*newest = n
}

// unlink removes a slot that link has added.
func (r *Ring) unlink(s *slot) {
	switch {
	case !s.hasID():
		return
	case s.newer >= 0:
		r.slots[s.newer].older = s.older
	default:
		*r.bucket(s.hash) = s.older
	}
	if s.older >= 0 {
		r.slots[s.older].newer = s.newer
	}
}

// newest returns the slot in the index of the newest callback with an event's ID, or nil.
func (r *Ring) newest(id []byte, hash uint64) *slot {
	if len(r.buckets) == 0 {
		return nil
	}
	return r.from(*r.bucket(hash), id, hash)
}

// from returns the first slot with an event's ID in a list that begins at n, or nil.
func (r *Ring) from(n int32, id []byte, hash uint64) *slot {
	for n >= 0 {
		if s := &r.slots[n]; s.hash == hash && string(s.text(fieldID)) == string(id) {
			return s
		}
		n = r.slots[n].older
	}
	return nil
}
