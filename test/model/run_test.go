package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"warren/test/raw"
)

// run is one program against the broker and the model.
type run struct {
	addr    string
	world   *world
	watch   *watch
	clients [conns]*client
	over    *client // keeps watch over queues that are nobody's
	between func()  // what happens between two steps
	limit   time.Duration

	seen []event // of this step
}

var runs atomic.Int64

// difference says at which step broker and model part, and how.
type difference struct {
	at  int
	err error
}

func (d *difference) Error() string { return fmt.Sprintf("step %d: %v", d.at, d.err) }

// execute runs the program; the error is a *difference, or that of a broker that cannot be reached.
func execute(addr string, steps []step, configure func(*run)) (err error) {
	r := &run{addr: addr, world: newWorld(), limit: 5 * time.Second,
		watch: &watch{more: make(chan struct{}, 1), prefix: fmt.Sprintf("model-%d-%d-", time.Now().UnixNano(), runs.Add(1))}}
	configure(r)
	if r.over, err = dial(addr, conns, &watch{more: make(chan struct{}, 1), prefix: r.watch.prefix}); err != nil {
		return err
	}
	defer r.end()
	for i, s := range steps {
		if err := r.step(s, i); err != nil {
			return &difference{i, err}
		}
		if r.world.ambiguous {
			return nil
		}
		if r.between != nil {
			r.between()
		}
	}
	return nil
}

func (r *run) full(name string) string {
	if name == "" {
		return ""
	}
	return r.watch.prefix + name
}

// end leaves nothing behind.
func (r *run) end() {
	for _, c := range r.clients {
		if c != nil {
			c.leave()
		}
	}
	for name, q := range r.world.queues {
		if !q.exclusive { // those go with their connections
			_, _ = r.over.ask(raw.QueueDelete, raw.Fields{}.Short(0).ShortStr(r.full(name)).Octet(0))
		}
	}
	for name := range r.world.exchanges {
		_, _ = r.over.ask(raw.ID{Class: 40, Method: 20}, raw.Fields{}.Short(0).ShortStr(r.full(name)).Octet(0))
	}
	r.over.leave()
}

func (r *run) step(s step, i int) error {
	if err := r.open(s); err != nil {
		return err
	}
	c := r.world.channelOf(s)
	tag := r.tagOf(s, c)
	body := fmt.Sprintf("m%d", i)
	actor := r.clients[s.conn]
	r.world.apply(s, tag, body)
	actor.send(s, tag, body, r.full)
	if r.world.ambiguous {
		return nil
	}
	r.seen = nil
	var last error
	for end := time.After(r.limit); ; {
		r.seen = append(r.seen, r.watch.take()...)
		if last = r.compare(s); last == nil {
			break
		}
		if !errors.As(last, new(missing)) {
			return last
		}
		select {
		case <-r.watch.more:
			continue
		case <-end:
			return last
		}
	}
	r.forget()
	if err := r.adopt(s); err != nil {
		return err
	}
	return r.counts()
}

// open opens the connection and the channel where they are not, which also proves that the number of a channel that an error has
// closed can be used again (contract P-22).
func (r *run) open(s step) (err error) {
	if r.clients[s.conn] == nil {
		if r.clients[s.conn], err = dial(r.addr, s.conn, r.watch); err != nil {
			return err
		}
	}
	if r.world.conns[s.conn] == nil || r.world.conns[s.conn].channels[s.ch] == nil {
		r.clients[s.conn].method(s.ch, raw.ChannelOpen, raw.Fields{}.ShortStr(""))
	}
	return nil
}

// tagOf is the delivery that a step settles: one of the outstanding, so far as there are any.
func (r *run) tagOf(s step, c *channel) uint64 {
	switch {
	case s.flag("z"):
		return 0
	case s.flag("s"):
		return uint64(s.n + 1)
	case len(c.unacked) > 0:
		return c.unacked[s.n%len(c.unacked)].tag
	}
	return 9999
}

// missing is a difference that time may mend.
type missing struct{ what string }

