package connection

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"warren/actors/alarm"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// little is memory of which contents may take 1 MiB.
func little() *alarm.Memory {
	return alarm.NewMemory(alarm.Marks{High: 8 << 20, Low: 8 << 20}, alarm.Policy{})
}

func TestSlowContentIsWaitedFor(t *testing.T) {
	// memory that an idle reader gives back is no reason to end a connection whose client stands still in the middle of a large content.
	synctest.Test(t, func(t *testing.T) {
		r, in, peer := readerOn(little())
		b := opening(600<<10, "a")
		for _, part := range [][]byte{b[:len(b)-1000], b[len(b)-1000 : len(b)-500], b[len(b)-500:]} {
			if _, err := peer.Write(part); err != nil {
				t.Fatalf("the socket is closed: %v", err)
			}
			synctest.Wait()
			for range 3 {
				r.transport.rest()
				time.Sleep(time.Second) // of the bubble
				synctest.Wait()
			}
		}
		if got := bodies(in); len(got) != 2 || got[1] != strings.Repeat("a", 600<<10) {
			t.Fatalf("%d messages", len(got))
		}
		if r.transport.slab.Load() {
			t.Error("it still has a buffer")
		}
		in.Close()
		_ = peer.Close()
		synctest.Wait()
	})
}

func TestClosingConnectionIsRead(t *testing.T) {
	// P-13, P-16: whatever a connection waits for, once we have closed it the client's close-ok is read: what comes in front of it is dropped,
	// and needs no room.
	for what, waits := range map[string]func(r *reader, memory *alarm.Memory) (sent []byte){
		"the alarm of memory": func(_ *reader, memory *alarm.Memory) []byte {
			memory.Resident(8 << 20)
			return opening(10, "a")
		},
		"queues": func(r *reader, _ *alarm.Memory) []byte { r.transport.account(inflightWindow); return opening(10, "a") },
		"replies": func(r *reader, _ *alarm.Memory) []byte {
			r.transport.replies.Add(repliesMark + 1)
			return opening(10, "a")
		},
		"memory of contents": func(r *reader, memory *alarm.Memory) []byte {
			memory.Contents().Hold(2 << 20)
			r.transport.account(alarm.Guaranteed)
			return opening(10, "a")
		},
		"memory of one content": func(_ *reader, memory *alarm.Memory) []byte {
			memory.Contents().Hold(1 << 20)
			return opening(600<<10, "a")
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := little()
				r, in, peer := readerOn(memory)
				b := waits(r, memory)
				closeOk := amqp091.AppendMethod(nil, 0, &amqp091.ConnectionCloseOk{})
				go peer.Write(append(append(b, opening(600<<10, "b")...), closeOk...))
				synctest.Wait()
				before := r.limits.Load()
				if state, _, _ := r.flow.view(time.Now()); state == flowing {
					t.Fatal("it does not wait")
				}
				closing := *before
				closing.closing = true
				r.limits.Store(&closing)
				r.transport.wakeReader()
				synctest.Wait()
				control := r.control.After(0)
				if len(control) != 1 {
					t.Fatalf("%d words of the client are read: %+v", len(control), control)
				}
				if _, is := control[0].Method.(*amqp091.ConnectionCloseOk); !is {
					t.Fatalf("%+v", control[0])
				}
				if memory.Contents().Hold(-2 << 20); !memory.Contents().Open() {
					t.Error("it is still in line for memory")
				}
				in.Close()
				_ = peer.Close()
				synctest.Wait()
				r.transport.Close()
			})
		})
	}
}

func TestBlockedConnectionIsClosedAtOnce(t *testing.T) {
	// P-14, P-16: an operator closes a connection that is blocked, and its client answers: nobody waits for the 30 seconds of one who does not.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		g := s.dial().open(0, protocol.Table{"connection.blocked": true})
		g.send(1, &amqp091.ChannelOpen{})
		g.expect("ChannelOpenOk")
		s.memory.Resident(200)
		defer s.memory.Resident(-200)
		g.write((&script{}).publish(1, "", "nobody", "x").b)
		g.hear()
		g.hear() // channel.close, since there is no exchange in this vhost, and connection.blocked
		began := time.Now()
		s.node.Close(s.node.Connections.All()[0], protocol.ConnectionForced("enough"))
		g.expect("close 320 CONNECTION_FORCED - enough")
		g.send(0, &amqp091.ConnectionCloseOk{})
		g.expect("gone")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v", waited)
		}
	})
}

