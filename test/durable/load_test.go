package durable

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// load is the clients of one life of the broker.
type load struct {
	b      *broker.Broker
	book   *book
	defs   *definitions
	stop   chan struct{}
	ending atomic.Bool // the broker is about to be ended: errors are no news
	wg     sync.WaitGroup

	mu          sync.Mutex
	connections []*amqp.Connection
}

const topic = "durable.topic"

var (
	direct  = []string{"q.0", "q.1", "q.2"}
	byTopic = []string{"t.all", "t.a", "t.b"}
	noAck   = "q.noack"
)

// route is an exchange, a key, and the queues that get it.
type route struct {
	exchange, key string
	to            []string
}

func routes() []route {
	out := []route{{topic, "a.x", []string{"t.all", "t.a"}}, {topic, "b.x", []string{"t.all", "t.b"}}, {topic, "c", []string{"t.all"}}}
	for _, q := range append([]string{noAck}, direct...) {
		out = append(out, route{"", q, []string{q}})
	}
	return out
}

func allQueues() []string { return slices.Concat(direct, byTopic, []string{noAck}) }

// prepare declares what stays for all rounds.
func prepare(t *testing.T, b *broker.Broker) {
	t.Helper()
	ch := channelOn(t, connect(t, b.URI()))
	must(t, ch.ExchangeDeclare(topic, "topic", true, false, false, false, nil))
	for _, q := range allQueues() {
		_, err := ch.QueueDeclare(q, true, false, false, false, nil)
		must(t, err)
	}
	for q, pattern := range map[string]string{"t.all": "#", "t.a": "a.*", "t.b": "b.#"} {
		must(t, ch.QueueBind(q, pattern, topic, false, nil))
	}
}

func startLoad(b *broker.Broker, k *book, d *definitions, random *rand.Rand) *load {
	l := &load{b: b, book: k, defs: d, stop: make(chan struct{})}
	rnd := func() *rand.Rand { return rand.New(rand.NewPCG(random.Uint64(), random.Uint64())) }
	for range 3 {
		l.run("publisher", rnd(), l.publish)
	}
	l.run("tx", rnd(), l.transact)
	for _, q := range append(slices.Clone(direct), byTopic...) {
		l.run("consumer of "+q, rnd(), func(ch *amqp.Channel, r *rand.Rand) error { return l.consume(ch, r, q) })
	}
	l.run("second consumer of "+direct[0], rnd(), func(ch *amqp.Channel, r *rand.Rand) error { return l.consume(ch, r, direct[0]) })
	l.run("no_ack", rnd(), l.consumeNoAck)
	for i := range definers {
		l.run("definer", rnd(), func(ch *amqp.Channel, r *rand.Rand) error { return l.defs.churn(l, ch, r, i) })
		l.run("solo", rnd(), func(ch *amqp.Channel, r *rand.Rand) error { return l.solo(ch, r, fmt.Sprintf("solo.%d", i)) })
	}
	return l
}

// run does some work on a channel and connection of its own until it fails or the load stops.
func (l *load) run(what string, r *rand.Rand, work func(*amqp.Channel, *rand.Rand) error) {
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		c, err := dial(l.b.URI())
		if err == nil {
			l.mu.Lock()
			l.connections = append(l.connections, c)
			l.mu.Unlock()
			var ch *amqp.Channel
			if ch, err = c.Channel(); err == nil {
				err = work(ch, r)
			}
		}
		if err != nil && !l.ending.Load() {
			// The client may see the end of the socket a moment before we say that we ended it; an answer of the broker is a fault.
			var e *amqp.Error
			if errors.As(err, &e) && e.Server && e.Code != amqp.ConnectionForced {
				l.book.Fault("%s: %v", what, err)
			}
		}
	}()
}

// end is called right before the broker is ended, wait after it.
func (l *load) end() { l.ending.Store(true); close(l.stop) }