func (m missing) Error() string { return m.what }

// compare looks at what was seen of a step: everything the model wants, and nothing else.
func (r *run) compare(s step) error {
	want := slices.Clone(r.world.want)
	acks := slices.Clone(r.world.acks)
	due := r.due()
	for _, e := range r.seen {
		line := fmt.Sprintf("c%d.%d %s", e.conn, e.ch, e.what)
		switch {
		case e.delivery != nil && r.ended(e.conn): // on its way when the connection closed
		case e.delivery != nil:
			q := r.queueOf(e)
			if q == nil {
				return fmt.Errorf("%s for consumer %q, which is none: %+v", line, e.delivery.consumer, *e.delivery)
			}
			if due[q]--; due[q] < 0 {
				return fmt.Errorf("%s: %d is more than %s has to deliver: %+v", line, e.number, q.name, *e.delivery)
			}
		case e.what == "ack" && e.conn == s.conn && e.ch == s.ch:
			before := len(acks)
			acks = slices.DeleteFunc(acks, func(tag uint64) bool { return tag == e.number || e.multiple && tag < e.number })
			if len(acks) == before {
				return fmt.Errorf("%s %d multiple %v confirms nothing that waits", line, e.number, e.multiple)
			}
		case e.what == "end of the socket" && r.ended(e.conn):
		default:
			at := slices.Index(want, line)
			if at < 0 {
				return fmt.Errorf("got %s (%d), and the model wants %q", line, e.number, want)
			}
			want = slices.Delete(want, at, at+1)
		}
	}
	if len(want) > 0 {
		return missing{fmt.Sprintf("nothing came of %q", want)}
	}
	if len(acks) > 0 {
		return missing{fmt.Sprintf("no confirm of %v", acks)}
	}
	for q, n := range due {
		if n > 0 {
			return missing{fmt.Sprintf("%s delivers %d less than it must", q.name, n)}
		}
	}
	return r.order()
}

// order is what must not change places on a channel: consume-ok before deliveries, a return before its confirm, returns among
// themselves, delivery tags.
func (r *run) order() error {
	started := map[string]bool{}
	confirmed := map[string]bool{}
	returns := map[string]int{} // by channel and exchange: where the model has the last one; AMQP orders no exchanges
	for _, e := range r.seen {
		at := fmt.Sprintf("c%d.%d ", e.conn, e.ch)
		switch {
		case e.delivery != nil:
			started[at+e.delivery.consumer] = true
		case strings.HasPrefix(e.what, "consume-ok "):
			if started[at+strings.TrimPrefix(e.what, "consume-ok ")] {
				return fmt.Errorf("%s%s comes behind a delivery", at, e.what)
			}
		case e.what == "ack":
			confirmed[at] = true
		case strings.HasPrefix(e.what, "return "):
			from := at + strings.Split(e.what, " ")[2]
			if _, another := returns[from]; confirmed[at] && !another { // all messages of a step go the same way
				return fmt.Errorf("%s%s comes behind its confirm", at, e.what)
			}
			place := slices.Index(r.world.want, at+e.what)
			if place < returns[from] {
				return fmt.Errorf("%s%s comes behind a later one", at, e.what)
			}
			returns[from] = place
		}
	}
	return nil
}

func (r *run) due() map[*queue]int {
	due := map[*queue]int{}
	for _, q := range r.world.queues {
		due[q] = q.due()
	}
	return due
}

// ended tells whether the model has closed a connection.
func (r *run) ended(conn int) bool { return r.world.conns[conn] == nil }

// forget lets go of clients whose connection the step has ended.
func (r *run) forget() {
	for i, c := range r.clients {
		if c != nil && r.ended(i) {
			c.leave()
			r.clients[i] = nil
		}
	}
}

func (r *run) consumerOf(e event) *consumer {
	if c := r.world.conns[e.conn]; c != nil && e.ch <= channels && c.channels[e.ch] != nil {
		return c.channels[e.ch].consumers[e.delivery.consumer]
	}
	return nil
}

