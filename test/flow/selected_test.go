package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-36: CC and BCC are further routing keys.
func TestP36_SenderSelected(t *testing.T) {
	ch := channel(t)
	a, b, c := queue(t, ch, "a"), queue(t, ch, "b"), queue(t, ch, "c")
	x, topic := exchange(t, "direct"), exchange(t, "topic")
	bind(t, ch, a, "1", x, nil)
	bind(t, ch, b, "2", x, nil)
	bind(t, ch, b, "3", x, nil)
	bind(t, ch, a, "a.*", topic, nil)
	bind(t, ch, b, "#.b", topic, nil)
	must(t, ch.ExchangeBind(x, "to.#", topic, false, nil))
	ae := exchange(t, "direct")
	bind(t, ch, c, "2", ae, nil)
	withAlternate := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": ae})
	keys := func(keys ...any) []any { return keys }
	for _, row := range []struct {
		what, exchange, key string
		headers             amqp.Table
		want                string
	}{
		{"P-36 CC on the default exchange", "", a, amqp.Table{"CC": keys(b, c)}, "abc"},
		{"P-36 BCC on the default exchange", "", a, amqp.Table{"BCC": keys(b)}, "ab"},
		{"P-36 only by CC", "", "nowhere", amqp.Table{"CC": keys(c)}, "c"},
		{"P-36 one copy of a queue that several keys lead to", x, "2", amqp.Table{"CC": keys("3", "2"), "BCC": keys("3")}, "b"},
		{"P-36 CC and BCC on a direct exchange", x, "1", amqp.Table{"CC": keys("none"), "BCC": keys("2")}, "ab"},
		{"P-36 CC on a topic exchange", topic, "a.x", amqp.Table{"CC": keys("x.b")}, "ab"},
		{"P-36 through another exchange", topic, "to.it", amqp.Table{"CC": keys("1")}, "a"},
		{"P-36 through an alternate", withAlternate, "1", amqp.Table{"CC": keys("2")}, "c"},
		{"P-36 what is no text is no key", "", a, amqp.Table{"CC": keys(int32(1), b)}, "ab"},
		{"P-36 other headers select nothing", "", a, amqp.Table{"cc": keys(b)}, "a"},
	} {
		t.Run(row.what, func(t *testing.T) {
			must(t, ch.Publish(row.exchange, row.key, false, false, amqp.Publishing{Headers: row.headers, MessageId: "id", Body: []byte("x")}))
			got := ""
			for i, q := range []string{a, b, c} {
				for {
					d, ok, err := ch.Get(q, true)
					must(t, err)
					if !ok {
						break
					}
					got += string(rune('a' + i))
					if _, hidden := d.Headers["BCC"]; hidden || d.RoutingKey != row.key || d.Exchange != row.exchange || d.MessageId != "id" {
						t.Errorf("delivered %+v", d)
					}
					if fmt.Sprint(d.Headers["CC"]) != fmt.Sprint(row.headers["CC"]) {
						t.Errorf("CC is %v", d.Headers["CC"])
					}
				}
			}
			if got != row.want {
				t.Errorf("went to %q, not %q", got, row.want)
			}
		})
	}
	t.Run("P-36 returned without BCC", func(t *testing.T) {
		ch := channel(t)
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		must(t, ch.Publish(x, "nowhere", true, false, amqp.Publishing{Headers: amqp.Table{"BCC": keys("none"), "CC": keys("no"), "h": "1"}}))
		r := next(t, returns, "return")
		if _, hidden := r.Headers["BCC"]; hidden || r.Headers["h"] != "1" || r.Headers["CC"] == nil || r.RoutingKey != "nowhere" {
			t.Errorf("returned %+v", r)
		}
	})
	t.Run("P-36 not returned when a selected key leads on", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		if mandatory(t, ch, x, "nowhere", amqp.Table{"BCC": keys("1")}) {
			t.Error("returned")
		}
	})
	t.Run("P-36 in a transaction", func(t *testing.T) {
		ch, own := channel(t), channel(t)
		q, r := queue(t, own, "q"), queue(t, own, "r")
		must(t, ch.Tx())
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Headers: amqp.Table{"CC": keys(r)}}))
		must(t, ch.TxCommit())
		ready(t, own, q, 1)
		ready(t, own, r, 1)
	})
	modern(t, "another text")
	conn := connect(t)
	for header, v := range map[string]any{"CC": "text", "BCC": int32(1)} {
		t.Run("P-36 another type of "+header, func(t *testing.T) {
			ch := channelOn(t, conn)
			e := closes(t, ch, func() {
				must(t, ch.Publish("", "k", false, false, amqp.Publishing{Headers: amqp.Table{header: v}, UserId: "somebody else", Body: []byte("x")}))
			})
			kind := map[string]string{"CC": "longstr", "BCC": "signedint"}[header]
			if want := fmt.Sprintf(`PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,<<"%s">>,%s}`, header, kind); e.Code != 406 || e.Reason != want {
				t.Errorf("got %d %s, want %s", e.Code, e.Reason, want)
			}
		})
	}
	alive(t, conn)
}
