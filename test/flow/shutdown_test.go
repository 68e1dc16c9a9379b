package flow

import (
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// P-14: SIGTERM and SIGINT end the process with clients attached, whatever those do, and the clients are told 320.
func TestShutdownWithClientsAttachedEndsTheProcess(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			b := broker.Start(t)
			var closes []<-chan *amqp.Error
			for range 3 {
				c := connectTo(t, b.URI())
				closes = append(closes, c.NotifyClose(make(chan *amqp.Error, 1)))
				ch := channelOn(t, c)
				q := queue(t, ch, "q")
				must(t, ch.Qos(1, 0, false))
				consume(t, ch, q, false)
				publish(t, ch, "", q, "stays unacked")
			}
			raw.Dial(t, b.Addr)                // says nothing
			raw.Start(t, b.Addr)               // stopped in the handshake
			deaf := raw.Open(t, b.Addr)        // never reads, never answers the close
			deaf.OpenChannel(1)                //
			deaf.Send([]byte{raw.FrameMethod}) // and has half a frame on the way
			begin := time.Now()
			b.Signal(signal)
			for _, closed := range closes {
				e := next(t, closed, "connection close")
				if e.Code != 320 || e.Reason != "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" || !e.Server {
					t.Errorf("told %d %s", e.Code, e.Reason)
				}
			}
			b.AwaitExit(t, 15*time.Second)
			t.Logf("ended after %v", time.Since(begin))
			b.Stop(t) // has ended with status 0
			if c, err := amqp.Dial(b.URI()); err == nil {
				c.Close()
				t.Error("somebody still listens")
			}
		})
	}
}

// D-12: a start right after the end finds its data directory free.
func TestRestartOnTheSameDataDirectory(t *testing.T) {
	b := broker.Start(t)
	alive(t, connectTo(t, b.URI()))
	b.Stop(t)
	b = b.Restart(t)
	alive(t, connectTo(t, b.URI()))
	b.Kill(t)
	alive(t, connectTo(t, b.Restart(t).URI()))
}
