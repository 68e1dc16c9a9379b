package connection

import (
	"testing"
	"testing/synctest"

	"warren/protocol/amqp091"
)

func TestCrashesAreNotTheClientsBusiness(t *testing.T) {
	// Promise 1: a crash of the connection's actor, or of a channel's, closes no socket and loses no answer, also when it comes
	// together with what the answer is to.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		for i := range 60 {
			g := s.dial().open(0, nil)
			g.send(1, &amqp091.ChannelOpen{})
			g.expect("ChannelOpenOk")
			path := s.node.Connections.All()[0].Path
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, n := range s.system.Tree() {
					if n.Path == path+"/"+actorName || i%2 == 0 && n.Kind == "channel" {
						_ = s.system.Crash(n.Path, false)
					}
				}
			}()
			switch i % 3 {
			case 0:
				g.send(1, &amqp091.BasicQos{PrefetchSize: 1})
				g.expect("close 540 NOT_IMPLEMENTED - prefetch_size!=0 (1)")
				g.send(0, &amqp091.ConnectionCloseOk{})
			case 1:
				g.send(1, &amqp091.BasicQos{})
				g.expect("BasicQosOk")
				g.send(0, &amqp091.ConnectionClose{})
				g.expect("ConnectionCloseOk")
			case 2:
				g.send(1, &amqp091.ChannelClose{})
				g.expect("ChannelCloseOk")
				g.send(0, &amqp091.ConnectionClose{})
				g.expect("ConnectionCloseOk")
			}
			g.expect("gone")
			<-done
			synctest.Wait()
			if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 {
				t.Fatalf("round %d: %d connections and streams left", i, left)
			}
		}
	})
}
