package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// D-07 (issue 3): whatever happens to a file, the broker starts with what is before the damage, or refuses in one line and starts
// when the loss is accepted.
func TestDamage(t *testing.T) {
	t.Parallel()
	random := source(t)
	whole := t.TempDir()
	const messages = 150
	b := broker.Start(t, broker.NoRace(), broker.DataDir(whole))
	ch := channelOn(t, connect(t, b.URI()))
	must(t, ch.Confirm(false))
	k := newBook()
	const q, filled = "damaged", "filled"
	for _, name := range []string{q, filled} {
		_, err := ch.QueueDeclare(name, true, false, false, false, nil)
		must(t, err)
	}
	for n := 1; n <= messages; n++ {
		if n == messages/2 {
			b.Kill(t) // the second half is in a segment of its own
			b = b.Restart(t)
			ch = channelOn(t, connect(t, b.URI()))
			must(t, ch.Confirm(false))
		}
		must(t, putSafe(ch, k, "", q, id{"p", n}, nil))
	}
	must(t, putSafe(ch, k, "", filled, id{"other", 1}, nil))
	b.Stop(t)

	refused, lost := 0, 0
	for round := range rounds(t, 20) {
		dir := t.TempDir()
		copyJournal(t, filepath.Join(dir, "journal"), filepath.Join(whole, "journal"))
		file, from, what := damage(t, filepath.Join(dir, "journal"), random)
		b, err := broker.TryStart(t, broker.NoRace(), broker.DataDir(dir))
		if err != nil {
			refused++
			said := refusal(t, err)
			if last := said[len(said)-1]; !strings.Contains(last, "accept_loss") {
				t.Fatalf("round %d: %s: refused without a way out:\n%s", round, what, last)
			}
			var still error
			if b, still = broker.TryStart(t, broker.NoRace(), broker.DataDir(dir), broker.Set("journal.accept_loss", "true")); still != nil {
				t.Fatalf("round %d: %s: the loss is accepted, and it does not start: %v", round, what, still)
			}
		}
		accepted := err != nil
		got := survivors(t, b, q)
		if err := restartable(t, b, q); err != nil {
			t.Fatalf("round %d: %s: %v\n%s", round, what, err, b.Log())
		}
		for i, m := range got {
			if i > 0 && got[i-1].n >= m.n {
				t.Fatalf("round %d: %s: %v comes behind %v", round, what, m, got[i-1])
			}
		}
		lost += messages - len(got)
		if accepted && len(got) == 0 {
			b.Kill(t)
			continue // the queue's definition is lost, and with it what was in it
		}
		for _, m := range before(t, whole, file, from, messages) {
			if !slices.Contains(got, m) {
				t.Fatalf("round %d: %s: %v is before the damage, and lost; %d are there\n%s", round, what, m, len(got), b.Log())
			}
		}
		b.Kill(t)
	}
	t.Logf("refused %d times, %d messages lost", refused, lost)
}

// copyJournal leaves out what is only reserved.
func copyJournal(t *testing.T, to, from string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o700))
	entries, err := os.ReadDir(from)
	must(t, err)
	for _, e := range entries {
		content, size := head(t, filepath.Join(from, e.Name()))
		must(t, os.WriteFile(filepath.Join(to, e.Name()), content, 0o600))
		must(t, os.Truncate(filepath.Join(to, e.Name()), size))
	}
}

// head is what is written in a file, which is little, and its size, most of which is only reserved.
func head(t *testing.T, path string) ([]byte, int64) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	content, err := io.ReadAll(io.LimitReader(f, 256<<10))
	must(t, err)
	return bytes.TrimRight(content, "\x00"), info.Size()
}

// damage does something to a segment, and says where it begins.
func damage(t *testing.T, dir string, random *rand.Rand) (file string, from int64, what string) {
	t.Helper()
	var files []string
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() > 0 && e.Name() != "lock" {
			files = append(files, e.Name())
		}
	}
	file = files[random.IntN(len(files))]
	path := filepath.Join(dir, file)
	content, size := head(t, path)
	if len(content) == 0 {
		content = []byte{0}
	}
	end := int64(len(content))
	at := random.Int64N(end)
	if random.IntN(4) == 0 {
		at = random.Int64N(min(end, 1500)) // what stands at the front is the most valuable
	}
	switch random.IntN(4) {
	case 0, 1:
		what = fmt.Sprintf("%s: byte %d of %d flipped", file, at, end)
		content[at] ^= byte(1 + random.IntN(255))
	case 2:
		n := min(1+random.Int64N(3000), end-at)
		what = fmt.Sprintf("%s: %d bytes of %d zeroed at %d", file, n, end, at)
		clear(content[at : at+n])
	default:
		what = fmt.Sprintf("%s: cut to %d of %d", file, at, end)
		content, size = content[:at], at
	}
	must(t, os.WriteFile(path, content, 0o600))
	must(t, os.Truncate(path, size))
	t.Log(what)
	return file, at, what
}

