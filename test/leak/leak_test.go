// Package leak opens and closes many connections to a broker in this process, and looks at what they leave behind.
package leak

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rs/zerolog"

	"warren/internal/config"
	"warren/supervision/tree"
	"warren/test/broker"
)

const limit = 10 * time.Second

// ours are the goroutines that have a function of the connection room on their stack. The dispatcher's, which wait for the
// next actor, are nobody's.
func ours() []string {
	buffer := make([]byte, 16<<20)
	var out []string
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		if strings.Contains(stack, "warren/actors/connection.") {
			out = append(out, stack)
		}
	}
	return out
}

func start(t *testing.T) (*tree.Broker, string) {
	t.Helper()
	c, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := tree.New(c, t.TempDir(), []*tree.Socket{{Listener: socket}}, 1<<30, zerolog.Nop(), func() {})
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	return b, socket.Addr().String()
}

// use does a bit of everything over one connection, and ends it in one of three ways.
func use(t *testing.T, address string, how int) {
	t.Helper()
	socket, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Open(socket, amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{Username: "guest", Password: "guest"}}, Vhost: "/"})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(q.Name, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Publish("", q.Name, false, false, amqp.Publishing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	<-deliveries
	switch how {
	case 0: // in order
		err = conn.Close()
	case 1: // the socket alone
		err = socket.Close()
	case 2: // with an error of the whole connection
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		_ = ch.Qos(1, 1, false)
		<-closed
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConnectionsLeaveNothing(t *testing.T) {
	// Promise 2: bounded. Whatever way a connection ends, no goroutine, actor, queue or consumer of it is left.
	b, address := start(t)
	defer b.Shutdown()
	before := b.Status().Actors
	for i := range 200 {
		use(t, address, i%3)
	}
	broker.Eventually(t, limit, "no actor left", func() (bool, any) {
		s := b.Status()
		return s.Totals.Connections+s.Totals.Queues == 0 && s.Actors == before, s
	})
	broker.Eventually(t, limit, "only the acceptor's goroutine left", func() (bool, any) { left := ours(); return len(left) == 1, left })
	if err := b.Shutdown(); err != nil {
		t.Error(err)
	}
	broker.Eventually(t, limit, "no goroutine left", func() (bool, any) { left := ours(); return len(left) == 0, left })
}
