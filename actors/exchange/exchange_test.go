package exchange

import (
	"fmt"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue"
	"warren/persistence/volatile"
)

func TestPublishTellsRoutesFirst(t *testing.T) {
	// DESIGN 4, routes and confirms: the session hears where its messages go before any queue hears of them.
	b := newBooth(t, Direct, "A -k-> q", "A -l-> r", "A -l-> q")
	got := b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k", "k", "l", "none", "k")})
	routed, ok := got[0].message.(*Routed)
	if !ok || got[0].to != b.sessions[1] {
		t.Fatalf("first of all: %T", got[0].message)
	}
	said := ""
	for _, r := range routed.Routes {
		said += fmt.Sprintf("%d:%s;", r.Last, reached(r.Route))
	}
	if want := "2:q;3:q r;4:;5:q;"; said != want {
		t.Errorf("routes %s, want %s", said, want)
	}
	if n := len(only[*queue.Enqueue](got)); n != 2 || len(got) != 3 {
		t.Errorf("%d batches for two queues, %d messages", n, len(got))
	}
	if q, r := enqueued(got, b.queues["q"]), enqueued(got, b.queues["r"]); !slices.Equal(q, []uint64{1, 2, 3, 5}) || !slices.Equal(r, []uint64{3}) {
		t.Errorf("q gets %v, r gets %v", q, r)
	}
	if b.slot.Published.Load() != 5 {
		t.Errorf("published %d", b.slot.Published.Load())
	}
}

func TestPublishCopiesNothingToOneQueue(t *testing.T) {
	// DESIGN 4, cost rules: a batch that goes to one queue whole goes on as it is; and one that goes to two is not shared
	// in a way that lets one write into the other's.
	b := newBooth(t, Direct, "A -k-> q", "A -l-> q", "A -l-> r")
	in := messages(1, "k", "k", "k")
	out := only[*queue.Enqueue](b.tell(&Publish{Session: 1, Incarnation: 1, Messages: in}))
	if len(out) != 1 || len(out[0].Messages) != 3 || &out[0].Messages[0] != &in[0] {
		t.Fatal("copied")
	}
	in = messages(4, "l", "k", "l")
	before := fmt.Sprint(in)
	b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 3, Messages: in})
	if fmt.Sprint(in) != before {
		t.Error("what came in was written to")
	}
}

func TestPublishToManyQueuesInTurn(t *testing.T) {
	// DESIGN 4, batches: one for each queue of a turn, however many queues and in whatever order; a second turn finds nothing of the first.
	const queues, each = 3 * scanMost, 4
	var bindings []string
	for i := range queues {
		bindings = append(bindings, fmt.Sprintf("A -k%d-> q%d", i, i))
	}
	b := newBooth(t, Direct, bindings...)
	prev := uint64(0)
	for range 2 {
		var keys []string
		for n := range each * queues {
			keys = append(keys, fmt.Sprintf("k%d", n*7%queues))
		}
		got := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: prev, Messages: messages(prev+1, keys...)})
		if n := len(only[*queue.Enqueue](got)); n != queues {
			t.Fatalf("%d batches for %d queues", n, queues)
		}
		for i := range queues {
			var want []uint64
			for n, key := range keys {
				if key == fmt.Sprintf("k%d", i) {
					want = append(want, prev+uint64(n)+1)
				}
			}
			if at := enqueued(got, b.queues[queue.Name(fmt.Sprintf("q%d", i))]); !slices.Equal(at, want) {
				t.Fatalf("q%d gets %v, want %v", i, at, want)
			}
		}
		prev += each * queues
	}
}

