package exchange

import (
	"fmt"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/persistence/volatile"
	"warren/protocol"
)

// memory is a booth whose exchange remembers, with queues that are bound by bindTo.
func memory(t *testing.T, length int) *booth {
	b := &booth{town: newTown(t), sessions: sessions{1: &actor.PID{Id: "session"}}}
	b.slot = b.exchange("A", RecentHistory)
	b.slot.Arguments = protocol.Table{"x-recent-history-length": int32(length)}
	b.streams = volatile.NewStore()
	b.start(1)
	return b
}

// bindTo binds a queue as the vhost does, and returns what the exchange sends when it hears of it.
func (b *booth) bindTo(name string) []letter {
	b.town.bind("A --> " + name)
	return b.tell(&Greet{From: &actor.PID{Id: "vhost"}, Number: 7})
}

// bodies are what a queue gets, in order.
func bodies(letters []letter, q *queue.Slot) (out []string) {
	for _, l := range letters {
		if m, ok := l.message.(*queue.Enqueue); ok && l.to == q.PID() {
			for i := range m.Messages {
				out = append(out, string(m.Messages[i].Body))
			}
		}
	}
	return out
}

// say publishes one message for each body, numbered behind prev.
func (b *booth) say(prev uint64, bodies ...string) []letter {
	var batch []protocol.Message
	for i, body := range bodies {
		batch = append(batch, protocol.Message{Seq: prev + 1 + uint64(i), Body: []byte(body), Flags: protocol.FlagMandatory})
	}
	return b.tell(&Publish{Session: 1, Incarnation: b.slot.Incarnation(), Prev: prev, Messages: batch})
}

func (b *booth) accept(q *queue.Slot, upto uint64) []letter {
	return b.tell(&queue.Accepted{Queue: q, Exchange: b.slot.ID, Accepted: upto})
}

func TestRecentHistory(t *testing.T) {
	// Contract X-10: a new binding gets the last messages, in order and no others, and an old one nothing again; the vhost
	// hears of it when they have arrived.
	b := memory(t, 3)
	if got := b.bindTo("q"); len(only[*queue.Enqueue](got)) != 0 || len(only[*Greeted](got)) != 1 {
		t.Fatalf("with nothing to remember: %v", got)
	}
	if got := bodies(b.say(0, "1", "2", "3", "4", "5"), b.queues["q"]); !slices.Equal(got, []string{"1", "2", "3", "4", "5"}) {
		t.Errorf("q gets %v", got)
	}
	b.say(5, "6")
	got := b.bindTo("r")
	r := b.queues["r"]
	if !slices.Equal(bodies(got, r), []string{"4", "5", "6"}) || len(bodies(got, b.queues["q"])) != 0 || len(only[*Greeted](got)) != 0 {
		t.Fatalf("greeted with %v", got)
	}
	e := only[*queue.Enqueue](got)[0]
	if b.sessions[e.Link.Session] != b.ctx.self || e.Messages[0].Flags.Has(protocol.FlagMandatory) {
		t.Errorf("sent as %+v", e)
	}
	if got := b.accept(r, e.Messages[1].Seq); len(got) != 0 {
		t.Errorf("a part has arrived: %v", got)
	}
	if got := only[*Greeted](b.accept(r, e.Messages[2].Seq)); len(got) != 1 || got[0].Number != 7 {
		t.Errorf("all has arrived: %v", got)
	}
	if b.bytes == 0 || b.bytes != int(b.slot.kept.Load()) {
		t.Errorf("the ledger says %d", b.bytes)
	}
	b.slot.Bury(func(*actor.PID, any) {})
	b.x.Terminate(b.ctx, 0)
	if b.bytes != 0 || b.streams.Len() != 0 || len(b.sessions) != 1 {
		t.Errorf("deleted, it leaves %d bytes, %d streams, %d sessions", b.bytes, b.streams.Len(), len(b.sessions))
	}
}

func TestRecentHistorySurvivesTheActor(t *testing.T) {
	// Contract X-10, promise 1: what is remembered and what is owed survive a restart, and nothing is remembered twice when a
	// session sends it again.
	b := memory(t, 10)
	b.say(0, "1", "2")
	b.start(2)
	b.tell(&Resume{Session: 1, Incarnation: 2})
	b.say(0, "1", "2", "3")
	got := bodies(b.bindTo("q"), b.queues["q"])
	if !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Fatalf("greeted with %v", got)
	}
	again := b.start(3)
	if !slices.Equal(bodies(again, b.queues["q"]), got) {
		t.Fatalf("not sent again: %v", again)
	}
	// The queue restarts as well, and then has it.
	up := b.tell(&queue.Up{Queue: b.queues["q"], Incarnation: 5})
	if !slices.Equal(bodies(up, b.queues["q"]), got) {
		t.Fatalf("not sent to the new incarnation: %v", up)
	}
	b.accept(b.queues["q"], 3)
	if late := b.start(4); len(only[*queue.Enqueue](late)) != 0 {
		t.Fatalf("sent although it arrived: %v", late)
	}
	if len(b.x.recent.state.owed) != 0 {
		t.Error("owed still")
	}
}

