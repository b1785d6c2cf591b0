package file

import "os"

// room writes zeros where the file will grow next. That proves that there is room before anything is
// changed: a transaction of bbolt that finds the disk full half-way has to be undone at the cost of
// reading the whole file. Storing is also a few percent faster with it, see BenchmarkAhead.
type room struct {
	file *os.File // nil if zeros cannot be written ahead
	to   int64    // the offset where the zeros end
}

// The bounds of how many bytes are written at a time. In a long queue it is more, so that it
// happens rarely.
const (
	leastAhead = 64 << 10
	mostAhead  = 1 << 20
	aheadUnit  = 4096 // the bounds above are multiples of it
)

var zeros [mostAhead]byte

func (a *room) open(path string) {
	a.close()
	if lockedByProcess() {
		return
	}
	a.file, _ = os.OpenFile(path, os.O_WRONLY, 0)
}

func (a *room) close() {
	if a.file != nil {
		_ = a.file.Close()
	}
	*a = room{}
}

// write makes sure that there are zeros beyond end, the end of the last transaction. The writer
// calls it between transactions, when nothing refers to that part of the file. It returns false if
// there is no room for need bytes there. If it cannot find out it returns true, and the write of
// bbolt shows it.
func (a *room) write(end, need int64) bool {
	step := min(max(end/16, leastAhead), mostAhead) &^ (aheadUnit - 1)
	if a.file == nil || a.to-end >= max(step/2, need) {
		return true
	}
	a.to = max(a.to, end)
	enough := (max(end+need, a.to+step) + aheadUnit - 1) &^ (aheadUnit - 1)
	for a.to < enough {
		n, err := a.file.WriteAt(zeros[:min(step, enough-a.to)], a.to)
		a.to += int64(n) &^ (aheadUnit - 1)
		if err != nil {
			return a.failed(end, need, err)
		}
	}
	// this also syncs the size of the file, as bbolt does when the file grows
	if err := a.file.Sync(); err != nil {
		return a.failed(end, need, err)
	}
	return true
}

func (a *room) failed(end, need int64, err error) bool {
	if !noSpace(err) {
		a.close()
		return true
	}
	return a.to-end >= need
}
