package file

import (
	"os"

	bolt "go.etcd.io/bbolt"
)

// ahead writes zeros where the file will grow next. A sync of pages that the file
// system has to find room for first, or knows to be empty, also writes its journal,
// and takes twice as long as one of pages that were there before.
type ahead struct {
	file *os.File // nil if it cannot be done
	to   int64    // where the zeros end
}

// How much is written at a time: in a long queue more, so that it is rare.
const (
	leastAhead = 64 << 10
	mostAhead  = 1 << 20
)

var zeros [mostAhead]byte

func (a *ahead) open(path string) {
	a.close()
	if lockedByProcess() {
		return
	}
	a.file, _ = os.OpenFile(path, os.O_WRONLY, 0)
}

func (a *ahead) close() {
	if a.file != nil {
		_ = a.file.Close()
	}
	*a = ahead{}
}

// write is called between transactions, by who alone writes them: nothing then
// refers to what is beyond the pages of the last one. What fails is left to bbolt,
// which makes room when it needs it.
func (a *ahead) write(tx *bolt.Tx) {
	end := tx.Size()
	step := min(max(end/16, leastAhead), mostAhead) &^ 4095
	if a.file == nil || a.to-end >= step/2 {
		return
	}
	from := max(a.to, end)
	_, err := a.file.WriteAt(zeros[:step], from)
	if err == nil {
		err = a.file.Sync() // of the file's size too, as bbolt does when it lets it grow
	}
	if err != nil {
		a.close()
		return
	}
	a.to = from + step
}
