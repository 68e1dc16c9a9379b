package flow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// Issue 5, point 2: a batch that kills its actor twice is set aside, logged with what it carried, and its publisher nacked; whatever kind of
// actor takes batches. What came with it and comes behind it goes on, and nobody else notices.
func TestPoisonedPublish(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"), broker.Set("chaos.poison", "toxic"))
	for _, kind := range []string{"channel", "session", "exchange", "queue", "event"} {
		t.Run("K-31 P-40 poison for a "+kind, func(t *testing.T) {
			conn := connectTo(t, b.URI())
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			ch := channelOn(t, conn)
			q := name(t, "q")
			_, err := ch.QueueDeclare(q, true, false, false, false, nil)
			must(t, err)
			must(t, ch.ExchangeDeclare(q, "direct", true, false, false, false, nil))
			bind(t, ch, q, "the-key", q, nil)
			confirms := confirming(t, ch, 9)
			send := func(body string) amqp.Confirmation {
				must(t, ch.Publish(q, "the-key", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}))
				return receive(t, confirms)
			}
			if c := send("before"); !c.Ack {
				t.Error("what came before is nacked")
			}
			if c := send("toxic-" + kind + " waste"); c.Ack || c.DeliveryTag != 2 {
				t.Errorf("confirm %+v", c)
			}
			if c := send("behind"); !c.Ack || c.DeliveryTag != 3 {
				t.Errorf("confirm %+v", c)
			}
			for _, want := range []string{"before", "behind"} {
				if got := get(t, ch, q); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			ready(t, ch, q, 0)
			select {
			case e := <-closed:
				t.Fatalf("the connection is closed: %v", e)
			default:
			}
			line := ""
			for l := range strings.Lines(b.Log()) {
				if strings.Contains(l, "set aside") && strings.Contains(l, "the-key") {
					line = l
				}
			}
			for _, want := range []string{`"messages":1`, `"bytes":`, `the-key`} {
				if !strings.Contains(line, want) {
					t.Errorf("the log says %q, without %s", line, want)
				}
			}
		})
	}
	t.Run("K-31 a poisoned event is kept in a file", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(b.DataDir, "quarantine", "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%v, %v", files, err)
		}
		for stream, event := range map[string]string{"queue": "ready.Enqueued", "session": "session.Published"} {
			kept := 0
			for _, file := range files {
				content, err := os.ReadFile(file)
				must(t, err)
				if strings.HasPrefix(filepath.Base(file), stream+"%2F") && strings.Contains(string(content), event) && strings.Contains(b.Log(), file) {
					kept++
				}
			}
			if kept == 0 {
				t.Errorf("no %s of a %s among %q", event, stream, files)
			}
		}
	})
}

// Issue 5, point 2: a command that kills its queue or its vhost twice is set aside, and closes its channel with 541, and nothing else.
func TestPoisonedCommand(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"), broker.Set("chaos.poison", "toxic"))
	for _, c := range []struct {
		what string
		do   func(ch *amqp.Channel, q string) error
		who  string
	}{
		{"K-31 a consume that kills its queue", func(ch *amqp.Channel, q string) error {
			_, err := ch.Consume(q, "toxic-consume", false, false, false, false, nil)
			return err
		}, "queue"},
		{"K-31 an ack that kills its queue", func(ch *amqp.Channel, q string) error {
			deliveries, err := ch.Consume(q, "toxic-settle", false, false, false, false, nil)
			if err != nil {
				return err
			}
			ended := ch.NotifyClose(make(chan *amqp.Error, 1))
			d := <-deliveries
			if err := d.Ack(false); err != nil {
				return err
			}
			return <-ended
		}, "queue"},
		{"K-31 a declaration that kills its vhost", func(ch *amqp.Channel, q string) error {
			_, err := ch.QueueDeclare("toxic-vhost", false, false, false, false, nil)
			return err
		}, "vhost"},
	} {
		t.Run(c.what, func(t *testing.T) {
			conn := connectTo(t, b.URI())
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			bad, sibling := channelOn(t, conn), channelOn(t, conn)
			q := name(t, "q")
			_, err := sibling.QueueDeclare(q, true, false, false, false, nil)
			must(t, err)
			must(t, sibling.Confirm(false))
			confirmed(t, sibling, q, amqp.Persistent, 0, 1)
			failed := make(chan error, 1)
			go func() { failed <- c.do(bad, q) }()
			err = receive(t, failed)
			if want := "made the " + c.who + " fail twice"; err == nil || !strings.Contains(err.Error(), "541") || !strings.Contains(err.Error(), want) {
				t.Errorf("the channel was closed with %v", err)
			}
			broker.Eventually(t, patience, "the message waits again", func() (bool, any) {
				n, err := sibling.QueueDeclarePassive(q, true, false, false, false, nil)
				must(t, err)
				return n.Messages == 1 && n.Consumers == 0, n
			})
			confirmed(t, sibling, q, amqp.Persistent, 1, 2)
			for i := range 2 {
				if got := get(t, sibling, q); got != fmt.Sprint(i) {
					t.Errorf("got %q, want %d", got, i)
				}
			}
			select {
			case e := <-closed:
				t.Fatalf("the connection is closed: %v", e)
			default:
			}
			if !strings.Contains(b.Log(), "set aside: two turns with it panicked") {
				t.Error("the log does not have it")
			}
		})
	}
}