func TestRecentHistoryOfATableThatChangesInBetween(t *testing.T) {
	// Contract X-10: a binding that is there before the exchange hears of it gets every message once: from the past what came
	// before the exchange saw it, and from then on by its table.
	b := memory(t, 10)
	b.say(0, "1")
	b.town.bind("A --> q")
	q := b.queues["q"]
	first := b.say(1, "2")
	later := b.tell(&Greet{From: &actor.PID{Id: "vhost"}, Number: 1})
	if got := append(bodies(first, q), bodies(later, q)...); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("q gets %v", got)
	}
}

func TestRecentHistoryOfAQueueThatGoes(t *testing.T) {
	// Promise 2: nothing is owed to the dead, and nobody waits for them.
	for what, end := range map[string]func(*booth, *queue.Slot) []letter{
		"deleted": func(b *booth, q *queue.Slot) []letter { return b.tell(&queue.Gone{Queue: q}) },
		"crashed": func(b *booth, q *queue.Slot) []letter { return b.tell(&queue.Crashed{Queue: q}) },
	} {
		b := memory(t, 10)
		b.say(0, "1")
		b.bindTo("q")
		if got := only[*Greeted](end(b, b.queues["q"])); len(got) != 1 || len(b.x.recent.state.owed) != 0 {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestRecentHistoryThroughExchanges(t *testing.T) {
	// Contract X-10: what other exchanges lead through it is remembered, and what is remembered goes on through those that are
	// bound to it.
	b := memory(t, 10)
	passed := []protocol.Message{{Seq: 9, Body: []byte("x"), RoutingKey: "k"}}
	from := ready.Link{Session: 1, Exchange: 99}
	b.tell(&Passed{Through: b.slot, From: from, Messages: passed})
	b.tell(&Passed{Through: b.slot, From: from, Messages: passed}) // sent again
	b.tell(&Passed{Through: &Slot{}, From: from, Messages: passed})
	b.say(0, "1") // another link, whose sequences are others
	c := b.exchange("C", Direct)
	c.Publish(c.Table().With(Binding{To: Destination{Queue: b.queue("q")}, Key: "k"}))
	b.town.bind("A --> C")
	if got := bodies(b.tell(&Greet{From: &actor.PID{}, Number: 1}), b.queues["q"]); !slices.Equal(got, []string{"x"}) {
		t.Errorf("q gets %v", got)
	}
	if n := len(b.x.recent.state.kept); n != 2 {
		t.Errorf("%d kept", n)
	}

	// The other side: an exchange that leads through one.
	a := newBooth(t, Direct)
	h := a.exchange("H", RecentHistory)
	h.PID = &actor.PID{Id: "H"}
	a.town.bind("A -k-> H")
	sent := only[*Passed](a.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k", "l", "k")}))
	said := ""
	for _, p := range sent {
		for i := range p.Messages {
			said += fmt.Sprint(p.Messages[i].Seq, p.Through.Name, p.From)
		}
	}
	if want := "1H{1 1001}3H{1 1001}"; said != want {
		t.Errorf("passed %s, want %s", said, want)
	}
}

func TestWhatIsNotRemembered(t *testing.T) {
	// Contract X-10: a header keeps a message out of the history.
	h := newHistory()
	var batch []protocol.Message
	for i, headers := range []protocol.Table{
		{"x-recent-history-no-store": true}, {"x-recent-history-no-store": false}, {"x-recent-history-no-store": "true"}, {"other": true}, nil,
	} {
		m := withHeaders(headers)
		m.Seq = uint64(i + 1)
		batch = append(batch, *m)
	}
	h.Apply(h.remember(ready.Link{}, batch, 10))
	var seqs []uint64
	for _, k := range h.kept {
		seqs = append(seqs, k.message.Seq)
	}
	if !slices.Equal(seqs, []uint64{2, 3, 4, 5}) {
		t.Errorf("kept %v", seqs)
	}
}

func TestRecentHistoryOwnsWhatItKeeps(t *testing.T) {
	// Promise 2: the bytes belong to the history, not to a read buffer, and what is pushed out is let go.
	h := newHistory()
	buffer := []byte("old")
	for i := range uint64(100) {
		h.Apply(h.remember(ready.Link{}, []protocol.Message{{Seq: i + 1, Body: buffer}}, 4))
	}
	copy(buffer, "new")
	if len(h.kept) != 4 || string(h.kept[0].message.Body) != "old" || h.bytes != 4*h.kept[0].message.Size() {
		t.Errorf("kept %v, %d bytes", h.kept, h.bytes)
	}
	c := h.Clone()
	c.Apply(c.remember(ready.Link{}, []protocol.Message{{Seq: 200, Body: buffer}}, 4))
	if string(h.kept[3].message.Body) != "old" {
		t.Error("a copy writes to the original")
	}
}

func TestRecentHistoryLength(t *testing.T) {
	// Contract X-10: the plugin's text.
	for v, want := range map[any]string{
		int8(1): "", int64(1000): "", int32(0): "0", int32(-1): "-1", "5": `<<"5">>`, uint8(5): "5", true: "true",
	} {
		err := CheckArguments(RecentHistory, protocol.Table{"x-recent-history-length": v})
		if want != "" {
			want = "Invalid argument " + want + ", 'x-recent-history-length' must be a positive integer"
		}
		if (err == nil) != (want == "") || err != nil && err.Text != want {
			t.Errorf("%v: %v", v, err)
		}
	}
	if historyLength(nil) != 20 {
		t.Error("the default")
	}
}
