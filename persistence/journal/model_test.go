package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"warren/internal/columns"
	"warren/persistence/cold"
	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// model is what a journal must hold: everything that was appended, and which of it was reported durable.
type model struct {
	streams map[string]*modelStream
	order   []string
	serial  int
}

type modelStream struct {
	id     StreamID
	events []modelEvent
	snaps  []modelSnap
	// What was reported.
	upto, snap uint64
	exists     bool
	removed    bool // asked for
	gone       bool // and reported
}

type modelEvent struct {
	kind     Kind
	payload  []byte
	released bool // asked for
	settled  bool // and reported
}

type modelSnap struct {
	upto    uint64
	payload []byte
	live    map[uint64]bool
}

func newModel() *model { return &model{streams: map[string]*modelStream{}} }

func (m *model) payload(r *rand.Rand) []byte {
	m.serial++
	n := []int{0, 10, 100, 600, 600, 3000}[r.IntN(6)]
	b := fmt.Appendf(nil, "%d ", m.serial)
	for len(b) < n {
		if r.IntN(2) == 0 {
			b = append(b, bytes.Repeat([]byte("warren"), 20)...)
		} else {
			b = append(b, byte(r.Uint32()))
		}
	}
	return b
}

// pick returns a stream that is in use.
func (m *model) pick(r *rand.Rand) (string, *modelStream) {
	for range 8 {
		if len(m.order) == 0 {
			break
		}
		name := m.order[r.IntN(len(m.order))]
		if s := m.streams[name]; !s.removed {
			return name, s
		}
	}
	return "", nil
}

// committed takes in that a commit succeeded with these reports.
func (m *model) committed(t *testing.T, reports []Durable) {
	t.Helper()
	for _, d := range reports {
		s := m.streams[d.Name]
		if s == nil || s.id != d.Stream {
			continue // a removed one that had the name before
		}
		if d.Upto < s.upto || d.Upto > uint64(len(s.events)) || d.Checkpoint < s.snap {
			t.Fatalf("%s: reported %+v after upto %d snap %d of %d events", d.Name, d, s.upto, s.snap, len(s.events))
		}
		s.upto, s.snap = d.Upto, d.Checkpoint
	}
	for name, s := range m.streams {
		s.exists = true
		s.gone = s.removed
		if !s.gone && s.upto != uint64(len(s.events)) {
			t.Fatalf("%s: %d events reported after a commit of %d", name, s.upto, len(s.events))
		}
		for i := range s.events {
			s.events[i].settled = s.events[i].released
		}
	}
}

