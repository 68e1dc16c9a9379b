package exchange

import (
	"testing"

	"warren/protocol"
)

// Contract: a policy's alternate exchange counts where the arguments name none, for as long as the policy is there. The default
// exchange has none.
func TestPolicyAlternate(t *testing.T) {
	w := newTown(t)
	w.bind("A -k-> q", "Y -other-> y", "Z -other-> z")
	a, other := w.exchanges["A"], &protocol.Message{RoutingKey: "other"}
	expect := func(when, want string) {
		t.Helper()
		if got := w.route("A", other); got != want {
			t.Errorf("%s: it reaches %q, want %q", when, got, want)
		}
	}
	expect("no policy", "")
	a.Govern("p", "", protocol.Table{"alternate-exchange": "Z"})
	expect("a policy", "z")
	if got := w.route("A", &protocol.Message{RoutingKey: "k"}); got != "q" {
		t.Errorf("what A routes itself reaches %q", got)
	}
	a.Govern("p", "", protocol.Table{"alternate-exchange": "Y"})
	expect("another policy of the name", "y")
	if a.Govern("p", "", protocol.Table{"alternate-exchange": "Y"}) {
		t.Error("the same again is a change")
	}
	a.Govern("", "", nil)
	expect("the policy is gone", "")
	a.Arguments, a.Alternate = protocol.Table{"alternate-exchange": "Z"}, "Z"
	a.Govern("p", "", protocol.Table{"alternate-exchange": "Y"})
	expect("an argument", "z")
	w.exchanges[""].Govern("p", "", protocol.Table{"alternate-exchange": "Z"})
	if got := w.route("", other); got != "" {
		t.Errorf("from the default exchange it reaches %q", got)
	}
}
