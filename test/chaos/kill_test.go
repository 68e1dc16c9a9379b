package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// Issue 5: the same with kill -9 every few seconds in between. Clients come back and keep their books: nothing that was confirmed is lost,
// what is new comes in order, and within one life of the broker a message comes again only as redelivered, and never when it was acknowledged.
// (test/durable has the promises that hold across the restart: what was settled for good does not come back.)
func TestAnyActorAndTheProcessMayDie(t *testing.T) {
	length := duration(t, "WARREN_CHAOS_FOR", 10*time.Second)
	seed := runSeed(t)
	t.Logf("WARREN_CHAOS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := broker.Start(t, broker.Set("chaos.enabled", "true"), broker.Set("paging.queue_resident_limit", "8KiB"))
	v := &survivors{t: t, stop: make(chan struct{}), over: make(chan struct{}), broken: make(chan struct{})}
	v.begin(b)
	v.books = []*killBook{newKillBook(v, "kill.direct", ""), newKillBook(v, "kill.topic", "chaos.kill")}
	for _, k := range v.books {
		v.work.Go(func() { v.lives(k.publish) })
		v.work.Go(func() { v.lives(k.consume) })
	}
	defer v.end()
	kills := 0
	for begin := time.Now(); time.Since(begin) < length; kills++ {
		v.connected()
		s := newShaker(t, b)
		moment := time.Second + time.Duration(random.IntN(3000))*time.Millisecond
		dying := make(chan struct{})
		timer := time.AfterFunc(moment, func() { close(dying) })
		s.shake(t, moment+patience, duration(t, "WARREN_CHAOS_EVERY", 10*time.Millisecond), dying)
		timer.Stop()
		b.Kill(t)
		if !strings.Contains(b.Log(), "injected crash") {
			t.Error("nobody was crashed before the kill")
		}
		b = b.Restart(t)
		v.begin(b)
	}
	close(v.stop)
	broker.Eventually(t, patience, "everything confirmed is received", func() (bool, any) {
		left := ""
		for _, k := range v.books {
			left += k.missing()
		}
		select {
		case <-v.broken:
			return true, nil
		default:
			return left == "", left
		}
	})
	for _, k := range v.books {
		t.Logf("%s: %d published, %d confirmed, %d came, %d of them again; %d kills", k.queue, len(k.messages), k.confirmed, k.came, k.again, kills)
	}
}

// survivors are clients that outlive the broker.
type survivors struct {
	t     *testing.T
	stop  chan struct{} // closed when publishers are to end
	over  chan struct{} // closed when everybody is
	work  sync.WaitGroup
	books []*killBook

	mu     sync.Mutex
	life   int
	uri    string
	here   int           // clients that are connected in this life
	broken chan struct{} // closed with the first fault
	faults int
}

func (v *survivors) begin(b *broker.Broker) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.life, v.uri, v.here = v.life+1, b.URI(), 0
}

func (v *survivors) now() (life int, uri string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.life, v.uri
}

// connected waits until everybody is there, so that there is somebody to crash.
func (v *survivors) connected() {
	v.t.Helper()
	broker.Eventually(v.t, patience, "the clients are back", func() (bool, any) {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.here == 2*len(v.books), v.here
	})
}

func (v *survivors) end() {
	close(v.over)
	v.work.Wait()
}

func (v *survivors) fault(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.faults++; v.faults == 1 {
		close(v.broken)
	}
	if v.faults < 20 {
		v.t.Errorf("life %d: "+format, append([]any{v.life}, args...)...)
	}
}

// lives has a client work in one life of the broker after the other, until it is done or the test is over.
func (v *survivors) lives(work func(ch *amqp.Channel, life int) (done bool)) {
	for {
		life, uri := v.now()
		var socket net.Conn
		conn, err := amqp.DialConfig(uri, amqp.Config{Dial: func(network, address string) (c net.Conn, err error) {
			socket, err = net.DialTimeout(network, address, time.Second)
			return socket, err
		}})
		if err != nil { // it is dead, or not there yet: a client that comes back tries again after a while
			select {
			case <-v.over:
				return
			case <-time.After(5 * time.Millisecond):
				continue
			}
		}
		ended := make(chan struct{})
		go func() { // calls have no deadline
			select {
			case <-ended:
			case <-v.over:
			}
			_ = socket.Close()
		}()
		done := false
		if ch, err := conn.Channel(); err == nil {
			done = work(ch, life)
		}
		close(ended)
		_ = conn.CloseDeadline(time.Now().Add(time.Second))
		if done {
			return
		}
	}
}

