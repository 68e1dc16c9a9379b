package ready

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// model is a queue as one would write it without a thought of speed: slices of messages. The state is compared with it
// after every event.
type model struct {
	waiting  []*modelMessage // by arrival, which is their place
	holders  map[Key]*modelConsumer
	turn     []Key
	links    map[Link]uint64
	commands map[uint64]uint64
	arrivals int
}

type modelMessage struct {
	place       int
	name        string
	size        int
	redelivered bool // from its first delivery on
}

type modelConsumer struct {
	noAck, cancelled bool
	prefetch         int
	sent             uint64
	held             []modelDelivery
}

type modelDelivery struct {
	seq         uint64
	redelivered bool
	m           *modelMessage
}

func newModel() *model {
	return &model{holders: map[Key]*modelConsumer{}, links: map[Link]uint64{}, commands: map[uint64]uint64{}}
}

// apply does to the model what an event says.
func (d *model) apply(e Event) {
	switch e := e.(type) {
	case *Enqueued:
		for i := range e.Messages {
			d.waiting = append(d.waiting, &modelMessage{place: d.arrivals, name: e.Messages[i].RoutingKey, size: e.Messages[i].Size()})
			d.arrivals++
			d.links[e.Link] = e.Messages[i].Seq
		}
	case *Delivered:
		c := d.holders[e.Key]
		for range e.Interval.N {
			m := d.waiting[0]
			d.waiting = d.waiting[1:]
			c.sent++
			c.held = append(c.held, modelDelivery{c.sent, m.redelivered, m})
			m.redelivered = true
		}
		if at := slices.Index(d.turn, e.Key); at >= 0 {
			d.turn = append(slices.Delete(d.turn, at, at+1), e.Key)
		}
	case *Settled:
		d.settle(e.Key, e.First, e.Last, e.Outcome)
	case *Subscribed:
		c := e.Consumer
		d.holders[c.Key] = &modelConsumer{noAck: c.NoAck, prefetch: c.Prefetch}
		d.turn = append(d.turn, c.Key)
	case *GetterMade:
		d.holders[e.Key] = &modelConsumer{noAck: e.NoAck}
	case *Unsubscribed:
		d.unsubscribe(e.Key)
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
	c.held = slices.DeleteFunc(c.held, func(h modelDelivery) bool {
		if h.seq < first || h.seq > last {
			return false
		}
		if how == Requeued {
			d.waiting = append(d.waiting, h.m)
		}
		return true
	})
	sort.Slice(d.waiting, func(i, j int) bool { return d.waiting[i].place < d.waiting[j].place })
	if c.cancelled && len(c.held) == 0 {
		delete(d.holders, k)
	}
}

func (d *model) unsubscribe(k Key) {
	c := d.holders[k]
	c.cancelled = true
	d.turn = slices.DeleteFunc(d.turn, func(o Key) bool { return o == k })
	if len(c.held) == 0 {
		delete(d.holders, k)
	}
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
	ready, unacked, bytes := len(d.waiting), 0, 0
	var b strings.Builder
	for _, m := range d.waiting {
		bytes += m.size
		fmt.Fprintf(&b, " %d:%s", m.place, m.name)
		if m.redelivered {
			b.WriteString("+")
		}
	}
	waiting := b.String()
	b.Reset()
	for _, k := range sortedKeys(d.holders) {
		c := d.holders[k]
		fmt.Fprintf(&b, "\n%v sent %d cancelled %v:", k, c.sent, c.cancelled)
		for _, h := range c.held {
			bytes += h.m.size
			fmt.Fprintf(&b, " %d=%d:%s%s", h.seq, h.m.place, h.m.name, map[bool]string{true: "+"}[h.redelivered])
			if !c.noAck {
				unacked++
			}
		}
	}
	return fmt.Sprintf("ready %d unacked %d bytes %d turn %v links %v commands %v\nwaiting%s%s", ready, unacked, bytes, d.turn, d.links, d.commands, waiting, b.String())
}

// describe is the same of a state.
func describe(s *State) string {
	var b strings.Builder
	write := func(in Interval, each func(name string)) {
		if in.N > 0 {
			s.extents.walk(in, func(e *Extent, from, to int) {
				for _, m := range e.Messages[from:to] {
					each(m.RoutingKey)
				}
			})
		}
	}
	for _, in := range s.returned.runs {
		at := in.First
		write(in, func(name string) { fmt.Fprintf(&b, " %d:%s+", at, name); at++ })
	}
	at := s.cursor
	write(Interval{s.cursor, s.next - s.cursor}, func(name string) { fmt.Fprintf(&b, " %d:%s", at, name); at++ })
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
	return fmt.Sprintf("ready %d unacked %d bytes %d turn %v links %v commands %v\nwaiting%s%s", s.Ready(), s.Unacked(), s.Bytes(), turn, s.links, s.commanded, waiting, b.String())
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