// before are the messages that are in other segments, or in front of the damage in this one: whose last byte is, and whose
// record ends a little behind it.
func before(t *testing.T, whole, file string, from int64, messages int) (out []id) {
	t.Helper()
	dir := filepath.Join(whole, "journal")
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		content, _ := head(t, filepath.Join(dir, e.Name()))
		for n := 1; n <= messages; n++ {
			m := id{"p", n}
			at := bytes.Index(content, body(m))
			if at >= 0 && (e.Name() != file || int64(at+len(body(m))+64) < from) {
				out = append(out, m)
			}
		}
	}
	return out
}

// survivors reads a queue without taking anything from it.
func survivors(t *testing.T, b *broker.Broker, queue string) (out []id) {
	t.Helper()
	c := connect(t, b.URI())
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		t.Fatalf("%v\n%s", err, b.Log())
	}
	state, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return nil
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.Log())
	}
	// Bodies are read when their turn comes, and damage there is found then: what comes last says that all has come.
	end := id{"end", 1}
	if err := errors.Join(ch.Confirm(false), putSafe(ch, newBook(), "", queue, end, nil)); err != nil {
		t.Fatalf("%v\n%s", err, b.Log())
	}
	for {
		select {
		case d := <-deliveries:
			m, ok := parse(d.Body)
			if !ok {
				t.Fatalf("a message that nobody sent: %.80q", d.Body)
			}
			if m == end {
				if len(out) != state.Messages && !strings.Contains(b.Log(), "what it held is lost") {
					t.Fatalf("%d messages of %d, and the log has nothing of it", len(out), state.Messages)
				}
				return out
			}
			out = append(out, m)
		case <-time.After(patience):
			t.Fatalf("%s has %d messages and gave %d\n%s", queue, state.Messages, len(out), b.Log())
		}
	}
}

// restartable: a broker with damage behind it works like any other.
func restartable(t *testing.T, b *broker.Broker, queue string) error {
	t.Helper()
	c := connect(t, b.URI())
	defer c.Close()
	ch := channelOn(t, c)
	if err := ch.Confirm(false); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(queue+".new", true, false, false, false, amqp.Table{}); err != nil {
		return err
	}
	return putSafe(ch, newBook(), "", queue+".new", id{"new", 1}, nil)
}

// D-07: when the record of users and vhosts is lost, and the loss accepted, the vhosts that are still in the journal come back with what
// their queues hold, and stay.
func TestTheNodesDefinitionsAreLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := broker.Start(t, broker.NoRace(), broker.DataDir(dir))
	b.Ctl(t, "add_vhost", "other")
	b.Ctl(t, "set_permissions", "-p", "other", "guest", ".*", ".*", ".*")
	fill := func(uri, q string) {
		ch := channelOn(t, connect(t, uri))
		must(t, ch.Confirm(false))
		_, err := ch.QueueDeclare(q, true, false, false, false, nil)
		must(t, err)
		must(t, putSafe(ch, newBook(), "", q, id{q, 1}, nil))
	}
	fill(b.URI(), "here")
	fill(b.URI()+"other", "there")
	b.Stop(t)

	hit := 0
	entries, err := os.ReadDir(filepath.Join(dir, "journal"))
	must(t, err)
	for _, e := range entries {
		path := filepath.Join(dir, "journal", e.Name())
		content, err := os.ReadFile(path)
		must(t, err)
		for from := 0; ; { // what only the node's stream says
			at := bytes.Index(content[from:], []byte("Default virtual host"))
			if at < 0 {
				break
			}
			content[from+at] ^= 1
			from += at + 1
			hit++
		}
		must(t, os.WriteFile(path, content, 0o600))
	}
	if hit == 0 {
		t.Fatal("no record of the node's is found")
	}
	if _, err := broker.TryStart(t, broker.NoRace(), broker.DataDir(dir)); err == nil {
		t.Fatal("it starts without what it has lost")
	}
	b, err = broker.TryStart(t, broker.NoRace(), broker.DataDir(dir), broker.Set("journal.accept_loss", "true"))
	must(t, err)
	for range 2 { // the second time without a loss
		b.Ctl(t, "set_permissions", "-p", "other", "guest", ".*", ".*", ".*")
		for q, uri := range map[string]string{"here": b.URI(), "there": b.URI() + "other"} {
			ch := channelOn(t, connect(t, uri))
			d, ok, err := ch.Get(q, false)
			must(t, err)
			if m, parsed := parse(d.Body); !ok || !parsed || m != (id{q, 1}) {
				t.Fatalf("from %s comes %q, %v", q, d.Body, ok)
			}
		}
		b.Stop(t)
		b, err = broker.TryStart(t, broker.NoRace(), broker.DataDir(dir))
		must(t, err)
	}
	b.Stop(t)
}
