package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// loader reads a directory: which segments there are, which of their records count, and what is wrong.
type loader struct {
	fs       vfs.FS
	dir      string
	full     bool // read every record
	readOnly bool
	keep     bool // the entries of all files
	progress func(Progress)
	paging   *paging

	listed   []string // names of the segments
	files    []*file  // by number
	free     []string
	gathered map[StreamID]*gathered
	newest   newest
	epoch    uint64 // the highest that was seen
	recovery Recovery
}

func (l *loader) load() error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	l.listed = segmentsAmong(names)
	for _, name := range names {
		if number, epoch, ok := segment.ParseName(name); ok {
			if err := l.open(name, number, epoch); err != nil {
				return err
			}
		} else if epoch, ok := segment.ParseFreeName(name); ok {
			l.free = append(l.free, name)
			l.see(name, epoch)
		}
	}
	slices.SortFunc(l.files, func(a, b *file) int { return cmp.Compare(a.number(), b.number()) })
	if err := l.readCurrent(); err != nil {
		return err
	}
	l.limits()
	l.readAll()
	return nil
}

// see takes note of an epoch that a free file had or was about to get.
func (l *loader) see(name string, epoch uint64) {
	l.epoch = max(l.epoch, epoch)
	if f, err := l.fs.OpenRead(filepath.Join(l.dir, name)); err == nil {
		if h, err := segment.ReadHeader(f); err == nil {
			l.epoch = max(l.epoch, h.Epoch)
		}
		_ = f.Close()
	}
}

// open opens a segment and reads its header; a header that went bad is made up for by the name.
func (l *loader) open(name string, number, epoch uint64) error {
	open := l.fs.Open
	if l.readOnly {
		open = l.fs.OpenRead
	}
	f, err := open(filepath.Join(l.dir, name))
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s := &file{name: name, f: f}
	s.header, err = segment.ReadHeader(f)
	var newer *segment.VersionError
	switch {
	case errors.As(err, &newer):
		return fmt.Errorf("%s: %w", name, errors.Join(err, f.Close()))
	case err != nil:
		s.headless = true
		s.header = segment.Header{Version: segment.Version, Number: number, Epoch: epoch, Size: size}
		l.damage(s, segment.Fault{Offset: 0, Bytes: min(size, segment.DataStart)}, "header: "+err.Error())
	case s.header.Number != number || s.header.Epoch != epoch:
		l.damage(s, segment.Fault{}, fmt.Sprintf("name, since the header says %s", segment.Name(s.header.Number, s.header.Epoch)))
	}
	if size < s.header.Size {
		l.damage(s, segment.Fault{Offset: size, Bytes: s.header.Size - size}, "file is cut off")
	}
	l.epoch = max(l.epoch, s.header.Epoch, epoch)
	l.files = append(l.files, s)
	return nil
}

func (l *loader) close() {
	for _, f := range l.files {
		_ = f.f.Close()
	}
}

func (l *loader) damage(f *file, fault segment.Fault, what string) {
	d := Damage{Place: Place{File: f.name, Offset: fault.Offset, Bytes: fault.Bytes}, What: what}
	if r := fault.Record; r != nil {
		d.Records = []RecordID{{Stream: StreamID(r.Stream), Index: r.Index, Kind: r.Kind}}
	}
	l.recovery.Damage = append(l.recovery.Damage, d)
}

