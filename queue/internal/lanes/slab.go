package lanes

// slab is an array that grows without being copied, so growing it leaves no garbage. The first
// element has the number 1, so that 0 can mean none.
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
