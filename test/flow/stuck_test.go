package flow

import (
	"context"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// Issue 5, point 6: an actor with an endless turn is named in the log with its stack and replaced, and its clients notice nothing but
// the time it took. The journal is named and waited for.
func TestStuckActorIsReplaced(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"), broker.Set("actors.stuck_after", "200ms"), broker.Set("actors.replace_after", "400ms"))
	conn := connectTo(t, b.URI())
	ch := channelOn(t, conn)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	if err := ch.ExchangeDeclare("x", "fanout", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("q", "", "x", false, nil); err != nil {
		t.Fatal(err)
	}
	deliveries, err := channelOn(t, conn).Consume("q", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := b.Admin(t)
	n := 0
	for _, kind := range []string{"queue", "exchange", "channel", "connection", "vhost"} {
		t.Run("K-31 a stuck "+kind, func(t *testing.T) {
			path := ""
			for _, a := range b.Actors(t) {
				if a.Kind == kind && (kind != "exchange" || strings.HasSuffix(a.Path, "/x")) {
					path = a.Path
				}
			}
			before := stateOf(t, b, path)
			if _, err := admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path, Hang: true}); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if err := ch.Publish("x", "", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: fmt.Append(nil, n)}); err != nil {
					t.Fatal(err)
				}
				n++
			}
			for i := n - 10; i < n; i++ {
				d := receive(t, deliveries)
				if string(d.Body) != fmt.Sprint(i) {
					t.Fatalf("delivered %s, want %d", d.Body, i)
				}
				if err := d.Ack(false); err != nil {
					t.Fatal(err)
				}
			}
			broker.Eventually(t, patience, "the successor", func() (bool, any) {
				now := stateOf(t, b, path)
				return now.State == "running" && now.Incarnation > before.Incarnation, now
			})
			if got, err := ch.QueueDeclarePassive("q", true, false, false, false, nil); err != nil || got.Messages != 0 {
				t.Errorf("%d messages are left: %v", got.Messages, err)
			}
			for _, want := range []string{`"actor is stuck: its turn does not end"`, `"path":"` + path + `"`, `guard).injected`} {
				if !strings.Contains(b.Log(), want) {
					t.Errorf("the log does not have %s", want)
				}
			}
		})
	}
}
