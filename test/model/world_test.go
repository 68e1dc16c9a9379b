package model

import (
	"fmt"
	"slices"
	"strings"
)

// world is AMQP as the contract describes it, in the plainest way: nothing takes time, and nobody is fast.
type world struct {
	conns     [conns]*connection
	queues    map[string]*queue
	exchanges map[string]*exchange
	bindings  []binding

	want []string // what clients must see of the step, but for confirms and deliveries
	gone []string // queues that went with their last consumer or their connection, which may take a moment
	acks []uint64 // tags that the acting channel must have confirmed

	// The program ends here, as more than one thing may happen: a message of a channel that ends with its connection may, or may not,
	// still be handed to a no-ack consumer on another channel of it, and is gone then; and what a commit publishes through several
	// exchanges has an order for each of them only (contract P-41).
	ambiguous bool

	// RabbitMQ's transactions route when a message is published, ours when it is committed.
	routeAtPublish bool
}

type connection struct{ channels [channels + 1]*channel }

type channel struct {
	mode      string // "", confirm, tx
	published uint64 // messages, since confirm.select
	lastTag   uint64
	prefetch  int
	unacked   []*delivery
	consumers map[string]*consumer
	buffered  []message   // of the transaction
	settled   []*delivery // of the transaction
}

type delivery struct {
	tag     uint64
	message message
	queue   *queue
	by      *consumer // nil: a get
	requeue bool      // how the transaction settles it
}

type message struct {
	position             int // in its queue
	exchange, key, body  string
	mandatory, delivered bool
	routes               []string // of a transaction that routes at once: names of queues, there or not
}

type queue struct {
	name                       string
	durable, exclusive, autoes bool
	owner                      int
	ready                      []message
	next                       int
	consumers                  []*consumer
	gone                       bool
}

type consumer struct {
	conn, ch         int
	tag              string
	noAck, exclusive bool
	prefetch, has    int
	queue            *queue
}

type exchange struct {
	name, kind       string
	autoes, internal bool
}

type binding struct {
	source     string
	toExchange bool
	to, key    string
}

func newWorld() *world {
	return &world{queues: map[string]*queue{}, exchanges: map[string]*exchange{}}
}

// channelOf opens what the step needs opened.
func (w *world) channelOf(s step) *channel {
	if w.conns[s.conn] == nil {
		w.conns[s.conn] = &connection{}
	}
	c := w.conns[s.conn]
	if c.channels[s.ch] == nil {
		c.channels[s.ch] = &channel{consumers: map[string]*consumer{}}
	}
	return c.channels[s.ch]
}

func (w *world) see(s step, format string, args ...any) {
	w.want = append(w.want, fmt.Sprintf("c%d.%d ", s.conn, s.ch)+fmt.Sprintf(format, args...))
}

// soft and hard errors (contract P-20).
func (w *world) soft(s step, code int, method string) {
	w.see(s, "channel-close %d %s", code, method)
	w.endChannel(s.conn, s.ch)
}

func (w *world) hard(s step, code int, method string) {
	w.see(step{conn: s.conn}, "connection-close %d %s", code, method)
	w.endConnection(s.conn)
}

// endChannel requeues and cancels all it has (contract P-22, P-50).
func (w *world) endChannel(conn, ch int) {
	c := w.conns[conn].channels[ch]
	w.conns[conn].channels[ch] = nil
	for _, d := range append(c.unacked, c.settled...) {
		w.requeue(d)
	}
	for _, k := range c.consumers {
		w.removeConsumer(k)
	}
}

func (w *world) endConnection(conn int) {
	for _, c := range w.conns[conn].channels {
		if c != nil {
			for _, d := range append(slices.Clone(c.unacked), c.settled...) {
				w.ambiguous = w.ambiguous || slices.ContainsFunc(d.queue.consumers, func(k *consumer) bool { return k.noAck && k.conn == conn })
			}
		}
	}
	for ch, c := range w.conns[conn].channels {
		if c != nil {
			w.endChannel(conn, ch)
		}
	}
	w.conns[conn] = nil
	for _, q := range w.queues {
		if q.exclusive && q.owner == conn {
			w.gone = append(w.gone, q.name)
			w.deleteQueue(q)
		}
	}
}