// check compares what a journal has with the model: all that was reported, in order, and nothing that was not appended.
func (m *model) check(j *Journal) error {
	for info := range j.Streams() {
		if m.streams[info.Name] == nil {
			return fmt.Errorf("stream %s was never made", info.Name)
		}
	}
	for name, s := range m.streams {
		if err := m.checkStream(j, name, s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (m *model) checkStream(j *Journal, name string, s *modelStream) error {
	id, ok := j.Lookup(name)
	switch {
	case ok && s.gone:
		return fmt.Errorf("is there, and its removal was reported")
	case !ok && s.exists && !s.removed:
		return fmt.Errorf("is gone")
	case !ok:
		return nil
	case id != s.id:
		return fmt.Errorf("has id %d, had %d", id, s.id)
	}
	info, err := j.Info(id)
	if err != nil {
		return err
	}
	if info.Next < s.upto || info.Next > uint64(len(s.events)) {
		return fmt.Errorf("next is %d, reported %d, appended %d", info.Next, s.upto, len(s.events))
	}
	snap, err := m.checkSnap(j, s)
	if err != nil {
		return err
	}
	return m.checkEvents(j, s, snap, info.Next)
}

func (m *model) checkSnap(j *Journal, s *modelStream) (modelSnap, error) {
	record, ok, err := j.Snapshot(s.id)
	if err != nil {
		return modelSnap{}, err
	}
	if !ok {
		if s.snap > 0 {
			return modelSnap{}, fmt.Errorf("checkpoint %d is gone", s.snap)
		}
		return modelSnap{}, nil
	}
	if record.Index < s.snap {
		return modelSnap{}, fmt.Errorf("checkpoint %d, reported %d", record.Index, s.snap)
	}
	for _, c := range s.snaps {
		if c.upto == record.Index && bytes.Equal(c.payload, record.Payload) {
			return c, nil
		}
	}
	var made []string
	for _, c := range s.snaps {
		made = append(made, fmt.Sprintf("%d %.8q", c.upto, c.payload))
	}
	return modelSnap{}, fmt.Errorf("checkpoint %d %.8q was never made, only %v", record.Index, record.Payload, made)
}

func (m *model) checkEvents(j *Journal, s *modelStream, snap modelSnap, next uint64) error {
	reader, err := j.Read(s.id, 0)
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	last := int64(-1)
	for record, err := range reader.All() {
		if err != nil {
			return err
		}
		if int64(record.Index) <= last || record.Index >= next {
			return fmt.Errorf("event %d after %d, next %d", record.Index, last, next)
		}
		last = int64(record.Index)
		seen[record.Index] = true
		want := s.events[record.Index]
		if record.Kind != want.kind || !bytes.Equal(record.Payload, want.payload) {
			return fmt.Errorf("event %d is %s %.20q, was %s %.20q", record.Index, record.Kind, record.Payload, want.kind, want.payload)
		}
		if record.Index < snap.upto && record.Kind != Messages {
			return fmt.Errorf("event %d is there, below checkpoint %d", record.Index, snap.upto)
		}
	}
	for i := range next {
		e := s.events[i]
		wanted := i >= snap.upto || e.kind == Messages && snap.live[i] && !e.settled
		if wanted && !seen[i] {
			return fmt.Errorf("event %d (%s) is missing; checkpoint %d, next %d", i, e.kind, snap.upto, next)
		}
	}
	return nil
}

// rebase takes in a crash: what was not recovered was never there.
func (m *model) rebase(j *Journal) {
	for _, name := range slices.Clone(m.order) {
		s := m.streams[name]
		id, ok := j.Lookup(name)
		if !ok || id != s.id {
			m.forget(name)
			continue
		}
		info, _ := j.Info(id)
		s.removed, s.gone, s.exists = false, false, true
		s.events = s.events[:info.Next]
		for i := range s.events {
			// A release that no checkpoint has seen may have to be told again.
			s.events[i].released = s.events[i].settled
		}
		s.upto, s.snap = info.Durable, info.Checkpoint
		snap, _ := m.checkSnap(j, s)
		for i := range min(snap.upto, info.Next) { // and what it has seen need not
			if !snap.live[i] {
				s.events[i].released, s.events[i].settled = true, true
			}
		}
		s.snaps = slices.DeleteFunc(s.snaps, func(c modelSnap) bool { return c.upto > snap.upto })
	}
}

func (m *model) forget(name string) {
	delete(m.streams, name)
	m.order = slices.DeleteFunc(m.order, func(n string) bool { return n == name })
}

// runner drives a journal and the model side by side.
type runner struct {
	t     *testing.T
	r     *rand.Rand
	opt   Options
	mem   *vfs.Memory
	fs    *vfs.Faulty
	j     *Journal
	m     *model
	names int
	tail  Tail // of the last fanOut
	// incarnation of all writers
	incarnation uint64
	// Whether commits may fail.
	faults bool
	watch  func(op vfs.Op, path string) error
}

const testDir = "data/journal"

func (x *runner) open(mem *vfs.Memory) Recovery {
	x.t.Helper()
	x.mem, x.fs = mem, vfs.NewFaulty(mem)
	j, recovery, err := Open(x.fs, testDir, onDisk(x.opt, x.fs))
	if err != nil {
		x.t.Fatal(err)
	}
	x.j = j
	x.fs.Watch(func(op vfs.Op, path string) error {
		if x.watch == nil || op == vfs.OpTruncate { // that of the scratch file, which is the collector's
			return nil
		}
		return x.watch(op, path)
	})
	return recovery
}

// onDisk has pages and chapters so small that all that happens to long streams happens to short ones.
func onDisk(opt Options, fs vfs.FS) Options {
	opt.paging = paging{list: 4, least: 2, chapter: 2}
	opt.Cold = func() *cold.Store {
		s, err := cold.Open(fs, testDir+"/scratch")
		if err != nil {
			return nil // on purpose, in some
		}
		return s
	}
	return opt
}

func (x *runner) step() {
	switch n := x.r.IntN(100); {
	case n < 4 || len(x.m.order) < 2:
		x.stream()
	case n < 40:
		for range 1 + x.r.IntN(4) {
			x.append()
		}
	case n < 50:
		x.fanOut()
	case n < 58:
		x.checkpoint()
	case n < 65:
		x.release()
	case n < 70:
		x.releaseBut()
	case n < 71:
		x.remove()
	case n < 92:
		x.commit()
	case n < 97:
		x.clean()
	case x.faults:
		x.fault()
	}
}

func (x *runner) stream() {
	x.names++
	name := fmt.Sprintf("queue-%d", x.names)
	x.m.streams[name] = &modelStream{id: x.j.Stream(name)}
	x.m.order = append(x.m.order, name)
}

func (x *runner) append() {
	_, s := x.m.pick(x.r)
	if s == nil {
		return
	}
	e := modelEvent{kind: []Kind{Event, Messages}[x.r.IntN(2)], payload: x.m.payload(x.r)}
	x.must(x.j.Append(s.id, x.incarnation, uint64(len(s.events)), e.kind, e.payload))
	s.events = append(s.events, e)
}

// fanOut appends records with the same tail to several streams; now and then a tail that was there before.
func (x *runner) fanOut() {
	if x.tail.ID == 0 || x.r.IntN(3) > 0 {
		x.tail = segment.NewTail(x.m.payload(x.r))
	}
	for range 1 + x.r.IntN(5) {
		name, s := x.m.pick(x.r)
		if s == nil {
			return
		}
		summary := fmt.Appendf(nil, "%s %d ", name, len(s.events))
		e := modelEvent{kind: Messages, payload: append(bytes.Clone(summary), x.tail.Bytes...)}
		x.must(appendShared(x.j, s.id, x.incarnation, uint64(len(s.events)), e.kind, summary, x.tail))
		s.events = append(s.events, e)
	}
}

func (x *runner) checkpoint() {
	_, s := x.m.pick(x.r)
	if s == nil {
		return
	}
	low := s.snap
	for _, c := range s.snaps {
		low = max(low, c.upto)
	}
	c := modelSnap{upto: low + x.r.Uint64N(uint64(len(s.events))-low+1), payload: x.m.payload(x.r), live: map[uint64]bool{}}
	for i, e := range s.events[:c.upto] {
		if e.kind == Messages && !e.released {
			c.live[uint64(i)] = true
		}
	}
	x.must(x.j.Checkpoint(s.id, x.incarnation, c.upto, c.payload))
	s.snaps = append(s.snaps, c)
}

func (x *runner) release() {
	_, s := x.m.pick(x.r)
	if s == nil || len(s.events) == 0 {
		return
	}
	for range 1 + x.r.IntN(12) {
		i := x.r.IntN(len(s.events))
		if s.events[i].kind == Messages {
			x.must(x.j.Release(s.id, uint64(i)))
			s.events[i].released = true
		}
	}
}

// releaseBut is what a queue does ahead of a checkpoint.
func (x *runner) releaseBut() {
	_, s := x.m.pick(x.r)
	if s == nil || len(s.events) == 0 {
		return
	}
	below, odds := x.r.IntN(len(s.events)+1), 1+x.r.IntN(8)
	for i := range s.events[:below] {
		if e := &s.events[i]; e.kind == Messages && x.r.IntN(odds) == 0 {
			e.released = true
		}
	}
	var lives columns.Runs
	for i := range s.events {
		if e := &s.events[i]; e.kind == Messages && !e.released {
			lives.Add(uint64(i))
		}
	}
	cursor, last := lives.Cursor(), uint64(0)
	x.must(x.j.ReleaseBut(s.id, uint64(below), func(from, to uint64) uint64 {
		if from < last || to <= from {
			x.t.Errorf("asked about %d to %d behind %d", from, to, last)
		}
		last = from
		return cursor.Count(from, to)
	}))
}

func (x *runner) remove() {
	_, s := x.m.pick(x.r)
	if s == nil {
		return
	}
	x.must(x.j.Remove(s.id))
	s.removed = true
}

func (x *runner) commit() {
	reports, err := x.j.Commit()
	if err != nil {
		x.failed(err)
		return
	}
	x.m.committed(x.t, reports)
}

func (x *runner) clean() {
	// What is released counts from the commit on that Clean may do; so there is nothing open when it begins.
	reports, err := x.j.Commit()
	if err != nil {
		x.failed(err)
		return
	}
	x.m.committed(x.t, reports)
	cleaned, err := x.j.Clean(int64(500 + x.r.IntN(8000)))
	if err != nil {
		x.failed(err)
		return
	}
	x.m.committed(x.t, cleaned.Durable)
}

func (x *runner) fault() {
	op := []vfs.Op{vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir, vfs.OpRename, vfs.OpCreate, vfs.OpPreallocate, vfs.OpOpen, vfs.OpRemove}[x.r.IntN(8)]
	x.fs.FailNth(op, 1+x.r.IntN(3), errInjected)
}

var errInjected = fmt.Errorf("injected")

func (x *runner) failed(err error) {
	x.t.Helper()
	if !x.faults {
		x.t.Fatal(err)
	}
}

func (x *runner) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}
