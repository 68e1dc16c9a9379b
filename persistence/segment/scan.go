package segment

import (
	"cmp"
	"io"
	"slices"
)

// Scan is what reading a segment record by record found.
type Scan struct {
	// Entries are the records that count, by rising offset.
	Entries []Entry
	// End is where the log goes on: behind the last record that counts.
	End int64
	// Sealed: the footer was there.
	Sealed bool
	// Stated is the highest offset of this segment that was stated durable, and Before the highest position of earlier ones.
	Stated int64
	Before Position
	// Damage lists the places below Stated that do not add up, by rising offset.
	Damage []Fault
	// Torn is where the tail was torn, when it was: a fault above Stated with remains of a group behind it. Bytes reaches up to
	// the end of the last record that is whole.
	Torn Fault
}

// Fault is a range of bytes that are not the records they were.
type Fault struct {
	Offset int64
	Bytes  int64
	// Record: only the payload went bad, or the footer remembers, so this is what was lost.
	Record *Entry
}

// End of the range.
func (f Fault) End() int64 { return f.Offset + f.Bytes }

// Limits are what is known about a segment from outside of it.
type Limits struct {
	// Stated: everything below this offset was durable, 0 when nobody said so.
	Stated int64
	// End: the log went on elsewhere from this offset, 0 when it did not.
	End int64
}

// ScanFile reads a segment record by record and decides what counts. size is that of the file, which may have been cut off.
func ScanFile(r io.ReaderAt, size int64, h Header, known Limits) Scan {
	s := scanner{
		window: window{r: r, size: size}, sum: newChecksum(h.Epoch), number: h.Number, limit: min(size, MaxFile), last: DataStart,
		out: Scan{Stated: max(known.Stated, known.End), Before: h.Before},
	}
	if known.End > 0 {
		s.limit = min(s.limit, known.End)
	}
	s.run()
	s.judge()
	return s.out
}

type scanner struct {
	window
	sum    *checksum
	number uint64
	limit  int64
	out    Scan
	faults []Fault
	last   int64 // end of the last record that is whole
	// Records that are whole and refer to bytes which are not, and which references are known to hold.
	parted []Fault
	holds  map[reference]bool
}

// run goes from record to record, and where there is none it searches for the next. It decides nothing: what is behind a fault may
// state that the fault was durable.
func (s *scanner) run() {
	offset := int64(DataStart)
	for offset < s.limit {
		p, ok := s.sum.parse(s.at(offset, RecordHeader), offset)
		if !ok {
			next := s.search(offset + align)
			s.faults = append(s.faults, Fault{Offset: offset, Bytes: next - offset})
			offset = next
			continue
		}
		entry := Entry{Stream: p.Stream, Index: p.Index, Offset: offset, Bytes: uint32(p.payload), Kind: p.Kind, Flags: p.Flags}
		if p.Kind == Footer {
			// Written at the end of the log, and nothing behind it counts, be the footer itself whole or not.
			s.out.Sealed = s.payload(p, offset) != nil
			s.out.Stated = max(s.out.Stated, offset)
			s.limit, s.last = offset, offset
			return
		}
		end := entry.End()
		payload := s.payload(p, offset)
		if payload == nil || end > s.limit {
			end = min(end, s.limit)
			lost := entry // of its own, or every entry would be allocated
			s.faults = append(s.faults, Fault{Offset: offset, Bytes: end - offset, Record: &lost})
			offset = end
			continue
		}
		if p.Kind == Group {
			s.state(payload)
		} else {
			entry.Summary = string(payload[:p.Summary])
			if p.Flags&Shared == 0 || s.refers(payload[p.Summary:], offset) {
				s.out.Entries = append(s.out.Entries, entry)
			} else {
				lost := entry
				s.parted = append(s.parted, Fault{Offset: offset, Bytes: end - offset, Record: &lost})
			}
		}
		offset, s.last = end, end
	}
}

// payload returns a payload that its checksum fits, or nil.
func (s *scanner) payload(p parsed, offset int64) []byte {
	if offset+RecordHeader+int64(p.payload) > s.size {
		return nil
	}
	b := s.at(offset+RecordHeader, p.payload)
	if len(b) < p.payload || payloadSum(b) != p.sum {
		return nil
	}
	return b[:p.payload:p.payload]
}