// readCurrent finds out which segment should be the newest.
func (l *loader) readCurrent() error {
	b, err := vfs.ReadAll(l.fs, filepath.Join(l.dir, currentName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		l.newest, err = parseCurrent(b)
	}
	var newer *segment.VersionError
	if errors.As(err, &newer) {
		return fmt.Errorf("%s: %w", currentName, err)
	}
	n := len(l.files)
	if err != nil {
		// A directory without segments may be one in which the first Open did not get far.
		if n > 0 {
			l.recovery.Damage = append(l.recovery.Damage, Damage{
				Place: Place{File: currentName, Bytes: slots * slotDistance}, What: "whether the newest segment is there is not known: " + err.Error(),
			})
		}
		return nil
	}
	l.epoch = max(l.epoch, l.newest.epoch)
	if p := l.newest.position; p.Segment > 0 && (n == 0 || l.files[n-1].number() < p.Segment) {
		l.recovery.Damage = append(l.recovery.Damage, Damage{
			Place: Place{File: segment.Name(p.Segment, l.newest.epoch)}, What: "newest segment is missing",
		})
	}
	return nil
}

// limits works out, from the newest segment to the oldest, where the log went on from each: behind that, and in segments that were
// passed over, nothing counts.
func (l *loader) limits() {
	var next segment.Position
	known := false
	for _, f := range slices.Backward(l.files) {
		switch {
		case known && f.number() > next.Segment:
			f.void = true
			continue
		case known && f.number() == next.Segment:
			f.limit = next.Offset
		}
		next, known = l.before(f)
	}
}

// before is where the log was before a segment; a group says it as well as the header.
func (l *loader) before(f *file) (p segment.Position, known bool) {
	if f.headless {
		size, _ := f.f.Size()
		f.header.Before = segment.ScanFile(f.f, size, f.header, segment.Limits{}).Before
		return f.header.Before, f.header.Before != segment.Position{}
	}
	return f.header.Before, true
}

func (l *loader) readAll() {
	p := Progress{OfSegments: len(l.files)}
	sizes := make([]int64, len(l.files))
	for i, f := range l.files {
		sizes[i], _ = f.f.Size()
		p.OfBytes += sizes[i]
	}
	l.progress(p)
	for i, f := range l.files {
		if f.void {
			f.end = segment.DataStart
		} else {
			l.read(f, sizes[i])
			l.recovery.Segments++
			l.gather(i)
			l.recovery.Records += f.records
			l.recovery.Bytes += f.end
		}
		p.Segments++
		p.Bytes += sizes[i]
		l.progress(p)
	}
}

// read finds the records of a segment that count, in the footer if it may.
func (l *loader) read(f *file, size int64) {
	entries, end, err := segment.ReadFooter(f.f, size, f.header.Epoch)
	known := segment.Limits{End: f.limit}
	if l.newest.position.Segment == f.number() {
		known.Stated = l.newest.position.Offset
	}
	switch {
	case err != nil && end > 0:
		l.damage(f, segment.Fault{Offset: end, Bytes: max(0, size-end)}, "footer: "+err.Error())
	case end > 0:
		f.sealed = true
	}
	if end > 0 && (known.End == 0 || end < known.End) {
		known.End = end
	}
	if f.sealed && !l.full {
		f.entries, f.end = upTo(entries, known.End), known.End
		l.recovery.FromFooters++
		return
	}
	scan := segment.ScanFile(f.f, size, f.header, known)
	f.entries, f.end = scan.Entries, scan.End
	// A footer that no seal points at gets its seal now: f.sealed stays false.
	if scan.Torn.Bytes > 0 {
		l.recovery.Torn = append(l.recovery.Torn, Place{f.name, scan.Torn.Offset, scan.Torn.Bytes})
	}
	missing := without(upTo(entries, known.End), scan.Entries)
	for _, fault := range scan.Damage {
		l.damage(f, fault, "records that do not add up")
		if d := &l.recovery.Damage[len(l.recovery.Damage)-1]; len(missing) > 0 {
			d.Records = within(missing, fault)
		}
	}
}

// gather sorts the records of a segment by stream.
func (l *loader) gather(i int) {
	f := l.files[i]
	if f.records = len(f.entries); f.records > 0 {
		f.opening = f.entries[0]
	}
	for k := range f.entries {
		e := &f.entries[k]
		id := StreamID(e.Stream)
		if id == catalogueID {
			if e.Kind == Event {
				f.notes = append(f.notes, *e)
			}
			continue
		}
		g := l.gathered[id]
		if g == nil {
			g = &gathered{paging: l.paging}
			l.gathered[id] = g
		}
		if e.Kind == Checkpoint {
			g.snaps = append(g.snaps, placed{*e, f})
		} else {
			g.add(i, e)
		}
	}
	if f.sealed && !l.keep {
		f.entries = nil // the others are still to be sealed with them
	}
}

// upTo are the entries below an offset.
func upTo(entries []segment.Entry, end int64) []segment.Entry {
	for i, e := range entries {
		if e.Offset >= end {
			return entries[:i]
		}
	}
	return entries
}

// without are the entries of the footer that the scan did not find; both by offset.
func without(footer, found []segment.Entry) []segment.Entry {
	var out []segment.Entry
	for _, e := range footer {
		for len(found) > 0 && found[0].Offset < e.Offset {
			found = found[1:]
		}
		if len(found) == 0 || found[0] != e {
			out = append(out, e)
		}
	}
	return out
}

func within(entries []segment.Entry, f segment.Fault) []RecordID {
	var out []RecordID
	for _, e := range entries {
		if e.Offset < f.End() && e.End() > f.Offset {
			out = append(out, RecordID{StreamID(e.Stream), e.Index, e.Kind})
		}
	}
	return out
}
