package admin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren/internal/admin"
	"warren/test/broker"
)

// Issue 3, progress: a broker that reads its journal for long says how far it is, whoever asks. Here the segment that a killed broker
// was writing to has become 2 GiB of nothing, which has to be searched for records.
func TestProgressOfARecovery(t *testing.T) {
	b := filled(t)
	b.Kill(t)
	segments, err := filepath.Glob(filepath.Join(b.DataDir, "journal", "*.segment"))
	must(t, err)
	newest := segments[len(segments)-1]
	must(t, os.Truncate(newest, 2<<30))
	must(t, os.Remove(admin.SocketPath(b.DataDir)))

	started := make(chan *broker.Broker)
	go func() {
		defer close(started)
		if again, err := broker.TryStart(t, broker.DataDir(b.DataDir), broker.NoRace()); err == nil {
			started <- again
		} else {
			t.Error(err)
		}
	}()
	type reading struct {
		Segments   int `json:"segments"`
		OfSegments int `json:"of_segments"`
	}
	var journal, status struct {
		State   string
		Reading *reading
	}
	for journal.Reading == nil || status.Reading == nil {
		select {
		case again := <-started:
			t.Fatalf("it was there before it said that it comes: %+v %+v\n%s", journal, status, again.Log())
		case <-time.After(10 * time.Millisecond):
		}
		if _, err := os.Stat(admin.SocketPath(b.DataDir)); err != nil {
			continue // warrenctl would read all of that itself
		}
		if out, err := b.TryCtl(t, "journal", "status", "--formatter=json"); err == nil {
			must(t, json.Unmarshal(out, &journal))
		}
		if out, err := b.TryCtl(t, "status", "--formatter=json"); err == nil {
			must(t, json.Unmarshal(out, &status))
		}
	}
	if journal.State != "reading" || journal.Reading.OfSegments != len(segments) {
		t.Errorf("%s %+v", journal.State, journal.Reading)
	}
	if out, err := b.TryCtl(t, "list_queues"); err == nil || !strings.Contains(err.Error(), "the broker is starting") {
		t.Errorf("list_queues: %v %s", err, out)
	}
	again, ok := <-started
	if !ok {
		t.FailNow()
	}
	journal.Reading = nil
	must(t, json.Unmarshal(again.Ctl(t, "journal", "status", "--formatter=json"), &journal))
	if journal.State != "running" || journal.Reading != nil {
		t.Errorf("afterwards: %+v", journal)
	}
	if rows := broker.Rows[struct{ Name string }](t, again, "list_queues"); len(rows) != 1 {
		t.Errorf("queues %v", rows)
	}
}
