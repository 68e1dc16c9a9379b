package policy

import (
	"reflect"
	"testing"

	"warren/protocol"
)

func set(t *testing.T, specs ...Spec) *Set {
	t.Helper()
	var s *Set
	for _, spec := range specs {
		if spec.ApplyTo == "" {
			spec.ApplyTo = All
		}
		p, err := Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		s = s.With(p)
	}
	return s
}

// Contract O-15, rabbit_policy:match: the highest priority of those whose pattern is found in the name; one policy and one operator
// policy. apply-to is by kind, and a policy that speaks of what a type of queue does not have is not for queues of that type.
func TestWhichApplies(t *testing.T) {
	type specs = []Spec
	limit := `{"max-length": 1}`
	for _, c := range []struct {
		what             string
		specs            specs
		kind             Kind
		name             string
		policy, operator string
	}{
		{"none", nil, ClassicQueue, "q", "", ""},
		{"a part of the name", specs{{Name: "a", Pattern: "b", Definition: limit}}, ClassicQueue, "abc", "a", ""},
		{"not the name", specs{{Name: "a", Pattern: "^b", Definition: limit}}, ClassicQueue, "abc", "", ""},
		{"an empty pattern is for all", specs{{Name: "a", Definition: limit}}, ClassicQueue, "q", "a", ""},
		{"the highest priority", specs{{Name: "a", Definition: limit}, {Name: "b", Definition: limit, Priority: 7}, {Name: "c", Definition: limit, Priority: -1}}, ClassicQueue, "q", "b", ""},
		{"of those that match", specs{{Name: "a", Definition: limit}, {Name: "b", Pattern: "x", Definition: limit, Priority: 7}}, ClassicQueue, "q", "a", ""},
		{"both kinds", specs{{Name: "a", Definition: limit}, {Name: "a", Operator: true, Definition: limit}}, ClassicQueue, "q", "a", "a"},
		{"queues, of a queue", specs{{Name: "a", ApplyTo: "queues", Definition: limit}}, ClassicQueue, "q", "a", ""},
		{"queues, of an exchange", specs{{Name: "a", ApplyTo: "queues", Definition: limit}}, Exchange, "q", "", ""},
		{"exchanges, of a queue", specs{{Name: "a", ApplyTo: "exchanges", Definition: limit}}, ClassicQueue, "q", "", ""},
		{"exchanges, of an exchange", specs{{Name: "a", ApplyTo: "exchanges", Definition: limit}}, Exchange, "q", "a", ""},
		{"all, of an exchange", specs{{Name: "a", Definition: `{"delivery-limit": 1}`}}, Exchange, "q", "a", ""},
		{"classic queues", specs{{Name: "a", ApplyTo: "classic_queues", Definition: limit}}, ClassicQueue, "q", "a", ""},
		{"quorum queues", specs{{Name: "a", ApplyTo: "quorum_queues", Definition: limit}}, ClassicQueue, "q", "", ""},
		{"a key of quorum queues", specs{{Name: "a", Definition: `{"max-length": 1, "delivery-limit": 1}`}}, ClassicQueue, "q", "", ""},
		{"gives way to the next", specs{{Name: "a", Priority: 1, Definition: `{"delivery-limit": 1}`}, {Name: "b", Definition: limit}}, ClassicQueue, "q", "b", ""},
		{"a key of streams", specs{{Name: "a", Definition: `{"max-age": "1D"}`}}, ClassicQueue, "q", "", ""},
		{"a stream", specs{{Name: "a", Definition: `{"max-age": "1D"}`}}, Stream, "q", "a", ""},
	} {
		got := set(t, c.specs...).Of(c.kind, c.name)
		if got.Policy != c.policy || got.Operator != c.operator {
			t.Errorf("%s: policy %q, operator policy %q", c.what, got.Policy, got.Operator)
		}
	}
}

// rabbit_policy:merge_operator_definitions: of numbers the lower one, otherwise what the operator says.
func TestMerge(t *testing.T) {
	got := set(t,
		Spec{Name: "p", Definition: `{"max-length": 10, "message-ttl": 5, "overflow": "reject-publish", "dead-letter-exchange": "x"}`},
		Spec{Name: "o", Operator: true, Definition: `{"max-length": 20, "message-ttl": 3, "expires": 7, "overflow": "drop-head"}`},
	).Of(ClassicQueue, "q")
	want := Effective{"p", "o", protocol.Table{
		"max-length": int64(10), "message-ttl": int64(3), "expires": int64(7), "overflow": "drop-head", "dead-letter-exchange": "x",
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A set that somebody reads does not change.
func TestSetsAreImmutable(t *testing.T) {
	one := set(t, Spec{Name: "a", Definition: `{"max-length": 1}`}, Spec{Name: "b", Definition: `{"max-length": 2}`})
	p, err := Compile(Spec{Name: "a", Definition: `{"max-length": 3}`, ApplyTo: All, Priority: -1})
	if err != nil {
		t.Fatal(err)
	}
	two := one.With(p)
	three := two.Without("b", false)
	for want, s := range map[string]*Set{"a 1": one, "b 2": two, "a 3": three} {
		e := s.Of(ClassicQueue, "q")
		if got := e.Policy + " " + term(e.Definition["max-length"]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := len(three.All(false)); n != 1 {
		t.Errorf("%d policies are left", n)
	}
	if three.Find("b", false) != nil || three.Find("a", false) != p {
		t.Error("Find")
	}
}