func (l *load) wait() {
	l.mu.Lock()
	for _, c := range l.connections {
		_ = c.CloseDeadline(time.Now().Add(50 * time.Millisecond))
	}
	l.mu.Unlock()
	l.wg.Wait()
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

const window = 60

// publish keeps a window of unconfirmed messages.
func (l *load) publish(ch *amqp.Channel, r *rand.Rand) error {
	if err := ch.Confirm(false); err != nil {
		return err
	}
	type sent struct {
		m  id
		to []string
		dc *amqp.DeferredConfirmation
	}
	var waiting []sent
	name := l.book.publisher("p")
	targets := routes()
	take := func() error {
		w := waiting[0]
		waiting = waiting[1:]
		<-w.dc.Done()
		if !w.dc.Acked() {
			return amqp.ErrClosed
		}
		l.book.confirmed(w.m, w.to)
		return nil
	}
	defer func() { // what is confirmed and not read yet counts too
		for len(waiting) > 0 {
			select {
			case <-waiting[0].dc.Done():
				if waiting[0].dc.Acked() {
					l.book.confirmed(waiting[0].m, waiting[0].to)
				}
			default:
			}
			waiting = waiting[1:]
		}
	}()
	for n := 1; !l.stopped(); n++ {
		to := targets[r.IntN(len(targets))]
		m, persistent := id{name, n}, r.IntN(4) > 0
		l.book.published(m, persistent, to.to)
		dc, err := put(ch, to.exchange, to.key, m, persistent)
		if err != nil {
			return err
		}
		waiting = append(waiting, sent{m, to.to, dc})
		for len(waiting) >= window || len(waiting) > 0 && r.IntN(40) == 0 {
			if err := take(); err != nil {
				return err
			}
		}
	}
	return nil
}

// transact publishes in transactions: what is committed counts, and a rollback leaves nothing.
func (l *load) transact(ch *amqp.Channel, r *rand.Rand) error {
	if err := ch.Tx(); err != nil {
		return err
	}
	name := l.book.publisher("tx")
	targets := routes()
	for n := 1; !l.stopped(); {
		type sent struct {
			m  id
			to []string
		}
		var all []sent
		for range 1 + r.IntN(8) {
			to := targets[r.IntN(len(targets))]
			m, persistent := id{name, n}, r.IntN(4) > 0
			n++
			l.book.published(m, persistent, to.to)
			if _, err := put(ch, to.exchange, to.key, m, persistent); err != nil {
				return err
			}
			all = append(all, sent{m, to.to})
		}
		if err := ch.TxCommit(); err != nil {
			return err
		}
		for _, s := range all {
			l.book.confirmed(s.m, s.to)
		}
	}
	return nil
}

// consume acks, requeues, rejects and keeps, and now and then has the broker promise that it knows.
func (l *load) consume(ch *amqp.Channel, r *rand.Rand, queue string) error {
	if err := ch.Confirm(false); err != nil {
		return err
	}
	name, sent := l.book.publisher("c"), 0
	const tag = "consumer"
	for !l.stopped() {
		if err := ch.Qos(1+r.IntN(50), 0, false); err != nil {
			return err
		}
		deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
		if err != nil {
			return err
		}
		var delivered, settled []id
		var held []held
		last := map[string]int{}
		one := func(d *amqp.Delivery) error {
			m, ok := l.book.delivered(queue, d)
			if !ok {
				return d.Ack(false)
			}
			delivered = append(delivered, m)
			if !d.Redelivered {
				if last[m.publisher] >= m.n {
					l.book.Fault("%s: %v is delivered behind %d", queue, m, last[m.publisher])
				}
				last[m.publisher] = m.n
			}
			switch p := r.IntN(100); {
			case p < 55:
				l.book.settling(queue, m)
				settled = append(settled, m)
				return d.Ack(false)
			case p < 70:
				return d.Nack(false, true)
			case p < 78:
				l.book.settling(queue, m)
				settled = append(settled, m)
				return d.Reject(false)
			}
			held = append(held, heldDelivery(m, d))
			if len(held) < 8 {
				return nil
			}
			if r.IntN(2) == 0 { // all at once
				for _, h := range held {
					l.book.settling(queue, h.m)
					settled = append(settled, h.m)
				}
				tag := held[len(held)-1].tag
				held = held[:0]
				return ch.Ack(tag, true)
			}
			tag := held[len(held)-1].tag
			held = held[:0]
			return ch.Nack(tag, true, true)
		}
		for n := 20 + r.IntN(100); n > 0; n-- {
			select {
			case <-l.stop:
				return nil
			case d, ok := <-deliveries:
				if !ok {
					return amqp.ErrClosed
				}
				if err := one(&d); err != nil {
					return err
				}
			case <-time.After(20 * time.Millisecond): // the prefetch may be used up by what is held
				for _, h := range held {
					l.book.settling(queue, h.m)
					settled = append(settled, h.m)
					if err := ch.Ack(h.tag, false); err != nil {
						return err
					}
				}
				held = held[:0]
			}
			if r.IntN(30) == 0 {
				d, s := slices.Clone(delivered), slices.Clone(settled)
				sent++
				if err := l.promise(ch, queue, id{name, sent}); err != nil {
					return err
				}
				l.book.promised(queue, d, s)
				delivered, settled = delivered[:0], settled[:0]
			}
		}
		if err := ch.Cancel(tag, false); err != nil {
			return err
		}
		l.book.promised(queue, delivered, settled) // DESIGN 6: settlements are on disk before cancel-ok
		delivered, settled = nil, nil
		for d := range deliveries { // what was on its way
			if _, ok := l.book.delivered(queue, &d); ok {
				if err := d.Nack(false, true); err != nil {
					return err
				}
			}
		}
		for _, h := range held {
			if err := ch.Nack(h.tag, false, true); err != nil {
				return err
			}
		}
	}
	return nil
}

type held struct {
	m   id
	tag uint64
}

func heldDelivery(m id, d *amqp.Delivery) held { return held{m, d.DeliveryTag} }

// promise makes what this channel did to a queue certain: the queue has answered, and a message that went into it afterwards
// is on disk. Records of a queue are written in order.
func (l *load) promise(ch *amqp.Channel, queue string, m id) error {
	if _, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil); err != nil {
		return err
	}
	return putSafe(ch, l.book, "", queue, m, []string{queue})
}

