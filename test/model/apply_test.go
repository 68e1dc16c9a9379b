package model

import (
	"fmt"
	"slices"
)

// apply does a step. tag is the delivery tag it settles, body the prefix of what it publishes.
func (w *world) apply(s step, tag uint64, body string) {
	w.want, w.gone, w.acks = nil, nil, nil
	c := w.channelOf(s)
	q := w.queues[s.queue]
	locked := q != nil && q.exclusive && q.owner != s.conn
	switch s.op {
	case "declare-queue":
		w.declareQueue(s, q, locked)
	case "delete-queue":
		switch {
		case q == nil:
			w.see(s, "queue-delete-ok 0")
		case locked:
			w.soft(s, 405, "50.40")
		case s.flag("u") && len(q.consumers) > 0, s.flag("y") && len(q.ready) > 0:
			w.soft(s, 406, "50.40")
		default:
			w.see(s, "queue-delete-ok %d", len(q.ready))
			w.deleteQueue(q)
		}
	case "purge":
		if w.usable(s, q, locked, "50.30") {
			w.see(s, "purge-ok %d", len(q.ready))
			q.ready = nil
		}
	case "declare-exchange":
		w.declareExchange(s)
	case "delete-exchange":
		if s.flag("u") && w.bound(s.exchange) {
			w.soft(s, 406, "40.20")
			break
		}
		w.see(s, "exchange-delete-ok")
		w.deleteExchange(s.exchange)
	case "bind", "unbind", "bind-exchange", "unbind-exchange":
		w.bindOrUnbind(s, q, locked)
	case "publish":
		w.publish(s, c, body)
	case "consume":
		w.consume(s, c, q, locked)
	case "cancel":
		w.see(s, "cancel-ok %s", s.tag)
		if k := c.consumers[s.tag]; k != nil {
			delete(c.consumers, s.tag)
			w.removeConsumer(k)
		}
	case "qos":
		w.see(s, "qos-ok")
		c.prefetch = s.n
	case "get":
		if w.usable(s, q, locked, "60.70") {
			w.get(s, c, q)
		}
	case "ack", "nack", "reject":
		w.settle(s, c, tag)
	case "recover":
		w.see(s, "recover-ok")
		for _, d := range c.unacked {
			w.requeue(d)
		}
		c.unacked = nil
	case "confirm-select":
		if c.mode == "tx" {
			w.soft(s, 406, "85.10")
			break
		}
		c.mode = "confirm"
		w.see(s, "confirm-select-ok")
	case "tx-select", "tx-commit", "tx-rollback":
		w.transact(s, c)
	case "close-channel":
		w.see(s, "channel-close-ok")
		w.endChannel(s.conn, s.ch)
	case "close-connection":
		w.see(step{conn: s.conn}, "connection-close-ok")
		w.endConnection(s.conn)
	}
}

// usable refuses a queue that is not there (404) or another connection's (405, contract P-55).
func (w *world) usable(s step, q *queue, locked bool, method string) bool {
	switch {
	case q == nil:
		w.soft(s, 404, method)
	case locked:
		w.soft(s, 405, method)
	default:
		return true
	}
	return false
}

func (w *world) declareQueue(s step, q *queue, locked bool) {
	durable, exclusive, autoes := s.flag("d") && !s.flag("e"), s.flag("e"), s.flag("a")
	switch {
	case q == nil && s.flag("p"):
		w.soft(s, 404, "50.10")
		return
	case q == nil:
		q = &queue{name: s.queue, durable: durable, exclusive: exclusive, autoes: autoes, owner: s.conn}
		w.queues[s.queue] = q
	case locked, !s.flag("p") && exclusive != q.exclusive:
		w.soft(s, 405, "50.10")
		return
	case !s.flag("p") && (durable != q.durable || autoes != q.autoes):
		w.soft(s, 406, "50.10")
		return
	}
	w.see(s, "queue-declare-ok %s %d %d", s.queue, len(q.ready), len(q.consumers))
}

func (w *world) declareExchange(s step) {
	x := w.exchanges[s.exchange]
	switch {
	case x == nil && s.flag("p"):
		w.soft(s, 404, "40.10")
		return
	case x == nil:
		w.exchanges[s.exchange] = &exchange{s.exchange, s.kind, s.flag("a"), s.flag("i")}
	case !s.flag("p") && *x != exchange{s.exchange, s.kind, s.flag("a"), s.flag("i")}:
		w.soft(s, 406, "40.10")
		return
	}
	w.see(s, "exchange-declare-ok")
}

func (w *world) bindOrUnbind(s step, q *queue, locked bool) {
	b := binding{s.exchange, s.to != "", s.to + s.queue, s.key}
	method := map[string]string{"bind": "50.20", "unbind": "50.50", "bind-exchange": "40.30", "unbind-exchange": "40.40"}[s.op]
	missing := w.exchanges[s.exchange] == nil || (b.toExchange && w.exchanges[s.to] == nil) || (!b.toExchange && q == nil)
	switch {
	case missing && (s.op == "bind" || s.op == "bind-exchange"):
		w.soft(s, 404, method)
		return
	case locked && (s.op == "bind" || slices.Contains(w.bindings, b)): // there is nothing to be locked about what is not there
		w.soft(s, 405, method)
		return
	case s.op == "bind" || s.op == "bind-exchange":
		if !slices.Contains(w.bindings, b) {
			w.bindings = append(w.bindings, b)
		}
	default:
		w.unbind(func(other binding) bool { return other == b })
	}
	w.see(s, "%s-ok", s.op)
}

