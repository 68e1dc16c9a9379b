package queue

import (
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
	"warren/persistence/vfs"
	"warren/protocol"
)

// DESIGN section 5, poison: a record that cannot be replayed costs what it holds and no more: it is kept in a file, and the others count.
func TestReplayLeavesOutWhatCannotBe(t *testing.T) {
	dir := t.TempDir()
	s := newStand(t)
	var log strings.Builder
	s.q.Journal, s.q.Log, s.q.Slot.Stored = persistence.NewLog(nil, vfs.OS{}, dir, persistence.Options{}), zerolog.New(&log), "queue/x"
	enqueued := func(index, first uint64) persistence.Record {
		content := &ready.Content{Messages: []protocol.Message{{Seq: first, Body: []byte("b"), Flags: protocol.FlagPersistent}}}
		payload, _ := record.AppendEnqueued(nil, first, content)
		return persistence.Record{Index: index, Kind: uint8(record.Enqueued), Payload: payload}
	}
	records := []persistence.Record{
		enqueued(1, 1),
		{Index: 2, Kind: 99, Payload: []byte("of a kind that nobody knows")},
		{Index: 3, Kind: uint8(record.Settled), Payload: []byte{0xff}},
		enqueued(4, 2),
	}
	got, some := s.q.replay(all(records))
	found := ready.New()
	found.Apply(got)
	if !some || found.Ready() != 2 || got.Made != 4 {
		t.Errorf("%+v, some left out: %v", got, some)
	}
	for name, want := range map[string]string{"record-2": "cof a kind that nobody knows", "record-3": "\x02\xff"} {
		content, err := os.ReadFile(filepath.Join(dir, "quarantine", "queue%2Fx."+name))
		if err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", name, content, err)
		}
		if !strings.Contains(log.String(), "queue%2Fx."+name) {
			t.Errorf("the log does not have %s: %s", name, log.String())
		}
	}
	if _, some := s.q.replay(all(records)); !some { // a start behind a crash meets them again, and the files
		t.Error("left out nothing")
	}
	if _, some := s.q.replay(all(records[:1])); some {
		t.Error("left out what is fine")
	}
	// What panics is as bad as what says that it is wrong.
	if err := attempt((&fold{}).became, nil); err == nil || !strings.HasPrefix(err.Error(), "panic: ") {
		t.Errorf("attempt: %v", err)
	}
}

func all(records []persistence.Record) iter.Seq[*persistence.Record] {
	return func(yield func(*persistence.Record) bool) {
		for i := range records {
			if !yield(&records[i]) {
				return
			}
		}
	}
}
