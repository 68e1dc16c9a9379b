package durable

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// a binding survives when both of its ends do. Of every type, since each has a table of its own to be made anew.
func TestBindingsSurviveWithBothEnds(t *testing.T) {
	b := broker.Start(t)
	ch := channelOn(t, connect(t, b.URI()))
	kinds := []string{"direct", "fanout", "topic", "headers"}
	declare := func(x, kind string, durable bool) {
		t.Helper()
		if err := ch.ExchangeDeclare(x, kind, durable, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, durable := range []bool{true, false} {
		if _, err := ch.QueueDeclare(fmt.Sprint("q.", durable), durable, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range kinds {
		declare("lasting."+kind, kind, true)
		declare("passing."+kind, kind, false)
		for _, x := range []string{"lasting.", "passing."} {
			for _, q := range []string{"q.true", "q.false"} {
				if err := ch.QueueBind(q, "k", x+kind, false, amqp.Table{"h": "1"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := ch.ExchangeBind(x+kind, "to."+kind, "amq.direct", false, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.Kill(t)
	b = b.Restart(t)
	ch = channelOn(t, connect(t, b.URI()))
	for _, kind := range kinds { // what is gone comes back without a binding
		declare("passing."+kind, kind, false)
	}
	if _, err := ch.QueueDeclare("q.false", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	count := func(q string) int {
		t.Helper()
		n, err := ch.QueuePurge(q, false)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, kind := range kinds {
		for _, row := range []struct {
			what, exchange, key string
			lasting             int
		}{
			{"X-20 both ends durable, " + kind, "lasting." + kind, "k", 1},
			{"X-20 transient exchange, " + kind, "passing." + kind, "k", 0},
			{"X-20 between exchanges, " + kind, "amq.direct", "to." + kind, map[bool]int{true: 1}[kind == "fanout" || kind == "headers"]},
		} {
			t.Run(row.what, func(t *testing.T) {
				if err := ch.Publish(row.exchange, row.key, false, false, amqp.Publishing{Headers: amqp.Table{"h": "1"}}); err != nil {
					t.Fatal(err)
				}
				if got := count("q.true"); got != row.lasting {
					t.Errorf("%d messages in the durable queue, want %d", got, row.lasting)
				}
				if got := count("q.false"); got != 0 {
					t.Errorf("%d messages in the transient queue", got)
				}
			})
		}
	}
}