func (w *world) publish(s step, c *channel, body string) {
	if x := w.exchanges[s.exchange]; s.exchange != "" && (x == nil || x.internal) {
		code := 404
		if x != nil {
			code = 403
		}
		w.soft(s, code, "60.40")
		return
	}
	for i := range s.n {
		m := message{exchange: s.exchange, key: s.key, body: fmt.Sprintf("%s.%d", body, i), mandatory: s.flag("m")}
		if c.mode == "tx" {
			m.routes = w.names(m)
			c.buffered = append(c.buffered, m)
			continue
		}
		w.deliver(s, m)
		if c.mode == "confirm" {
			c.published++
			w.acks = append(w.acks, c.published)
		}
	}
	w.see(s, "cancel-ok barrier")
}

// names are the queues that a message goes to now; the default exchange does not look whether there is one.
func (w *world) names(m message) []string {
	if m.exchange == "" {
		return []string{m.key}
	}
	names := []string{}
	for _, q := range w.route(m.exchange, m.key) {
		names = append(names, q.name)
	}
	return names
}

func (w *world) consume(s step, c *channel, q *queue, locked bool) {
	switch {
	case c.consumers[s.tag] != nil:
		w.hard(s, 530, "60.20")
	case !w.usable(s, q, locked, "60.20"):
	case len(q.consumers) > 0 && (s.flag("e") || q.consumers[0].exclusive):
		w.soft(s, 403, "60.20")
	default:
		k := &consumer{conn: s.conn, ch: s.ch, tag: s.tag, noAck: s.flag("n"), exclusive: s.flag("e"), prefetch: c.prefetch, queue: q}
		c.consumers[s.tag] = k
		q.consumers = append(q.consumers, k)
		w.see(s, "consume-ok %s", s.tag)
	}
}

func (w *world) get(s step, c *channel, q *queue) {
	if len(q.ready) == 0 {
		w.see(s, "get-empty")
		return
	}
	m := q.ready[0]
	q.ready = q.ready[1:]
	c.lastTag++
	w.see(s, "get-ok %d %v %s %s %d %s", c.lastTag, m.delivered, m.exchange, m.key, len(q.ready), m.body)
	if !s.flag("n") {
		c.unacked = append(c.unacked, &delivery{tag: c.lastTag, message: m, queue: q})
	}
}

// settle is ack, nack and reject (contract P-48): an unknown tag is an error, 0 with multiple means all.
func (w *world) settle(s step, c *channel, tag uint64) {
	multiple := s.flag("m") && s.op != "reject"
	at := slices.IndexFunc(c.unacked, func(d *delivery) bool { return d.tag == tag })
	var chosen []*delivery
	switch {
	case multiple && tag == 0:
		chosen, c.unacked = c.unacked, nil
		w.see(s, "cancel-ok barrier")
	case at < 0:
		w.soft(s, 406, map[string]string{"ack": "60.80", "nack": "60.120", "reject": "60.90"}[s.op])
		return
	case multiple:
		chosen, c.unacked = slices.Clone(c.unacked[:at+1]), c.unacked[at+1:]
	default:
		chosen, c.unacked = []*delivery{c.unacked[at]}, slices.Delete(slices.Clone(c.unacked), at, at+1)
	}
	for _, d := range chosen {
		d.requeue = s.flag("r")
		if c.mode == "tx" {
			c.settled = append(c.settled, d)
		} else {
			w.conclude(d)
		}
	}
}

func (w *world) conclude(d *delivery) {
	if d.requeue {
		w.requeue(d)
	} else if d.by != nil {
		d.by.has--
	}
}

// transact is the tx class (contract P-39).
func (w *world) transact(s step, c *channel) {
	method := map[string]string{"tx-select": "90.10", "tx-commit": "90.20", "tx-rollback": "90.30"}[s.op]
	if s.op == "tx-select" && c.mode == "confirm" || s.op != "tx-select" && c.mode != "tx" {
		w.soft(s, 406, method)
		return
	}
	c.mode = "tx"
	switch s.op {
	case "tx-commit":
		for _, m := range c.buffered {
			w.deliver(s, m)
			w.ambiguous = w.ambiguous || m.exchange != c.buffered[0].exchange
		}
		for _, d := range c.settled {
			w.conclude(d)
		}
		c.buffered, c.settled = nil, nil
	case "tx-rollback":
		c.unacked = append(c.unacked, c.settled...)
		slices.SortFunc(c.unacked, func(a, b *delivery) int { return int(a.tag) - int(b.tag) })
		c.buffered, c.settled = nil, nil
	}
	w.see(s, "%s-ok", s.op)
}