func (r *run) queueOf(e event) *queue {
	if k := r.consumerOf(e); k != nil {
		return k.queue
	}
	return nil
}

// adopt takes over from the broker which consumer got what, and checks that it may have: the first messages of the queue, each
// consumer's in order, none more than its prefetch, with the flag they must have.
func (r *run) adopt(s step) error {
	due := r.due()
	last := map[*consumer]int{}
	for _, e := range r.seen {
		if e.delivery == nil || r.ended(e.conn) {
			continue
		}
		d, k := e.delivery, r.consumerOf(e)
		q := k.queue
		at := slices.IndexFunc(q.ready, func(m message) bool { return m.body == d.body })
		if at < 0 || at >= due[q] {
			return fmt.Errorf("c%d.%d got %q from %s, whose first %d are %s", e.conn, e.ch, d.body, q.name, due[q], bodies(q.ready))
		}
		m := q.ready[at]
		if d.redelivered != m.delivered || d.exchange != m.exchange || d.key != m.key {
			return fmt.Errorf("c%d.%d got %+v, not %+v", e.conn, e.ch, *d, m)
		}
		if position, some := last[k]; some && position > m.position && s.op != "tx-commit" && !r.ended(s.conn) { // which do several things one after the other
			return fmt.Errorf("consumer %s on c%d.%d got %q out of order; the step brought %s", k.tag, e.conn, e.ch, d.body, r.deliveries())
		}
		last[k] = m.position
		c := r.world.conns[e.conn].channels[e.ch]
		if c.lastTag++; e.number != c.lastTag {
			return fmt.Errorf("c%d.%d got %q as delivery %d, not %d", e.conn, e.ch, d.body, e.number, c.lastTag)
		}
		q.ready = slices.Delete(slices.Clone(q.ready), at, at+1)
		due[q]--
		if k.noAck {
			continue
		}
		if k.has++; k.prefetch > 0 && k.has > k.prefetch {
			return fmt.Errorf("consumer %s on c%d.%d got %q above its prefetch %d", k.tag, e.conn, e.ch, d.body, k.prefetch)
		}
		c.unacked = append(c.unacked, &delivery{tag: e.number, message: m, queue: q, by: k})
	}
	return nil
}

// deliveries is what came in this step, by channel and consumer.
func (r *run) deliveries() string {
	var all []string
	for _, e := range r.seen {
		if e.delivery != nil {
			all = append(all, fmt.Sprintf("c%d.%d/%s:%s", e.conn, e.ch, e.delivery.consumer, e.delivery.body))
		}
	}
	return strings.Join(all, " ")
}

func bodies(messages []message) string {
	var all []string
	for _, m := range messages {
		all = append(all, m.body)
	}
	return "[" + strings.Join(all, " ") + "]"
}

// counts asks every queue how many messages and consumers it has (contract P-53, Q-24): what was delivered too much or too little
// shows. What a step leaves to others, and the end of a queue that nobody deleted, may take a moment to arrive.
func (r *run) counts() error {
	for _, name := range r.world.gone {
		if r.world.queues[name] == nil {
			if err := r.says(r.over, name, "channel-close 404 50.10"); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.world.queues)) {
		q, asker := r.world.queues[name], r.over
		if q.exclusive {
			asker = r.clients[q.owner]
		}
		if err := r.says(asker, name, fmt.Sprintf("queue-declare-ok %s %d %d", name, len(q.ready), len(q.consumers))); err != nil {
			return err
		}
	}
	return nil
}

// says asks until a passive declare is answered so.
func (r *run) says(asker *client, queue, want string) error {
	for end := time.Now().Add(r.limit); ; <-time.After(time.Millisecond) {
		got, err := asker.ask(raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(r.full(queue)).Octet(1).Table())
		if err == nil && strings.HasPrefix(got, "channel-close") {
			_, err = asker.ask(raw.ChannelOpen, raw.Fields{}.ShortStr(""))
		}
		switch {
		case err != nil:
			return err
		case got == want:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%s says %q, and the model %q", queue, got, want)
		}
	}
}
