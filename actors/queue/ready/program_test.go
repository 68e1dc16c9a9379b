package ready

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"warren/protocol"
)

// step is one thing that happens to a queue. Its numbers are read modulo what there is, so that a program means something
// with any of its steps left out.
type step struct {
	kind       string
	a, b, c, d int
}

var kinds = []struct {
	kind   string
	weight int
}{
	{"enqueue", 10}, {"again", 3}, {"deliver", 14}, {"settle", 10}, {"multiple", 3}, {"get", 3}, {"subscribe", 3},
	{"cancel", 1}, {"purge", 1}, {"end", 1}, {"drop links", 1}, {"restart", 2}, {"save", 4}, {"page out", 4}, {"page in", 2},
	{"drop", 2}, {"undertaker", 1}, {"bury", 4}, {"unreadable", 1},
}

func randomProgram(seed uint64, length int) []step {
	r := rand.New(rand.NewPCG(seed, 7))
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	out := make([]step, length)
	for i := range out {
		n := r.IntN(total)
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				out[i] = step{k.kind, r.IntN(1 << 16), r.IntN(1 << 16), r.IntN(1 << 16), r.IntN(1 << 16)}
				break
			}
		}
	}
	return out
}

// machine runs a program on a state and on the model, and keeps what it compares later.
type machine struct {
	live   *State
	base   *State // lags behind, as a stream's own state does
	tail   []Event
	model  *model
	frozen *State // a former live state, and what it was: nobody may change it any more
	was    string
	name   int
	sent   map[Link][]protocol.Message
	disk   map[uint64]*Content // records by index; empty for a queue that is not durable
	shared account             // what it has in common with queues that are not there
}

func newMachine(durable bool) *machine {
	m := &machine{live: New(), base: New(), model: newModel(), sent: map[Link][]protocol.Message{}, disk: map[uint64]*Content{}}
	m.live.Hold()
	if durable {
		m.happen(&Recovered{})
	}
	return m
}

func (m *machine) happen(e Event) {
	m.tail = append(m.tail, e)
	m.live.Apply(e)
	m.model.apply(e)
	for _, r := range m.live.Pending() {
		if r.Kind == RecordEnqueued {
			m.disk[r.Index] = r.Content
		}
	}
	if len(m.tail) > 64 {
		m.fold()
	}
}

func (m *machine) fold() {
	for _, e := range m.tail {
		m.base.Apply(e)
	}
	m.tail = nil
}

func (m *machine) check() error {
	if got, want := describe(m.live, m.disk), m.model.String(); got != want {
		return fmt.Errorf("the state is\n%s\nand should be\n%s", got, want)
	}
	resident, own, shared, living := 0, 0, int64(0), false
	for i := range m.live.lines {
		m.live.lines[i].extents.each(0, func(e *extent) bool {
			living = living || e.live > 0
			if e.content != nil {
				resident += e.left
				if e.content.Common == nil {
					own += e.left
				} else {
					shared += sharedBytes
				}
			}
			return true
		})
	}
	writing := 0
	for _, r := range m.live.Pending() {
		writing += r.Bytes
	}
	if m.live.Writing() != writing {
		return fmt.Errorf("%d bytes are to be written, not %d", writing, m.live.Writing())
	}
	own += writing // the program's batches have no encoding that queues share
	if m.live.Resident() != resident {
		return fmt.Errorf("resident are %d, not %d", resident, m.live.Resident())
	}
	if m.live.Own() != own || m.shared.bytes.Load() != shared {
		return fmt.Errorf("its own are %d, not %d; shared are %d, not %d", own, m.live.Own(), shared, m.shared.bytes.Load())
	}
	// What is settled while it is on disk alone is estimated, until nothing is left of its batch.
	if got, want := m.live.Bodies(), m.model.bodies(); got != want && len(m.disk) == 0 {
		return fmt.Errorf("bodies are %d, not %d", got, want)
	}
	if got, want := m.live.Bytes(), m.model.bytes(); got != want && (len(m.disk) == 0 || !living) {
		return fmt.Errorf("bytes are %d, not %d", got, want)
	}
	dying := uint64(0)
	for why := Rejected; why < reasons; why++ {
		for _, in := range m.live.deadOf(why) {
			dying += in.N
		}
	}
	if got := m.live.Dying(); got != dying {
		return fmt.Errorf("%d are dying, and %d are counted", dying, got)
	}
	for i := range m.live.lines {
		if err := m.live.lines[i].extents.consistent(); err != nil {
			return err
		}
	}
	if !reflect.DeepEqual(*straight, apart{}) || !reflect.DeepEqual(*transient, saving{}) {
		return fmt.Errorf("somebody wrote to what queues share: %+v, %+v", *straight, *transient)
	}
	if m.frozen != nil && describe(m.frozen, m.disk) != m.was {
		return fmt.Errorf("a clone changed from\n%s\nto\n%s", m.was, describe(m.frozen, m.disk))
	}
	return nil
}

