package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// an auto-delete exchange goes with the last binding from it, and takes those along that lose theirs by that.
func TestX14_AutoDelete(t *testing.T) {
	declared := func(t *testing.T, c *amqp.Connection, x string) bool {
		t.Helper()
		err := channelOn(t, c).ExchangeDeclarePassive(x, "fanout", false, true, false, false, nil)
		if err != nil {
			refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", x))
		}
		return err == nil
	}
	autoDelete := func(t *testing.T, ch *amqp.Channel) string {
		t.Helper()
		x := name(t, "x")
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, false, false, nil))
		t.Cleanup(func() { _ = channel(t).ExchangeDelete(x, false, false) })
		return x
	}
	t.Run("X-14 with its last binding, not before it had one", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		x, q := autoDelete(t, ch), queue(t, ch, "q")
		must(t, ch.QueueUnbind(q, "never bound", x, nil))
		if !declared(t, c, x) {
			t.Fatal("gone without having had a binding")
		}
		must(t, ch.ExchangeBind(x, "", "amq.fanout", false, nil)) // a binding to it does not count
		must(t, ch.ExchangeUnbind(x, "", "amq.fanout", false, nil))
		if !declared(t, c, x) {
			t.Fatal("gone with a binding to it")
		}
		bind(t, ch, q, "1", x, nil)
		bind(t, ch, q, "2", x, nil)
		must(t, ch.QueueUnbind(q, "1", x, nil))
		if !declared(t, c, x) {
			t.Fatal("gone with one of two bindings")
		}
		must(t, ch.QueueUnbind(q, "2", x, nil))
		if declared(t, c, x) {
			t.Fatal("there without a binding")
		}
	})
	t.Run("X-14 cascade over exchanges when a queue goes", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		x, y, z := autoDelete(t, ch), autoDelete(t, ch), autoDelete(t, ch)
		q := queue(t, ch, "q")
		must(t, ch.ExchangeBind(y, "", x, false, nil))
		must(t, ch.ExchangeBind(z, "", y, false, nil))
		bind(t, ch, q, "", z, nil)
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			t.Fatal(err)
		}
		for i, e := range []string{x, y, z} {
			if declared(t, c, e) {
				t.Errorf("exchange %d of the chain is there", i+1)
			}
		}
	})
	t.Run("X-14 a source that is bound elsewhere stays", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		x, y := autoDelete(t, ch), autoDelete(t, ch)
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		must(t, ch.ExchangeBind(y, "", x, false, nil))
		bind(t, ch, b, "", x, nil)
		bind(t, ch, a, "", y, nil)
		if _, err := ch.QueueDelete(a, false, false, false); err != nil {
			t.Fatal(err)
		}
		if declared(t, c, y) || !declared(t, c, x) {
			t.Error("the wrong ones went")
		}
		if got := routes(t, ch, x, "", nil, b); got != "a" {
			t.Errorf("x leads to %q", got)
		}
	})
}

// through exchanges every exchange and every queue once.
func TestX18_Graphs(t *testing.T) {
	t.Run("X-18 loop of three", func(t *testing.T) {
		ch := channel(t)
		var x [3]string
		for i := range x {
			x[i] = exchange(t, "fanout")
		}
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		for i := range x {
			must(t, ch.ExchangeBind(x[(i+1)%3], "", x[i], false, nil))
			bind(t, ch, a, "", x[i], nil)
		}
		bind(t, ch, b, "", x[2], nil)
		for _, from := range x {
			if got := routes(t, ch, from, "k", nil, a, b); got != "ab" {
				t.Errorf("went to %q", got)
			}
		}
	})
	t.Run("X-18 loop of one", func(t *testing.T) {
		ch := channel(t)
		x, q := exchange(t, "fanout"), queue(t, ch, "q")
		must(t, ch.ExchangeBind(x, "", x, false, nil))
		if got := routes(t, ch, x, "k", nil, q); got != "" {
			t.Errorf("went to %q", got)
		}
		bind(t, ch, q, "", x, nil)
		if got := routes(t, ch, x, "k", nil, q); got != "a" {
			t.Errorf("went to %q", got)
		}
	})
	t.Run("X-18 more exchanges than a short list", func(t *testing.T) {
		ch := channel(t)
		x, q := exchange(t, "fanout"), queue(t, ch, "q")
		for range 40 {
			y := exchange(t, "fanout")
			must(t, ch.ExchangeBind(y, "", x, false, nil))
			must(t, ch.ExchangeBind(x, "", y, false, nil))
			bind(t, ch, q, "", y, nil)
		}
		if got := routes(t, ch, x, "k", nil, q); got != "a" {
			t.Errorf("went to %q", got)
		}
	})
	t.Run("X-18 loop through an alternate", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		y := exchange(t, "direct")
		x := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": y})
		must(t, ch.ExchangeBind(x, "k", y, false, nil))
		if !mandatory(t, ch, x, "k", nil) {
			t.Error("not returned")
		}
	})
	t.Run("X-18 arguments and keys as for queues", func(t *testing.T) {
		ch := channel(t)
		h, x, q := exchange(t, "headers"), exchange(t, "topic"), queue(t, ch, "q")
		must(t, ch.ExchangeBind(x, "", h, false, amqp.Table{"a": "1"}))
		bind(t, ch, q, "k.#", x, nil)
		if got := routes(t, ch, h, "k.1", amqp.Table{"a": "1"}, q); got != "a" {
			t.Errorf("went to %q", got)
		}
		if got := routes(t, ch, h, "k.1", amqp.Table{"a": "2"}, q) + routes(t, ch, h, "l", amqp.Table{"a": "1"}, q); got != "" {
			t.Errorf("went to %q", got)
		}
	})
}

