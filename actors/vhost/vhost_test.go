package vhost

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// turn is one turn of a vhost in the test's own goroutine.
type turn struct {
	actor.Context
	*scene
	message any
}

func (c *turn) Self() *actor.PID             { return c.dir.PID }
func (c *turn) Message() any                 { return c.message }
func (c *turn) Send(to *actor.PID, what any) { c.scene.Send(to, what) }

func TestPredeclaredExchanges(t *testing.T) {
	// Contract X-01: a vhost begins with these, and all of them run.
	s := newScene(t)
	var names []string
	for _, x := range s.dir.Exchanges() {
		names = append(names, string(x.Name)+":"+x.Type)
		if !x.Durable || x.Incarnation() == 0 {
			t.Errorf("%q: durable %v, incarnation %d", x.Name, x.Durable, x.Incarnation())
		}
	}
	want := ":direct amq.direct:direct amq.fanout:fanout amq.headers:headers amq.match:headers amq.rabbitmq.trace:topic amq.topic:topic"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !s.dir.Exchange("amq.rabbitmq.trace").Internal {
		t.Error("the trace exchange is not internal")
	}
}

func TestDeclareAtOnce(t *testing.T) {
	// DESIGN 3: a declaration is answered when its actor has started; who declares the same meanwhile is answered then too.
	s := newScene(t)
	for session := range uint64(5) {
		s.tell(&DeclareQueue{Request: s.request(session + 1), Name: "q"})
	}
	for range 5 {
		if a := hear[*Answer](s); a.Err != nil {
			t.Error(a.Err)
		}
		if q := s.dir.Queue("q"); q == nil || q.Incarnation() == 0 {
			t.Fatal("answered before it runs")
		}
	}
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: "topic"}); a.Err != nil || s.dir.Exchange("x").Incarnation() == 0 {
		t.Errorf("an exchange: %v", a.Err)
	}
}

func TestDeleteAtOnce(t *testing.T) {
	// Contract P-58: a queue that is deleted is deleted for everybody who asks, and its name is free when they hear of it.
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.Send(q.PID(), &queue.Enqueue{
		Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: q.Incarnation(), Messages: []protocol.Message{{Seq: 1}, {Seq: 2}},
	})
	hear[*queue.Accepted](s)
	for session := range uint64(5) {
		s.tell(&DeleteQueue{Request: s.request(session + 1), Name: "q"})
	}
	counts := map[uint64]int{}
	for range 5 {
		a := hear[*Answer](s)
		if a.Err != nil {
			t.Error(a.Err)
		}
		counts[a.Messages]++
	}
	if counts[2] != 1 || counts[0] != 4 {
		t.Errorf("message counts %v, want 2 once", counts)
	}
	if got := s.resident(); got != 0 {
		t.Errorf("the ledger has %d bytes of queues", got)
	}
	again := s.declare(DeclareQueue{Name: "q"})
	if again == q || again.Ready.Load() != 0 {
		t.Errorf("the new queue is the old one: %d messages", again.Ready.Load())
	}
	if a := s.ask(&DeleteQueue{Request: s.request(1), Name: "none"}); a.Err != nil || a.Messages != 0 {
		t.Errorf("one that is not there: %v", a)
	}
}

func TestDeleteRefused(t *testing.T) {
	// Contract P-58: in use, not empty; and a refusal is an end: the queue is not deleted when it becomes unused later.
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.consume(q, 1, &queue.Consume{Consumer: 2, Tag: "t", Prefetch: 1})
	s.Send(q.PID(), &queue.Enqueue{
		Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: q.Incarnation(), Messages: []protocol.Message{{Seq: 1}, {Seq: 2}},
	})
	a := s.ask(&DeleteQueue{Request: s.request(2), Name: "q", IfUnused: true})
	refused(t, "if-unused", a.Err, "406 queue 'q' in vhost '/' in use")
	a = s.ask(&DeleteQueue{Request: s.request(2), Name: "q", IfEmpty: true})
	refused(t, "if-empty", a.Err, "406 queue 'q' in vhost '/' not empty")
	s.consume(q, 2, &queue.Cancel{Consumer: 2})
	q.Follow(s.PID(sessionPath))
	if err := s.Crash(queuesPath+"/q", true); err != nil {
		t.Fatal(err)
	}
	hear[*queue.Up](s)
	s.Send(q.PID(), &queue.Commands{To: q, Session: 1, First: 3, Ops: []queue.Op{&queue.Inspect{}}})
	if d := hear[*queue.Done](s); d.Replies[0].Messages != 1 {
		t.Errorf("%d messages are ready, want 1", d.Replies[0].Messages)
	}
	if s.dir.Queue("q") != q {
		t.Error("the queue is gone")
	}
}