func (m *machine) link(n int) Link {
	return Link{Session: uint64(1 + n%3), Exchange: uint64(100 + n%2)}
}

func (m *machine) consumer(n int) (Key, *Consumer) {
	keys := sortedKeys(m.live.consumers)
	if len(keys) == 0 {
		return Key{}, nil
	}
	k := keys[n%len(keys)]
	return k, m.live.consumers[k]
}

// do carries out one step.
func (m *machine) do(s step) {
	switch s.kind {
	case "enqueue":
		l := m.link(s.a)
		seq := m.live.LastSeq(l)
		if was := m.sent[l]; len(was) > 0 {
			seq = max(seq, was[len(was)-1].Seq)
		}
		names := count(m.name, 1+s.b%5)
		m.name += len(names)
		m.sent[l] = batch(seq+1+uint64(s.c%3), names...)
		m.arrive(l, m.sent[l])
	case "again": // a batch that comes twice, and perhaps with something new behind it
		l := m.link(s.a)
		if was := m.sent[l]; len(was) > 0 && m.live.LastSeq(l) > 0 {
			if s.b%2 == 0 {
				was = append(slices.Clip(was), batch(was[len(was)-1].Seq+1, m.name)...)
				m.name++
				m.sent[l] = was
			}
			m.arrive(l, was)
		}
	case "deliver":
		k, c := m.consumer(s.a)
		if c == nil || slices.Index(m.live.order, c) < 0 {
			return
		}
		if c.Room() != 1<<63-1 && c.Room() != m.model.room(k) {
			panic(fmt.Sprintf("room for %d, not for %d", c.Room(), m.model.room(k)))
		}
		if in, redelivered := m.next(uint64(min(c.Room(), 1+s.b%4))); in.N > 0 {
			m.happen(&Delivered{Key: k, Interval: in, Redelivered: redelivered})
		}
	case "get":
		in, redelivered := m.next(1)
		if in.N == 0 {
			return
		}
		k := Key{Session: uint64(1 + s.a%3), Consumer: uint32(s.b % 2)}
		var events []Event
		if m.live.Consumer(k) == nil {
			events = append(events, &GetterMade{Key: k, NoAck: k.Consumer == 1})
		}
		events = append(events, &Delivered{Key: k, Interval: in, Redelivered: redelivered})
		m.happen(&Commanded{Session: k.Session, Seq: m.live.LastCommand(k.Session) + 1, Events: events})
	case "settle", "multiple":
		k, c := m.consumer(s.a)
		if c == nil || c.Sent == 0 {
			return
		}
		first := 1 + uint64(s.b)%c.Sent
		last := min(c.Sent, first+uint64(s.c%3))
		if s.kind == "multiple" {
			first = 0
		}
		if e := m.live.Settle(k, first, last, buryingUnless(c.DeadLetters, s.d)); e != nil {
			m.happen(e)
		} else if c := m.model.holders[k]; slices.ContainsFunc(c.held, func(h modelDelivery) bool { return first <= h.seq && h.seq <= last }) {
			panic(fmt.Sprintf("nothing to settle in %d..%d of %v", first, last, k))
		}
	case "subscribe":
		k := Key{Session: uint64(1 + s.a%3), Consumer: uint32(2 + m.name + s.b%1000)}
		if m.live.Consumer(k) == nil {
			m.happen(&Commanded{Session: k.Session, Seq: m.live.LastCommand(k.Session) + 1, Events: []Event{&Subscribed{
				Consumer: Consumer{Key: k, NoAck: s.c%3 == 0, Prefetch: s.d % 5, Priority: int64(s.b % 3)},
			}}})
		}
	case "cancel":
		if k, c := m.consumer(s.a); c != nil && !c.Cancelled && k.Consumer > 1 && !c.DeadLetters {
			m.happen(&Unsubscribed{Key: k})
		}
	case "save":
		if m.live.Unsaved() {
			m.happen(&Saved{})
		}
		if pending := m.live.Pending(); len(pending) > 0 {
			m.happen(&Synced{Upto: pending[s.a%len(pending)].Index})
		}
	case "page out":
		left := func(k Key) uint64 { return uint64(s.b) % (m.live.Consumer(k).Sent + 1) }
		if out := m.live.Pageable(s.a%300, left); len(out) > 0 {
			m.happen(&PagedOut{Intervals: out})
		}
		if pages := m.live.Packable(Sizes{1 + s.b%2, 2 + s.c%3, 1}); s.b%3 > 0 && len(pages) > 0 {
			m.happen(&Packed{Pages: pages})
		}
		if s.d%3 > 0 {
			m.chill(1 + s.d%7)
		}
	case "page in":
		m.fetch(m.live.Ahead(s.a % 1000))
	case "drop":
		if in, _ := m.live.Next(1 + uint64(s.a%3)); in.N > 0 {
			if s.b%2 == 0 { // out of the middle
				l := m.live.lineOf(in.First)
				in.First += uint64(s.b) % (l.next - in.First)
			}
			m.happen(&Dropped{Intervals: []Interval{in}, Reason: Expired, DeadLetter: s.c%2 == 0})
		}
	case "unreadable":
		first := make([]uint64, 0, 16)
		for i := range m.live.lines {
			m.live.lines[i].extents.each(0, func(x *extent) bool { first = append(first, x.first); return true })
		}
		if len(first) == 0 {
			return
		}
		if in, there := m.live.Extent(first[s.a%len(first)]); there {
			m.happen(&Unreadable{in})
		}
	case "undertaker":
		if k := (Key{Session: uint64(1 + s.a%3), Consumer: 1_000_000}); m.live.Undertaker() == nil {
			m.happen(&Subscribed{Consumer: Consumer{Key: k, DeadLetters: true, Prefetch: 3}})
		}
	case "bury":
		if u := m.live.Undertaker(); u != nil && len(m.live.Dead()) > 0 && u.Room() > 0 {
			d := m.live.Dead()[0]
			d.N = min(d.N, uint64(u.Room()))
			m.happen(&Delivered{Key: u.Key, Interval: d.Interval, Reason: d.Reason})
		}
	case "purge":
		m.happen(&Purged{})
	case "end":
		session, received := uint64(1+s.a%3), map[uint32]uint64{}
		for _, c := range m.live.OfSession(session) {
			received[c.Key.Consumer] = uint64(s.b) % (c.Sent + 1)
		}
		m.happen(&SessionEnded{Session: session, Received: received})
	case "drop links":
		l := m.link(s.a)
		m.happen(&LinksDropped{Links: []Link{l}})
		delete(m.sent, l)
	case "restart": // the actor is gone; the next one folds the stream
		m.live.LetGo()
		m.frozen, m.was = m.live, describe(m.live, m.disk)
		m.live = m.base.Clone()
		for _, e := range m.tail {
			m.live.Apply(e)
		}
		m.live.Hold()
		if s.a%2 == 0 { // and the other way round: what is frozen is the copy
			m.frozen = m.live.Clone()
		}
	}
}

