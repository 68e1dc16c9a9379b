package queue

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/persistence"
	"warren/persistence/cold"
	"warren/persistence/vfs"
	"warren/protocol"
)

// world is one queue among a publisher, sessions, who publishes dead letters, and a journal, none of which does anything in time: what is
// on its way lies in a line until the test has it arrive. What crashes loses its line.
type world struct {
	*stand
	r              *rand.Rand
	set            settings.Settings
	durable        bool
	resident       int
	at             time.Time
	short, pressed bool
	incarnation    uint64

	mail      []any // to the queue
	toJournal []any
	read      []any // what the journal has read, which comes back in any order
	records   map[uint64]persistence.Record
	spooled   map[uint64]persistence.Record
	made      map[string]uint64 // newest record, by stream

	clients map[uint64]*party
	next    uint64 // session
	seq     uint64
	unsafe  []protocol.Message // published and not confirmed
	reached uint64             // accepted
	name    uint32
	fate    map[uint32]bool // by message, whether it has ended
	lossy   bool            // messages may end without anybody having had them
	system  *actor.ActorSystem
	cold    *cold.Store
	full    bool // the disk that it is on
}

const undertaker = 100 // its session

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{
		stand: newStand(t), r: rand.New(rand.NewPCG(seed, 3)), at: time.UnixMilli(1_000_000), records: map[uint64]persistence.Record{},
		spooled: map[uint64]persistence.Record{}, made: map[string]uint64{}, clients: map[uint64]*party{}, next: 1, fate: map[uint32]bool{},
		incarnation: 1, system: quiet(),
	}
	w.resident = []int{300, 1000, 4000, 1 << 20}[w.r.IntN(4)]
	if w.durable = w.r.IntN(2) == 0; w.durable {
		w.slot.Stored = "queue/q"
	}
	if w.r.IntN(3) == 0 {
		w.set.MaxPriority = 3
	}
	if w.r.IntN(4) == 0 {
		w.set.MessageTTL = ms(10 * time.Second)
	}
	if w.r.IntN(2) == 0 {
		w.set.DeadLetterExchange = ms("dlx")
	}
	switch w.r.IntN(5) {
	case 0:
		w.set.MaxLength, w.set.Overflow = ms(uint64(10)), settings.DropHead
	case 1:
		w.set.MaxLength, w.set.Overflow = ms(uint64(10)), settings.RejectPublish
	}
	w.lossy = !w.set.DeadLetterExchange.Set
	*w.slot.Declared = w.set
	w.sessions = map[uint64]*actor.PID{1: {Id: "1"}}
	w.slot.Follow(&actor.PID{Id: "exchange"})
	w.streams.Drop(streamName(w.slot)) // the queue that the stand begins with was not durable
	disk := vfs.NewFaulty(vfs.NewMemory())
	disk.Watch(func(op vfs.Op, _ string) error {
		if op == vfs.OpWrite && w.full {
			return syscall.ENOSPC
		}
		return nil
	})
	store, err := cold.Open(disk, "cold")
	if err != nil {
		t.Fatal(err)
	}
	w.cold = store
	w.begin()
	return w
}

func (w *world) begin() {
	w.incarnation++
	log := persistence.NewLog(w.vhost, nil, "", persistence.Options{})
	w.q = New(Options{
		Slot: w.slot,
		Node: &Node{
			VHost: w.vhost, Streams: w.streams, Sessions: w, Ledger: w, Journal: log, Resident: w.resident, Log: zerolog.Nop(),
			Cold: w.cold, Sizes: ready.Sizes{Least: 1, Most: 2, Chapter: 1 + w.r.IntN(5)},
			DeadLetters: &actor.PID{Id: "dead"}, Now: func() time.Time { return w.at },
			Short: func() bool { return w.short }, Pressed: func() bool { return w.short || w.pressed },
		},
	}, w.incarnation)
	w.ctx = &turn{self: w.slot.PID(), system: w.system}
	w.have(&actor.Started{})
}

