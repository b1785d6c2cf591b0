package file

// slab is a growing array that is never copied, so that growing leaves no garbage
// of its own size behind. Numbers begin with 1; 0 is nobody's.
type slab[T any] struct {
	chunks [][]T
	size   uint32
}

const slabChunk = 1 << 12

func (s *slab[T]) at(n uint32) *T { return &s.chunks[n/slabChunk][n%slabChunk] }

// grow adds a zero T and returns its number.
func (s *slab[T]) grow() uint32 {
	s.size++
	if s.size/slabChunk == uint32(len(s.chunks)) {
		s.chunks = append(s.chunks, make([]T, slabChunk))
	}
	return s.size
}
