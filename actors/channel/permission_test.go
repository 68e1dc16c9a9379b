package channel

import (
	"fmt"
	"testing"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/vhost"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// checker is a channel of user u in vhost v, as far as permissions go.
func checker(configure, write, read string, more ...*eventv1.NodeDefinition) *Channel {
	c := &Channel{Options: Options{Client: &Client{User: "u", VHost: vhost.NewDirectory("v", "v", nil), Access: auth.NewAccess(nil)}}}
	allow(c, configure, write, read, more...)
	return c
}

func allow(c *Channel, configure, write, read string, more ...*eventv1.NodeDefinition) {
	d := c.Access.Now().Clone()
	d.Apply(&eventv1.NodeBatch{Definitions: append(more, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsSet{
		PermissionsSet: &eventv1.PermissionsSet{User: "u", Vhost: "v", Configure: configure, Write: write, Read: read},
	}})})
	c.Access.Publish(d)
}

// P-27: what was found to be allowed is asked for again when something changes, however much was remembered, and one kind is not
// another's.
func TestWhatWasAllowedIsNotForEver(t *testing.T) {
	c := checker("", "^q", "^q")
	for i := range 3 * cached {
		name := fmt.Sprintf("q%d", i)
		if c.may(auth.Write, "queue", name) != nil || c.may(auth.Read, "queue", name) != nil || c.may(auth.Configure, "queue", name) == nil {
			t.Fatalf("%s", name)
		}
	}
	if err := c.may(auth.Write, "exchange", "other"); err == nil || err.ReplyText() != "ACCESS_REFUSED - write access to exchange 'other' in vhost 'v' refused for user 'u'" {
		t.Errorf("%v", err)
	}
	allow(c, "", "", "^q")
	newest := fmt.Sprintf("q%d", 3*cached-1)
	if c.may(auth.Write, "queue", newest) == nil || c.may(auth.Read, "queue", newest) != nil {
		t.Error("the cache outlived what it came from")
	}
	c.Access.Publish(auth.NewDefinitions())
	if c.may(auth.Read, "queue", newest) == nil {
		t.Error("a user without permissions may read")
	}
}

// P-31: topic permissions of one exchange are not another's.
func TestTopicsOfTwoExchanges(t *testing.T) {
	c := checker(".*", ".*", ".*", &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_TopicPermissionsSet{
		TopicPermissionsSet: &eventv1.TopicPermissionsSet{User: "u", Vhost: "v", Exchange: "a", Write: "^k$", Read: "^r$"},
	}})
	a, b := &exchange.Slot{Name: "a", Type: exchange.Topic}, &exchange.Slot{Name: "b", Type: exchange.Topic}
	for range 3 {
		for _, e := range []struct {
			kind auth.Kind
			x    *exchange.Slot
			key  string
			may  bool
		}{{auth.Write, a, "k", true}, {auth.Read, a, "k", false}, {auth.Write, b, "r", true}, {auth.Write, a, "r", false}, {auth.Read, a, "r", true}, {auth.Write, a, "", false}} {
			if err := c.mayUseKey(e.kind, e.x, e.key); (err == nil) != e.may {
				t.Errorf("%v %s with key %q: %v", e.kind, e.x.Name, e.key, err)
			}
		}
	}
}

// DESIGN, cost rules: a run of messages is checked without an allocation, whatever the pattern is.
func TestAPublishIsCheckedForNothing(t *testing.T) {
	x := &exchange.Slot{Name: "x", Type: exchange.Topic}
	messages := []protocol.Message{{RoutingKey: "k"}, {RoutingKey: "k"}, {RoutingKey: "l"}}
	for what, c := range map[string]*Channel{
		"everything": checker(".*", ".*", ".*"), "a pattern": checker("", "^x", ""),
		"topics": checker("", "^x", "", &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_TopicPermissionsSet{
			TopicPermissionsSet: &eventv1.TopicPermissionsSet{User: "u", Vhost: "v", Exchange: "x", Write: "k|l", Read: ""},
		}}),
	} {
		n := testing.AllocsPerRun(100, func() {
			if c.may(auth.Write, "exchange", "x") != nil || c.mayRoute(x, messages) != nil {
				t.Fatal("refused")
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
