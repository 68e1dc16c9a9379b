package flow

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
	"warren/test/raw"
)

var basicGet, basicGetOk, basicAck = raw.ID{Class: 60, Method: 70}, raw.ID{Class: 60, Method: 71}, raw.ID{Class: 60, Method: 80}

// Issue 5, "replay is exact": one read holds a publish, an ack, a get and a declaration of a queue that the server names, and every fourth
// append of any actor panics, in front of it or behind it. Each of them happens once, and is answered once. (actors/channel, TestReplayIsExact,
// crashes at each place in turn.)
func TestReadIsReplayedExactly(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"), broker.Set("chaos.append_panics", "1/4"))
	t.Run("K-31 P-40 P-47 P-48 a read while its channel crashes", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		defer c.Goodbye()
		c.OpenChannel(1)
		q := c.DeclareQueue(1, "")
		c.Call(1, raw.ID{Class: 85, Method: 10}, raw.Fields{}.Octet(0), raw.ID{Class: 85, Method: 11})
		c.Send(raw.Message(1, "", q, []byte("0")))
		c.Expect(1, basicAck)
		const reads = 60
		names := map[string]bool{q: true}
		for i := range reads {
			get := raw.MethodFrame(1, basicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(0))
			read := slices.Concat(raw.Message(1, "", q, fmt.Append(nil, i+1)), get)
			if i > 0 {
				read = slices.Concat(raw.MethodFrame(1, basicAck, raw.Fields{}.LongLong(uint64(i)).Octet(0)), read)
			}
			const exclusive = 1 << 2
			c.Send(read, raw.MethodFrame(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr("").Octet(exclusive).Table()))
			var heard []string
			for range 5 { // a get-ok has header and body
				f, err := c.Read()
				if err != nil {
					t.Fatal(err)
				}
				switch f.Method() {
				case basicAck:
					heard = append(heard, fmt.Sprint("confirm ", binary.BigEndian.Uint64(f.Payload[4:])))
				case basicGetOk:
					heard = append(heard, fmt.Sprint("get ", binary.BigEndian.Uint64(f.Payload[4:]), " redelivered ", f.Payload[12]))
				case raw.QueueDeclareOk:
					names[string(f.Payload[5:5+f.Payload[4]])] = true
					heard = append(heard, "declared")
				default:
					if f.Type == raw.FrameBody {
						heard = append(heard, "body "+string(f.Payload))
					} else if f.Type != raw.FrameHeader {
						t.Fatalf("read %d: %v", i, f)
					}
				}
			}
			slices.Sort(heard)
			want := []string{fmt.Sprint("body ", i), fmt.Sprint("confirm ", i+2), "declared", fmt.Sprint("get ", i+1, " redelivered 0")}
			if !slices.Equal(heard, want) || len(names) != i+2 {
				t.Fatalf("read %d: %q with %d queues, want %q", i, heard, len(names), want)
			}
		}
		c.Method(1, basicAck, raw.Fields{}.LongLong(reads).Octet(0))
		const passive = 1
		counts := c.Call(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(q).Octet(passive).Table(), raw.QueueDeclareOk)
		if counts.ShortStr(); counts.Long() != 1 {
			t.Error("not exactly one message is left")
		}
		if n := strings.Count(string(b.Ctl(t, "list_queues", "name", "-q")), "amq.gen"); n != len(names) {
			t.Errorf("%d queues for %d names", n, len(names))
		}
		if !strings.Contains(b.Log(), "injected crash: behind an append to session/") {
			t.Error("no channel has crashed")
		}
	})
}

