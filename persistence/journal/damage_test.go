package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// where a record of the intact journal is.
type where struct {
	file     string
	from, to int64
}

// sample is a journal of some segments that was stopped or killed, what it holds, and where.
func sample(t *testing.T, seed uint64, stop bool) (*vfs.Memory, *model, map[string]where) {
	t.Helper()
	x := &runner{t: t, r: rand.New(rand.NewPCG(seed, 7)), opt: testOptions(), m: newModel()}
	x.open(vfs.NewMemory())
	for range 160 {
		x.step()
	}
	x.commit()
	places := map[string]where{}
	for _, s := range x.j.streams {
		if s.hasSnap {
			places[key(s.name, Checkpoint, s.snap.index)] = s.snap.where()
		}
		s.entries.each(0, func(e *entry) bool {
			places[key(s.name, e.kind(), e.index)] = e.where()
			return true
		})
	}
	if stop {
		x.must(x.j.Close())
	}
	return x.mem.Kill(), x.m, places
}

func (e *entry) where() where {
	return where{e.file.name, e.offset(), e.offset() + segment.Bytes(int(e.bytes()))}
}

func key(name string, kind Kind, index uint64) string { return fmt.Sprint(name, " ", kind, " ", index) }

// Issue 3, "Damage": any byte flipped, any range zeroed, any file cut off or missing, in any file of a journal that was stopped: it opens
// and says place and loss, or refuses and says why; what is outside of the place is still there, and nothing is made up.
func TestDamage(t *testing.T) {
	rounds := clones() / 10
	for seed := range uint64(6) {
		mem, m, places := sample(t, seed, true)
		names, _ := mem.List(testDir)
		r := rand.New(rand.NewPCG(seed, 9))
		for range rounds {
			hurt := mem.Kill()
			what := injure(t, r, hurt, names[r.IntN(len(names))])
			for _, verify := range []bool{false, true} {
				if err := examine(hurt.Kill(), m, places, verify); err != nil {
					t.Fatalf("seed %d, %s, verify %v: %v", seed, what, verify, err)
				}
			}
		}
	}
}

// injure does one thing to one file.
func injure(t *testing.T, r *rand.Rand, m *vfs.Memory, name string) string {
	t.Helper()
	path := filepath.Join(testDir, name)
	b, err := vfs.ReadAll(m, path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 || r.IntN(12) == 0 {
		_ = m.Remove(path)
		return name + " removed"
	}
	at := r.IntN(len(b))
	if r.IntN(4) == 0 {
		at = r.IntN(min(len(b), 600)) // header and seal
	}
	_ = m.Remove(path)
	f, _ := m.Create(path)
	what := ""
	switch r.IntN(3) {
	case 0:
		bit := byte(1) << r.IntN(8)
		b[at] ^= bit
		what = fmt.Sprintf("%s: bit %#x of byte %d flipped", name, bit, at)
	case 1:
		n := min(1+r.IntN(1<<r.IntN(15)), len(b)-at)
		clear(b[at : at+n])
		what = fmt.Sprintf("%s: bytes %d to %d zeroed", name, at, at+n)
	default:
		b = b[:at]
		what = fmt.Sprintf("%s: cut off at %d", name, at)
	}
	_, _ = f.WriteAt(b, 0)
	return what
}

// examine opens a damaged journal and accounts for everything that should be there.
func examine(mem *vfs.Memory, m *model, places map[string]where, verify bool) error {
	opt := testOptions()
	opt.Verify = verify
	j, recovery, err := Open(mem, testDir, opt)
	if err != nil {
		var newer *segment.VersionError
		if errors.As(err, &newer) {
			return nil
		}
		return fmt.Errorf("refused: %w", err)
	}
	failed := map[string]bool{}
	lost := func(name string, kind Kind, index uint64) bool {
		for _, l := range recovery.Lost {
			if l.Name == name && index >= l.From && index < l.To {
				return true
			}
		}
		w, ok := places[key(name, kind, index)]
		for _, d := range recovery.Damage {
			if ok && d.File == w.file && (d.Offset < w.to && d.Offset+d.Bytes > w.from || strings.Contains(d.What, "missing")) {
				return true
			}
		}
		return failed[key(name, kind, index)]
	}
	for name, s := range m.streams {
		if s.gone {
			if _, ok := j.Lookup(name); ok && recovery.Intact() {
				return fmt.Errorf("%s is back", name)
			}
			continue
		}
		if _, ok := j.Lookup(name); !ok {
			if recovery.Intact() {
				return fmt.Errorf("%s is gone, and nothing is said", name)
			}
			continue
		}
		if err := account(j, name, s, failed, lost); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, &recovery)
		}
	}
	// It goes on: what is appended now is there after the next start.
	id := j.Stream("new")
	if err := j.Append(id, 1, 0, Event, []byte("x")); err != nil {
		return err
	}
	if _, err := j.Commit(); err != nil {
		return err
	}
	if err := j.Close(); err != nil {
		return err
	}
	j, _, err = Open(mem, testDir, testOptions())
	if err != nil {
		return err
	}
	if info, err := j.Info(id); err != nil || info.Next != 1 {
		return fmt.Errorf("what was appended after the recovery: %+v, %w", info, err)
	}
	return nil
}

func account(j *Journal, name string, s *modelStream, failed map[string]bool, lost func(string, Kind, uint64) bool) error {
	record, ok, err := j.Snapshot(s.id)
	var snap modelSnap
	if ok && err == nil {
		for _, c := range s.snaps {
			if c.upto == record.Index && string(c.payload) == string(record.Payload) {
				snap = c
			}
		}
		if snap.payload == nil {
			return fmt.Errorf("checkpoint %d was never made", record.Index)
		}
	}
	if snap.upto < s.snap && !lost(name, Checkpoint, s.snap) {
		return fmt.Errorf("checkpoint %d is gone, and nothing is said: %w", s.snap, err)
	}
	reader, err := j.Read(s.id, 0)
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	for record, err := range reader.All() {
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			failed[key(name, record.Kind, record.Index)] = true
			continue
		case err != nil:
			return err
		}
		seen[record.Index] = true
		if record.Index >= uint64(len(s.events)) || string(s.events[record.Index].payload) != string(record.Payload) {
			return fmt.Errorf("event %d was never appended", record.Index)
		}
	}
	for i, e := range s.events {
		wanted := uint64(i) >= snap.upto || e.kind == Messages && snap.live[uint64(i)] && !e.settled
		if wanted && !seen[uint64(i)] && !lost(name, e.kind, uint64(i)) {
			return fmt.Errorf("event %d is gone, and nothing is said", i)
		}
	}
	return nil
}

// A journal that was killed says as much, but for the newest group: nobody states that it was durable, so a fault in it is a torn tail.
func TestDamageAfterKill(t *testing.T) {
	for seed := range uint64(4) {
		mem, m, places := sample(t, seed, false)
		names, _ := mem.List(testDir)
		last := ""
		for _, name := range names {
			if _, _, ok := segment.ParseName(name); ok {
				last = name
			}
		}
		r := rand.New(rand.NewPCG(seed, 9))
		for range clones() / 20 {
			hurt := mem.Kill()
			name := names[r.IntN(len(names))]
			if name == last {
				continue
			}
			what := injure(t, r, hurt, name)
			if err := examine(hurt, m, places, true); err != nil {
				t.Fatalf("seed %d, %s: %v", seed, what, err)
			}
		}
	}
}
