package chaos

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// publisher numbers its messages and enters each in the tally before it goes out.
type publisher struct {
	run     *run
	name    string
	route   func(n int) (exchange, key string, to []string)
	client  *client
	channel *amqp.Channel
	tx      bool
	mode    uint8 // delivery mode
	window  int64 // publishes without a confirm
	burst   int
	pause   time.Duration // between two bursts

	published, confirmed atomic.Int64
	ended                atomic.Bool
}

// Publishers go at a pace that consumers can follow, with a window of confirms that a crash catches something of.
const (
	publishWindow = 400
	publishBurst  = 25
	publishPause  = 10 * time.Millisecond
	// furthestBehind is how many messages consumers may be behind in all: where they are too slow, an hour would not end in one.
	furthestBehind = 50_000
)

func (r *run) newPublisher(name string, route func(int) (string, string, []string)) *publisher {
	p := &publisher{run: r, name: name, route: route, client: r.connect(name), window: publishWindow, burst: publishBurst, pause: publishPause}
	p.channel = r.channel(p.client)
	return p
}

// flatOut has it publish as fast as it is confirmed, unless it is one of the slow ones.
func (p *publisher) flatOut() {
	if p.burst == publishBurst {
		p.window, p.burst, p.pause = 2000, 100, time.Millisecond
	}
}

// publisher has confirms.
func (r *run) publisher(name string, route func(int) (string, string, []string)) *publisher {
	p := r.newPublisher(name, route)
	r.must(p.channel.Confirm(false))
	return p
}

// transactional commits every burst.
func (r *run) transactional(name string, route func(int) (string, string, []string)) *publisher {
	p := r.newPublisher(name, route)
	r.must(p.channel.Tx())
	p.tx = true
	return p
}

func (p *publisher) publish(stop <-chan struct{}) error {
	ticker := time.NewTicker(p.pause)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-stop:
			return nil
		case <-p.run.failed:
			return nil
		case <-ticker.C:
		}
		if !p.tx && p.published.Load()-int64(p.client.socket.count()) > p.window {
			continue
		}
		if p.run.tally.behind() > furthestBehind {
			continue
		}
		for range p.burst {
			exchange, key, to := p.route(n)
			stream := p.name + "@" + exchange
			p.run.tally.expect(stream, n, to)
			if err := p.channel.Publish(exchange, key, true, false, amqp.Publishing{DeliveryMode: p.mode, Body: body(stream, n)}); err != nil {
				return err
			}
			p.published.Add(1)
			n++
		}
		if p.tx {
			if err := p.channel.TxCommit(); err != nil {
				return err
			}
			p.confirmed.Store(p.published.Load())
		}
	}
}

func (p *publisher) watchReturns() {
	for m := range p.channel.NotifyReturn(make(chan amqp.Return, 1)) {
		p.run.fault("%s: %s was returned: %s", p.name, m.Body, m.ReplyText)
	}
}

func (p *publisher) work(stop <-chan struct{}) {
	p.run.goes(p.watchReturns)
	if err := p.publish(stop); err != nil {
		p.run.fault("%s: %v", p.name, err)
	}
	p.ended.Store(true)
}

// body names the message and is now and then larger than a read, or than a frame of the header's slab.
func body(stream string, n int) []byte {
	b := fmt.Appendf(nil, "%s %d ", stream, n)
	size := 0
	switch {
	case n%97 == 0:
		size = 150 << 10
	case n%31 == 0:
		size = 3 << 10
	}
	return append(b, bytes.Repeat([]byte{byte('a' + n%26)}, size)...)
}

// readBody undoes body.
func readBody(b []byte) (stream string, n int, ok bool) {
	stream, rest, _ := strings.Cut(string(b), " ")
	number, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	return stream, n, err == nil && bytes.Equal(b, body(stream, n))
}

// confirmed is how many publishes of all are.
func confirmed(publishers []*publisher) (n int64) {
	for _, p := range publishers {
		if p.tx {
			n += p.confirmed.Load()
		} else {
			n += int64(p.client.socket.count())
		}
	}
	return n
}

// unconfirmed says which publishers wait for what.
func unconfirmed(publishers []*publisher) string {
	var left []string
	for _, p := range publishers {
		confirmed := p.confirmed.Load()
		if !p.tx {
			confirmed = int64(p.client.socket.count())
		}
		if published := p.published.Load(); !p.ended.Load() || published != confirmed {
			left = append(left, fmt.Sprintf("%s: %d of %d, stopped: %v", p.name, confirmed, published, p.ended.Load()))
		}
	}
	return strings.Join(left, "; ")
}
