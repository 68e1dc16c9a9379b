package deadletter

import (
	"fmt"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	"warren/protocol"
)

// yard is an office with queues that drop whatever comes, and one where it ends up.
type yard struct {
	*office
	sources []string
	session uint64 // of who publishes to them
	sent    map[string]int
}

func newYard(t *testing.T, seed uint64) *yard {
	y := &yard{office: newOffice(t, seed), sources: []string{"a", "b"}, sent: map[string]int{}}
	_, y.session = y.client("sender")
	y.Send(y.directory.PID, &vhost.DeclareExchange{Name: "dlx", Type: "fanout"})
	y.run()
	for _, q := range y.sources {
		y.queue(q, protocol.Table{"x-dead-letter-exchange": "dlx", "x-max-length": int32(0)})
	}
	y.queue("heap", nil)
	y.Send(y.directory.PID, &vhost.Bind{Source: "dlx", Destination: "heap"})
	y.run()
	return y
}

// fill puts messages into a queue, which drops them at once.
func (y *yard) fill(source string, n int) {
	s := y.directory.Queue(queue.Name(source))
	m := &queue.Enqueue{Link: ready.Link{Session: y.session, Exchange: 1}, Incarnation: s.Incarnation()}
	for range n {
		y.sent[source]++
		body := fmt.Appendf(nil, "%s%d", source, y.sent[source])
		m.Messages = append(m.Messages, protocol.Message{Seq: uint64(y.sent[source]), RoutingKey: source, Properties: []byte{0, 0}, Body: body})
	}
	y.office.turn(y.find(s.PID().Id), m)
}