// arrived says that a client of this life has begun.
func (v *survivors) arrived(life int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if life == v.life {
		v.here++
	}
}

// killBook is what is known of the messages of one durable queue.
type killBook struct {
	*survivors
	queue, exchange string

	book                   sync.Mutex
	messages               []killed // by number
	confirmed, came, again int
	newest                 map[int]int // number of the newest that came as new, by life
}

type killed struct {
	confirmed, received bool
	came, settled       int // in which life, 0 for never
}

func newKillBook(v *survivors, queue, exchange string) *killBook {
	return &killBook{survivors: v, queue: queue, exchange: exchange, newest: map[int]int{}}
}

func (k *killBook) declare(ch *amqp.Channel) error {
	if _, err := ch.QueueDeclare(k.queue, true, false, false, false, nil); err != nil || k.exchange == "" {
		return err
	}
	if err := ch.ExchangeDeclare(k.exchange, "topic", true, false, false, false, nil); err != nil {
		return err
	}
	return ch.QueueBind(k.queue, "kill.#", k.exchange, false, nil)
}

// publish numbers messages; what is not confirmed when the broker dies may be there or not.
func (k *killBook) publish(ch *amqp.Channel, life int) (done bool) {
	if k.declare(ch) != nil || ch.Confirm(false) != nil {
		return false
	}
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, publishWindow))
	k.arrived(life)
	var open []int // numbers by delivery tag
	outstanding := 0
	key := k.queue
	for {
		select {
		case <-k.stop:
			if outstanding == 0 {
				return true
			}
		default:
			if outstanding < 100 {
				k.book.Lock()
				n := len(k.messages)
				k.messages = append(k.messages, killed{})
				k.book.Unlock()
				open = append(open, n)
				if ch.Publish(k.exchange, key, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: strconv.AppendInt(nil, int64(n), 10)}) != nil {
					return false
				}
				outstanding++
				continue
			}
		}
		c, ok := <-confirms
		if !ok {
			return false
		}
		outstanding--
		if !c.Ack {
			k.fault("%s: %d was nacked", k.queue, open[c.DeliveryTag-1])
		}
		k.book.Lock()
		k.messages[open[c.DeliveryTag-1]].confirmed = true
		k.confirmed++
		k.book.Unlock()
	}
}

func (k *killBook) consume(ch *amqp.Channel, life int) (done bool) {
	if k.declare(ch) != nil || ch.Qos(50, 0, false) != nil {
		return false
	}
	deliveries, err := ch.Consume(k.queue, "", false, false, false, false, nil)
	if err != nil {
		return false
	}
	k.arrived(life)
	for d := range deliveries {
		n, err := strconv.Atoi(string(d.Body))
		if err != nil {
			k.fault("%s: %q comes", k.queue, d.Body)
			return true
		}
		k.take(n, d.Redelivered, life)
		if d.Ack(false) != nil {
			break
		}
	}
	select {
	case <-k.over:
		return true
	default:
		return false
	}
}

func (k *killBook) take(n int, redelivered bool, life int) {
	k.book.Lock()
	defer k.book.Unlock()
	if n >= len(k.messages) {
		k.fault("%s: %d comes and was never published", k.queue, n)
		return
	}
	m := &k.messages[n]
	k.came++
	switch {
	case m.settled == life:
		k.fault("%s: %d was acknowledged in this life and comes again", k.queue, n)
	case m.came == life && !redelivered:
		k.fault("%s: %d comes again in this life and is not said to", k.queue, n)
	}
	if m.received {
		k.again++
	}
	if !redelivered {
		if newest, any := k.newest[life]; any && n <= newest {
			k.fault("%s: %d comes behind %d", k.queue, n, newest)
		}
		k.newest[life] = n
	}
	m.received, m.came, m.settled = true, life, life // the ack follows at once
}

// missing names what was confirmed and has not come.
func (k *killBook) missing() string {
	k.book.Lock()
	defer k.book.Unlock()
	n, first := 0, -1
	for i := range k.messages {
		if m := &k.messages[i]; m.confirmed && !m.received {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d confirmed have not come, the first is %d; ", k.queue, n, k.confirmed, first)
}
