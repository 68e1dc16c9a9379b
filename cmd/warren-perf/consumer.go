package main

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

// consumer scans deliveries out of its socket and acks as told.
type consumer struct {
	conn      *amqpConn
	clock     clock
	autoAck   bool
	ackEvery  int
	everyOne  bool  // measure each message, not one a read
	queues    []int // by their numbers; one, unless spread
	spread    bool
	order     *order // nil: not checked
	ended     chan struct{}
	received  atomic.Int64
	latencies *latency
	stopping  atomic.Bool
}

func newConsumer(o *options, i int, t *topology, c *amqpConn, k clock) (*consumer, error) {
	n := &consumer{conn: c, clock: k, autoAck: o.autoAck, ackEvery: o.multiAckEvery, everyOne: o.rate > 0, spread: o.spread, latencies: newLatency(), ended: make(chan struct{})}
	if o.checkOrder {
		n.order = newOrder(t.turns)
	}
	if o.qos > 0 {
		var e encoder
		e.method(basicQos)
		e.long(0)
		e.short(uint16(o.qos))
		e.octet(0)
		if _, err := c.call(channelID, e, basicQosOk); err != nil {
			return nil, fmt.Errorf("basic.qos: %w", err)
		}
	}
	if !o.spread {
		n.queues = []int{i % len(t.queues)}
		return n, n.consume(t.queues[n.queues[0]], "c") // the shortest tag there is: it comes back with every delivery
	}
	for q := i; q < len(t.queues); q += o.consumers {
		n.queues = append(n.queues, q)
		if err := n.consume(t.queues[q], fmt.Sprint(q)); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (c *consumer) consume(queue, tag string) error {
	var e encoder
	e.method(basicConsume)
	e.short(0)
	e.shortStr(queue)
	e.shortStr(tag)
	e.octet(flag(c.autoAck) << 1)
	e.table(nil)
	if _, err := c.conn.call(channelID, e, basicConsumeOk); err != nil {
		return fmt.Errorf("basic.consume: %w", err)
	}
	return nil
}

func (c *consumer) run() error {
	defer close(c.ended)
	h := &consumerHandler{consumer: c}
	err := readFrames(c.conn, readBufferBytes, scanner{checks: c.order != nil}, h, func() {
		if err := h.flush(); err != nil {
			c.conn.Close() // the next read says so
		}
	})
	if c.stopping.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (c *consumer) stop() {
	c.stopping.Store(true)
	c.conn.Close()
	<-c.ended
}

// consumerHandler gathers during one read: acks go out in one write, counts in one add.
type consumerHandler struct {
	*consumer
	count int64
	total int64
	now   int64 // the read's clock reading; 0: not taken yet
	took  []int64
	acks  []byte
}

func (h *consumerHandler) delivered(d delivery) {
	h.count++
	if d.due != 0 && (h.everyOne || len(h.took) == 0) {
		if h.now == 0 {
			h.now = h.clock.now()
		}
		h.took = append(h.took, h.now-d.due)
	}
	if h.order != nil {
		queue := h.queues[0]
		if h.spread {
			queue = int(d.queue)
		}
		h.order.came(queue, d)
	}
	if h.autoAck {
		return
	}
	h.total++
	switch {
	case h.ackEvery <= 1:
		h.acks = appendAck(h.acks, channelID, d.tag, false)
	case h.total%int64(h.ackEvery) == 0:
		h.acks = appendAck(h.acks, channelID, d.tag, true)
	}
}

func (h *consumerHandler) flush() error {
	h.received.Add(h.count)
	h.count, h.now = 0, 0
	h.latencies.record(h.took)
	h.took = h.took[:0]
	if len(h.acks) == 0 {
		return nil
	}
	_, err := h.conn.Write(h.acks)
	h.acks = h.acks[:0]
	return err
}

func (h *consumerHandler) settled(uint64, bool, bool) {}
func (h *consumerHandler) returned()                  {}
func (h *consumerHandler) blocked(bool)               {}
