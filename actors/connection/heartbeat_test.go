package connection

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// watch reads until the socket is closed and returns when each heartbeat came, and the end.
func (g *guest) watch() (beats []time.Duration, end time.Duration) {
	began := time.Now()
	for {
		f, err := g.frame()
		if err != nil {
			return beats, time.Since(began)
		}
		if f.Type == amqp091.FrameHeartbeat {
			beats = append(beats, time.Since(began))
		}
	}
}

func TestHeartbeats(t *testing.T) {
	// P-11: a heartbeat when nothing was sent for half the interval; a silent client loses its socket, without a close, after
	// 2 to 3 intervals.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		const interval = 10 * time.Second
		g := s.dial().open(10, nil)
		beats, end := g.watch()
		if end < 2*interval || end > 3*interval {
			t.Errorf("the socket closed after %v", end)
		}
		if len(beats) < 3 || beats[0] > interval {
			t.Errorf("heartbeats at %v", beats)
		}
		for i := 1; i < len(beats); i++ {
			if between := beats[i] - beats[i-1]; between != interval/2 {
				t.Errorf("%v between heartbeats", between)
			}
		}
	})
}

func TestAnyByteIsASignOfLife(t *testing.T) {
	// P-11: any inbound byte counts, a whole frame is not needed; heartbeat 0 means that nobody watches.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		off := s.dial().open(0, nil)
		g := s.dial().open(2, nil)
		go io.Copy(io.Discard, g.in)
		for _, b := range amqp091.AppendHeartbeat(nil) {
			g.write([]byte{b})
			time.Sleep(3900 * time.Millisecond) // of the bubble
		}
		off.send(1, &amqp091.ChannelOpen{})
		off.expect("ChannelOpenOk")
	})
}

func TestHeartbeatsPauseWhileBlocked(t *testing.T) {
	// P-11, P-16: while memory is short a connection that published is not read, so its silence proves nothing; ours go on, and
	// so do connection.blocked and unblocked, once each.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		g := s.dial().open(2, protocol.Table{"connection.blocked": true})
		g.send(1, &amqp091.ChannelOpen{})
		g.expect("ChannelOpenOk")
		s.memory.Resident(200)
		g.write((&script{}).publish(1, "", "nobody", "x").b)
		heard := []string{g.hear(), g.hear()} // there is no exchange in this vhost; the two come from different actors
		slices.Sort(heard)
		if !slices.Equal(heard, []string{"ChannelClose", "ConnectionBlocked"}) {
			t.Fatalf("heard %q", heard)
		}
		if state, by, _ := s.node.Connections.All()[0].State(); state != "blocked" || by != "alarm: low on memory" {
			t.Errorf("state %s by %s", state, by)
		}
		time.AfterFunc(time.Minute, func() { s.memory.Resident(-200) })
		began := time.Now()
		g.expect("ConnectionUnblocked")
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("unblocked after %v", waited)
		}
		if _, end := g.watch(); end < 4*time.Second || end > 6*time.Second {
			t.Errorf("watched again, the socket closed after %v", end)
		}
	})
}

func TestRestartedConnectionBeatsAsBefore(t *testing.T) {
	// Promise 1: a crash of the connection's actor closes no socket, and does not make it count silence twice.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		g := s.dial().open(10, nil)
		synctest.Wait()
		path := s.node.Connections.All()[0].Path + "/" + actorName
		for range 3 {
			if err := s.system.Crash(path, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		beats, end := g.watch()
		if end < 20*time.Second || end > 30*time.Second {
			t.Errorf("the socket closed after %v", end)
		}
		for i := 1; i < len(beats); i++ {
			if between := beats[i] - beats[i-1]; between < 5*time.Second {
				t.Errorf("%v between heartbeats", between)
			}
		}
	})
}
