package ready

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// model is a queue as one would write it without a thought of speed: slices of messages. The state is compared with it
// after every event.
type model struct {
	waiting  []*modelMessage // by level, the highest first, and by arrival, which is their place
	dead     []modelDead     // in order
	holders  map[Key]*modelConsumer
	turn     []Key
	links    map[Link]uint64
	commands map[uint64]uint64
	arrivals map[Level]int
}

type modelMessage struct {
	place       uint64
	name        string
	size, body  int
	redelivered bool // from its first delivery on
}

type modelDead struct {
	m   *modelMessage
	why Reason
}

type modelConsumer struct {
	undertaker       bool
	noAck, cancelled bool
	prefetch         int
	priority         int64
	sent             uint64
	held             []modelDelivery
}

type modelDelivery struct {
	seq         uint64
	redelivered bool
	m           *modelMessage
	why         Reason
}

func newModel() *model {
	return &model{arrivals: map[Level]int{}, holders: map[Key]*modelConsumer{}, links: map[Link]uint64{}, commands: map[uint64]uint64{}}
}

// apply does to the model what an event says.
func (d *model) apply(e Event) {
	switch e := e.(type) {
	case *Enqueued:
		for i := range e.Messages {
			place := e.Level.first() + uint64(d.arrivals[e.Level])
			d.waiting = append(d.waiting, &modelMessage{place: place, name: e.Messages[i].RoutingKey, size: e.Messages[i].Size(), body: len(e.Messages[i].Body)})
			d.arrivals[e.Level]++
			d.links[e.Link] = max(d.links[e.Link], e.Messages[i].Seq)
		}
		d.sort()
	case *Together:
		for _, part := range e.Events {
			d.apply(part)
		}
	case *Delivered:
		c := d.holders[e.Key]
		for range e.Interval.N {
			if e.Reason != Consumed {
				c.sent++
				c.held = append(c.held, modelDelivery{c.sent, false, d.dead[0].m, d.dead[0].why})
				d.dead = d.dead[1:]
				continue
			}
			m := d.waiting[0]
			d.waiting = d.waiting[1:]
			c.sent++
			c.held = append(c.held, modelDelivery{c.sent, m.redelivered, m, Consumed})
			m.redelivered = true
		}
		if at := slices.Index(d.turn, e.Key); at >= 0 {
			d.turn = append(slices.Delete(d.turn, at, at+1), e.Key)
			d.sortTurn()
		}
	case *Settled:
		d.settle(e.Key, e.First, e.Last, e.Outcome)
	case *Subscribed:
		c := e.Consumer
		d.holders[c.Key] = &modelConsumer{noAck: c.NoAck, prefetch: c.Prefetch, priority: c.Priority, undertaker: c.DeadLetters}
		if c.DeadLetters {
			break
		}
		d.turn = append(d.turn, c.Key)
		d.sortTurn()
	case *GetterMade:
		d.holders[e.Key] = &modelConsumer{noAck: e.NoAck}
	case *Unsubscribed:
		d.unsubscribe(e.Key)
	case *Dropped:
		for _, in := range e.Intervals {
			d.waiting = slices.DeleteFunc(d.waiting, func(m *modelMessage) bool {
				if m.place < in.First || m.place >= in.end() {
					return false
				}
				if e.DeadLetter {
					d.dead = append(d.dead, modelDead{m, e.Reason})
				}
				return true
			})
		}
	case *Unreadable:
		gone := func(m *modelMessage) bool { return e.First <= m.place && m.place < e.end() }
		d.waiting = slices.DeleteFunc(d.waiting, gone)
		d.dead = slices.DeleteFunc(d.dead, func(m modelDead) bool { return gone(m.m) })
	case *Purged:
		d.waiting = nil
	case *Commanded:
		for _, part := range e.Events {
			d.apply(part)
		}
		d.commands[e.Session] = e.Seq
	case *SessionEnded:
		for k, c := range d.holders {
			if k.Session == e.Session {
				d.unsubscribe(k)
				if c.noAck {
					d.settle(k, 0, e.Received[k.Consumer], Acked)
				}
				d.settle(k, 0, c.sent, Requeued)
				delete(d.holders, k)
			}
		}
		delete(d.commands, e.Session)
	case *LinksDropped:
		for _, l := range e.Links {
			delete(d.links, l)
		}
	}
}

func (d *model) settle(k Key, first, last uint64, how Outcome) {
	c := d.holders[k]
	if c == nil {
		return
	}
	var back []modelDead
	c.held = slices.DeleteFunc(c.held, func(h modelDelivery) bool {
		if h.seq < first || h.seq > last {
			return false
		}
		switch {
		case how == Requeued && h.why != Consumed:
			back = append(back, modelDead{h.m, h.why})
		case how == Requeued:
			d.waiting = append(d.waiting, h.m)
		case how == Buried:
			d.dead = append(d.dead, modelDead{h.m, Rejected})
		}
		return true
	})
	d.dead = slices.Concat(back, d.dead)
	d.sort()
	if c.cancelled && len(c.held) == 0 {
		delete(d.holders, k)
	}
}

