package chaos

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// run is the clients of one test and the first thing that went wrong with them.
type run struct {
	t         *testing.T
	broker    *broker.Broker
	tally     *tally
	consumers []*consumer

	failed chan struct{} // closed with the first fault
	ending chan struct{} // closed when connections are to close

	mu     sync.Mutex
	faults []string
	conns  []*client
	work   sync.WaitGroup
}

// client is a connection and the names of what it is for.
type client struct {
	*amqp.Connection
	name   string
	socket *tap
	ended  atomic.Bool // it closes, and may be told of the socket's end instead of close-ok
}

func newRun(t *testing.T, b *broker.Broker) *run {
	r := &run{t: t, broker: b, failed: make(chan struct{}), ending: make(chan struct{})}
	r.tally = newTally(r.fault)
	t.Cleanup(func() { // the clients' calls have no deadline
		for _, c := range r.conns {
			c.socket.Close()
		}
		r.work.Wait()
	})
	return r
}

// fault notes what went wrong. The run ends with the first, and shows the first few.
func (r *run) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.faults) == 0 {
		close(r.failed)
	}
	if len(r.faults) < 20 {
		r.faults = append(r.faults, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// check ends the test when there was a fault.
func (r *run) check() {
	r.t.Helper()
	r.mu.Lock()
	faults := r.faults
	r.mu.Unlock()
	for _, f := range faults {
		r.t.Error(f)
	}
	if len(faults) > 0 {
		r.t.FailNow()
	}
}

func (r *run) must(err error) {
	r.t.Helper()
	if err != nil {
		r.check()
		r.t.Fatal(err)
	}
}

func (r *run) goes(f func()) {
	r.work.Add(1)
	go func() {
		defer r.work.Done()
		f()
	}()
}

// await asks until left says that nothing is.
func (r *run) await(what string, left func() string) {
	r.t.Helper()
	broker.Eventually(r.t, patience, what, func() (bool, any) {
		r.check()
		s := left()
		return s == "", s
	})
}

func (r *run) connect(name string) *client {
	r.t.Helper()
	c, err := r.dial(name)
	r.must(err)
	return c
}

// dial opens a connection that must not close before the end.
func (r *run) dial(name string) (*client, error) {
	c := &client{name: name}
	conn, err := amqp.DialConfig(r.broker.URI(), amqp.Config{Heartbeat: 30 * time.Second, Dial: func(network, addr string) (net.Conn, error) {
		socket, err := net.DialTimeout(network, addr, patience)
		c.socket = newTap(socket, func(format string, args ...any) { r.fault(name+": "+format, args...) })
		return c.socket, err
	}})
	if err != nil {
		return nil, err
	}
	c.Connection = conn
	r.mu.Lock()
	r.conns = append(r.conns, c)
	r.mu.Unlock()
	r.watch(c, "connection", conn.NotifyClose(make(chan *amqp.Error, 1)))
	return c, nil
}

// watch makes a close that nobody asked for a fault.
func (r *run) watch(c *client, what string, closed chan *amqp.Error) {
	r.goes(func() {
		if e := <-closed; e != nil && !c.ended.Load() {
			r.fault("%s: %s closed by %v", c.name, what, e)
		}
	})
}

// close is answered, whatever crashes.
func (c *client) close() error {
	c.ended.Store(true)
	return c.CloseDeadline(time.Now().Add(patience))
}

func (r *run) channel(c *client) *amqp.Channel {
	r.t.Helper()
	ch, err := c.Channel()
	r.must(err)
	r.watch(c, "channel", ch.NotifyClose(make(chan *amqp.Error, 1)))
	return ch
}

// end closes the connections, which must be answered.
func (r *run) end() {
	r.t.Helper()
	r.check()
	close(r.ending)
	for _, c := range r.conns {
		if err := c.close(); err != nil && err != amqp.ErrClosed {
			r.fault("%s: close: %v", c.name, err)
		}
	}
	r.check()
}