func TestPublishRefusesGaps(t *testing.T) {
	// DESIGN 4, links: a link is gapless and in order; what does not follow is sent again by its session.
	b := newBooth(t, Direct, "A -k-> q")
	refused := func(m *Publish) {
		t.Helper()
		if got := b.tell(m); len(got) != 0 {
			t.Errorf("prev %d: %T", m.Prev, got[0].message)
		}
	}
	refused(&Publish{Session: 1, Incarnation: 1, Prev: 1, Messages: messages(2, "k")})
	b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 0, Messages: messages(5, "k")}) // 1 to 4 went to another exchange
	refused(&Publish{Session: 1, Incarnation: 1, Prev: 0, Messages: messages(5, "k")})
	refused(&Publish{Session: 1, Incarnation: 1, Prev: 6, Messages: messages(7, "k")})
	refused(&Publish{Session: 1, Incarnation: 2, Prev: 5, Messages: messages(6, "k")})
	refused(&Publish{Session: 9, Incarnation: 1, Prev: 0, Messages: messages(1, "k")}) // is over
	if got := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 5, Messages: messages(6, "k")}); len(got) != 2 {
		t.Errorf("what follows: %v", got)
	}
	if got := b.tell(&Publish{Session: 2, Incarnation: 1, Prev: 0, Messages: messages(1, "k")}); len(got) != 2 {
		t.Errorf("another session: %v", got)
	}
}

// restart runs a new incarnation of a queue and passes on what it tells the exchange.
func (b *booth) restart(q *queue.Slot, incarnation uint64) []letter {
	actorOf := queue.New(queue.Options{
		Slot: q, Node: &queue.Node{Streams: volatile.NewStore(), Sessions: none{}, Ledger: none{}, Log: zerolog.Nop()},
	}, incarnation)
	ctx := &turn{self: q.PID(), message: &actor.Started{}}
	actorOf.Receive(ctx)
	var out []letter
	for _, l := range ctx.sent {
		if l.to.Id == b.ctx.self.Id {
			out = append(out, b.tell(l.message)...)
		}
	}
	return out
}

func TestQueueRestart(t *testing.T) {
	// DESIGN 5, incarnations: behind a queue's restart nothing overtakes what its session sends again.
	b := newBooth(t, Direct, "A -k-> q", "A -l-> r")
	q, r := b.queues["q"], b.queues["r"]
	b.restart(q, 11)
	b.restart(r, 12)
	first := b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k", "l")})
	for i, e := range only[*queue.Enqueue](first) {
		if want := []uint64{11, 12}[i]; e.Incarnation != want {
			t.Errorf("for incarnation %d, want %d", e.Incarnation, want)
		}
	}
	routes := only[*Routed](first)[0].Routes

	resets := only[*Reset](b.restart(q, 13))
	if len(resets) != 1 || resets[0].Epoch == 0 {
		t.Fatalf("resets %v", resets)
	}
	// Meanwhile: routed, but not passed on, neither to the queue that restarted nor to others.
	while := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 2, Messages: messages(3, "k", "l")})
	if len(only[*Routed](while)) != 1 || len(only[*queue.Enqueue](while)) != 0 {
		t.Errorf("meanwhile: %v", while)
	}
	again := &Republish{Session: 1, Incarnation: 1, Runs: []Run{{routes[0].Route, messages(1, "k")}, {routes[1].Route, messages(2, "l")}}}
	if got := b.tell(again); len(got) != 0 {
		t.Errorf("republished before the session resumed: %v", got)
	}
	// An answer to an older Reset is none.
	later := only[*Reset](b.restart(r, 14))
	if len(later) != 1 || later[0].Epoch <= resets[0].Epoch {
		t.Fatalf("a second reset: %v", later)
	}
	b.tell(&Resume{Session: 1, Incarnation: 1, Epoch: resets[0].Epoch, Prev: 4})
	if got := b.tell(again); len(got) != 0 {
		t.Errorf("resumed by an old epoch: %v", got)
	}
	b.tell(&Resume{Session: 1, Incarnation: 1, Epoch: later[0].Epoch, Prev: 4})
	got := only[*queue.Enqueue](b.tell(again))
	if len(got) != 2 || got[0].Incarnation != 13 || got[1].Incarnation != 14 {
		t.Errorf("republished: %v", got)
	}
	if got := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 4, Messages: messages(5, "k")}); len(only[*queue.Enqueue](got)) != 1 {
		t.Errorf("what follows: %v", got)
	}
	if got := b.restart(q, 15); len(only[*Reset](got)) != 1 {
		t.Errorf("the next restart: %v", got)
	}
}

