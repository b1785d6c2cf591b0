package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// page is a page of a bbolt file. Its header has its number, its kind, the count of its
// elements, and the count of further pages that it extends over. The elements follow, then
// their keys and values. Numbers are in the byte order of the machine.
type page []byte

const (
	pageHeader  = 16
	elementSize = 16

	branchPage = 0x01
	leafPage   = 0x02
)

func (p page) id() uint64       { return binary.NativeEndian.Uint64(p) }
func (p page) kind() uint16     { return binary.NativeEndian.Uint16(p[8:]) }
func (p page) count() int       { return int(binary.NativeEndian.Uint16(p[10:])) }
func (p page) overflow() uint64 { return uint64(binary.NativeEndian.Uint32(p[12:])) }

// element is an element of a page: a key with its value on a leaf page, or a key with the
// number of the child page on a branch page.
type element struct {
	key, value []byte
	child      uint64
	flags      uint32
}

func (e element) isBucket() bool { return e.flags&1 != 0 }

// span is the range of the keys that a page may have: no key is less than from, and every key
// is less than to. If to is nil there is no upper bound.
type span struct{ from, to []byte }

// each calls f with each element of a page. It returns an error if an element is not within
// the page, or out of order.
func (p page) each(within span, f func(element) error) error {
	if pageHeader+p.count()*elementSize > len(p) {
		return fmt.Errorf("%w: it has room for fewer than its %d elements", errDamaged, p.count())
	}
	before := within.from
	for i := range p.count() {
		e, ok := p.element(i)
		if !ok {
			return fmt.Errorf("%w: its element %d is not within it", errDamaged, i)
		}
		order := bytes.Compare(before, e.key)
		if order > 0 || order == 0 && i > 0 || within.to != nil && bytes.Compare(e.key, within.to) >= 0 {
			return fmt.Errorf("%w: its element %d is out of order", errDamaged, i)
		}
		before = e.key
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (p page) element(i int) (e element, ok bool) {
	at := pageHeader + i*elementSize
	number := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(p[at+4*n:])) }
	var position, key, value uint64
	if p.kind() == branchPage {
		position, key, e.child = number(0), number(1), binary.NativeEndian.Uint64(p[at+8:])
	} else {
		e.flags, position, key, value = uint32(number(0)), number(1), number(2), number(3)
	}
	position += uint64(at)
	if position+key+value > uint64(len(p)) {
		return e, false
	}
	e.key = p[position : position+key]
	e.value = p[position+key:][:value]
	return e, true
}
