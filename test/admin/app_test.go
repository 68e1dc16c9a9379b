package admin

import (
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// Contract P-14, D-12: rabbitmqctl stop_app and start_app, by which Java tests restart a node, are a restart of the broker to clients, and
// the process stays. Twice, and each command twice, which the second time does nothing.
func TestStopAppAndStartApp(t *testing.T) {
	b := broker.Start(t)
	process := b.PID()
	for round := range 2 {
		conn, err := amqp.Dial("amqp://guest:guest@" + address(t, b))
		must(t, err)
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		ch, err := conn.Channel()
		must(t, err)
		must(t, ch.Confirm(false))
		_, err = ch.QueueDeclare("durable", true, false, false, false, nil)
		must(t, err)
		_, err = ch.QueueDeclare("transient", false, false, false, false, nil)
		must(t, err)
		_, err = ch.QueueDeclare("exclusive", true, false, true, false, nil)
		must(t, err)
		for _, message := range []amqp.Publishing{{DeliveryMode: amqp.Persistent}, {DeliveryMode: amqp.Transient}} {
			confirmed, err := ch.PublishWithDeferredConfirm("", "durable", false, false, message)
			must(t, err)
			confirmed.Wait()
		}

		b.Ctl(t, "stop_app")
		select {
		case why := <-closed:
			if why == nil || why.Code != 320 || why.Reason != "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" {
				t.Errorf("the client heard %v", why)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the client heard of nothing")
		}
		b.Ctl(t, "stop_app")
		if out, err := b.TryCtl(t, "list_queues"); err == nil || !strings.Contains(err.Error(), "exit status 69") || !strings.Contains(err.Error(), "start_app starts it") {
			t.Errorf("list_queues of a stopped broker: %s, %v", out, err)
		}
		if at := address(t, b); at != "" {
			t.Errorf("a stopped broker listens on %s", at)
		}
		b.Ctl(t, "actors", "tree")

		b.Ctl(t, "start_app")
		b.Ctl(t, "start_app")
		if b.PID() != process {
			t.Fatal("it is another process")
		}
		type queue struct {
			Name  string
			Ready int `json:"messages_ready"`
		}
		rows := broker.Rows[queue](t, b, "list_queues", "name", "messages_ready")
		if len(rows) != 1 || rows[0] != (queue{"durable", round + 1}) {
			t.Errorf("round %d: after it there are %v, want the durable queue with its persistent messages", round, rows)
		}
	}

	b.Ctl(t, "stop_app")
	b.Stop(t) // a signal ends the process all the same
}

// address is where the broker listens; its port is another one after each start. None is "".
func address(t testing.TB, b *broker.Broker) string {
	t.Helper()
	for line := range strings.Lines(string(b.Ctl(t, "status"))) {
		if at, found := strings.CutPrefix(strings.TrimSpace(line), "Interface: "); found {
			at, _, _ = strings.Cut(at, ",")
			return at
		}
	}
	return ""
}
