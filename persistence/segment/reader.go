package segment

import (
	"errors"
	"fmt"
	"io"
)

// ReadHeader reads the header of a segment file.
func ReadHeader(r io.ReaderAt) (Header, error) {
	b := make([]byte, headerBytes)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Header{}, err
	}
	return ParseHeader(b[:n])
}

// ReadFooter reads what a sealed segment has, without reading its records. end is where the footer stands, 0 when there is no seal
// to say so; an error with an end is a footer that went bad.
func ReadFooter(r io.ReaderAt, size int64, epoch uint64) (entries []Entry, end int64, err error) {
	b := make([]byte, sealBytes)
	if n, err := r.ReadAt(b, sealOffset); n < sealBytes {
		return nil, 0, err
	}
	s, ok := parseSeal(epoch, b)
	if !ok {
		return nil, 0, nil
	}
	if s.bytes < RecordHeader || s.footer > MaxFile || s.footer+int64(s.bytes) > size {
		return nil, s.footer, fmt.Errorf("footer at %d is cut off: %w", s.footer, errFooter)
	}
	b = make([]byte, s.bytes)
	if _, err := r.ReadAt(b, s.footer); err != nil {
		return nil, s.footer, err
	}
	record, _, err := Parse(epoch, s.footer, b)
	if err != nil || record.Kind != Footer {
		return nil, s.footer, fmt.Errorf("footer at %d: %w", s.footer, ErrChecksum)
	}
	entries, err = ParseFooter(record.Payload)
	if err == nil && len(entries) > 0 && entries[len(entries)-1].End() > s.footer {
		err = errFooter
	}
	return entries, s.footer, err
}

// Reader reads single records. One goroutine at a time; as many readers as one likes.
type Reader struct {
	r   io.ReaderAt
	sum *checksum
}

// NewReader reads records of the segment with that epoch.
func NewReader(r io.ReaderAt, epoch uint64) *Reader {
	return &Reader{r: r, sum: newChecksum(epoch)}
}

// ReadAt reads one record, payload as its writer gave it but for compression, in memory of its own. An error that matches ErrChecksum
// is damage.
func (r *Reader) ReadAt(e Entry) (Record, error) {
	record, _, err := r.ReadShared(e)
	return record, err
}

// ReadShared is ReadAt that also says where in the file the bytes behind the summary are, be they the record's own or shared.
func (r *Reader) ReadShared(e Entry) (record Record, tail int64, err error) {
	b := make([]byte, RecordHeader+int(e.Bytes))
	if _, err := r.r.ReadAt(b, e.Offset); err != nil && !errors.Is(err, io.EOF) {
		return Record{}, 0, err
	}
	if record, err = r.parse(b, e); err != nil {
		return record, 0, err
	}
	tail = e.Offset + RecordHeader + int64(record.Summary)
	if f, ok := parseReference(record.Payload[record.Summary:], e.Offset); ok && record.Flags&Shared != 0 {
		tail = f.offset
	}
	return record, tail, resolve(r.r, &record, e.Offset)
}

// Decode takes a record out of bytes that were read from its offset on. The payload aliases them, but for one that refers to bytes
// elsewhere, which are read.
func (r *Reader) Decode(b []byte, e Entry) (Record, error) {
	record, err := r.parse(b, e)
	if err != nil {
		return record, err
	}
	return record, resolve(r.r, &record, e.Offset)
}

func (r *Reader) parse(b []byte, e Entry) (Record, error) {
	record, _, err := r.sum.record(b, e.Offset)
	if err != nil {
		return Record{}, err
	}
	if record.Stream != e.Stream || record.Index != e.Index || record.Kind != e.Kind {
		return Record{}, fmt.Errorf("%s %d/%d where %s %d/%d should be: %w", record.Kind, record.Stream, record.Index, e.Kind, e.Stream, e.Index, ErrChecksum)
	}
	return record, nil
}
