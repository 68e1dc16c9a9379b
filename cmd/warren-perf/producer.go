package main

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// producer writes publishes; its second goroutine reads what comes back.
type producer struct {
	conn      *amqpConn
	clock     clock
	batch     *batch
	origin    origin
	window    *window // nil without confirms
	rate      float64
	limit     int64        // messages; 0: none
	began     atomic.Int64 // when the first message of a paced stream was due; 0: not yet, or not paced
	confirms  *latency
	published atomic.Int64
	returns   atomic.Int64
	isBlocked atomic.Bool
	stopping  atomic.Bool
	ended     chan struct{} // run has returned
	readerEnd chan error    // holds one error, once the socket has ended
}

// maxBatchMessages keeps a batch of tiny messages from being a burst of thousands.
const maxBatchMessages = 1024

func newProducer(o *options, i int, t *topology, c *amqpConn, k clock) (*producer, error) {
	p := &producer{conn: c, clock: k, origin: originOf(k.run(), i), rate: o.rate, limit: o.messages, confirms: newLatency(), ended: make(chan struct{}), readerEnd: make(chan error, 1)}
	about := publication{exchange: t.exchange, key: t.publishKey(i), bodyBytes: o.bodyBytes, persistent: o.has("persistent"), mandatory: o.has("mandatory")}
	p.batch = newBatch(about, c.frameMax, o.writeBytes, maxBatchMessages)
	if o.spread {
		p.batch = newRound(about, c.frameMax, t.queues)
	}
	if o.confirm > 0 {
		p.window = newWindow(o.confirm)
		var e encoder
		e.method(confirmSelect)
		e.octet(0)
		if _, err := c.call(channelID, e, confirmSelectOk); err != nil {
			return nil, fmt.Errorf("confirm.select: %w", err)
		}
	}
	return p, nil
}

// run publishes until its limit, stop, or an error; with confirms it waits for the last of them.
func (p *producer) run() error {
	defer close(p.ended)
	go p.read()
	publish := p.flood
	if p.rate > 0 {
		publish = p.pace
	}
	if err := publish(); err != nil {
		return p.reason(err)
	}
	if p.window != nil {
		p.window.drain()
	}
	select {
	case err := <-p.readerEnd:
		p.readerEnd <- err
		return err
	default:
		return nil
	}
}

// reason prefers what the broker said in its close to a bare "connection reset".
func (p *producer) reason(writeError error) error {
	p.conn.Close()
	err := <-p.readerEnd
	p.readerEnd <- err
	switch {
	case p.stopping.Load():
		return nil
	case err != nil && !errors.Is(err, net.ErrClosed):
		return err
	}
	return writeError
}

// flood writes whole batches as fast as the broker takes them.
func (p *producer) flood() error {
	for !p.stopping.Load() {
		n, err := p.writeSome(p.batch.messages, func(int64, int) int64 { return p.clock.now() }, true)
		if n == 0 || err != nil {
			return err
		}
	}
	return nil
}

// pace writes what is due, stamped with the time it was due and not the time it was written: a stalled broker shows in the
// latency of all the messages it kept waiting.
func (p *producer) pace() error {
	defer preciseThread()()
	p.began.Store(p.clock.now())
	beat := p.beat()
	for !p.stopping.Load() {
		now, sent := p.clock.now(), p.published.Load()
		waiting := beat.dueBy(now) - sent
		if waiting <= 0 {
			if p.limit > 0 && sent >= p.limit {
				return nil
			}
			sleepNanos(beat.due(sent) - now)
			continue
		}
		n, err := p.writeSome(int(min(waiting, maxBatchMessages)), func(sent int64, i int) int64 { return beat.due(sent + int64(i)) }, false)
		if n == 0 || err != nil {
			return err
		}
	}
	return nil
}

// beat says when each message of a paced stream is due.
func (p *producer) beat() metronome { return metronome{start: p.began.Load(), interval: 1e9 / p.rate} }

// due is how many messages of a paced stream should have been sent by now.
func (p *producer) due(now int64) int64 {
	if p.began.Load() == 0 {
		return 0
	}
	n := p.beat().dueBy(now)
	if p.limit > 0 {
		n = min(n, p.limit)
	}
	return n
}

// writeSome sends up to want messages in one write. With sameDue the first one's due time serves for all.
func (p *producer) writeSome(want int, due func(sent int64, i int) int64, sameDue bool) (int, error) {
	sent := p.published.Load()
	want = min(want, p.batch.room())
	if p.limit > 0 {
		want = int(min(int64(want), p.limit-sent))
	}
	if want <= 0 {
		return 0, nil
	}
	if p.window != nil {
		// A quarter of the window at once: to trickle out single messages as single confirms come would measure system calls.
		want = p.window.reserve(max(1, min(want, p.window.size()/4)), want)
		if want == 0 {
			return 0, nil
		}
	}
	first := due(sent, 0)
	for i := range want {
		if i > 0 && !sameDue {
			first = due(sent, i)
		}
		p.batch.stampOne(i, first, p.origin.mark(sent+int64(i)))
	}
	if p.window != nil {
		// Of a paced stream a confirm, too, is timed from when the message was due, and not from when the window had room for it.
		at := func(i int) int64 { return due(sent, i) }
		if sameDue {
			now := p.clock.now()
			at = func(int) int64 { return now }
		}
		p.window.sent(want, at)
	}
	if _, err := p.conn.Write(p.batch.take(want)); err != nil {
		return 0, err
	}
	p.published.Add(int64(want))
	return want, nil
}

// goodbyePatience bounds the end of a producer whose broker has stopped reading.
const goodbyePatience = 5 * time.Second

// stop ends the producer through connection.close: when the broker has answered, no publish is on the way any more that could
// land in the queue of a later run.
func (p *producer) stop() {
	defer p.conn.Close()
	p.stopping.Store(true)
	if p.window != nil {
		p.window.close()
	}
	if p.conn.SetDeadline(time.Now().Add(goodbyePatience)) != nil {
		return
	}
	<-p.ended
	var e encoder
	e.method(connectionClose)
	e.short(200)
	e.shortStr("done")
	e.long(0)
	if p.conn.send(0, e) != nil {
		return
	}
	<-p.readerEnd
}

// read takes confirms, returns and closes until the socket ends.
func (p *producer) read() {
	h := &producerHandler{producer: p}
	err := readFrames(p.conn, 16<<10, scanner{}, h, func() {
		p.confirms.record(h.took)
		h.took = h.took[:0]
	})
	if p.window != nil {
		p.window.close()
	}
	if p.stopping.Load() {
		err = nil
	}
	p.readerEnd <- err
}

type producerHandler struct {
	*producer
	took []int64
}

func (h *producerHandler) delivered(delivery) {}
func (h *producerHandler) returned()          { h.returns.Add(1) }
func (h *producerHandler) blocked(b bool)     { h.isBlocked.Store(b) }
func (h *producerHandler) settled(tag uint64, multiple, positive bool) {
	if h.window != nil {
		h.window.settle(tag, multiple, positive, h.clock.now(), func(n int64) { h.took = append(h.took, n) })
	}
}