func TestSessionRestartWhileItsLinkIsReset(t *testing.T) {
	// DESIGN 5: a queue and a session behind one exchange restart together, so that neither Reset nor Routed was heard. The
	// session resumes unasked, at what it knows of; waiting for routes that were sent before would be for ever.
	b := newBooth(t, Direct, "A -k-> q")
	q := b.queues["q"]
	b.restart(q, 11)
	b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k", "k")})
	b.restart(q, 12)
	b.tell(&Resume{Session: 1, Incarnation: 1, Prev: 0})
	got := b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k", "k")})
	if e := only[*queue.Enqueue](got); len(only[*Routed](got)) != 1 || len(e) != 1 || e[0].Incarnation != 12 {
		t.Errorf("published again: %v", got)
	}
}

func TestQueueRestartOfAnotherLink(t *testing.T) {
	// DESIGN 5: a restart resets the links that lead to that queue, and no other.
	b := newBooth(t, Direct, "A -k-> q", "A -l-> r")
	b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k")})
	b.tell(&Publish{Session: 2, Incarnation: 1, Messages: messages(1, "l")})
	if got := b.restart(b.queues["q"], 5); len(got) != 1 || got[0].to != b.sessions[1] {
		t.Errorf("%v", got)
	}
	if got := b.restart(b.queues["q"], 5); len(got) != 0 {
		t.Errorf("the same incarnation once more: %v", got)
	}
}

func TestExchangeRestart(t *testing.T) {
	// Promise 1: a new incarnation of an exchange gets its links back from the sessions, and loses nothing they have.
	b := newBooth(t, Direct, "A -k-> q")
	b.slot.Follow(b.sessions[1])
	route := only[*Routed](b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k")}))[0].Routes[0].Route
	ups := only[*Up](b.start(2))
	if len(ups) != 1 || ups[0].Incarnation != 2 || b.slot.Incarnation() != 2 {
		t.Fatalf("up: %v", ups)
	}
	b.tell(&Resume{Session: 1, Incarnation: 1, Prev: 1}) // to the one before
	if got := b.tell(&Publish{Session: 1, Incarnation: 2, Prev: 1, Messages: messages(2, "k")}); len(got) != 0 {
		t.Errorf("published before the session resumed: %v", got)
	}
	b.tell(&Resume{Session: 1, Incarnation: 2, Prev: 1})
	got := b.tell(&Republish{Session: 1, Incarnation: 2, Runs: []Run{{route, messages(1, "k")}}})
	got = append(got, b.tell(&Publish{Session: 1, Incarnation: 2, Prev: 1, Messages: messages(2, "k")})...)
	if seqs := enqueued(got, b.queues["q"]); !slices.Equal(seqs, []uint64{1, 2}) {
		t.Errorf("q gets %v", seqs)
	}
	if n := len(only[*Routed](got)); n != 1 {
		t.Errorf("what was routed before is routed again: %d", n)
	}
}

func TestRepublishKeepsTheRoute(t *testing.T) {
	// DESIGN 4: a resend goes to the recorded route set and is never routed again, or a changed binding loses it or doubles it.
	b := newBooth(t, Direct, "A -k-> q")
	route := only[*Routed](b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k")}))[0].Routes[0].Route
	b.unbind("A -k-> q")
	b.bind("A -k-> r")
	got := b.tell(&Republish{Session: 1, Incarnation: 1, Runs: []Run{{route, messages(1, "k")}}})
	if len(got) != 1 || got[0].to != b.queues["q"].PID() {
		t.Errorf("%v", got)
	}
	if got := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: 1, Messages: messages(2, "k")}); len(enqueued(got, b.queues["r"])) != 1 {
		t.Errorf("what is new goes by the new binding: %v", got)
	}
}

