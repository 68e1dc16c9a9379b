package exchange

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/persistence/volatile"
	"warren/protocol"
)

// turn is what an actor sees of one turn, and what it sent in it. The exchange runs in the test's goroutine: there is
// nothing to wait for.
type turn struct {
	actor.Context
	self    *actor.PID
	message any
	sent    []letter
}

type letter struct {
	to      *actor.PID
	message any
}

func (c *turn) Self() *actor.PID             { return c.self }
func (c *turn) Message() any                 { return c.message }
func (c *turn) Send(to *actor.PID, what any) { c.sent = append(c.sent, letter{to, what}) }

// sessions are those that live.
type sessions map[uint64]*actor.PID

func (s sessions) Lookup(id uint64) *actor.PID   { return s[id] }
func (s sessions) NewID() uint64                 { return 1000 }
func (s sessions) Add(id uint64, pid *actor.PID) { s[id] = pid }
func (s sessions) Remove(id uint64)              { delete(s, id) }

// booth is one exchange with what surrounds it.
type booth struct {
	*town
	sessions sessions
	streams  *volatile.Store
	bytes    int // that the exchange remembers
	slot     *Slot
	x        *Exchange
	ctx      *turn
}

func newBooth(t testing.TB, kind string, bind ...string) *booth {
	b := &booth{town: newTown(t), sessions: sessions{}, streams: volatile.NewStore()}
	for id := range uint64(5) {
		b.sessions[id+1] = &actor.PID{Id: "session"}
	}
	b.slot = b.exchange("A", kind)
	b.bind(bind...)
	b.start(1)
	return b
}

func (b *booth) Resident(delta int) { b.bytes += delta }

// start begins an incarnation of the exchange.
func (b *booth) start(incarnation uint64) []letter {
	b.x = New(Options{Slot: b.slot, Directory: b.town, Sessions: b.sessions, Streams: b.streams, Ledger: b}, incarnation)
	b.ctx = &turn{self: &actor.PID{Id: "exchange"}}
	return b.tell(&actor.Started{})
}

// tell gives the exchange one message and returns what it sends.
func (b *booth) tell(message any) []letter {
	b.ctx.message, b.ctx.sent = message, nil
	b.x.Receive(b.ctx)
	return b.ctx.sent
}

// none is a queue's ledger and its sessions: nobody.
type none struct{}

func (none) Resident(int)             {}
func (none) Lookup(uint64) *actor.PID { return nil }

// messages are numbered from seq, one for each key.
func messages(seq uint64, keys ...string) []protocol.Message {
	out := make([]protocol.Message, len(keys))
	for i, k := range keys {
		out[i] = protocol.Message{Seq: seq + uint64(i), RoutingKey: k, Body: []byte{byte(i)}}
	}
	return out
}

// only returns the messages of one kind.
func only[T any](letters []letter) (out []T) {
	for _, l := range letters {
		if m, ok := l.message.(T); ok {
			out = append(out, m)
		}
	}
	return out
}

// enqueued are the sequences that a queue gets of a turn.
func enqueued(letters []letter, q *queue.Slot) (out []uint64) {
	for _, l := range letters {
		if m, ok := l.message.(*queue.Enqueue); ok && l.to == q.PID() {
			for i := range m.Messages {
				out = append(out, m.Messages[i].Seq)
			}
		}
	}
	return out
}
