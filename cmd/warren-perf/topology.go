package main

import (
	"fmt"
	"strings"
)

// topology is what has to exist before the first publish: an exchange, queues, and the bindings between them.
type topology struct {
	exchange, kind string
	queues         []string
	turns          int    // each queue gets one message of so many of a producer
	key            string // of every binding; empty: the queue's own name
	durable        bool
	autoDelete     bool
	arguments      fieldTable
}

func newTopology(o *options) *topology {
	t := &topology{exchange: o.exchange, kind: o.kind, key: o.key, durable: o.has("persistent"), autoDelete: o.autoDelete, arguments: o.arguments}
	t.turns = 1
	if o.queuePattern == "" {
		t.queues = []string{o.queue}
		return t
	}
	for i := o.queueFrom; i <= o.queueTo; i++ {
		t.queues = append(t.queues, fmt.Sprintf(o.queuePattern, i))
	}
	if o.spread && (t.exchange == "" || t.kind == "direct" || t.kind == "topic") {
		t.turns = len(t.queues)
	}
	return t
}

// reaches says whether what producer i publishes comes to a queue.
func (t *topology) reaches(i, queue int) bool {
	everywhere := t.exchange != "" && (t.kind == "fanout" || t.kind == "headers" || t.key != "")
	return everywhere || t.turns > 1 || i%len(t.queues) == queue
}

// publishKey is the routing key of producer i.
func (t *topology) publishKey(i int) string {
	if t.key != "" && t.exchange != "" {
		return t.key
	}
	return t.queues[i%len(t.queues)]
}

func (t *topology) declare(c *amqpConn) error {
	if t.exchange != "" && !strings.HasPrefix(t.exchange, "amq.") {
		if err := t.declareExchange(c); err != nil {
			return fmt.Errorf("declare exchange %q: %w", t.exchange, err)
		}
	}
	for _, queue := range t.queues {
		if err := t.declareQueue(c, queue); err != nil {
			return fmt.Errorf("declare queue %q: %w", queue, err)
		}
		if t.exchange == "" {
			continue
		}
		if err := t.bind(c, queue); err != nil {
			return fmt.Errorf("bind queue %q: %w", queue, err)
		}
	}
	return nil
}

func (t *topology) declareExchange(c *amqpConn) error {
	var e encoder
	e.method(exchangeDeclare)
	e.short(0)
	e.shortStr(t.exchange)
	e.shortStr(t.kind)
	e.octet(flag(t.durable) << 1)
	e.table(nil)
	_, err := c.call(channelID, e, exchangeDeclareOk)
	return err
}

func (t *topology) declareQueue(c *amqpConn, queue string) error {
	var e encoder
	e.method(queueDeclare)
	e.short(0)
	e.shortStr(queue)
	e.octet(flag(t.durable)<<1 | flag(t.autoDelete)<<3)
	e.table(t.arguments)
	_, err := c.call(channelID, e, queueDeclareOk)
	return err
}

func (t *topology) bind(c *amqpConn, queue string) error {
	key := t.key
	if key == "" {
		key = queue
	}
	var e encoder
	e.method(queueBind)
	e.short(0)
	e.shortStr(queue)
	e.shortStr(t.exchange)
	e.shortStr(key)
	e.octet(0)
	e.table(nil)
	_, err := c.call(channelID, e, queueBindOk)
	return err
}

// delete removes the queues; a declared exchange is left, as PerfTest leaves it.
func (t *topology) delete(c *amqpConn) error {
	for _, queue := range t.queues {
		var e encoder
		e.method(queueDelete)
		e.short(0)
		e.shortStr(queue)
		e.octet(0)
		if _, err := c.call(channelID, e, queueDeleteOk); err != nil {
			return fmt.Errorf("delete queue %q: %w", queue, err)
		}
	}
	return nil
}
