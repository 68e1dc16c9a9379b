package connection

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"warren/protocol"
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

func TestCrashesWhileItWaits(t *testing.T) {
	// Promise 1: whatever a connection waits for when its actor, or its channels, crash, it goes on as soon as that is over, and the client has
	// all its answers, each once.
	const replies = 2 * lendAfter
	for _, c := range []struct {
		what   string
		waits  func(s *station, g *guest)
		ends   func(s *station, g *guest)
		hears  []string
		holds  bool // memory of contents
		within bool // a frame, which its client ends first
	}{
		{
			what: "the alarm of memory",
			waits: func(s *station, g *guest) {
				s.memory.Resident(200)
				g.write((&script{}).publish(1, "", "nobody", "x").b)
				g.expect("ChannelClose")
				go g.conn.Write(amqp091.AppendMethod(nil, 1, &amqp091.ChannelCloseOk{}))
			},
			ends:  func(s *station, g *guest) { s.memory.Resident(-200); g.send(1, &amqp091.ChannelOpen{}) },
			hears: []string{"ChannelOpenOk"},
		},
		{
			what: "memory for a content",
			waits: func(s *station, g *guest) {
				s.memory.Contents().Hold(1 << 20)
				go g.conn.Write((&script{frameMax: 131072}).publish(1, "", "nobody", strings.Repeat("x", 200<<10)).b)
			},
			ends:  func(s *station, g *guest) { s.memory.Contents().Hold(-1 << 20) },
			hears: []string{"ChannelClose"},
			holds: true,
		},
		{
			what: "the rest of a content",
			waits: func(s *station, g *guest) {
				b := (&script{frameMax: 131072}).publish(1, "", "nobody", strings.Repeat("x", 200<<10)).b
				g.write(b[:len(b)-1])
			},
			ends:   func(s *station, g *guest) { g.write([]byte{amqp091.FrameEnd}) },
			hears:  []string{"ChannelClose"},
			within: true,
		},
		{
			what: "the client, which reads no replies",
			waits: func(s *station, g *guest) {
				for range 3 {
					g.send(1, &amqp091.BasicQos{})
					synctest.Wait()
				}
				_, _ = g.in.Peek(5) // of a frame that is being written
			},
			ends:  func(*station, *guest) {},
			hears: []string{"BasicQosOk", "BasicQosOk", "BasicQosOk"},
		},
		{
			what:  "nothing, and lends its goroutine",
			waits: func(*station, *guest) {},
			ends: func(s *station, g *guest) {
				over := make(chan struct{})
				go func() {
					defer close(over)
					for i := range replies {
						_, _ = g.conn.Write(amqp091.AppendMethod(nil, 1, &amqp091.BasicQos{})) // who waits for the answer finds out
						if i > lendAfter && i%8 == 0 {
							s.crashAll()
						}
					}
				}()
				for range replies {
					g.expect("BasicQosOk")
				}
				<-over
			},
		},
	} {
		for _, closes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, closed %v", c.what, closes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStation(t)
					defer s.stop()
					g := s.dial().open(0, nil)
					g.send(1, &amqp091.ChannelOpen{})
					g.expect("ChannelOpenOk")
					c.waits(s, g)
					synctest.Wait()
					for range 3 {
						s.crashAll()
						synctest.Wait()
					}
					if closes { // by us, at the moment of a crash: nobody waits for what it waits for
						s.crashAll()
						s.node.Close(s.node.Connections.All()[0], protocol.ConnectionForced("enough"))
						for g.hear() != "close 320 CONNECTION_FORCED - enough" {
						}
						if c.within {
							c.ends(s, g)
						}
						go g.conn.Write(amqp091.AppendMethod(nil, 0, &amqp091.ConnectionCloseOk{}))
					} else {
						c.ends(s, g)
						g.expect(c.hears...)
						g.send(0, &amqp091.ConnectionClose{})
						g.expect("ConnectionCloseOk")
					}
					began := time.Now()
					g.expect("gone")
					if waited := time.Since(began); waited != 0 {
						t.Errorf("the socket went after %v", waited)
					}
					synctest.Wait()
					held := s.memory.Contents().Held()
					if closes && c.holds {
						held -= 1 << 20 // still
					}
					if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 || held != 0 {
						t.Fatalf("%d connections and streams are left, and %d bytes", left, held)
					}
				})
			})
		}
	}
}

// crashAll crashes every connection's actor and all channels.
func (s *station) crashAll() {
	for _, n := range s.system.Tree() {
		if n.Kind == "connection" || n.Kind == "channel" {
			_ = s.system.Crash(n.Path, false)
		}
	}
}
