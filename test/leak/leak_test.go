// Package leak opens and closes many connections to a broker in this process, and looks at what they leave behind.
package leak

import (
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rs/zerolog"
	"google.golang.org/protobuf/types/known/durationpb"

	"warren/internal/config"
	adminv1 "warren/proto/admin/v1"
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

func start(t *testing.T, settings ...string) (*tree.Broker, string) {
	t.Helper()
	c, err := config.Load("", settings)
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

// Issue 5, "after the run: no goroutine, actor, slab or stream more than before": the same while any actor dies. Streams and slabs are what
// the heap would show: 300 connections that each left a slab of 4 KiB and the streams of a queue and a channel.
func TestCrashesLeaveNothing(t *testing.T) {
	b, address := start(t, "chaos.enabled=true")
	defer b.Shutdown()
	before := b.Status().Actors
	round := func(n int) (heap uint64) {
		ctx, cancel := context.WithCancel(context.Background())
		shaken := make(chan int64)
		go func() {
			total := int64(0)
			for ctx.Err() == nil {
				done, _ := b.Shake(ctx, &adminv1.ActorsShakeRequest{
					Match: "*", Every: durationpb.New(10 * time.Millisecond), For: durationpb.New(100 * time.Millisecond),
				})
				for _, s := range done.GetShaken() {
					total += s.Crashes
				}
			}
			shaken <- total
		}()
		for i := range n {
			use(t, address, i%3)
		}
		cancel()
		if total := <-shaken; total == 0 {
			t.Error("nobody was crashed")
		}
		broker.Eventually(t, limit, "no actor left", func() (bool, any) {
			s := b.Status()
			return s.Totals.Connections+s.Totals.Queues == 0 && s.Actors == before, s
		})
		broker.Eventually(t, limit, "only the acceptor's goroutine left", func() (bool, any) { left := ours(); return len(left) == 1, left })
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := round(100) // pools and tables have their size
	least := round(150)
	least = min(least, round(150))
	t.Logf("%d KiB on the heap, then %d", first>>10, least>>10)
	if least > first+1<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", first, least)
	}
}