// have has the queue take a message, and everybody what it says.
func (w *world) have(message any) {
	for _, l := range w.tell(message) {
		switch m := l.message.(type) {
		case *persistence.Append, *persistence.Checkpoint, *persistence.Fetch:
			w.toJournal = append(w.toJournal, m)
		case *Up:
			if l.to.Id == "exchange" {
				w.reached = 0
				w.publishAgain()
			} else if c := w.client(l.to); c != nil {
				c.resume()
			}
		case *Accepted:
			w.accepted(m)
		case *DeadLettering:
			if w.clients[undertaker] == nil {
				w.join(undertaker).command(&Consume{Consumer: 2, Prefetch: 1 + w.r.IntN(20), DeadLetters: true})
			}
		case *Deliveries:
			if c := w.client(l.to); c != nil {
				c.deliveries(m)
			}
		case *Wants:
			if c := w.client(l.to); c != nil && !c.down && !slices.Contains(c.wanting, m.Consumer) {
				c.wanting = append(c.wanting, m.Consumer)
			}
		case *Done:
			if c := w.client(l.to); c != nil {
				c.done(m)
			}
		}
	}
}

func (w *world) client(to *actor.PID) *party {
	for _, c := range w.clients {
		if c.pid.Id == to.Id {
			return c
		}
	}
	return nil
}

func (w *world) join(session uint64) *party {
	c := &party{w: w, session: session, pid: &actor.PID{Id: fmt.Sprint("session ", session)}, first: 1, received: map[uint32]uint64{}, taps: map[uint32]*tap{}}
	w.clients[session], w.sessions[session] = c, c.pid
	w.slot.Follow(c.pid)
	return c
}

// ids are those of the clients, in order.
func (w *world) ids() []uint64 { return slices.Sorted(maps.Keys(w.clients)) }

func (w *world) publish(n int) {
	messages := make([]protocol.Message, n)
	for i := range messages {
		w.seq++
		w.name++
		w.fate[w.name] = false
		p := protocol.Properties{Priority: uint8(w.r.IntN(4))}
		m := protocol.Message{Seq: w.seq, Priority: p.Priority, Body: make([]byte, 4+[]int{0, 60, 500, 5000}[w.r.IntN(4)])}
		binary.BigEndian.PutUint32(m.Body, w.name)
		if w.r.IntN(3) > 0 {
			p.DeliveryMode, m.Flags = protocol.DeliveryPersistent, protocol.FlagPersistent
		}
		if w.r.IntN(4) == 0 {
			p.Expiration = fmt.Sprint(1000 * w.r.IntN(20))
			m.Flags |= protocol.FlagExpires
		}
		m.Properties = p.Append(nil)
		messages[i] = m
	}
	w.unsafe = append(w.unsafe, messages...)
	w.enqueue(messages)
}

func (w *world) enqueue(messages []protocol.Message) {
	w.mail = append(w.mail, &Enqueue{Link: link, Incarnation: w.slot.Incarnation(), Exchange: "x", Messages: messages})
}

func (w *world) publishAgain() {
	if len(w.unsafe) > 0 {
		w.enqueue(slices.Clone(w.unsafe))
	}
}

func (w *world) accepted(m *Accepted) {
	for _, in := range m.Refused {
		for _, u := range w.unsafe {
			if in.First <= u.Seq && u.Seq < in.First+in.N {
				w.fate[nameOf(&u)] = true
			}
		}
	}
	w.reached = max(w.reached, m.Accepted)
	n := 0
	for n < len(w.unsafe) && w.unsafe[n].Seq <= min(m.Accepted, m.Confirmed) {
		n++
	}
	w.unsafe = w.unsafe[n:]
}

func nameOf(m *protocol.Message) uint32 { return binary.BigEndian.Uint32(m.Body) }

// arrive has the queue take what is first in its line.
func (w *world) arrive() {
	m := w.mail[0]
	w.mail = w.mail[1:]
	w.have(m)
}