func TestQueueGone(t *testing.T) {
	// Contract P-40: a queue deleted before it confirms confirms, so whoever may wait for it hears of its end, late senders too.
	b := newBooth(t, Direct, "A -k-> q")
	q := b.queues["q"]
	route := only[*Routed](b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k")}))[0].Routes[0].Route
	var told []letter
	q.Bury(func(_ *actor.PID, m any) { told = append(told, b.tell(m)...) })
	if len(told) != 1 || told[0].to != b.sessions[1] {
		t.Errorf("told %v", told)
	}
	b.tell(&Resume{Session: 2, Incarnation: 1})
	got := b.tell(&Republish{Session: 2, Incarnation: 1, Runs: []Run{{route, messages(1, "k")}}})
	if len(only[*queue.Gone](got)) != 1 || len(only[*queue.Enqueue](got)) != 0 {
		t.Errorf("a late sender: %v", got)
	}
}

func TestDeletedExchangeFollowsNobody(t *testing.T) {
	// Promise 2: exchanges that come and go leave nothing behind at a queue that stays.
	b := newBooth(t, Direct, "A -k-> q")
	b.tell(&Publish{Session: 1, Incarnation: 1, Messages: messages(1, "k")})
	b.slot.Bury(nil)
	b.x.Terminate(b.ctx, 0)
	b.queues["q"].Bury(func(p *actor.PID, _ any) { t.Errorf("%v follows still", p) })
}

func TestLinksAreSwept(t *testing.T) {
	// Promise 2: links of sessions that are over do not pile up.
	b := newBooth(t, Direct, "A -k-> q")
	for id := uint64(100); id < 10_000; id++ {
		b.sessions[id] = &actor.PID{Id: "session"}
		b.tell(&Publish{Session: id, Incarnation: 1, Messages: messages(1, "k")})
		delete(b.sessions, id)
		if len(b.x.links) > 2*sweepFrom {
			t.Fatalf("%d links", len(b.x.links))
		}
	}
}

func TestWhatSeveralQueuesGet(t *testing.T) {
	// Contract D-06, DESIGN 4 "Bytes": what goes to several queues whole is kept once for all of them; bodies of 4 KiB also when
	// the queues' other messages differ. Order is each queue's all the same.
	b := newBooth(t, Direct, "A -one-> q", "A -all-> q", "A -all-> r", "A -two-> r", "A -two-> s")
	q, r, s := b.queues["q"], b.queues["r"], b.queues["s"]
	prev := uint64(0)
	publish := func(size int, keys ...string) []letter {
		t.Helper()
		in := messages(prev+1, keys...)
		for i := range in {
			in[i].Body = make([]byte, size)
		}
		out := b.tell(&Publish{Session: 1, Incarnation: 1, Prev: prev, Messages: in})
		prev += uint64(len(in))
		return out
	}
	kept := func(letters []letter, q *queue.Slot) (out []*queue.Kept) {
		for _, l := range letters {
			if m, ok := l.message.(*queue.Enqueue); ok && l.to == q.PID() {
				out = append(out, m.Kept)
			}
		}
		return out
	}
	got := publish(10, "all", "all")
	if x, y := kept(got, q), kept(got, r); len(x) != 1 || x[0] == nil || !slices.Equal(x, y) {
		t.Errorf("a whole batch: %v and %v", x, y)
	}
	if x := kept(publish(10, "one"), q); x[0] != nil {
		t.Error("kept for nobody else")
	}
	got = publish(10, "all", "two", "all")
	if x, y, z := kept(got, q), kept(got, r), kept(got, s); len(x)+len(y)+len(z) != 3 || x[0] != nil || y[0] != nil || z[0] == nil {
		t.Errorf("small ones: %v, %v and %v", x, y, z)
	}
	got = publish(keepTogether, "one", "all", "one", "two", "all")
	x, y, z := kept(got, q), kept(got, r), kept(got, s)
	if len(x) != 4 || len(y) != 3 || x[1] == nil || x[1] != y[0] || x[3] == nil || x[3] != y[2] || y[1] == nil || y[1] != z[0] || x[0] != nil || x[2] != nil {
		t.Errorf("large ones: %v, %v and %v", x, y, z)
	}
	if x, y := enqueued(got, q), enqueued(got, r); !slices.Equal(x, []uint64{7, 8, 9, 11}) || !slices.Equal(y, []uint64{8, 10, 11}) {
		t.Errorf("order %v, %v", x, y)
	}
}
