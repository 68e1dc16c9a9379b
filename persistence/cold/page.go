package cold

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Page is bytes in a scratch file. It never changes, and everybody may read it.
type Page struct {
	store *Store
	at    run
	bytes uint32
	sum   uint32
}

// Len is how many bytes it has.
func (p *Page) Len() int { return int(p.bytes) }

// Read reads it. What is not what was written is a broken invariant, since no crash is between the two, and panics with a *ReadError.
func (p *Page) Read() string {
	b := make([]byte, p.bytes)
	offset := int64(p.at.at) * slotBytes
	n, err := p.store.file.ReadAt(b, offset)
	runtime.KeepAlive(p) // its slots are somebody else's as soon as it is garbage
	switch {
	case n < len(b) && (err == nil || errors.Is(err, io.EOF)):
		err = io.ErrUnexpectedEOF
	case n == len(b):
		if err = nil; crc32.Checksum(b, castagnoli) != p.sum {
			err = errChecksum
		}
	}
	if err != nil {
		panic(&ReadError{Path: p.store.path, Offset: offset, Bytes: len(b), Err: err})
	}
	return string(b)
}

var errChecksum = errors.New("the checksum does not match: the file was changed, or the disk lost it")

// ReadError is a page that cannot be read.
type ReadError struct {
	Path   string
	Offset int64
	Bytes  int
	Err    error
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("scratch file %s: read %d bytes at %d: %v", e.Path, e.Bytes, e.Offset, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }
