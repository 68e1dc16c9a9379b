package persistence

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/internal/columns"
	"warren/persistence/journal"
	"warren/persistence/vfs"
	"warren/supervision"
)

// desk runs the persistence actor over a file system, beside an owner of streams that keeps what it is told.
type desk struct {
	t       *testing.T
	sys     *supervision.System
	log     *Log
	owner   *actor.PID
	heard   chan *Durable
	stalled chan struct{}
	got     chan *Fetched

	stream string // that append and fetch are about
	await  func(func())
}

type listener struct{ d *desk }

func (l *listener) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Durable:
		l.d.heard <- m
	case *Stalled:
		l.d.stalled <- struct{}{}
	case *Fetched:
		l.d.got <- m
	}
}

func newDesk(t *testing.T, fs vfs.FS) *desk {
	t.Helper()
	return newDeskThatAwaits(t, fs, nil)
}

func newDeskThatAwaits(t *testing.T, fs vfs.FS, await func(func())) *desk {
	t.Helper()
	d := &desk{await: await, t: t, sys: supervision.NewSystem(zerolog.Nop()), heard: make(chan *Durable, 1000), got: make(chan *Fetched, 10), stalled: make(chan struct{}, 10), stream: "queue/a"}
	d.log = NewLog(d.sys.PID("top/journal"), fs, "data", Options{Options: journal.Options{SegmentBytes: 1 << 20}})
	d.owner = d.sys.PID("top/owner")
	err := d.sys.Start("top", supervision.Spec{
		Limit: supervision.Limit{Restarts: 10},
		Children: []supervision.ChildSpec{
			{ID: "owner", New: func(uint64) actor.Actor { return &listener{d} }},
			{ID: "journal", New: func(uint64) actor.Actor { return &Journal{Log: d.log, Logs: zerolog.Nop(), Await: d.await} }},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.sys.Stop() })
	return d
}

func (d *desk) append(records ...Record) {
	d.sys.Send(d.log.PID, &Append{Stream: d.stream, From: d.owner, Records: records})
}

func (d *desk) fetch(records ...uint64) {
	d.sys.Send(d.log.PID, &Fetch{Stream: d.stream, From: d.owner, Records: records})
}

// recovered is what the owner finds at the start; it reads it twice.
func (d *desk) recovered() (out []Record) {
	all := d.log.Recovered(d.stream)
	for range all {
	}
	for r := range all {
		out = append(out, *r)
	}
	return out
}

func (d *desk) fetched() *Fetched {
	d.t.Helper()
	select {
	case m := <-d.got:
		return m
	case <-time.After(20 * time.Second):
		d.t.Fatal("nothing was fetched")
		return nil
	}
}

func record(index uint64) Record {
	return Record{Index: index, Kind: 7, Payload: fmt.Appendf(nil, "record %d", index)}
}

// durable waits until the stream is durable up to an index.
func (d *desk) durable(upto uint64) {
	d.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case m := <-d.heard:
			if m.Upto >= upto {
				return
			}
		case <-deadline:
			d.t.Fatalf("never durable up to %d", upto)
		}
	}
}

// DESIGN 6: what was said to be durable is there for the next process, in order, with its kind; the lock is free again.
func TestWhatIsDurableIsThereForTheNextProcess(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	d.append(record(1), record(2))
	d.append(record(2), record(3)) // a repeat counts once
	d.durable(3)

	next := newDesk(t, fs.Kill())
	got := next.recovered()
	if len(got) != 3 {
		t.Fatalf("%d records", len(got))
	}
	for i, r := range got {
		if want := record(uint64(i + 1)); r.Index != want.Index || r.Kind != want.Kind || string(r.Payload) != string(want.Payload) {
			t.Errorf("record %d is %+v", i+1, r)
		}
	}
	if again := next.recovered(); again != nil {
		t.Errorf("recovered twice: %v", again)
	}
}

// An owner that crashed with the word of what is durable in its mailbox sends all of it again, and hears it again.
func TestDurableIsSaidAgain(t *testing.T) {
	d := newDesk(t, vfs.NewMemory())
	d.append(record(1), record(2))
	d.durable(2)
	d.append(record(1), record(2))
	d.durable(2)
}

// What an owner does not keep in memory it can have again; what the next process has no use for is gone with this one.
func TestFetch(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	messages := func(i uint64) Record {
		r := record(i)
		r.Messages, r.Summary = true, 1
		return r
	}
	d.append(messages(1), messages(2), messages(3))
	d.durable(3)
	d.fetch(1, 3)
	if got := d.fetched(); len(got.Records) != 2 || len(got.Lost) != 0 || got.Err != nil || string(got.Records[1].Payload) != string(record(3).Payload) {
		t.Errorf("%+v", got)
	}
	d.fetch(2, 9)
	if got := d.fetched(); len(got.Records) != 1 || len(got.Lost) != 1 || got.Lost[0] != 9 {
		t.Errorf("%+v", got)
	}
	d.stream = Spool + "a"
	d.append(messages(1))
	d.durable(1)

	next := newDesk(t, fs.Kill())
	if got := next.log.Streams(); len(got) != 1 || got[0] != "queue/a" {
		t.Errorf("streams %v", got)
	}
	for r := range next.log.Recovered("queue/a") {
		if !r.Brief || string(r.Payload) != string(record(r.Index).Payload[:1]) {
			t.Errorf("%+v", r)
		}
	}
}