func (d *model) sort() {
	slices.SortFunc(d.waiting, func(a, b *modelMessage) int {
		return cmp.Or(cmp.Compare(LevelOf(b.place), LevelOf(a.place)), cmp.Compare(a.place, b.place))
	})
}

// sortTurn puts higher priorities in front (contract P-45), each in the order of its turn.
func (d *model) sortTurn() {
	slices.SortStableFunc(d.turn, func(a, b Key) int { return cmp.Compare(d.holders[b].priority, d.holders[a].priority) })
}

func (d *model) unsubscribe(k Key) {
	c := d.holders[k]
	c.cancelled = true
	d.turn = slices.DeleteFunc(d.turn, func(o Key) bool { return o == k })
	if len(c.held) == 0 {
		delete(d.holders, k)
	}
}

// bytes are what the messages hold that are not settled.
func (d *model) bytes() (n int) {
	for _, m := range d.waiting {
		n += m.size
	}
	for _, x := range d.dead {
		n += x.m.size
	}
	for _, c := range d.holders {
		for _, h := range c.held {
			n += h.m.size
		}
	}
	return n
}

// bodies are what waits, without all that is around it.
func (d *model) bodies() (n int) {
	for _, m := range d.waiting {
		n += m.body
	}
	return n
}

// room is how many more messages may go to a consumer.
func (d *model) room(k Key) int {
	c := d.holders[k]
	switch {
	case c == nil || c.cancelled:
		return 0
	case c.noAck || c.prefetch == 0:
		return 1 << 30
	}
	return max(0, c.prefetch-len(c.held))
}

// String is everything that can be told of the queue from outside; the same as that of a state.
func (d *model) String() string {
	ready, unacked := len(d.waiting), 0
	var b strings.Builder
	for _, m := range d.waiting {
		fmt.Fprintf(&b, " %d:%s", m.place, m.name)
		if m.redelivered {
			b.WriteString("+")
		}
	}
	b.WriteString("\ndead")
	for _, x := range d.dead {
		fmt.Fprintf(&b, " %d:%s", x.m.place, x.why)
	}
	waiting := b.String()
	b.Reset()
	for _, k := range sortedKeys(d.holders) {
		c := d.holders[k]
		fmt.Fprintf(&b, "\n%v sent %d cancelled %v:", k, c.sent, c.cancelled)
		for _, h := range c.held {
			fmt.Fprintf(&b, " %d=%d:%s%s", h.seq, h.m.place, h.m.name, map[bool]string{true: "+"}[h.redelivered])
			if !c.noAck && !c.undertaker {
				unacked++
			}
		}
	}
	return fmt.Sprintf("ready %d unacked %d turn %v links %v commands %v\nwaiting%s%s", ready, unacked, d.turn, d.links, d.commands, waiting, b.String())
}

// describe is the same of a state. What is not in memory is taken from disk.
func describe(s *State, disk map[uint64]*Content) string {
	var b strings.Builder
	write := func(in Interval, each func(name string)) {
		s.lineOf(in.First).extents.walk(in, func(e *extent, from, to int) {
			content := e.content
			if content == nil {
				content = disk[e.record]
			}
			for _, m := range content.Messages[from:to] {
				each(m.RoutingKey)
			}
		})
	}
	for i := len(s.lines) - 1; i >= 0; i-- {
		l := &s.lines[i]
		l.waiting(func(in Interval) bool {
			at := in.First
			write(in, func(name string) {
				again := ""
				if at < l.cursor && len(l.fresh.within(Interval{at, 1})) == 0 {
					again = "+"
				}
				fmt.Fprintf(&b, " %d:%s%s", at, name, again)
				at++
			})
			return true
		})
	}
	b.WriteString("\ndead")
	for _, x := range s.dead {
		for i := range x.N {
			fmt.Fprintf(&b, " %d:%s", x.First+i, x.Reason)
		}
	}
	waiting := b.String()
	b.Reset()
	for _, k := range sortedKeys(s.consumers) {
		c := s.consumers[k]
		fmt.Fprintf(&b, "\n%v sent %d cancelled %v:", k, c.Sent, c.Cancelled)
		for _, r := range c.runs {
			seq, at := r.Seq, r.First
			write(Interval{r.First, r.N}, func(name string) {
				fmt.Fprintf(&b, " %d=%d:%s%s", seq, at, name, map[bool]string{true: "+"}[r.Redelivered])
				seq, at = seq+1, at+1
			})
		}
	}
	turn := []Key{}
	for _, c := range s.order {
		turn = append(turn, c.Key)
	}
	return fmt.Sprintf("ready %d unacked %d turn %v links %v commands %v\nwaiting%s%s", s.Ready(), s.Unacked(), turn, s.links, s.commanded, waiting, b.String())
}

func sortedKeys[V any](m map[Key]V) []Key {
	var keys []Key
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		if a.Session != b.Session {
			return int(a.Session) - int(b.Session)
		}
		return int(a.Consumer) - int(b.Consumer)
	})
	return keys
}