func TestRestartsGiveNobodyMoreTime(t *testing.T) {
	// P-09, P-13, P-20: a connection's actor that crashes meanwhile changes nothing in how long its client has, and leaves no timer behind.
	for what, c := range map[string]struct {
		say   func(g *guest)
		lasts time.Duration
	}{
		"the handshake": {func(g *guest) {
			g.write([]byte(amqp091.ProtocolHeader))
			g.expect("ConnectionStart")
		}, 10 * time.Second},
		"a refused login": {func(g *guest) {
			g.write([]byte(amqp091.ProtocolHeader))
			g.expect("ConnectionStart")
			g.send(0, login("no", nil))
		}, 3 * time.Second},
		"a client that cannot be read": {func(g *guest) {
			g.open(0, nil).write([]byte("this is no frame"))
			g.hear()
		}, 2 * time.Second},
		"a client that does not answer": {func(g *guest) {
			g.open(0, nil).send(0, &amqp091.ConnectionCloseOk{})
			g.expect("close 504 CHANNEL_ERROR - unexpected method in connection state running")
		}, 30 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t)
				defer s.stop()
				g := s.dial()
				c.say(g)
				synctest.Wait()
				info := s.node.Connections.All()[0]
				began := time.Now()
				for time.Since(began) < c.lasts-time.Second {
					time.Sleep(time.Second) // of the bubble
					if err := s.system.Crash(info.Path+"/"+actorName, false); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				g.expect("gone")
				if lasted := time.Since(began); lasted != c.lasts {
					t.Errorf("the socket went after %v, not %v", lasted, c.lasts)
				}
				synctest.Wait()
				if info.socket.fuse != nil || info.socket.handshake != nil || len(s.node.Connections.All()) > 0 {
					t.Error("something is left of it")
				}
			})
		})
	}
}

func TestNobodyComesToServe(t *testing.T) {
	// P-09: the start of a connection may be lost with the supervisor that was to do it. Its client has as long as any other, and not for ever.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		l := NewListener(s.node, &Socket{Listener: s.pipes}, "nowhere")
		ours, theirs := net.Pipe()
		go l.serve(theirs)
		g := &guest{t, ours, bufio.NewReader(ours)}
		g.write([]byte(amqp091.ProtocolHeader))
		began := time.Now()
		time.AfterFunc(time.Minute, func() { _ = ours.Close() })
		g.expect("gone")
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("the socket went after %v", waited)
		}
		synctest.Wait()
		if left := len(s.node.Connections.All()); left != 0 {
			t.Errorf("%d connections are left", left)
		}
	})
}

// sleeper is a log that has whoever says a word of it wait.
type sleeper struct {
	word string
	d    time.Duration
}

func (s sleeper) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.word) {
		time.Sleep(s.d) // of the bubble
	}
	return len(b), nil
}

func TestHandshakeThatEndsTooLateCountsNoMore(t *testing.T) {
	// P-09, P-12: the handshake times out while the connection's actor is slow, and behind that it takes the client's connection.open. Nothing
	// of it counts against any limit when it has ended.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		s.node.Log = zerolog.New(sleeper{"frame_max_minimum", time.Minute})
		g := s.dial()
		g.write([]byte(amqp091.ProtocolHeader))
		g.expect("ConnectionStart")
		g.send(0, login("guest", nil))
		g.expect("ConnectionTune")
		g.write((&script{}).method(0, &amqp091.ConnectionTuneOk{ChannelMax: 10, FrameMax: 4096}).method(0, &amqp091.ConnectionOpen{VirtualHost: "/"}).b)
		g.expect("gone")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 {
			t.Errorf("%d connections and streams are left", left)
		}
		if c := &s.node.Connections.counts; c.connections != 0 || len(c.vhosts) != 0 || len(c.users) != 0 {
			t.Errorf("%d connections still count, in vhosts %v, of users %v", c.connections, c.vhosts, c.users)
		}
	})
}
