package durable

import (
	"fmt"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// D-01, Q-27, Q-07: policies are on the disk when set_policy returns, and hold for what a restart finds: bounds, times and dead letter
// exchanges for the messages that wait, alternate exchanges for what comes.
func TestPoliciesSurvive(t *testing.T) {
	b := broker.Start(t)
	ch := channelOn(t, connect(t, b.URI()))
	for _, q := range []string{"bounded", "timed", "letters", "other"} {
		_, err := ch.QueueDeclare(q, true, false, false, false, nil)
		must(t, err)
	}
	must(t, ch.ExchangeDeclare("x", "direct", true, false, false, false, nil))
	must(t, ch.QueueBind("other", "", "amq.fanout", false, nil))
	b.Ctl(t, "add_vhost", "typed", "--default-queue-type", "classic")
	b.Ctl(t, "set_policy", "gone", "^nobody$", `{"max-length": 0}`, "--priority", "99")
	b.Ctl(t, "clear_policy", "gone")
	must(t, ch.Confirm(false))
	for _, q := range []string{"bounded", "timed"} {
		for i := range 5 {
			c, err := ch.PublishWithDeferredConfirm("", q, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: fmt.Append(nil, i)})
			must(t, err)
			if !c.Wait() {
				t.Fatal("not confirmed")
			}
		}
	}
	b.Ctl(t, "set_policy", "bounded", "^bounded$", `{"dead-letter-exchange": "", "dead-letter-routing-key": "letters", "max-length": 4}`)
	b.Ctl(t, "set_policy", "alternate", "^x$", `{"alternate-exchange": "amq.fanout"}`, "--apply-to", "exchanges", "--priority", "7")
	b.Ctl(t, "set_policy", "timed", "^timed$", `{"message-ttl": 1000}`)
	b.Ctl(t, "set_operator_policy", "bounded", "^bounded$", `{"max-length": 3}`)
	type row struct {
		Name, Policy, Operator_policy string
		Pattern, Definition, Vhost    string
		Priority                      int
		Default_queue_type            string
	}
	lists := func(b *broker.Broker) (all [][]row) {
		for _, args := range [][]string{
			{"list_policies"}, {"list_operator_policies"}, {"list_queues", "name", "policy", "operator_policy"},
			{"list_exchanges", "name", "policy"}, {"list_vhosts", "name", "default_queue_type"},
		} {
			all = append(all, broker.Rows[row](t, b, args...))
		}
		return all
	}
	broker.Eventually(t, 20*time.Second, "all of them apply", func() (bool, any) {
		rows := lists(b)
		applied := 0
		for _, r := range append(rows[2], rows[3]...) {
			for _, policy := range []string{r.Policy, r.Operator_policy} {
				if policy != "" {
					applied++
				}
			}
		}
		return applied == 4, rows
	})
	before := lists(b)
	b.Kill(t)
	b = b.Restart(t)
	t.Run("D-01 policies, operator policies and to what they apply", func(t *testing.T) {
		if after := lists(b); !slices.EqualFunc(before, after, slices.Equal) {
			t.Errorf("%v\nbefore\n%v", after, before)
		}
	})
	ch = channelOn(t, connect(t, b.URI()))
	holds := func(q string, want int) {
		t.Helper()
		broker.Eventually(t, 20*time.Second, fmt.Sprintf("%s has %d messages", q, want), func() (bool, any) {
			got, err := ch.QueueDeclarePassive(q, true, false, false, false, nil)
			must(t, err)
			return got.Messages == want, got.Messages
		})
	}
	t.Run("Q-27 a bound behind a kill", func(t *testing.T) {
		holds("bounded", 3)
		holds("letters", 2)
	})
	t.Run("Q-27 a time to live behind a kill", func(t *testing.T) { holds("timed", 0) })
	t.Run("X-17 an alternate exchange by policy behind a kill", func(t *testing.T) {
		must(t, ch.Publish("x", "nobody", false, false, amqp.Publishing{}))
		holds("other", 1)
	})
}