func (l *load) consumeNoAck(ch *amqp.Channel, r *rand.Rand) error {
	for !l.stopped() {
		tag := fmt.Sprint("noack", r.Uint32())
		deliveries, err := ch.Consume(noAck, tag, true, false, false, false, nil)
		if err != nil {
			return err
		}
		over := time.After(time.Duration(r.IntN(200)) * time.Millisecond)
		for going := true; going; {
			select {
			case <-l.stop:
				return nil
			case <-over:
				if err := ch.Cancel(tag, false); err != nil {
					return err
				}
				going = false
			case d, ok := <-deliveries:
				if !ok {
					return amqp.ErrClosed
				}
				if m, ok := l.book.delivered(noAck, &d); ok {
					l.book.settling(noAck, m)
				}
			}
		}
		for d := range deliveries {
			if m, ok := l.book.delivered(noAck, &d); ok {
				l.book.settling(noAck, m)
			}
		}
	}
	return nil
}

// solo has a queue to itself, so that it knows what is in it: it publishes, gets, purges, deletes and declares again.
func (l *load) solo(ch *amqp.Channel, r *rand.Rand, queue string) error {
	if err := ch.Confirm(false); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return err
	}
	name, n := l.book.publisher("s"), 0
	for !l.stopped() {
		var err error
		switch p := r.IntN(20); {
		case p < 12:
			n++
			err = putSafe(ch, l.book, "", queue, id{name, n}, []string{queue})
		case p < 17:
			var d amqp.Delivery
			var ok bool
			if d, ok, err = ch.Get(queue, false); err == nil && ok {
				if m, known := l.book.delivered(queue, &d); known {
					l.book.settling(queue, m)
					if err = d.Ack(false); err == nil {
						n++
						if err = l.promise(ch, queue, id{name, n}); err == nil {
							l.book.promised(queue, []id{m}, []id{m})
						}
					}
				}
			}
		case p < 19:
			all := l.book.emptying(queue)
			if _, err = ch.QueuePurge(queue, false); err == nil {
				l.book.emptied(queue, all)
			}
		default:
			all := l.book.emptying(queue)
			if _, err = ch.QueueDelete(queue, false, false, false); err == nil {
				l.book.emptied(queue, all)
				_, err = ch.QueueDeclare(queue, true, false, false, false, nil)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// emptying is entered before a purge or a delete: all that is in the queue may go.
func (b *book) emptying(queue string) (all []id) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m, e := range b.queues[queue] {
		if !e.gone {
			e.settled = true
			all = append(all, m)
		}
	}
	return all
}

// emptied: it has gone.
func (b *book) emptied(queue string, all []id) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range all {
		b.queues[queue][m].gone = true
	}
}

// solos are the queues of solo, as far as they are there.
func solos(queues []queueRow) (out []string) {
	for _, q := range queues {
		if strings.HasPrefix(q.Name, "solo.") {
			out = append(out, q.Name)
		}
	}
	return out
}
