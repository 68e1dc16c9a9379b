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
	o.Put(0, &Frames{}, 0) // nobody is attached
	o.Wrote(0)
	if len(s.told) != 0 {
		t.Fatalf("told %v", s.told)
	}
	o.Attach(actor.NewPID("local", "channel"))
	f := &Frames{}
	f.Heartbeat()
	size := f.Size()
	o.Put(3, f, size)
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