// refers says whether a reference leads to bytes that its checksum fits. The bytes of the payload are not used after that.
func (s *scanner) refers(b []byte, offset int64) bool {
	f, ok := parseReference(b, offset)
	if !ok {
		return false
	}
	holds, known := s.holds[f]
	if !known {
		// Mostly it is close by; where it is not, the window must not jump back and forth.
		w := &s.window
		if f.offset < s.base {
			w = &window{r: s.r, size: s.size}
		}
		holds = payloadSum(w.at(f.offset, int(f.bytes))) == f.sum
		if s.holds == nil {
			s.holds = map[reference]bool{}
		}
		s.holds[f] = holds
	}
	return holds
}

func (s *scanner) state(payload []byte) {
	statement, ok := ParseStatement(payload)
	switch {
	case !ok:
	case statement.Durable.Segment == s.number:
		s.out.Stated = max(s.out.Stated, statement.Durable.Offset)
	case s.out.Before.Less(statement.Durable) && statement.Durable.Segment < s.number:
		s.out.Before = statement.Durable
	}
}

// search returns the offset of the next record header from an offset on, or the limit.
func (s *scanner) search(offset int64) int64 {
	for offset+RecordHeader <= s.limit {
		b := s.at(offset, windowBytes)
		i := 0
		for ; i+RecordHeader <= len(b); i += align {
			if _, ok := s.sum.parse(b[i:], offset+int64(i)); ok && offset+int64(i) < s.limit {
				return offset + int64(i)
			}
		}
		if i == 0 {
			break
		}
		offset += int64(i)
	}
	return s.limit
}

// judge tells damage from the torn tail. Everything below the highest statement was durable, so what is wrong there is damage, and
// what follows still counts. The first fault above it ends the log.
func (s *scanner) judge() {
	end := s.last
	for _, f := range s.faults {
		if f.Offset >= s.out.Stated {
			end = f.Offset
			s.tear(f)
			break
		}
		damaged := f
		if f.End() > s.out.Stated {
			// A hole from below the statement to above it: behind the statement a group began whose beginning is gone.
			damaged.Bytes = s.out.Stated - f.Offset
			s.out.Damage = append(s.out.Damage, damaged)
			end = s.out.Stated
			s.tear(Fault{Offset: end, Bytes: f.End() - end})
			break
		}
		s.out.Damage = append(s.out.Damage, damaged)
		end = max(end, f.End())
	}
	// A file that was cut off, or whose end is gone without a trace.
	if end < s.out.Stated && (len(s.out.Damage) == 0 || s.out.Damage[len(s.out.Damage)-1].End() < s.out.Stated) {
		s.out.Damage = append(s.out.Damage, Fault{Offset: end, Bytes: s.out.Stated - end})
		end = s.out.Stated
	}
	s.out.End = end
	s.judgeParted()
	for i, e := range s.out.Entries {
		if e.Offset >= s.out.End {
			s.out.Entries = s.out.Entries[:i]
			break
		}
	}
}

// judgeParted makes damage of records that share bytes which went bad. They decide nothing about the end of the log: the bytes come
// before them, and had their own fault if they were part of the torn tail.
func (s *scanner) judgeParted() {
	before := len(s.out.Damage)
	for _, f := range s.parted {
		if f.Offset < s.out.End {
			s.out.Damage = append(s.out.Damage, f)
		}
	}
	if len(s.out.Damage) > before {
		slices.SortStableFunc(s.out.Damage, func(a, b Fault) int { return cmp.Compare(a.Offset, b.Offset) })
	}
}

// tear notes the torn tail, if anything says that there was one. Bytes of no group at all are the rest of the file's last use.
func (s *scanner) tear(f Fault) {
	if f.Record != nil || s.last > f.Offset {
		s.out.Torn = Fault{Offset: f.Offset, Bytes: max(s.last, f.End()) - f.Offset, Record: f.Record}
		if f.Record == nil {
			s.out.Torn.Bytes = s.last - f.Offset
		}
	}
}
