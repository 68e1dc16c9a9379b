package vhost

import (
	"testing"
	"time"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/policy"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// define puts node definitions in force, as the node does, and says nothing to the vhost.
func (s *scene) define(events ...*eventv1.NodeDefinition) {
	d := s.access.Now().Clone()
	d.Apply(&eventv1.NodeBatch{Definitions: events})
	s.access.Publish(d)
}

func limited(name, definition string) *eventv1.NodeDefinition {
	return auth.PolicyEvent("/", policy.Spec{Name: name, Definition: definition, ApplyTo: policy.All})
}

// within polls.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// Contract Q-27: policies reach the queues and exchanges there are, and those that are declared later, but for a queue that holds back
// messages for an exchange. What the vhost did not hear, because it crashed, it applies when it is back.
func TestPoliciesReachEverybody(t *testing.T) {
	s := newScene(t)
	old := s.declare(DeclareQueue{Name: "old"})
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: exchange.Delayed, Arguments: protocol.Table{"x-delayed-type": "direct"}}); a.Err != nil {
		t.Fatal(a.Err)
	}
	version := s.dir.RoutingVersion()
	s.Send(old.PID(), &queue.Enqueue{
		Link: ready.Link{Session: 1, Exchange: 1}, Incarnation: old.Incarnation(), Messages: []protocol.Message{{Seq: 1}, {Seq: 2}, {Seq: 3}},
	})
	hear[*queue.Accepted](s)
	s.define(limited("p", `{"max-length": 2, "alternate-exchange": "amq.fanout"}`))
	s.tell(&PoliciesChanged{})
	within(t, "the queue does not live by its policy", func() bool { return old.Ready.Load() == 2 })
	if x := s.dir.Exchange("x"); x.AlternateInForce() != "amq.fanout" || s.dir.RoutingVersion() == version {
		t.Errorf("the exchange's alternate is '%s', of version %d before %d", x.AlternateInForce(), s.dir.RoutingVersion(), version)
	}
	if q := s.declare(DeclareQueue{Name: "new"}); q.InForce().MaxLength.Value != 2 || q.Governed().Policy != "p" {
		t.Errorf("a queue that is declared: %+v", q.Governed())
	}
	if hold := s.dir.Queue(queue.Name(queue.HoldFor("x"))); hold.Governed() != nil {
		t.Errorf("a policy applies to a queue that nobody has declared: %+v", hold.Governed())
	}

	s.define(limited("p", `{"max-length": 1}`))
	if err := s.Crash(definitionsPath, true); err != nil {
		t.Fatal(err)
	}
	within(t, "the queue does not live by what its vhost did not hear", func() bool { return old.Ready.Load() == 1 })
	if x := s.dir.Exchange("x"); x.AlternateInForce() != "" {
		t.Errorf("the exchange's alternate is '%s'", x.AlternateInForce())
	}
}

// Contract Q-07: a queue that names no type gets its vhost's, among its arguments; one that names it, or none, is the same queue.
func TestDefaultQueueType(t *testing.T) {
	s := newScene(t)
	before := s.declare(DeclareQueue{Name: "before"})
	s.define(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostPut{VhostPut: &eventv1.VHostPut{Name: "/", DefaultQueueType: "classic"}}})
	arguments := protocol.Table{"x-max-length": int32(1)}
	q := s.declare(DeclareQueue{Name: "q", Arguments: arguments})
	if q.Arguments["x-queue-type"] != "classic" || len(q.Arguments) != 2 || len(arguments) != 1 {
		t.Errorf("declared with %v, it has %v", arguments, q.Arguments)
	}
	if s.declare(DeclareQueue{Name: "q", Arguments: arguments}) != q {
		t.Error("declared again, it is another queue")
	}
	if s.declare(DeclareQueue{Name: "before"}) != before || len(before.Arguments) > 0 {
		t.Errorf("a queue from before has %v", before.Arguments)
	}
	s.define(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostPut{VhostPut: &eventv1.VHostPut{Name: "/"}}})
	if s.declare(DeclareQueue{Name: "q", Arguments: arguments}) != q {
		t.Error("declared again without a default type, it is another queue")
	}
}
