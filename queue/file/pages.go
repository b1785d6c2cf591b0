package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// pages reads a bbolt file without relying on it to be sound. bbolt itself relies on that: a
// damaged page makes it read on without an end, or panic, and while it opens a file it may
// panic in a goroutine where nobody can recover.
type pages struct {
	file io.ReaderAt
	size int // the size of a page, in bytes
	root uint64
	seen []bool // for each page, whether something refers to it
	buf  []byte
}

// bucket is a bucket that lies in the root bucket of the file.
type bucket struct {
	name     string
	root     uint64
	page     page // if root is 0: the only page, which lies in the root bucket itself
	sequence uint64
}

// bucketHeader is the size in bytes of the root page's number and the sequence, with which a
// bucket begins. In a small bucket its only page follows.
const bucketHeader = 16

// newPages returns a reader of a file that is length bytes long and has pages of size bytes.
// Its root bucket is on the page with the number root.
func newPages(file io.ReaderAt, length int64, size int, root uint64) *pages {
	p := &pages{file: file, size: size, root: root, seen: make([]bool, length/int64(size))}
	_ = p.claim(0, 2) // for the meta pages
	return p
}

// claim records that something refers to n pages. It returns an error if something else already
// refers to one of them.
func (p *pages) claim(id, n uint64) error {
	if end := uint64(len(p.seen)); id >= end || n > end-id {
		return fmt.Errorf("%w: it is beyond the end of the file", errDamaged)
	}
	for i := range p.seen[id : id+n] {
		if p.seen[id+uint64(i)] {
			return fmt.Errorf("%w: two places refer to it", errDamaged)
		}
		p.seen[id+uint64(i)] = true
	}
	return nil
}

// read reads a page that nothing has referred to yet. The page is valid until the next read.
func (p *pages) read(id uint64) (page, error) {
	if err := p.claim(id, 1); err != nil {
		return nil, err
	}
	p.buf = slices.Grow(p.buf[:0], p.size)[:p.size]
	at := int64(id) * int64(p.size)
	if _, err := p.file.ReadAt(p.buf, at); err != nil {
		return nil, err
	}
	if more := page(p.buf).overflow(); more > 0 {
		if err := p.claim(id+1, more); err != nil {
			return nil, err
		}
		rest := int(more) * p.size
		p.buf = slices.Grow(p.buf, rest)[:p.size+rest]
		if _, err := p.file.ReadAt(p.buf[p.size:], at+int64(p.size)); err != nil {
			return nil, err
		}
	}
	if own := page(p.buf).id(); own != id {
		return nil, fmt.Errorf("%w: it says that it is page %d", errDamaged, own)
	}
	return p.buf, nil
}

// buckets lists the buckets in the root bucket, sorted by name.
func (p *pages) buckets() (list []bucket, err error) {
	err = p.tree(p.root, span{}, func(e element) error {
		if !e.isBucket() || len(e.value) < bucketHeader {
			return fmt.Errorf("%w: %.32q is not a bucket", errDamaged, e.key)
		}
		list = append(list, bucket{
			name:     string(e.key),
			root:     binary.NativeEndian.Uint64(e.value),
			sequence: binary.NativeEndian.Uint64(e.value[8:]),
			page:     bytes.Clone(e.value[bucketHeader:]),
		})
		return nil
	})
	return list, err
}

// each calls f with the keys and values of a bucket, sorted by key. The slices are valid until
// f returns.
func (p *pages) each(b bucket, f func(key, value []byte) error) error {
	visit := func(e element) error {
		if e.isBucket() {
			return fmt.Errorf("%w: %.32x is a bucket", errDamaged, e.key)
		}
		return f(e.key, e.value)
	}
	if b.root != 0 {
		return p.tree(b.root, span{}, visit)
	}
	if len(b.page) < pageHeader || b.page.kind() != leafPage {
		return fmt.Errorf("%w: it has no pages", errDamaged)
	}
	return b.page.each(span{}, visit)
}

// tree visits all elements on the leaf pages at or below a page.
func (p *pages) tree(id uint64, within span, visit func(element) error) error {
	children, err := p.visit(id, within, visit)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for i, e := range children {
		below := span{from: e.key, to: within.to}
		if i+1 < len(children) {
			below.to = children[i+1].key
		}
		if err := p.tree(e.child, below, visit); err != nil {
			return err
		}
	}
	return nil
}

// visit reads one page. It visits the elements of a leaf page, and returns those of a branch page.
func (p *pages) visit(id uint64, within span, visit func(element) error) (children []element, err error) {
	page, err := p.read(id)
	if err != nil {
		return nil, err
	}
	switch page.kind() {
	case leafPage:
		return nil, page.each(within, visit)
	case branchPage:
		err = slices.Clone(page).each(within, func(e element) error {
			children = append(children, e)
			return nil
		})
		if err == nil && len(children) == 0 {
			err = fmt.Errorf("%w: no page is below it", errDamaged)
		}
		return children, err
	default:
		return nil, fmt.Errorf("%w: its kind is not one that can be here", errDamaged)
	}
}
