package journal

import "warren/persistence/cold"

// tape is what a start finds, written once and read in order. It is cut into pieces, which lie in the scratch file where there is one: a start
// with a long queue needs no more memory than the queue does.
type tape struct {
	store  *cold.Store
	pieces []piece
	buf    []byte // of the last one
}

// piece is one of the two.
type piece struct {
	page *cold.Page
	b    []byte
}

const pieceBytes = 32 << 10

// write appends what f encodes, which is told whether it is the first of a piece.
func (t *tape) write(f func(b []byte, first bool) []byte) {
	if t.buf = f(t.buf, len(t.buf) == 0); len(t.buf) >= pieceBytes {
		t.cut()
	}
}

func (t *tape) cut() {
	p := piece{}
	if t.store.Takes() {
		p.page, _ = t.store.Put(string(t.buf))
	}
	if p.page == nil {
		p.b, t.buf = t.buf, nil
	}
	t.pieces = append(t.pieces, p)
	t.buf = t.buf[:0]
}

// at returns a piece, and false when there are no more.
func (t *tape) at(i int) ([]byte, bool) {
	switch {
	case i > len(t.pieces) || i == len(t.pieces) && len(t.buf) == 0:
		return nil, false
	case i == len(t.pieces):
		return t.buf, true
	}
	if p := t.pieces[i]; p.page == nil {
		return p.b, true
	} else {
		return []byte(p.page.Read()), true
	}
}