// write has the journal do what is first in its line.
func (w *world) write() {
	m := w.toJournal[0]
	w.toJournal = w.toJournal[1:]
	switch m := m.(type) {
	case *persistence.Append:
		for _, r := range m.Records {
			if r.Index == w.made[m.Stream]+1 {
				w.of(m.Stream)[r.Index], w.made[m.Stream] = r, r.Index
			} else if r.Index > w.made[m.Stream] {
				break
			}
		}
		w.mail = append(w.mail, &persistence.Durable{Stream: m.Stream, Upto: w.made[m.Stream]})
	case *persistence.Checkpoint:
		if m.Upto <= w.made[m.Stream] {
			maps.DeleteFunc(w.of(m.Stream), func(index uint64, _ persistence.Record) bool {
				live := m.Live.Cursor()
				return index <= m.Upto && live.Count(index, index+1) == 0
			})
		}
	case *persistence.Fetch:
		out := &persistence.Fetched{Stream: m.Stream, Tag: m.Tag}
		for _, index := range m.Records {
			if r, there := w.of(m.Stream)[index]; there {
				out.Records = append(out.Records, r)
			} else {
				out.Lost = append(out.Lost, index)
			}
		}
		w.read = append(w.read, out)
	}
}

func (w *world) of(stream string) map[uint64]persistence.Record {
	if stream == w.slot.Stored && stream != "" {
		return w.records
	}
	return w.spooled
}

// bring has one of what the journal has read come to the queue.
func (w *world) bring() {
	at := w.r.IntN(len(w.read))
	w.mail = append(w.mail, w.read[at])
	w.read = slices.Delete(w.read, at, at+1)
}

// crash has the queue begin again, perhaps with the journal.
func (w *world) crash() {
	w.mail = nil
	if w.r.IntN(2) == 0 {
		w.toJournal, w.read = nil, nil
	}
	w.begin()
}

// rest lets everything arrive that is on its way, and says whether that ever ends. Clocks stand still, and nobody starts anything new.
func (w *world) rest() error {
	for range 20_000 {
		switch {
		case len(w.mail) > 0:
			w.arrive()
		case len(w.toJournal) > 0:
			w.write()
		case len(w.read) > 0:
			w.bring()
		case w.q.armed != 0 && w.q.armed <= w.at.UnixMilli():
			w.mail = append(w.mail, &expireHead{w.q.armed})
		case w.q.paging.way != nil && w.q.paging.way.bias.running:
			w.mail = append(w.mail, overBias)
		default:
			for _, id := range w.ids() {
				w.clients[id].goOn()
			}
			if len(w.mail) == 0 {
				return nil
			}
		}
	}
	return fmt.Errorf("it goes round and round")
}

// stuck says who waits though nothing is on its way.
func (w *world) stuck() error {
	for _, id := range w.ids() {
		if err := w.clients[id].stuck(); err != nil {
			return fmt.Errorf("session %d: %w", id, err)
		}
	}
	if len(w.unsafe) > 0 {
		return fmt.Errorf("the publisher has heard of %d of %d, and %d are not confirmed", w.reached, w.seq, len(w.unsafe))
	}
	if len(w.q.state.Dead()) > 0 {
		return fmt.Errorf("%d runs of dead letters are not published", len(w.q.state.Dead()))
	}
	// As if all were in memory: something has expired and nobody sees it.
	all := w.q.state.Clone()
	in := &ready.PagedIn{}
	for _, a := range all.Ahead(1 << 40) {
		of := w.records
		if a.Spool {
			of = w.spooled
		}
		in.Parts = append(in.Parts, w.part(a, of[a.Record]))
	}
	all.Apply(in)
	if over, _ := all.Expired(w.at.UnixMilli(), w.q.age); over.N > 0 {
		return fmt.Errorf("%d messages have expired and stay", over.N)
	}
	if at := all.NextExpiry(w.q.age); at != 0 && (w.q.armed == 0 || w.q.armed > at) {
		return fmt.Errorf("the next expires at %d, and the queue looks at %d", at, w.q.armed)
	}
	return nil
}
