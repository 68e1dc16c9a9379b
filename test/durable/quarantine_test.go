package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/persistence/journal"
	"warren/persistence/vfs"
	"warren/test/broker"
)

// Issue 5, "a poisoned event does not make a queue crash for ever": a record that no start can replay is left out for good, kept in a file and
// logged, and the queue has all the rest.
func TestPoisonedRecord(t *testing.T) {
	t.Parallel()
	b := broker.Start(t, broker.NoRace())
	ch := channelOn(t, connect(t, b.URI()))
	must(t, ch.Confirm(false))
	k := newBook()
	const q = "poisoned"
	_, err := ch.QueueDeclare(q, true, false, false, false, nil)
	must(t, err)
	for n := 1; n <= 3; n++ {
		must(t, putSafe(ch, k, "", q, id{"p", n}, nil))
	}
	b.Stop(t)

	j, _, err := journal.Open(vfs.OS{}, filepath.Join(b.DataDir, "journal"), journal.Options{})
	must(t, err)
	for s := range j.Streams() {
		if strings.HasPrefix(s.Name, "queue/") {
			must(t, j.Claim(s.ID, 1<<40))
			must(t, j.Append(s.ID, 1<<40, s.Next, journal.Event, []byte{99, 'b', 'a', 'd'}))
		}
	}
	_, err = j.Commit()
	must(t, err)
	must(t, j.Close())

	for start := range 3 {
		b = b.Restart(t)
		ch := channelOn(t, connect(t, b.URI()))
		must(t, ch.Confirm(false))
		must(t, putSafe(ch, k, "", q, id{"p", 4 + start}, nil))
		if n, err := ch.QueueDeclarePassive(q, true, false, false, false, nil); err != nil || n.Messages != 4+start {
			t.Fatalf("D-07 a poisoned record: %d messages, %v", n.Messages, err)
		}
		files, _ := filepath.Glob(filepath.Join(b.DataDir, "quarantine", "*"))
		if len(files) != 1 {
			t.Fatalf("kept: %q", files)
		}
		if content, err := os.ReadFile(files[0]); err != nil || string(content) != "cbad" {
			t.Errorf("%s: %q, %v", files[0], content, err)
		}
		if met := strings.Contains(b.Log(), files[0]); met != (start == 0) {
			t.Errorf("start %d meets it: %v\n%s", start, met, b.Log())
		}
		if start == 1 {
			b.Kill(t)
		} else {
			b.Stop(t)
		}
	}
	b = b.Restart(t)
	ch = channelOn(t, connect(t, b.URI()))
	for n := 1; n <= 6; n++ {
		d, ok, err := ch.Get(q, true)
		if err != nil || !ok || !strings.Contains(string(d.Body)+d.MessageId+d.Type, "p") || d.DeliveryMode != amqp.Persistent {
			t.Fatalf("get %d: %v %v %+v", n, ok, err, d)
		}
	}
}
