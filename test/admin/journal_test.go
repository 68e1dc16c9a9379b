package admin

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// filled is a broker with a queue and a persistent message that is confirmed.
func filled(t *testing.T) *broker.Broker {
	t.Helper()
	b := broker.Start(t)
	ch := channel(t, b)
	_, err := ch.QueueDeclare("orders", true, false, false, false, nil)
	must(t, err)
	must(t, ch.Confirm(false))
	confirmed := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	must(t, ch.Publish("", "orders", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("the body")}))
	if c := <-confirmed; !c.Ack {
		t.Fatal("not confirmed")
	}
	return b
}

type record struct {
	File   string
	Offset int64
	Name   string
	Bytes  int64
	Holds  string
	Event  map[string]any
	Error  string
}

func dump(t *testing.T, b *broker.Broker, args ...string) (records []record, raw string) {
	t.Helper()
	out := b.Ctl(t, append([]string{"journal", "dump"}, args...)...)
	for line := range bytes.Lines(out) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		records = append(records, r)
	}
	return records, string(out)
}

// Issue 3: the journal's records as JSON, from a broker that runs and from one that is stopped. Bodies are not for everybody's eyes.
func TestDump(t *testing.T) {
	b := filled(t)
	check := func() {
		t.Helper()
		records, raw := dump(t, b)
		seen := map[string]bool{}
		for _, r := range records {
			seen[strings.SplitN(r.Name, "/", 2)[0]+" "+r.Holds] = true
			if r.Error != "" {
				t.Errorf("%+v", r)
			}
		}
		if !seen["queue enqueued"] || !(seen["vhost batch"] || seen["vhost snapshot"]) {
			t.Errorf("records: %v\n%s", seen, raw)
		}
		const body = "dGhlIGJvZHk="
		if strings.Contains(raw, body) || !strings.Contains(raw, `"name":"orders"`) {
			t.Errorf("dump: %s", raw)
		}
		if _, raw = dump(t, b, "--bodies"); !strings.Contains(raw, `"body":"`+body) {
			t.Errorf("dump --bodies: %s", raw)
		}
	}
	check()
	b.Stop(t)
	check()
}

// Issue 3: verify is silent about a good journal, running or stopped, and names place and loss of a bad one.
func TestVerify(t *testing.T) {
	b := filled(t)
	b.Ctl(t, "journal", "verify")
	b.Stop(t)
	b.Ctl(t, "journal", "verify")

	records, _ := dump(t, b)
	for _, r := range records {
		if r.Holds != "enqueued" {
			continue
		}
		path := filepath.Join(b.DataDir, "journal", r.File)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		var octet [1]byte
		at := r.Offset + 48 + 5 // within the payload
		_, err = f.ReadAt(octet[:], at)
		must(t, err)
		octet[0] ^= 0x10
		_, err = f.WriteAt(octet[:], at)
		must(t, err)
		must(t, f.Close())
		out, err := b.TryCtl(t, "journal", "verify")
		if err == nil || !strings.Contains(err.Error(), "exit status 65") {
			t.Fatalf("verify of a damaged journal: %v", err)
		}
		for _, want := range []string{"damage: " + r.File, "hit: " + r.Name + " (stream"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s\nis to contain %s", out, want)
			}
		}
		return
	}
	t.Fatal("no message in the dump")
}

// Issue 3: the journal's status comes from a broker that runs, and from the files of one that does not.
func TestStatus(t *testing.T) {
	type status struct {
		State           string
		Segments, Bytes int64
		Streams         int64
		Records         int64
		LastCommit      int64 `json:"last_commit"`
		Damaged         int64
	}
	b := filled(t)
	get := func(state string) {
		t.Helper()
		var s status
		must(t, json.Unmarshal(b.Ctl(t, "journal", "status", "--formatter=json"), &s))
		if s.State != state || s.Segments < 1 || s.Bytes < 1 || s.Streams != 3 || s.Records < 2 || s.LastCommit == 0 || s.Damaged != 0 {
			t.Errorf("%+v, want %s", s, state)
		}
	}
	get("running")
	b.Stop(t)
	get("stopped")
	if out, err := b.TryCtl(t, "--data-dir", t.TempDir(), "journal", "status"); err == nil {
		t.Errorf("no journal at all: %s", out)
	}
}