func (w *world) requeue(d *delivery) {
	if d.by != nil {
		d.by.has--
	}
	if d.queue.gone {
		return
	}
	d.message.delivered = true
	at, _ := slices.BinarySearchFunc(d.queue.ready, d.message.position, func(m message, position int) int { return m.position - position })
	d.queue.ready = slices.Insert(d.queue.ready, at, d.message)
}

func (w *world) removeConsumer(k *consumer) {
	k.queue.consumers = slices.DeleteFunc(k.queue.consumers, func(other *consumer) bool { return other == k })
	if k.queue.autoes && len(k.queue.consumers) == 0 && !k.queue.gone { // contract Q-04
		w.gone = append(w.gone, k.queue.name)
		w.deleteQueue(k.queue)
	}
}

func (w *world) deleteQueue(q *queue) {
	q.gone = true
	delete(w.queues, q.name)
	for _, k := range q.consumers { // contract P-44
		w.see(step{conn: k.conn, ch: k.ch}, "cancel %s", k.tag)
		delete(w.conns[k.conn].channels[k.ch].consumers, k.tag)
	}
	q.consumers = nil
	w.unbind(func(b binding) bool { return !b.toExchange && b.to == q.name })
}

func (w *world) deleteExchange(name string) {
	delete(w.exchanges, name)
	w.unbind(func(b binding) bool { return b.source == name || b.toExchange && b.to == name })
}

// unbind removes bindings, and exchanges that lose their last one by it (contract X-14).
func (w *world) unbind(which func(binding) bool) {
	lost := map[string]bool{}
	w.bindings = slices.DeleteFunc(w.bindings, func(b binding) bool {
		if which(b) {
			lost[b.source] = true
		}
		return which(b)
	})
	for source := range lost {
		if x := w.exchanges[source]; x != nil && x.autoes && !w.bound(source) {
			w.deleteExchange(source)
		}
	}
}

func (w *world) bound(source string) bool {
	return slices.ContainsFunc(w.bindings, func(b binding) bool { return b.source == source })
}

// route finds every queue once (contract X-18).
func (w *world) route(source, key string) []*queue {
	if source == "" {
		if q := w.queues[key]; q != nil {
			return []*queue{q}
		}
		return nil
	}
	var found []*queue
	seen := map[string]bool{}
	var visit func(string)
	visit = func(source string) {
		if seen[source] || w.exchanges[source] == nil {
			return
		}
		seen[source] = true
		for _, b := range w.bindings {
			switch {
			case b.source != source || !matches(w.exchanges[source].kind, b.key, key):
			case b.toExchange:
				visit(b.to)
			case !slices.Contains(found, w.queues[b.to]):
				found = append(found, w.queues[b.to])
			}
		}
	}
	visit(source)
	return found
}

func matches(kind, pattern, key string) bool {
	switch kind {
	case "fanout":
		return true
	case "topic":
		return matchWords(strings.Split(pattern, "."), strings.Split(key, "."))
	}
	return pattern == key
}

func matchWords(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return matchWords(pattern[1:], key) || len(key) > 0 && matchWords(pattern, key[1:])
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && matchWords(pattern[1:], key[1:])
}

// deliver puts a message into its queues, or returns it (contract P-33, P-35).
func (w *world) deliver(s step, m message) {
	routes := w.route(m.exchange, m.key)
	if w.routeAtPublish && m.routes != nil {
		routes = nil
		for _, name := range m.routes {
			if q := w.queues[name]; q != nil {
				routes = append(routes, q)
			}
		}
	}
	if len(routes) == 0 && m.mandatory {
		w.see(s, "return 312 %s %s %s", m.exchange, m.key, m.body)
	}
	for _, q := range routes {
		m.position = q.next
		q.next++
		q.ready = append(q.ready, m)
	}
}

// due is what a queue must hand out now: the first that consumers have room for (contract P-46).
func (q *queue) due() int {
	room := 0
	for _, k := range q.consumers {
		if k.noAck || k.prefetch == 0 {
			return len(q.ready)
		}
		room += max(0, k.prefetch-k.has)
	}
	return min(room, len(q.ready))
}
