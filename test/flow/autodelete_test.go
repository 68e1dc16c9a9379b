package flow

import "testing"

// an auto-delete exchange goes with the last binding from it, and takes along the one that led only to it.
func TestX14_AutoDeleteExchange(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q, x, source := queue(t, ch, "q"), name(t, "x"), name(t, "source")
	gone := func(x string) bool {
		return channelOn(t, c).ExchangeDeclarePassive(x, "fanout", false, true, false, false, nil) != nil
	}
	for _, n := range []string{x, source} {
		must(t, ch.ExchangeDeclare(n, "fanout", false, true, false, false, nil))
	}
	if gone(x) || gone(source) {
		t.Fatal("gone before there was a binding")
	}
	bind(t, ch, q, "1", x, nil)
	bind(t, ch, q, "2", x, nil)
	must(t, ch.ExchangeBind(x, "", source, false, nil))
	must(t, ch.QueueUnbind(q, "1", x, nil))
	if gone(x) || gone(source) {
		t.Fatal("gone with a binding left")
	}
	must(t, ch.QueueUnbind(q, "2", x, nil))
	if !gone(x) || !gone(source) {
		t.Fatalf("there without bindings: x %v, source %v", !gone(x), !gone(source))
	}
}