// next is what goes out next, in memory.
func (m *machine) next(limit uint64) (in Interval, redelivered bool) {
	in, redelivered = m.live.Next(limit)
	if in.N == 0 {
		return in, redelivered
	}
	before, missing := m.live.Missing(in)
	if missing && before == 0 {
		m.fetch(m.live.Within(in))
		before, _ = m.live.Missing(in)
	}
	in.N = before
	m.live.Walk(in, func(string, []protocol.Message) {})
	return in, redelivered
}

func (m *machine) chill(size int) {
	e := &Chilled{}
	for _, d := range m.live.Chillable(Sizes{1, 1, size}) {
		e.Chapters = append(e.Chapters, d.Written(&shelved{text: d.Text}))
	}
	if len(e.Chapters) > 0 {
		m.happen(e)
	}
}

// shelved is what has been written of a chapter, by nobody.
type shelved struct {
	text string
	read int
}

func (s *shelved) Read() string {
	s.read++
	return s.text
}

func (m *machine) fetch(wanted []Wanted) {
	in := &PagedIn{}
	for _, w := range wanted {
		in.Parts = append(in.Parts, Part{w, m.disk[w.Record]})
	}
	if len(wanted) > 0 {
		m.happen(in)
	}
}

// arrive puts a batch on its levels, each message on that of its name.
func (m *machine) arrive(l Link, messages []protocol.Message) {
	fresh := m.live.Fresh(l, messages)
	together := &Together{}
	for len(fresh) > 0 {
		level := levelOfName(fresh[0])
		n := 1
		for n < len(fresh) && levelOfName(fresh[n]) == level {
			n++
		}
		content := Content{Exchange: "x", Messages: fresh[:n:n]}
		if fresh[0].Seq%3 == 0 {
			content.Common = NewCommon(n, sharedBytes, &m.shared)
		}
		together.Events = append(together.Events, &Enqueued{Link: l, Level: level, Content: content})
		fresh = fresh[n:]
	}
	if len(together.Events) > 0 {
		m.happen(together)
	}
}