func TestDeleteOfAQueueThatRestarts(t *testing.T) {
	// Promise 1: a crash is not the client's business. A deletion that was lost in the queue's mailbox is asked again.
	s := newScene(t)
	for range 20 {
		s.declare(DeclareQueue{Name: "q"})
		_ = s.Crash(queuesPath+"/q", false)
		if a := s.ask(&DeleteQueue{Request: s.request(1), Name: "q"}); a.Err != nil {
			t.Fatal(a.Err)
		}
	}
}

func TestQueueThatDoesNotStart(t *testing.T) {
	// DESIGN 3: who declares what cannot start hears so, and nothing is left that looks as if it were there.
	s := newScene(t)
	s.claimed("q")
	a := s.ask(&DeclareQueue{Request: s.request(1), Name: "q"})
	if a.Err == nil || a.Err.Code != protocol.ReplyInternalError {
		t.Fatalf("answered %v", a.Err)
	}
	if a := s.ask(&Bind{Request: s.request(1), Source: "amq.direct", Destination: "q"}); a.Err == nil || a.Err.Code != protocol.ReplyNotFound {
		t.Errorf("it can be bound: %v", a.Err)
	}
	s.streams.Drop("queue/%2F/q")
	s.declare(DeclareQueue{Name: "q"})
}

func TestAutoDelete(t *testing.T) {
	// Contract: an auto-delete queue goes with its last consumer, and takes along the exchange that led to it alone.
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q", AutoDelete: true})
	s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: "fanout", AutoDelete: true})
	s.ask(&Bind{Request: s.request(1), Source: "x", Destination: "q"})
	x := s.dir.Exchange("x")
	q.Follow(s.PID(sessionPath))
	x.Follow(s.PID(sessionPath))
	s.consume(q, 1, &queue.Get{}, &queue.Consume{Consumer: 2, Tag: "t"}, &queue.Consume{Consumer: 3, Tag: "u"}, &queue.Cancel{Consumer: 2})
	if s.dir.Queue("q") == nil {
		t.Fatal("gone with a consumer left")
	}
	s.Send(q.PID(), &queue.Commands{To: q, Session: 1, First: 5, Ops: []queue.Op{&queue.Cancel{Consumer: 3}}})
	hear[*exchange.Gone](s)
	hear[*queue.Gone](s)
	if s.dir.Queue("q") != nil || s.dir.Exchange("x") != nil || !q.Gone() || !x.Gone() {
		t.Error("still in the directory")
	}
}

func TestOwnerGone(t *testing.T) {
	// Contract P-13, Q-03: the exclusive queues of a connection are deleted with it, before close-ok, and no other's.
	s := newScene(t)
	for _, name := range []string{"a", "b"} {
		s.declare(DeclareQueue{Request: s.request(1), Name: name, Exclusive: true})
	}
	s.declare(DeclareQueue{Request: s.request(2), Name: "c", Exclusive: true})
	s.declare(DeclareQueue{Name: "d"})
	s.tell(&OwnerGone{Connection: 1, From: s.PID(sessionPath)})
	if m := hear[*OwnerForgotten](s); m.Connection != 1 {
		t.Errorf("forgotten %d", m.Connection)
	}
	names := ""
	for _, q := range s.dir.Queues() {
		names += string(q.Name)
	}
	if names != "cd" {
		t.Errorf("left %s", names)
	}
	for _, n := range s.Tree() {
		if n.Path == queuesPath+"/a" || n.Path == queuesPath+"/b" {
			t.Errorf("%s runs still", n.Path)
		}
	}
	s.tell(&OwnerGone{Connection: 7, From: s.PID(sessionPath)})
	hear[*OwnerForgotten](s)
	if a := s.ask(&DeleteQueue{Request: s.request(3), Name: "c"}); a.Err == nil || a.Err.Code != protocol.ReplyResourceLocked {
		t.Errorf("another one's: %v", a.Err)
	}
}

