package flow

import (
	"context"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
	"warren/test/raw"
)

// actorPath is that of the one actor of a kind whose path has a part.
func actorPath(t *testing.T, b *broker.Broker, kind, part string) string {
	t.Helper()
	var found []string
	for _, a := range b.Actors(t) {
		if a.Kind == kind && strings.Contains(a.Path, part) {
			found = append(found, a.Path)
		}
	}
	if len(found) != 1 {
		t.Fatalf("actors of kind %s with %q: %q", kind, part, found)
	}
	return found[0]
}

// wearAway crashes an actor, and counts it, until it is given up and gone.
func wearAway(t *testing.T, b *broker.Broker, path string) {
	t.Helper()
	admin := b.Admin(t)
	broker.Eventually(t, patience, path+" is given up", func() (bool, any) {
		_, err := admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path, Count: true})
		return err != nil && strings.Contains(err.Error(), "There is no actor"), err // between two incarnations it says that, and tries again
	})
}

// Issue 5, point 2: a channel that crashes past its limit is closed with 541, and never its siblings (Differs: RabbitMQ closes the connection).
func TestChannelGivenUp(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	t.Run("K-31 a channel given up is closed alone", func(t *testing.T) {
		conn := connectTo(t, b.URI())
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		bad, sibling := channelOn(t, conn), channelOn(t, conn)
		q := queueFor(t, sibling)
		must(t, sibling.Confirm(false))
		must(t, bad.Confirm(false))
		confirmed(t, sibling, q, amqp.Transient, 0, 3)
		taken, err := bad.Consume(q, "gone", false, false, false, false, nil)
		must(t, err)
		for range 3 {
			receive(t, taken)
		}
		ended := bad.NotifyClose(make(chan *amqp.Error, 1))
		wearAway(t, b, actorPath(t, b, "channel", "channel%201."))
		if e := receive(t, ended); e == nil || e.Code != 541 || !e.Server {
			t.Errorf("the channel was closed with %v", e)
		}
		// What it held waits again, its consumer is gone, and the sibling works on.
		broker.Eventually(t, patience, "what it held waits again", func() (bool, any) {
			n, err := sibling.QueueDeclarePassive(q, false, false, false, false, nil)
			must(t, err)
			return n.Messages == 3 && n.Consumers == 0, n
		})
		confirmed(t, sibling, q, amqp.Transient, 3, 4)
		deliveries, err := sibling.Consume(q, "", true, false, false, false, nil)
		must(t, err)
		for i := range 4 {
			if d := receive(t, deliveries); string(d.Body) != string(rune('0'+i)) || d.Redelivered != (i < 3) {
				t.Errorf("delivered %s, redelivered: %v", d.Body, d.Redelivered)
			}
		}
		select {
		case e := <-closed:
			t.Fatalf("the connection is closed: %v", e)
		default:
		}
		// Others can be opened.
		again := channelOn(t, conn)
		must(t, again.Confirm(false))
		confirmed(t, again, q, amqp.Transient, 4, 5)
	})
	t.Run("K-31 P-22 frames for a channel given up are dropped until close-ok", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		defer c.Goodbye()
		const number = 7
		c.OpenChannel(number)
		c.OpenChannel(9)
		q := c.DeclareQueue(9, "")
		wearAway(t, b, actorPath(t, b, "channel", "channel%207."))
		d := c.Expect(number, raw.ChannelClose)
		if code := d.Short(); code != 541 {
			t.Errorf("closed with %d", code)
		}
		body := make([]byte, 100_000)
		for range 50 { // more than may lie between the socket and the queues
			c.Send(raw.Message(number, "", q, body))
		}
		c.Method(number, raw.ID{Class: 60, Method: 10}, raw.Fields{}.Long(0).Short(1).Octet(0))
		c.Method(number, raw.ChannelCloseOk, nil)
		c.OpenChannel(number)
		const passive = 1
		counts := c.Call(number, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(q).Octet(passive).Table(), raw.QueueDeclareOk)
		if counts.ShortStr(); counts.Long() != 0 {
			t.Error("a publish was taken")
		}
	})
	t.Run("K-31 P-22 a channel given up that the client closes as well", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		defer c.Goodbye()
		c.OpenChannel(11)
		wearAway(t, b, actorPath(t, b, "channel", "channel%2011."))
		c.Method(11, raw.ChannelClose, raw.Fields{}.Short(200).ShortStr("bye").Short(0).Short(0))
		c.Expect(11, raw.ChannelClose)
		c.Expect(11, raw.ChannelCloseOk)
		c.Method(11, raw.ChannelCloseOk, nil)
		c.OpenChannel(11)
	})
}

// Issue 5, points 2 and 4: a connection whose actor crashes past its limit is closed with 541, and no other one.
func TestConnectionGivenUp(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	t.Run("K-31 a connection given up is closed alone", func(t *testing.T) {
		other := connectTo(t, b.URI())
		watch := channelOn(t, other)
		q := queueFor(t, watch)
		must(t, watch.Confirm(false))
		confirmed(t, watch, q, amqp.Transient, 0, 2)
		elsewhere := actorPath(t, b, "connection", "")

		conn := connectTo(t, b.URI())
		bad := channelOn(t, conn)
		exclusive := name(t, "exclusive")
		_, err := bad.QueueDeclare(exclusive, false, false, true, false, nil)
		must(t, err)
		deliveries, err := bad.Consume(q, "", false, false, false, false, nil)
		must(t, err)
		receive(t, deliveries)
		receive(t, deliveries)
		ended := conn.NotifyClose(make(chan *amqp.Error, 1))
		path := ""
		for _, a := range b.Actors(t) {
			if a.Kind == "connection" && a.Path != elsewhere {
				path = a.Path
			}
		}
		wearAway(t, b, path)
		if e := receive(t, ended); e == nil || e.Code != 541 {
			t.Errorf("the connection was closed with %v", e)
		}
		broker.Eventually(t, patience, "what it held waits again", func() (bool, any) {
			got, err := watch.QueueDeclarePassive(q, false, false, false, false, nil)
			must(t, err)
			return got.Messages == 2 && got.Consumers == 0, got
		})
		broker.Eventually(t, patience, "its exclusive queue is gone, and so is its actor", func() (bool, any) {
			out := string(b.Ctl(t, "list_queues", "name")) + string(b.Ctl(t, "list_connections", "name"))
			return !strings.Contains(out, exclusive) && len(b.Actors(t)) > 0 && actorPath(t, b, "connection", "") == elsewhere, out
		})
		confirmed(t, watch, q, amqp.Transient, 2, 3)
	})
}