// check looks at what came to the heap, by source: every dead letter once, in order, with one death; and nobody holds one still.
func (y *yard) check(what string) {
	y.t.Helper()
	sink, session := y.client("sink")
	heap := y.directory.Queue("heap")
	y.Send(heap.PID(), &queue.Commands{To: heap, Session: session, First: 1, Ops: []queue.Op{&queue.Consume{Consumer: queue.FirstConsumer, NoAck: true}}})
	y.run()
	got, want := map[string][]string{}, map[string][]string{}
	for _, m := range sink.heard {
		d, ok := m.(*queue.Deliveries)
		if !ok {
			continue
		}
		for _, part := range d.Parts {
			for _, m := range part.Messages {
				p, err := protocol.ParseProperties(m.Properties)
				if err != nil {
					y.t.Fatal(err)
				}
				deaths, _ := p.Headers["x-death"].([]any)
				if len(deaths) != 1 || deaths[0].(protocol.Table)["count"] != int64(1) || deaths[0].(protocol.Table)["time"] != protocol.Timestamp(1000) {
					y.t.Fatalf("%s: %s has died of %v", what, m.Body, deaths)
				}
				got[m.RoutingKey] = append(got[m.RoutingKey], string(m.Body))
			}
		}
	}
	for source, n := range y.sent {
		for i := range n {
			want[source] = append(want[source], fmt.Sprintf("%s%d", source, i+1))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		y.t.Fatalf("%s: the heap has\n%v, want\n%v", what, got, want)
	}
	for _, q := range y.sources {
		if n := y.directory.Queue(queue.Name(q)).Bytes.Load(); n != 0 {
			y.t.Fatalf("%s: %s holds %d bytes", what, q, n)
		}
	}
	if s := y.publisherState(); len(s.taken)+len(s.flights)+s.Unacked.Count() > 0 || !s.Safe() || s.Commanding() {
		y.t.Fatalf("%s: the publisher still has %d taken, %d flights, %d unsettled", what, len(s.taken), len(s.flights), s.Unacked.Count())
	}
}

func (y *yard) publisherState() *State { return y.find(publisher).actor.(*Publisher).state }

func TestCrashAtEveryPoint(t *testing.T) {
	// Promise 1, DESIGN 5: whoever dies, and whenever: no dead letter is lost, none comes twice, none out of order.
	victims := []string{publisher, "queues/a", "queues/heap", "exchanges/dlx"}
	for _, victim := range victims {
		for at := 0; ; at++ {
			y := newYard(t, uint64(at))
			y.fill("a", 3)
			y.fill("b", 2)
			turns := 0
			for ; turns < at && y.step(); turns++ {
			}
			y.fill("a", 1)
			y.crash(victim)
			y.run()
			y.check(fmt.Sprintf("%s dies behind turn %d", victim, at))
			if turns < at {
				break
			}
		}
	}
}

func TestPanicAtEveryPoint(t *testing.T) {
	// The same, in the middle of a turn: behind what is in the stream already, and in front of what is not sent yet.
	for at := 1; ; at++ {
		y := newYard(t, uint64(at))
		y.fuse = at
		y.fill("a", 3)
		y.fill("b", 2)
		y.run()
		y.fill("a", 2)
		y.run()
		unblown := y.fuse > 0
		y.fuse = 0
		y.check(fmt.Sprintf("panic instead of send %d", at))
		if unblown {
			break
		}
	}
}

func TestByChance(t *testing.T) {
	// Promise 1: whatever the order of turns, and whoever crashes how often.
	for seed := range uint64(60) {
		y := newYard(t, seed)
		for y.sent["a"]+y.sent["b"] < 60 {
			switch y.lot.IntN(10) {
			case 0:
				y.fill(y.sources[y.lot.IntN(2)], 1+y.lot.IntN(4))
			case 1:
				if y.lot.IntN(3) == 0 {
					victims := append(append(y.ids(publisher), y.ids("exchanges/dlx")...), y.ids("queues/")...)
					y.crash(victims[y.lot.IntN(len(victims))])
				}
			default:
				y.step()
			}
		}
		y.run()
		y.check(fmt.Sprintf("seed %d", seed))
	}
}

func TestExchangeGoes(t *testing.T) {
	// Contract Q-11: a dead letter exchange that is not there, or goes while something is on its way: the letters are dropped, and
	// the queue is rid of them.
	for at := range 12 {
		y := newYard(t, uint64(at))
		y.fill("a", 3)
		for range at {
			y.step()
		}
		y.Send(y.directory.PID, &vhost.DeleteExchange{Name: "dlx"})
		y.run()
		y.fill("a", 3)
		y.run()
		if n := y.directory.Queue("a").Bytes.Load(); n != 0 {
			t.Fatalf("turn %d: a holds %d bytes", at, n)
		}
		if s := y.publisherState(); len(s.taken)+len(s.flights)+s.Unacked.Count() > 0 || !s.Safe() {
			t.Fatalf("turn %d: %+v", at, s)
		}
	}
}

func TestSourceOrTargetGoes(t *testing.T) {
	// Contract Q-11: what a deleted queue had waiting is not dead-lettered; who published the rest is done with it. A target that goes
	// takes its letters along.
	for _, name := range []string{"a", "heap"} {
		for at := range 12 {
			y := newYard(t, uint64(at))
			y.fill("a", 3)
			y.fill("b", 2)
			for range at {
				y.step()
			}
			y.Send(y.directory.PID, &vhost.DeleteQueue{Name: name})
			y.run()
			s := y.publisherState()
			if len(s.taken)+len(s.flights) > 0 || !s.Safe() || s.Commanding() {
				t.Fatalf("%s gone at turn %d: %d taken, %v in flight", name, at, len(s.taken), s.flights)
			}
			if _, attached := s.sources[y.directory.Queue("b")]; !attached || len(s.sources) != len(s.Consumers) {
				t.Fatalf("%s gone at turn %d: attached to %v, consumers %v", name, at, s.sources, s.Consumers)
			}
			if name == "a" && len(s.sources) != 1 {
				t.Fatalf("a gone at turn %d: attached to %v", at, s.sources)
			}
			y.queue(name, protocol.Table{"x-dead-letter-exchange": "dlx", "x-max-length": int32(0)}) // a namesake
			y.fill("b", 1)
			y.run()
			if n := y.directory.Queue("b").Bytes.Load(); n != 0 {
				t.Fatalf("%s gone at turn %d: b holds %d bytes", name, at, n)
			}
		}
	}
}

func TestGivenUpQueueComesBack(t *testing.T) {
	// Contract Q-26: a queue that was given up keeps what is dead in it. When it is started again, that is seen to, though the
	// publisher has forgotten the queue and the queue has not forgotten the publisher.
	y := newYard(t, 1)
	y.fill("a", 2)
	y.run()
	y.fill("a", 3)
	a := y.directory.Queue("a")
	for n := 0; len(y.publisherState().taken) == 0 && y.step() && n < 2; n++ {
	}
	d := y.find(a.PID().Id)
	d.mail = nil
	a.GiveUp(func(to *actor.PID, m any) { y.Send(to, m) })
	y.run()
	if _, attached := y.publisherState().sources[a]; attached {
		t.Fatal("still attached to a queue that was given up")
	}
	y.crash(a.PID().Id)
	y.run()
	if n := a.Bytes.Load(); n != 0 {
		t.Fatalf("a holds %d bytes", n)
	}
}

func TestStreamLetsGo(t *testing.T) {
	// Promise 2: when all letters are through, the stream of the publisher holds none.
	y := newYard(t, 1)
	for n := 1; n < 6; n++ {
		y.fill("a", n)
		y.run()
		volatile.Open(y.streams, "dead-letters//", newState).View(func(_ *State, tail []any) {
			for _, e := range tail {
				switch e.(type) {
				case *Posted, *queue.Deliveries:
					t.Errorf("a %T waits, of %d events", e, len(tail))
				}
			}
		})
	}
}