func TestVHostRestart(t *testing.T) {
	// Promise 1: definitions survive their actor. Slots stay the same, since sessions hold them; tables say what they said.
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: "topic"})
	for range 2 {
		s.ask(&Bind{Request: s.request(1), Source: "x", Destination: "q", Key: "a.*"})
	}
	s.ask(&Bind{Request: s.request(1), Source: "amq.fanout", Destination: "x", ToExchange: true})
	before, version := s.dir.Bindings(), s.dir.RoutingVersion()
	x, was := s.dir.Exchange("x"), q.Incarnation()
	s.dir.Follow(s.PID(sessionPath))
	q.Follow(s.PID(sessionPath))
	if err := s.Crash(definitionsPath, true); err != nil {
		t.Fatal(err)
	}
	hear[*Up](s)
	if up := hear[*queue.Up](s); up.Incarnation <= was {
		t.Errorf("incarnation %d after %d", up.Incarnation, was)
	}
	if s.dir.Queue("q") != q || s.dir.Exchange("x") != x || s.dir.RoutingVersion() == version {
		t.Error("other slots, or the same routes")
	}
	after := s.dir.Bindings()
	if len(before) != 2 || len(after) != 2 || after[0].Key+after[1].Key != before[0].Key+before[1].Key {
		t.Errorf("bindings %v, were %v", after, before)
	}
	if a := s.ask(&DeclareQueue{Request: s.request(1), Name: "q"}); a.Err != nil || !a.Existed || a.Queue != q {
		t.Errorf("declared again: %+v", a)
	}
}

func TestReconcileBuriesWhatWasDeleted(t *testing.T) {
	// DESIGN 5: a vhost that dies between its stream and the directory comes back to what the stream says; a queue that was
	// deleted takes its messages along, or the next one of its name would have them.
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.ask(&Bind{Request: s.request(1), Source: "amq.direct", Destination: "q"})
	s.Send(q.PID(), &queue.Enqueue{Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: q.Incarnation(), Messages: []protocol.Message{{Seq: 1}}})
	hear[*queue.Accepted](s)
	q.Follow(s.PID(sessionPath))
	s.dir.Follow(s.PID(sessionPath))
	stream := volatile.Open(s.streams, "vhost//", newDefinitions)
	got, err := stream.Claim(1 << 61)
	if err != nil {
		t.Fatal(err)
	}
	deleted := &eventv1.DefinitionBatch{Definitions: got.State.deleteQueues("q").events}
	if err := stream.Append(1<<61, deleted); err != nil { // and dies
		t.Fatal(err)
	}
	New(s.options(), 1<<62).Receive(&turn{scene: s, message: &actor.Started{}})
	hear[*queue.Gone](s)
	if s.dir.Queue("q") != nil || !q.Gone() || len(s.dir.Bindings()) != 0 {
		t.Error("it is there still")
	}
	if got := s.resident(); got != 0 {
		t.Errorf("the ledger has %d bytes of queues", got)
	}
	if n := s.streams.Len(); n != 1 {
		t.Errorf("%d streams, want the vhost's alone", n)
	}
}