// DESIGN 5, incarnations: a writer that was replaced is refused, and nobody else hears of it.
func TestReplacedWriterIsRefused(t *testing.T) {
	d := newDesk(t, vfs.NewMemory())
	d.sys.Send(d.log.PID, &Append{Stream: d.stream, Incarnation: 2, From: d.owner, Records: []Record{record(1)}})
	d.durable(1)
	d.sys.Send(d.log.PID, &Append{Stream: d.stream, Incarnation: 1, From: d.owner, Records: []Record{record(2)}})
	d.sys.Send(d.log.PID, &Append{Stream: d.stream, Incarnation: 2, From: d.owner, Records: []Record{record(2)}})
	d.durable(2)
	for _, n := range d.sys.Tree() {
		if n.Restarts > 0 {
			t.Errorf("%s restarted", n.Path)
		}
	}
}

// DESIGN 5, the journal dies: what was not durable is sent again, and nothing that was is lost or doubled.
func TestCrashOfTheJournal(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	const n = 200
	for i := uint64(1); i <= n; i++ {
		d.append(record(i))
		if i%50 == 0 {
			if err := d.sys.Crash("top/journal", false); err != nil && !errors.Is(err, supervision.ErrNotFound) {
				t.Log(err) // between two incarnations
			}
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; { // as an owner does: everything, until it is durable
		all := make([]Record, n)
		for i := range all {
			all[i] = record(uint64(i + 1))
		}
		d.append(all...)
		select {
		case m := <-d.heard:
			if m.Upto < n {
				continue
			}
		case <-time.After(100 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("never durable")
			}
			continue
		}
		break
	}
	if got := newDesk(t, fs.Kill()).recovered(); len(got) != n {
		t.Fatalf("%d records, not %d", len(got), n)
	}
}

// DESIGN 5, a failed write or sync: nothing is durable, the alarm is up; when the disk works again the tail is written without
// a restart.
func TestDiskThatFails(t *testing.T) {
	memory := vfs.NewMemory()
	fs := vfs.NewFaulty(memory)
	d := newDesk(t, fs)
	alarm := make(chan bool, 10)
	d.log.OnFailing = func(now bool) { alarm <- now }
	d.append(record(1))
	d.durable(1)
	fs.Watch(func(op vfs.Op, _ string) error {
		if op == vfs.OpWrite || op == vfs.OpSync {
			return errors.New("input/output error")
		}
		return nil
	})
	d.append(record(2))
	if !<-alarm {
		t.Fatal("no alarm")
	}
	select {
	case <-d.stalled:
	case <-time.After(20 * time.Second):
		t.Fatal("the owner of a stream does not hear of it")
	}
	select {
	case m := <-d.heard:
		t.Fatalf("%+v while nothing can be written", m)
	default:
	}
	fs.Heal()
	d.durable(2)
	if <-alarm {
		t.Fatal("the alarm stays")
	}
	if got := newDesk(t, memory.Kill()).recovered(); len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
}

// DESIGN 5: the alarm of a disk that failed does not outlive the failure because the actor that raised it has crashed meanwhile.
func TestAlarmEndsBehindCrash(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewMemory())
	d := newDesk(t, fs)
	alarm := make(chan bool, 10)
	d.log.OnFailing = func(now bool) { alarm <- now }
	fs.Watch(func(op vfs.Op, _ string) error {
		if op == vfs.OpWrite || op == vfs.OpSync {
			return errors.New("input/output error")
		}
		return nil
	})
	d.append(record(1))
	if !<-alarm {
		t.Fatal("no alarm")
	}
	fs.Heal()
	d.append(Record{Index: 2, Summary: 1}) // of no length: the journal panics
	select {
	case up := <-alarm:
		if up {
			t.Fatal("another alarm")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the alarm stays")
	}
	d.append(record(1)) // as its owner does, which hears of the restart
	d.durable(1)
}

// DESIGN 5: nobody who is ready waits behind a sync, a commit's or that of housekeeping.
func TestNobodyWaitsBehindTheDisk(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewMemory())
	var awaits, removed atomic.Bool
	d := newDeskThatAwaits(t, fs, func(f func()) {
		awaits.Store(true)
		defer awaits.Store(false)
		f()
	})
	d.append(record(1))
	d.durable(1)
	fs.Watch(func(op vfs.Op, path string) error {
		if (op == vfs.OpSync || op == vfs.OpSyncDir || op == vfs.OpRemove || op == vfs.OpRename) && !awaits.Load() {
			t.Errorf("%v of %s while others wait behind it", op, path)
		}
		if (op == vfs.OpRemove || op == vfs.OpRename) && strings.HasSuffix(path, ".segment") {
			removed.Store(true)
		}
		return nil
	})
	for upto := uint64(2); !removed.Load() && upto < 200; upto++ { // a segment or more each time, of which nothing lives then
		d.append(Record{Index: upto, Kind: 7, Payload: make([]byte, 1<<20)})
		d.durable(upto)
		d.sys.Send(d.log.PID, &Checkpoint{Stream: d.stream, From: d.owner, Upto: upto, Kind: 8})
	}
	fs.Heal() // its end may take as long as it likes
	if !removed.Load() {
		t.Error("nothing was cleaned")
	}
}

// A checkpoint stands for what came before it, and messages that live on are kept beside it.
func TestCheckpoint(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	one, two := record(1), record(2)
	one.Messages, two.Messages = true, true
	d.append(one, two, record(3))
	var live columns.Runs
	live.Add(2)
	d.sys.Send(d.log.PID, &Checkpoint{Stream: "queue/a", Upto: 3, Kind: 9, Payload: []byte("checkpoint"), Live: live})
	d.append(record(4))
	d.durable(4)
	var kinds []uint8
	var indexes []uint64
	for r := range newDesk(t, fs.Kill()).log.Recovered("queue/a") {
		kinds, indexes = append(kinds, r.Kind), append(indexes, r.Index)
	}
	if fmt.Sprint(kinds, indexes) != "[9 7 7] [3 2 4]" {
		t.Fatalf("kinds %v at %v", kinds, indexes)
	}
}