// buryingUnless is an outcome. A dead letter is not buried again.
func buryingUnless(dead bool, n int) Outcome {
	if dead {
		return Outcome(n % 2)
	}
	return Outcome(n % 4)
}

func levelOfName(m protocol.Message) Level { return Level(len(m.RoutingKey) % 3) }

// run returns the first difference, as an error.
func run(program []step, durable bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	m := newMachine(durable)
	for i, s := range program {
		m.do(s)
		if err := m.check(); err != nil {
			return fmt.Errorf("step %d, %v: %w", i, s, err)
		}
	}
	m.fold()
	if got, want := describe(m.base, m.disk), describe(m.live, m.disk); got != want {
		return fmt.Errorf("the fold is\n%s\nand the live state\n%s", got, want)
	}
	return nil
}

// shrink leaves out what is not needed for a program to fail.
func shrink(program []step, durable bool) []step {
	for size := len(program) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(program); {
			if without := slices.Concat(program[:at], program[at+size:]); run(without, durable) != nil {
				program = without
			} else {
				at += size
			}
		}
	}
	return program
}

func TestStateAgainstModel(t *testing.T) {
	// Promise 1: nothing lost, nothing twice, nothing reordered (contract P-41, P-50, Q-23, Q-24), and every fold over the
	// same events is the same state.
	programs, length := uint64(100), 200
	if testing.Short() {
		programs = 25
	}
	for seed := range programs {
		program := randomProgram(seed, length)
		durable := seed%2 == 0
		if run(program, durable) == nil {
			continue
		}
		small := shrink(program, durable)
		var b strings.Builder
		for _, s := range small {
			fmt.Fprintf(&b, "%+v\n", s)
		}
		t.Fatalf("seed %d, shrunk to\n%s%v", seed, b.String(), run(small, durable))
	}
}