func TestOwnerThatEndedUnheard(t *testing.T) {
	// docs/design/0002: a connection that was given up says once that its exclusive queues may go (contract Q-03); a vhost that was down
	// at that moment finds that it is no more.
	s := newScene(t)
	for session := range uint64(2) {
		m := DeclareQueue{Request: s.request(session + 1), Name: fmt.Sprint("q", session+1), Exclusive: true}
		if a := s.ask(&m); a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	gone, stays := s.dir.Queue("q1"), s.dir.Queue("q2")
	if gone.Owner != 1 || stays.Owner != 2 {
		t.Fatalf("owners %d and %d", gone.Owner, stays.Owner)
	}
	s.ended[1].Store(true)
	s.dir.Follow(s.PID(sessionPath))
	if err := s.Crash(definitionsPath, false); err != nil {
		t.Fatal(err)
	}
	hear[*Up](s)
	if s.dir.Queue("q1") != nil || !gone.Gone() || s.dir.Queue("q2") != stays || stays.Gone() {
		t.Error("not the queue of the connection that ended")
	}
	if a := s.ask(&DeclareQueue{Request: s.request(3), Name: "q1"}); a.Err != nil || a.Existed {
		t.Errorf("its name is not free: %+v", a)
	}
}

func TestDeleteAskedAgain(t *testing.T) {
	// docs/design/0002: a delete-ok that was lost, with the vhost or with the channel, says what the first one said (contract P-58).
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.Send(q.PID(), &queue.Enqueue{
		Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: q.Incarnation(), Messages: []protocol.Message{{Seq: 1}, {Seq: 2}},
	})
	hear[*queue.Accepted](s)
	m := &DeleteQueue{Request: s.request(1), Name: "q"}
	if a := s.ask(m); a.Err != nil || a.Messages != 2 {
		t.Fatalf("%+v", a)
	}
	s.dir.Follow(s.PID(sessionPath))
	if err := s.Crash(definitionsPath, false); err != nil {
		t.Fatal(err)
	}
	hear[*Up](s)
	if a := s.ask(m); a.Err != nil || a.Messages != 2 {
		t.Errorf("asked again: %+v", a)
	}
	if a := s.ask(&DeleteQueue{Request: s.request(1), Name: "q"}); a.Err != nil || a.Messages != 0 {
		t.Errorf("another request: %+v", a)
	}
}

// K-32: what was refused stays refused for whoever asks again, and a session that is over asks for nothing. Found by the model test: a
// deletion was refused because the queue was in use, the channel closed, its consumers went, and the question that a crash had repeated
// deleted the queue.
func TestRefusedStaysRefused(t *testing.T) {
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.consume(q, 1, &queue.Consume{Consumer: 1})
	m := DeleteQueue{Request: s.request(2), Name: "q", IfUnused: true}
	told := s.ask(&m)
	if told.Err == nil {
		t.Fatal("a queue in use was deleted")
	}
	s.consume(q, 2, &queue.Cancel{Consumer: 1})
	m.Again = true
	if a := s.ask(&m); a.Err != told.Err {
		t.Errorf("asked again: %v, and before: %v", a.Err, told.Err)
	}
	over := DeleteQueue{Request: Request{Session: 99, ID: 1, Again: true}, Name: "q"}
	s.tell(&over)
	s.ask(&DeleteQueue{Request: s.request(2), Name: "other"})
	s.consume(q, 3, &queue.Inspect{}) // a queue that may go answers nothing
	never := DeleteQueue{Request: s.request(3), Name: "q", IfUnused: true}
	never.Again = true
	if a := s.ask(&never); a.Err != nil || s.dir.Queue("q") != nil {
		t.Errorf("asked again by who may never have asked: %v", a.Err)
	}
}

// K-32: a deleted queue whose actor was between two lives when the vhost crashed leaves nothing to a namesake. The model test found one
// that had had a consumer, and that took a new queue of the name along.
func TestWhatWasLeavingIsForgotten(t *testing.T) {
	s := newScene(t)
	q := s.declare(DeclareQueue{Name: "q"})
	s.Send(q.PID(), &queue.Enqueue{
		Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: q.Incarnation(), Messages: []protocol.Message{{Seq: 1}, {Seq: 2}},
	})
	s.consume(q, 1, &queue.Inspect{})
	s.dir.pen.mu.Lock() // as when its deletion has begun, and nobody has heard of its end
	s.dir.queues.Delete(string(q.Name))
	s.dir.leaving.queue(q)
	s.dir.pen.mu.Unlock()
	s.dir.Follow(s.PID(sessionPath))
	if err := s.Crash(definitionsPath, true); err != nil {
		t.Fatal(err)
	}
	hear[*Up](s)
	namesake := s.dir.Queue("q") // its definition is still there
	if namesake == nil || namesake == q {
		t.Fatal("the slot is the old one")
	}
	for end := time.Now().Add(10 * time.Second); namesake.Incarnation() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never starts")
		}
	}
	s.Send(namesake.PID(), &queue.Commands{To: namesake, Session: 1, First: 1, Ops: []queue.Op{&queue.Inspect{}}})
	if d := hear[*queue.Done](s); d.Replies[0].Messages != 0 {
		t.Errorf("it has %d messages of the old one", d.Replies[0].Messages)
	}
	if n := len(s.dir.leaving.queues); n != 0 {
		t.Errorf("%d are still leaving", n)
	}
}