// Issue 5, "a writer crashed in the middle of a partial write sends a correct stream": the socket takes no more, and channel, connection and
// queue crash meanwhile. What the client reads then is every delivery, once, whole and in order.
func TestCrashInAPartialWrite(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	t.Run("K-31 P-41 a client that does not read while its actors crash", func(t *testing.T) {
		ch := channelOn(t, connectTo(t, b.URI()))
		q := queueFor(t, ch)
		must(t, ch.Confirm(false))
		const messages, size = 300, 40_000 // far more than both socket buffers take
		text := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, size/2) }
		before := b.Actors(t)
		c := raw.Open(t, b.Addr)
		defer c.Close()
		c.OpenChannel(1)
		const noAck = 1 << 1
		c.Call(1, raw.ID{Class: 60, Method: 20}, raw.Fields{}.Short(0).ShortStr(q).ShortStr("t").Octet(noAck).Table(), raw.ID{Class: 60, Method: 21})
		admin := b.Admin(t)
		for i := range messages {
			d, err := ch.PublishWithDeferredConfirm("", q, false, false, amqp.Publishing{Body: text(i)})
			must(t, err)
			receive(t, d.Done())
			if i%20 != 19 {
				continue
			}
			for _, a := range b.Actors(t) {
				mine := !slices.ContainsFunc(before, func(o broker.Actor) bool { return o.Path == a.Path })
				if mine && (a.Kind == "channel" || a.Kind == "connection") || a.Kind == "queue" && i%60 == 59 {
					_, err := admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: a.Path})
					must(t, err)
				}
			}
		}
		for i := range messages {
			d := c.Expect(1, raw.ID{Class: 60, Method: 60})
			if tag, n := d.ShortStr(), d.LongLong(); tag != "t" || n != uint64(i+1) || d.Octet() != 0 {
				t.Fatalf("delivery %d has tag %d, or is said to come again", i, n)
			}
			var body []byte
			for f, err := c.Read(); ; f, err = c.Read() {
				if err != nil || f.Type != raw.FrameHeader && f.Type != raw.FrameBody {
					t.Fatalf("delivery %d: %v, %v", i, f, err)
				}
				if f.Type == raw.FrameBody {
					body = append(body, f.Payload...)
				}
				if len(body) == size {
					break
				}
			}
			if !bytes.Equal(body, text(i)) {
				t.Fatalf("delivery %d has another body", i)
			}
		}
		ready(t, ch, q, 0)
	})
}

// Issue 5: the restart of a queue that holds 100 000 ready messages takes less than 100 ms, and what goes through its exchange and its
// channels to others waits no longer. The best of a few counts: others use the machine as well.
func TestRestartOfALongQueueBlocksNobody(t *testing.T) {
	b := broker.Start(t, broker.NoRace(), broker.Set("chaos.enabled", "true"))
	t.Run("K-31 K-32 100 000 messages in a queue that crashes", func(t *testing.T) {
		ch := channelOn(t, connectTo(t, b.URI()))
		long, other, x := queueFor(t, ch), queueFor(t, ch), name(t, "x")
		must(t, ch.ExchangeDeclare(x, "direct", false, false, false, false, nil))
		bind(t, ch, long, "long", x, nil)
		bind(t, ch, other, "other", x, nil)
		confirms := confirming(t, ch, 1000)
		const messages = 100_000
		for i := range messages {
			must(t, ch.Publish(x, "long", false, false, amqp.Publishing{Body: []byte("x")}))
			if i >= 1000 {
				receive(t, confirms)
			}
		}
		for range 1000 {
			receive(t, confirms)
		}
		path := actorPath(t, b, "queue", long)
		admin := b.Admin(t)
		var through, back []time.Duration
		for range 7 {
			was := stateOf(t, b, path)
			_, err := admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path})
			must(t, err)
			begin := time.Now()
			must(t, ch.Publish(x, "other", false, false, amqp.Publishing{Body: []byte("x")}))
			receive(t, confirms)
			through = append(through, time.Since(begin))
			if n, err := ch.QueueDeclarePassive(long, false, false, false, false, nil); err != nil || n.Messages != messages {
				t.Fatalf("%d messages, %v", n.Messages, err)
			}
			back = append(back, time.Since(begin))
			if now := stateOf(t, b, path); now.Incarnation == was.Incarnation {
				t.Fatal("it has not crashed")
			}
		}
		t.Logf("published to another queue in %v, the queue answers after %v", through, back)
		if slices.Min(through) > 100*time.Millisecond || slices.Min(back) > 100*time.Millisecond {
			t.Errorf("more than 100 ms: to another queue %v, the queue itself %v", through, back)
		}
	})
}
