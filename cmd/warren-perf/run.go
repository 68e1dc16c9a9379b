package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// run is one load: its parts are connected before the clock starts and told to stop when it ends.
type run struct {
	options  *options
	endpoint endpoint
	topology *topology
	meter    *meter
	clock    clock
	failed   chan error
	done     chan struct{} // every producer has ended
	drained  bool          // they had a limit, and nothing came any more
}

// setup connects everybody, consumers first.
func setup(o *options) (*run, error) {
	where, err := parseURI(o.uri)
	if err != nil {
		return nil, err
	}
	r := &run{options: o, endpoint: where, topology: newTopology(o), failed: make(chan error, o.producers+o.consumers), done: make(chan struct{})}
	admin, err := dial(where, "warren-perf setup")
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	if err := r.topology.declare(admin); err != nil {
		return nil, err
	}
	k := clock{epoch: time.Now()}
	r.clock = k
	var consumers []*consumer
	for i := range o.consumers {
		c, err := dial(where, fmt.Sprintf("warren-perf consumer %d", i))
		if err != nil {
			return nil, err
		}
		one, err := newConsumer(o, i, r.topology, c, k)
		if err != nil {
			return nil, err
		}
		consumers = append(consumers, one)
	}
	var producers []*producer
	for i := range o.producers {
		c, err := dial(where, fmt.Sprintf("warren-perf producer %d", i))
		if err != nil {
			return nil, err
		}
		one, err := newProducer(o, i, r.topology, c, k)
		if err != nil {
			return nil, err
		}
		producers = append(producers, one)
	}
	r.meter = newMeter(producers, consumers, o.pid)
	return r, nil
}

// run runs the load until its time, its numbers, an error or the context end it.
func (r *run) run(ctx context.Context, lines io.Writer) (summary, error) {
	r.start()
	failure := r.watch(ctx, lines)
	end := r.meter.sample()
	over := r.clock.now()
	for _, p := range r.meter.producers {
		p.stop()
	}
	for _, c := range r.meter.consumers {
		c.stop()
	}
	if !r.options.keep {
		r.cleanUp()
	}
	r.overdue(over)
	s := r.meter.summary(end)
	if r.options.checkOrder {
		s.Order = r.order(end)
		if n := s.Order.violations(); n > 0 && failure == nil {
			failure = fmt.Errorf("--check-order: %d violations", n)
		}
	}
	return s, failure
}

// order adds up what the consumers have checked, with what they should have had at the end and had not.
func (r *run) order(end sample) *orderSummary {
	var sum orderSummary
	for _, c := range r.meter.consumers {
		if r.drained {
			r.ended(c)
		}
		sum.add(c.order.sum)
	}
	sum.Short = max(0, r.options.received-end.received)
	return &sum
}

// ended tells a consumer's order where this run's producers have ended.
func (r *run) ended(c *consumer) {
	for i, p := range r.meter.producers {
		for _, queue := range c.queues {
			if r.topology.reaches(i, queue) {
				c.order.ended(queue, p.origin, p.published.Load())
			}
		}
	}
}

func (r *run) start() {
	for _, c := range r.meter.consumers {
		go func() {
			if err := c.run(); err != nil {
				r.failed <- fmt.Errorf("consumer: %w", err)
			}
		}()
	}
	ends := make(chan struct{}, len(r.meter.producers))
	for _, p := range r.meter.producers {
		go func() {
			if err := p.run(); err != nil {
				r.failed <- fmt.Errorf("producer: %w", err)
			}
			ends <- struct{}{}
		}()
	}
	go func() {
		for range r.meter.producers {
			<-ends
		}
		close(r.done)
	}()
}

// drainPatience is how long a run whose producers have ended waits for one more delivery.
const drainPatience = 2 * time.Second

// watch prints lines until the run is over. Producers that reached their limit are followed until the consumers have it all.
func (r *run) watch(ctx context.Context, lines io.Writer) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	var over <-chan time.Time
	if r.options.duration > 0 {
		over = time.After(r.options.duration)
	}
	done, draining := r.done, false
	if len(r.meter.producers) == 0 {
		done = nil
	}
	var seen int64
	var since time.Time
	for {
		select {
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return nil
		case <-over:
			return nil
		case <-second.C:
			r.meter.line(lines)
		case <-done:
			done, draining, since = nil, true, time.Now()
		case <-poll.C:
			received := r.meter.received()
			if r.options.received > 0 && received >= r.options.received {
				return nil
			}
			if received != seen {
				seen, since = received, time.Now()
			}
			if draining && (received >= r.expected() || time.Since(since) > drainPatience) {
				r.drained = true
				return nil
			}
		}
	}
}

// expected is how many deliveries the published messages should make, as far as the topology tells.
func (r *run) expected() int64 {
	if len(r.meter.consumers) == 0 {
		return 0
	}
	var published int64
	for _, p := range r.meter.producers {
		published += p.published.Load()
	}
	if r.topology.exchange == "" {
		return published
	}
	return published * int64(len(r.topology.queues))
}

// cleanUp deletes the queues on a connection of its own; a broker that is gone has nothing to clean.
func (r *run) cleanUp() {
	admin, err := dial(r.endpoint, "warren-perf clean-up")
	if err != nil {
		return
	}
	defer admin.Close()
	_ = r.topology.delete(admin)
}