// P-60, X-23: what a binding wants of its ends.
func TestP60_Ends(t *testing.T) {
	c := connect(t)
	q, x, missing := queue(t, channelOn(t, c), "q"), exchange(t, "direct"), name(t, "missing")
	noExchange := fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", missing)
	for _, row := range []struct {
		what string
		do   func(*amqp.Channel) error
		code int // 0: it is fine
		text string
	}{
		{"P-60 no queue", bindQueue(missing, "k", x), 404, notFound(missing)},
		{"P-60 no exchange", bindQueue(q, "k", missing), 404, noExchange},
		{"P-60 neither: the source is named", bindQueue(missing+"2", "k", missing), 404, noExchange},
		{"P-60 no destination exchange", func(ch *amqp.Channel) error { return ch.ExchangeBind(missing, "k", x, false, nil) }, 404, noExchange},
		{"P-60 unbind what is not bound", func(ch *amqp.Channel) error { return ch.QueueUnbind(q, "k", x, nil) }, 0, ""},
		{"P-60 unbind no queue", func(ch *amqp.Channel) error { return ch.QueueUnbind(missing, "k", x, nil) }, 0, ""},
		{"P-60 unbind from no exchange", func(ch *amqp.Channel) error { return ch.QueueUnbind(q, "k", missing, nil) }, 0, ""},
		{"P-60 unbind no destination exchange", func(ch *amqp.Channel) error { return ch.ExchangeUnbind(missing, "k", x, false, nil) }, 0, ""},
		{"X-23 reply queue", bindQueue("amq.rabbitmq.reply-to", "k", x), 403,
			"ACCESS_REFUSED - operation not permitted on queue 'amq.rabbitmq.reply-to' in vhost '/'"},
		{"X-23 reply queue of a client", bindQueue("amq.rabbitmq.reply-to.g1", "k", x), 403,
			"ACCESS_REFUSED - operation not permitted on queue 'amq.rabbitmq.reply-to.g1' in vhost '/'"},
	} {
		t.Run(row.what, func(t *testing.T) {
			err := row.do(channelOn(t, c))
			if row.code == 0 {
				must(t, err)
				return
			}
			refused(t, err, row.code, row.text)
		})
	}
	alive(t, c)
}

func bindQueue(q, key, x string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error { return ch.QueueBind(q, key, x, false, nil) }
}

//
func TestX16_X19_Bindings(t *testing.T) {
	t.Run("X-16 a deletion takes the bindings of both sides", func(t *testing.T) {
		ch := channel(t)
		x, y, z := exchange(t, "fanout"), name(t, "y"), exchange(t, "fanout")
		must(t, ch.ExchangeDeclare(y, "fanout", false, false, false, false, nil))
		q := queue(t, ch, "q")
		must(t, ch.ExchangeBind(y, "", x, false, nil))
		must(t, ch.ExchangeBind(z, "", y, false, nil))
		bind(t, ch, q, "", z, nil)
		must(t, ch.ExchangeDelete(y, false, false))
		must(t, ch.ExchangeDeclare(y, "fanout", false, false, false, false, nil))
		defer func() { _ = ch.ExchangeDelete(y, false, false) }()
		if got := routes(t, ch, x, "", nil, q) + routes(t, ch, y, "", nil, q); got != "" {
			t.Errorf("%q through bindings that are gone", got)
		}
		must(t, ch.ExchangeDelete(x, true, false)) // nothing is bound from it any more
	})
	for _, kind := range []string{"direct", "topic", "fanout", "headers"} {
		t.Run("X-19 arguments tell two bindings apart on a "+kind+" exchange", func(t *testing.T) {
			ch := channel(t)
			x, q := exchange(t, kind), queue(t, ch, "q")
			other := amqp.Table{"x-other": int32(1)}
			bind(t, ch, q, "k", x, nil)
			bind(t, ch, q, "k", x, nil)
			bind(t, ch, q, "k", x, other)
			for i, want := range []string{"a", "a", ""} { // one copy of two; of one; none
				if got := routes(t, ch, x, "k", nil, q); got != want {
					t.Errorf("step %d: %q", i, got)
				}
				must(t, ch.QueueUnbind(q, "k", x, []amqp.Table{nil, other, nil}[i]))
			}
		})
	}
}
