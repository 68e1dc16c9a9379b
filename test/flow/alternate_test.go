package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// exchangeWith declares an exchange with arguments; it is deleted with the test.
func exchangeWith(t testing.TB, kind string, args amqp.Table) string {
	t.Helper()
	n := name(t, kind)
	ch := channel(t)
	must(t, ch.ExchangeDeclare(n, kind, false, false, false, false, args))
	t.Cleanup(func() { _ = ch.ExchangeDelete(n, false, false) })
	return n
}

// mandatory publishes and says whether the message came back. The channel is in confirm mode: its confirm comes behind the return.
func mandatory(t testing.TB, ch *amqp.Channel, x, key string, headers amqp.Table) (returned bool) {
	t.Helper()
	returns := ch.NotifyReturn(make(chan amqp.Return, 64)) // those of earlier calls fill up too
	confirm, err := ch.PublishWithDeferredConfirm(x, key, true, false, amqp.Publishing{Headers: headers, Body: []byte(key)})
	must(t, err)
	if !confirm.Wait() {
		t.Fatal("not confirmed")
	}
	select {
	case r := <-returns:
		if r.ReplyCode != 312 || r.Exchange != x || r.RoutingKey != key || string(r.Body) != key {
			t.Fatalf("returned %+v", r)
		}
		return true
	default:
		return false
	}
}

// an alternate takes what an exchange itself routes nowhere.
func TestX17_AlternateExchange(t *testing.T) {
	t.Run("X-17 chain, and a message that reaches a queue so is not returned", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		last := exchange(t, "fanout")
		middle := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": last})
		first := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": middle})
		a, b, c := queue(t, ch, "a"), queue(t, ch, "b"), queue(t, ch, "c")
		bind(t, ch, a, "1", first, nil)
		bind(t, ch, b, "2", middle, nil)
		bind(t, ch, c, "", last, nil)
		for key, want := range map[string]string{"1": "a", "2": "b", "3": "c"} {
			if mandatory(t, ch, first, key, nil) {
				t.Errorf("%s came back", key)
			}
			got := ""
			for i, q := range []string{a, b, c} {
				for range getAll(t, ch, q) {
					got += string(rune('a' + i))
				}
			}
			if got != want {
				t.Errorf("%s went to %q, not %q", key, got, want)
			}
		}
	})
	t.Run("X-17 cycle of alternates", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		y := name(t, "y")
		x := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": y})
		must(t, ch.ExchangeDeclare(y, "direct", false, false, false, false, amqp.Table{"alternate-exchange": x}))
		defer func() { _ = ch.ExchangeDelete(y, false, false) }()
		if !mandatory(t, ch, x, "nowhere", nil) {
			t.Error("not returned")
		}
		q := queue(t, ch, "q")
		bind(t, ch, q, "k", y, nil)
		if mandatory(t, ch, x, "k", nil) || get(t, ch, q) != "k" {
			t.Error("not through the alternate")
		}
	})
	t.Run("X-17 missing alternate is unroutable, and the log says so", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		missing := name(t, "missing")
		x := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": missing})
		for range 3 {
			if !mandatory(t, ch, x, "nowhere", nil) {
				t.Error("not returned")
			}
		}
		if b := broker.Shared(t); b.Own() {
			broker.Eventually(t, patience, "a warning", func() (bool, any) {
				return strings.Contains(b.Log(), missing), nil
			})
		}
		// It counts from when it is there.
		must(t, ch.ExchangeDeclare(missing, "fanout", false, true, false, false, nil))
		q := queue(t, ch, "q")
		bind(t, ch, q, "", missing, nil)
		if mandatory(t, ch, x, "now", nil) || get(t, ch, q) != "now" {
			t.Error("not through the alternate that came later")
		}
	})
	t.Run("X-17 alternate of one in the middle, only where that routes nowhere", func(t *testing.T) {
		ch := channel(t)
		ae := exchange(t, "fanout")
		y := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": ae})
		x := exchange(t, "fanout")
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		must(t, ch.ExchangeBind(y, "", x, false, nil))
		bind(t, ch, a, "k", y, nil)
		bind(t, ch, b, "", ae, nil)
		if got := routes(t, ch, x, "k", nil, a, b) + routes(t, ch, x, "other", nil, a, b); got != "ab" {
			t.Errorf("went to %q", got)
		}
	})
	t.Run("X-17 alternate that is no name", func(t *testing.T) {
		modern(t, "another text")
		c := connect(t)
		x := name(t, "x")
		err := channelOn(t, c).ExchangeDeclare(x, "direct", false, false, false, false, amqp.Table{"alternate-exchange": int32(1)})
		refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange '%s' in vhost '/'", x))
		alive(t, c)
	})
}

// an internal exchange takes nothing from clients, and everything from other exchanges.
func TestX15_Internal(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	x := name(t, "internal")
	must(t, ch.ExchangeDeclare(x, "fanout", false, false, true, false, nil))
	defer func() { _ = channelOn(t, c).ExchangeDelete(x, false, false) }()
	q := queue(t, ch, "q")
	bind(t, ch, q, "", x, nil)
	t.Run("X-15 publish", func(t *testing.T) {
		other := channelOn(t, c)
		e := closes(t, other, func() { publish(t, other, x, "k", "x") })
		if e.Code != 403 || e.Reason != fmt.Sprintf("ACCESS_REFUSED - cannot publish to internal exchange '%s' in vhost '/'", x) {
			t.Fatalf("got %d %s", e.Code, e.Reason)
		}
	})
	t.Run("X-15 by another exchange", func(t *testing.T) {
		y := exchange(t, "direct")
		must(t, ch.ExchangeBind(x, "k", y, false, nil))
		if got := routes(t, ch, y, "k", nil, q); got != "a" {
			t.Errorf("went to %q", got)
		}
	})
	t.Run("X-15 as an alternate", func(t *testing.T) {
		y := exchangeWith(t, "direct", amqp.Table{"alternate-exchange": x})
		if got := routes(t, ch, y, "k", nil, q); got != "a" {
			t.Errorf("went to %q", got)
		}
	})
	alive(t, c)
}
