package segment

import (
	"fmt"

	"warren/persistence/vfs"
)

// MaxRecords bounds what a writer remembers for the footer, whatever the size of the segment: 10 MiB.
const MaxRecords = 1 << 18

// footerReserve is about what a record takes in the footer; room for it is kept, so that sealing needs no new blocks.
const footerReserve = 13

// Writer fills one segment, group by group: Add as often as there is something, then Write, then Sync. After an error it is of no
// further use: what it wrote may or may not be there.
type Writer struct {
	f      vfs.File
	header Header
	sum    *checksum
	end    int64 // of the groups written
	// The group in the making, its opening record first, and how many records it has.
	group   []byte
	records uint32
	// All records, those of the group included.
	entries []Entry
	// What the summaries among them take in the footer.
	summaries int64
	shares    shares
}

// Create makes a file a segment: room for h.Size bytes, the header, durable before anything else is written. The caller gives the
// file its name afterwards, so that a file with a segment's name always has a segment's header.
func Create(f vfs.File, h Header) (*Writer, error) {
	h.Version = Version
	if err := f.Preallocate(h.Size); err != nil {
		return nil, fmt.Errorf("segment %d: reserve %d bytes: %w", h.Number, h.Size, err)
	}
	if _, err := f.WriteAt(h.page(), 0); err != nil {
		return nil, fmt.Errorf("segment %d: write header: %w", h.Number, err)
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("segment %d: sync header: %w", h.Number, err)
	}
	return &Writer{f: f, header: h, sum: newChecksum(h.Epoch), end: DataStart}, nil
}

// SizeFor is the smallest file that holds one group of records with that many payload bytes in all.
func SizeFor(records int, payloadBytes int64) int64 {
	return DataStart + GroupBytes + payloadBytes + int64(records)*(RecordHeader+align+2*footerReserve) + 1024 + MaxSummary
}

// Header of the segment.
func (w *Writer) Header() Header { return w.header }

// End is where the next group begins, or the footer.
func (w *Writer) End() int64 { return w.end }

// Len is how many records the segment has, groups left out, those of the group in the making included.
func (w *Writer) Len() int { return len(w.entries) }

// Fits says whether one more record has room in this group.
func (w *Writer) Fits(r *Record) bool {
	payload := r.Size()
	if _, shared := w.shares.find(r); shared {
		payload = len(r.Payload) + referenceBytes
	}
	used := w.end + max(GroupBytes, int64(len(w.group))) + Bytes(payload) + w.summaries + int64(r.Summary)
	return len(w.entries) < MaxRecords && used+int64(len(w.entries)+1)*footerReserve+RecordHeader <= w.header.Size
}

// GroupBytes is how large the group in the making is.
func (w *Writer) GroupBytes() int { return len(w.group) }

// Add puts a record into the group and says where it will be. A tail that the segment has already is referred to.
func (w *Writer) Add(r *Record) Entry {
	if len(w.group) == 0 {
		w.group = append(w.group, make([]byte, GroupBytes)...)
	}
	offset := w.end + int64(len(w.group))
	if r.Tail.ID != 0 {
		shared := *r
		w.share(&shared, offset)
		r = &shared
	}
	e := Entry{
		Stream: r.Stream, Index: r.Index, Kind: r.Kind, Flags: r.Flags,
		Offset: offset, Bytes: uint32(r.Size()), Summary: string(r.Payload[:r.Summary]),
	}
	w.group = w.sum.append(w.group, e.Offset, r)
	w.records++
	w.summaries += int64(r.Summary)
	w.entries = append(w.entries, e)
	return e
}

// share has a record refer to its tail if that is here already, and otherwise remembers where it will be.
func (w *Writer) share(r *Record, offset int64) {
	if len(r.Payload) != r.Summary {
		panic(fmt.Sprintf("segment: %s %d/%d has a tail behind %d bytes, of which %d are its summary", r.Kind, r.Stream, r.Index, len(r.Payload), r.Summary))
	}
	p, there := w.shares.find(r)
	switch {
	case len(r.Tail.Bytes) < leastShared:
	case !there:
		at := offset + RecordHeader + int64(len(r.Payload))
		w.shares.put(r.Tail.ID, place{reference: reference{offset: at, bytes: uint32(len(r.Tail.Bytes))}, flags: r.Flags})
	default:
		if !p.summed { // most tails are never referred to
			p.sum, p.summed = payloadSum(r.Tail.Bytes), true
			w.shares.put(r.Tail.ID, p)
		}
		r.Flags |= Shared
		r.Tail = Tail{Bytes: p.append(make([]byte, 0, referenceBytes))}
	}
}

// Buffer is the memory that groups were made in, for Reuse by the next writer when this one is done.
func (w *Writer) Buffer() []byte {
	b := w.group[:0]
	w.group = nil
	return b
}

// Reuse has groups made in such a buffer. It comes before anything is added.
func (w *Writer) Reuse(buffer []byte) { w.group = buffer[:0] }

// keepGroup is how large a buffer is kept for the next group.
const keepGroup = 4 << 20

// Write writes the group, which states that everything before the position was durable. One write for the whole of it.
func (w *Writer) Write(durable Position, now int64) error {
	if w.records == 0 {
		return nil
	}
	payload := w.group[RecordHeader:GroupBytes]
	Statement{Durable: durable, Bytes: uint32(len(w.group)), Records: w.records}.encode(payload)
	w.sum.encode(w.group[:GroupBytes], w.end, &Record{Kind: Group, Time: now})
	if _, err := w.f.WriteAt(w.group, w.end); err != nil {
		return fmt.Errorf("segment %d: write %d bytes at %d: %w", w.header.Number, len(w.group), w.end, err)
	}
	w.end += int64(len(w.group))
	w.records = 0
	if w.group = w.group[:0]; cap(w.group) > keepGroup {
		w.group = nil
	}
	return nil
}

// Sync makes all groups durable.
func (w *Writer) Sync() error {
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("segment %d: sync: %w", w.header.Number, err)
	}
	return nil
}

// Seal completes the segment. Sync comes before it.
func (w *Writer) Seal(now int64) error {
	return Seal(w.f, w.header, w.end, w.entries, now)
}

// Seal completes a segment that ends at that offset and has these records, all of them durable already: that there is a footer says so.
// For a segment that a crash left, the entries are those of its Scan.
//
// The footer is synced before the seal points at it, so that a seal without a footer is damage and not a crash. The seal itself is not
// synced here. A segment whose seal was lost is read record by record up to its footer, which costs time and nothing else.
func Seal(f vfs.File, h Header, end int64, entries []Entry, now int64) error {
	b := newChecksum(h.Epoch).append(nil, end, &Record{Kind: Footer, Time: now, Payload: appendFooter(nil, entries)})
	if _, err := f.WriteAt(b, end); err != nil {
		return fmt.Errorf("segment %d: write footer: %w", h.Number, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("segment %d: sync footer: %w", h.Number, err)
	}
	if _, err := f.WriteAt(seal{footer: end, bytes: uint32(len(b))}.encode(h.Epoch), sealOffset); err != nil {
		return fmt.Errorf("segment %d: write seal: %w", h.Number, err)
	}
	return nil
}
