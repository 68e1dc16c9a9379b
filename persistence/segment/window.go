package segment

import (
	"errors"
	"io"
)

const (
	windowBytes = 1 << 20
	blockBytes  = 4096
)

// window reads a file in pieces. Blocks that the disk refuses read as zeros, which no checksum fits, so that a bad block costs the
// records in it and not the file.
type window struct {
	r    io.ReaderAt
	size int64
	base int64
	buf  []byte
}

// at returns n bytes from an offset, or less at the end of the file. They stay as they are until the next call.
func (w *window) at(offset int64, n int) []byte {
	if end := w.base + int64(len(w.buf)); offset < w.base || offset > end || offset+int64(n) > end && end < w.size {
		w.fill(offset, n)
	}
	from := min(offset-w.base, int64(len(w.buf)))
	return w.buf[from:min(from+int64(n), int64(len(w.buf)))]
}

func (w *window) fill(offset int64, n int) {
	want := max(0, min(int64(max(n, windowBytes)), w.size-offset))
	if int64(cap(w.buf)) < want {
		w.buf = make([]byte, want)
	}
	w.base, w.buf = offset, w.buf[:want]
	clear(w.buf)
	if got, err := w.r.ReadAt(w.buf, offset); err == nil || errors.Is(err, io.EOF) && got > 0 {
		return
	}
	for from := int64(0); from < want; from += blockBytes {
		block := w.buf[from:min(from+blockBytes, want)]
		if _, err := w.r.ReadAt(block, offset+from); err != nil && !errors.Is(err, io.EOF) {
			clear(block)
		}
	}
}
