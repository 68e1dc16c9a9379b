package channel

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// tray keeps what goes to the socket.
type tray struct {
	chunks []Chunk
	told   []any
}

func (s *tray) Write(c Chunk)               { s.chunks = append(s.chunks, c) }
func (s *tray) Send(_ *actor.PID, what any) { s.told = append(s.told, what) }

func TestOutletCounts(t *testing.T) {
	// Promise: outputs have ordinals that outlive the channel, so nothing is sent twice or dropped; credit follows what has
	// left, not what was handed over (DESIGN section 5, transport).
	s := &tray{}
	o := NewOutlet(s, 8192)
	o.Put(0, 0, &Frames{}, 0) // nobody is attached
	o.Wrote(0)
	if len(s.told) != 0 {
		t.Fatalf("told %v", s.told)
	}
	o.Claim(actor.NewPID("local", "channel"), 1)
	f := &Frames{}
	f.Heartbeat()
	size := f.Size()
	o.Put(1, 3, f, size)
	if o.Last() != 3 || o.Queued() != uint64(size) || o.Written() != 0 {
		t.Fatalf("last %d, queued %d, written %d", o.Last(), o.Queued(), o.Written())
	}
	if c := s.chunks[1]; c.Replies != size || c.Outlet != o {
		t.Fatalf("chunk %+v", c)
	}
	o.Wrote(size)
	if o.Written() != uint64(size) || len(s.told) != 1 || s.told[0] != any(drained) {
		t.Fatalf("written %d, told %v", o.Written(), s.told)
	}
}

func TestOutletRefusesAFormerIncarnation(t *testing.T) {
	// Issue 5: a replaced stuck actor that wakes up can not deliver. What it had encoded is the successor's to hand over.
	s := &tray{}
	o := NewOutlet(s, 8192)
	o.Claim(nil, 1)
	frames := func() *Frames {
		f := &Frames{}
		f.Heartbeat()
		return f
	}
	o.Put(1, 1, frames(), 0)
	if last := o.Claim(nil, 2); last != 1 {
		t.Fatalf("the successor begins behind %d", last)
	}
	o.Put(1, 2, frames(), 0)
	if o.Claim(nil, 1); o.Last() != 1 || len(s.chunks) != 1 {
		t.Fatalf("last %d, %d chunks", o.Last(), len(s.chunks))
	}
	o.Put(2, 2, frames(), 0)
	if o.Last() != 2 || len(s.chunks) != 2 {
		t.Errorf("last %d, %d chunks", o.Last(), len(s.chunks))
	}
}
