package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// streams is how many durable streams there are.
func streams(t *testing.T, b *broker.Broker) int64 {
	t.Helper()
	var s struct{ Streams int64 }
	if err := json.Unmarshal(b.Ctl(t, "journal", "status", "--formatter=json"), &s); err != nil {
		t.Fatal(err)
	}
	return s.Streams
}

// O-13, D-01: vhosts, users, permissions and limits survive kill -9, each vhost with what is its own; two vhosts whose queues are called
// the same keep them apart.
func TestVHostsSurvive(t *testing.T) {
	b := broker.Start(t)
	b.Ctl(t, "add_user", "u", "secret")
	b.Ctl(t, "set_user_tags", "u", "monitoring")
	b.Ctl(t, "set_user_limits", "u", `{"max-channels": 7}`)
	for _, v := range []string{"a", "a/b"} {
		b.Ctl(t, "add_vhost", v, "--description", "of "+v)
		b.Ctl(t, "set_permissions", "-p", v, "u", ".*", ".*", ".*")
		b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-queues": 5}`)
	}
	b.Ctl(t, "set_topic_permissions", "-p", "a", "u", "amq.topic", "^a", "^b")
	queues := map[string][]string{"/": {"q", "b/q"}, "a": {"q", "b/q"}, "a/b": {"q"}}
	dial := func(v string) *amqp.Channel {
		c, err := amqp.DialConfig("amqp://"+b.Addr, amqp.Config{Vhost: v, SASL: []amqp.Authentication{login(v)}, Heartbeat: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseDeadline(time.Now().Add(time.Second)) })
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	for v, names := range queues {
		ch := dial(v)
		if err := ch.Confirm(false); err != nil {
			t.Fatal(err)
		}
		for _, q := range names {
			if _, err := ch.QueueDeclare(q, true, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			d, err := ch.PublishWithDeferredConfirm("", q, false, false, amqp.Publishing{Body: []byte(v + " " + q), DeliveryMode: amqp.Persistent})
			if err != nil || !d.Wait() {
				t.Fatal(err)
			}
		}
	}
	before := b.Ctl(t, "export_definitions", "-")
	b.Kill(t)
	b = b.Restart(t)
	if after := b.Ctl(t, "export_definitions", "-"); string(after) != string(before) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	for v, names := range queues {
		ch := dial(v)
		for _, q := range names {
			m, ok, err := ch.Get(q, true)
			if err != nil || !ok || string(m.Body) != v+" "+q {
				t.Errorf("queue %s of vhost %s: %s, %v, %v", q, v, m.Body, ok, err)
			}
			if _, ok, _ := ch.Get(q, true); ok {
				t.Errorf("queue %s of vhost %s has another's message", q, v)
			}
		}
	}
}

func login(vhost string) *amqp.PlainAuth {
	if vhost == "/" {
		return &amqp.PlainAuth{Username: "guest", Password: "guest"}
	}
	return &amqp.PlainAuth{Username: "u", Password: "secret"}
}

// O-13: a broker that is killed while it deletes a vhost has all of it afterwards or nothing, and nothing stays on the disk of what is
// gone.
func TestKilledWhileAVHostIsDeleted(t *testing.T) {
	const queues = 50
	b := broker.Start(t)
	gone, stayed := 0, 0
	for round := range 6 {
		v := fmt.Sprintf("v%d", round)
		b.Ctl(t, "add_vhost", v)
		b.Ctl(t, "set_permissions", "-p", v, "guest", ".*", ".*", ".*")
		ch := channelOf(t, b, v)
		for i := range queues {
			if _, err := ch.QueueDeclare(fmt.Sprintf("q%d", i), true, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			if err := ch.Publish("", fmt.Sprintf("q%d", i), false, false, amqp.Publishing{Body: []byte("x"), DeliveryMode: amqp.Persistent}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ch.QueueDeclare("last", true, false, false, false, nil); err != nil { // behind all that was published
			t.Fatal(err)
		}
		client := b.Admin(t)
		asked, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = client.Define(asked, &adminv1.DefineRequest{Command: &adminv1.DefineRequest_DeleteVhost{DeleteVhost: &adminv1.DeleteVHost{Name: v}}})
		}()
		select {
		case <-time.After(time.Duration(round) * time.Millisecond): // somewhere on its way
		case <-done:
		}
		b.Kill(t)
		cancel()
		<-done
		b = b.Restart(t)

		there := false
		for _, row := range broker.Rows[struct{ Name string }](t, b, "list_vhosts", "name") {
			there = there || row.Name == v
		}
		if there {
			stayed++
			if n := len(broker.Rows[struct{ Name string }](t, b, "list_queues", "-p", v, "name")); n != queues+1 {
				t.Errorf("round %d: %d queues of a vhost that was not deleted", round, n)
			}
			b.Ctl(t, "delete_vhost", v)
		} else {
			gone++
		}
		broker.Eventually(t, 20*time.Second, "its streams are gone", func() (bool, any) {
			n := streams(t, b) // the node's and vhost /'s are left
			return n == 2, n
		})
	}
	t.Logf("killed before the deletion was recorded %d times, behind it %d times", stayed, gone)
}

func channelOf(t *testing.T, b *broker.Broker, vhost string) *amqp.Channel {
	t.Helper()
	c, err := amqp.DialConfig(b.URI(), amqp.Config{Vhost: vhost, Heartbeat: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseDeadline(time.Now().Add(time.Second)) })
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}
