package flow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// owned is the shared broker, where warrenctl reaches it.
func owned(t testing.TB) *broker.Broker {
	t.Helper()
	b := broker.Shared(t)
	if !b.Own() {
		t.Skip("it needs warrenctl")
	}
	return b
}

// policyFor sets a policy for one entity, called as the entity is; it is cleared with the test.
func policyFor(t testing.TB, b *broker.Broker, entity, definition string, options ...string) {
	t.Helper()
	setPolicy(t, b, "policy", entity, definition, options...)
}

func operatorPolicyFor(t testing.TB, b *broker.Broker, entity, definition string) {
	t.Helper()
	setPolicy(t, b, "operator_policy", entity, definition)
}

func setPolicy(t testing.TB, b *broker.Broker, kind, entity, definition string, options ...string) {
	t.Helper()
	b.Ctl(t, append([]string{"set_" + kind, entity, "^" + regexp.QuoteMeta(entity) + "$", definition}, options...)...)
	t.Cleanup(func() { _, _ = b.TryCtl(t, "clear_"+kind, entity) })
}

// policies hold at once for the queues and exchanges there are.
func TestQ27_Policies(t *testing.T) {
	b := owned(t)
	t.Run("Q-27 a bound holds for what waits", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, nil)
		fill(t, ch, q, 5)
		policyFor(t, b, q, `{"max-length": 3}`)
		becomes(t, ch, q, 3)
		fill(t, ch, q, 4)
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("left are %v", got)
		}
		b.Ctl(t, "clear_policy", q)
		governedBy(t, b, q, "", "", nil)
		fill(t, ch, q, 5)
		ready(t, ch, q, 5)
	})
	t.Run("Q-27 overflow, and back", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length": int32(1)})
		policyFor(t, b, q, `{"overflow": "reject-publish"}`)
		governedBy(t, b, q, q, "", map[string]any{"overflow": "reject-publish"})
		confirms := confirming(t, ch, 4)
		outcome := func() (got []bool) {
			fill(t, ch, q, 2)
			for range 2 {
				got = append(got, next(t, confirms, "confirm").Ack)
			}
			return got
		}
		if got := outcome(); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("with the policy: %v", got)
		}
		b.Ctl(t, "clear_policy", q)
		governedBy(t, b, q, "", "", nil)
		if got := outcome(); !slices.Equal(got, []bool{true, true}) {
			t.Errorf("without: %v", got)
		}
	})
	t.Run("Q-08 a time to live by policy holds for what waits", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, nil)
		fill(t, ch, q, 3)
		policyFor(t, b, q, `{"message-ttl": 50}`)
		becomes(t, ch, q, 0)
		fill(t, ch, q, 1)
		becomes(t, ch, q, 0)
	})
	t.Run("Q-08 a time to live by policy holds for what is on disk alone", func(t *testing.T) {
		ch := channel(t)
		q := name(t, "q")
		_, err := ch.QueueDeclare(q, true, false, false, false, nil)
		must(t, err)
		t.Cleanup(func() { _, _ = channel(t).QueueDelete(q, false, false, false) })
		body := []byte(strings.Repeat("b", 64<<10))
		for range 300 {
			must(t, ch.Publish("", q, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}))
		}
		becomes(t, ch, q, 300)
		policyFor(t, b, q, `{"message-ttl": 1}`)
		becomes(t, ch, q, 0)
	})
	t.Run("Q-15 the lower bound of argument, policy and operator policy", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length": int32(6)})
		fill(t, ch, q, 9)
		ready(t, ch, q, 6)
		policyFor(t, b, q, `{"max-length": 8, "message-ttl": 3600000}`)
		operatorPolicyFor(t, b, q, `{"max-length": 4, "expires": 3600000}`)
		governedBy(t, b, q, q, q, map[string]any{"max-length": 4.0, "message-ttl": 3600000.0, "expires": 3600000.0})
		becomes(t, ch, q, 4)
		b.Ctl(t, "clear_operator_policy", q)
		governedBy(t, b, q, q, "", map[string]any{"max-length": 8.0, "message-ttl": 3600000.0})
		fill(t, ch, q, 9)
		ready(t, ch, q, 6)
	})
	t.Run("Q-27 a dead letter exchange and key for what dies from then on", func(t *testing.T) {
		ch := channel(t)
		x, letters := exchange(t, "direct"), queue(t, ch, "letters")
		bind(t, ch, letters, "died", x, nil)
		q := declareWith(t, ch, nil)
		reject := func(body string) {
			publish(t, ch, "", q, body)
			d, _, err := ch.Get(q, false)
			must(t, err)
			must(t, d.Reject(false))
		}
		reject("before")
		policyFor(t, b, q, fmt.Sprintf(`{"dead-letter-exchange": %q, "dead-letter-routing-key": "died"}`, x))
		governedBy(t, b, q, q, "", map[string]any{"dead-letter-exchange": x, "dead-letter-routing-key": "died"})
		reject("meanwhile")
		becomes(t, ch, letters, 1)
		b.Ctl(t, "clear_policy", q)
		governedBy(t, b, q, "", "", nil)
		reject("afterwards")
		ready(t, ch, q, 0)
		if got := getAll(t, ch, letters); !slices.Equal(got, []string{"meanwhile"}) {
			t.Errorf("dead letters are %v", got)
		}
	})
	t.Run("Q-27 what a bound drops goes to the dead letter exchange of the same policy", func(t *testing.T) {
		ch := channel(t)
		letters := queue(t, ch, "letters")
		q := declareWith(t, ch, nil)
		fill(t, ch, q, 5)
		policyFor(t, b, q, fmt.Sprintf(`{"dead-letter-exchange": "", "dead-letter-routing-key": %q, "max-length": 2}`, letters))
		becomes(t, ch, letters, 3)
		if got := getAll(t, ch, letters); !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Errorf("dead letters are %v", got)
		}
	})
	t.Run("Q-27 expires", func(t *testing.T) {
		q := openQueue(t, "q")
		policyFor(t, b, q, `{"expires": 1}`)
		broker.Eventually(t, patience, "the queue is gone", func() (bool, any) {
			_, err := channel(t).QueueDeclarePassive(q, false, false, false, false, nil)
			return err != nil && strings.Contains(err.Error(), "NOT_FOUND"), err
		})
	})
	t.Run("Q-27 arguments never change: a declaration is compared with them alone", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		args := amqp.Table{"x-max-length": int32(6)}
		q := declareWith(t, ch, args)
		policyFor(t, b, q, `{"max-length": 2, "message-ttl": 3600000}`)
		governedBy(t, b, q, q, "", map[string]any{"max-length": 2.0, "message-ttl": 3600000.0})
		_, err := ch.QueueDeclare(q, false, false, false, false, args)
		must(t, err)
		e := closes(t, ch, func() { _, _ = ch.QueueDeclare(q, false, false, false, false, amqp.Table{"x-max-length": int32(2)}) })
		if want := "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '" + q + "' in vhost '/': received '2' but current is '6'"; e.Reason != want {
			t.Errorf("%s, want %s", e.Reason, want)
		}
	})
	t.Run("Q-27 the highest priority, of those that are for this type of queue", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, nil)
		for i, definition := range []string{`{"max-length": 1}`, `{"max-length": 2}`, `{"max-length": 3, "delivery-limit": 5}`, `{"max-length": 4}`} {
			to := "queues"
			if i == 3 {
				to = "exchanges"
			}
			p := fmt.Sprintf("%s-%d", q, i)
			b.Ctl(t, "set_policy", p, "^"+q+"$", definition, "--priority", fmt.Sprint(i), "--apply-to", to)
			t.Cleanup(func() { _, _ = b.TryCtl(t, "clear_policy", p) })
		}
		governedBy(t, b, q, q+"-1", "", map[string]any{"max-length": 2.0})
		b.Ctl(t, "clear_policy", q+"-1")
		governedBy(t, b, q, q+"-0", "", map[string]any{"max-length": 1.0})
	})
	t.Run("Q-27 a queue that is declared lives by the policies there are", func(t *testing.T) {
		ch := channel(t)
		q := name(t, "q")
		policyFor(t, b, q, `{"max-length": 2}`)
		_, err := ch.QueueDeclare(q, false, false, true, false, nil)
		must(t, err)
		fill(t, ch, q, 5)
		ready(t, ch, q, 2)
	})
	t.Run("X-17 an alternate exchange by policy, and by argument before it", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		byPolicy, byArgument, q, r := exchange(t, "fanout"), exchange(t, "fanout"), queue(t, ch, "q"), queue(t, ch, "r")
		bind(t, ch, q, "", byPolicy, nil)
		bind(t, ch, r, "", byArgument, nil)
		x, argued := exchange(t, "direct"), exchangeWith(t, "direct", amqp.Table{"alternate-exchange": byArgument})
		if !mandatory(t, ch, x, "k", nil) {
			t.Error("it goes somewhere without a policy")
		}
		for _, of := range []string{x, argued} {
			policyFor(t, b, of, fmt.Sprintf(`{"alternate-exchange": %q}`, byPolicy), "--apply-to", "exchanges")
		}
		broker.Eventually(t, patience, "both exchanges have their policy", func() (bool, any) {
			rows := policiesOf(t, b, "list_exchanges", x, argued)
			return len(rows) == 2 && rows[0].Policy != "" && rows[1].Policy != "", rows
		})
		if mandatory(t, ch, x, "k", nil) || mandatory(t, ch, argued, "k", nil) {
			t.Error("it came back")
		}
		if p, a := len(getAll(t, ch, q)), len(getAll(t, ch, r)); p != 1 || a != 1 {
			t.Errorf("%d messages went by the policy's alternate, %d by the argument's", p, a)
		}
		b.Ctl(t, "clear_policy", x)
		broker.Eventually(t, patience, "it comes back again", func() (bool, any) { return mandatory(t, ch, x, "k", nil), nil })
	})
}

// policyRow is what the lists show of policies.
type policyRow struct {
	Name, Policy                string
	Operator_policy             string
	Effective_policy_definition map[string]any
}

func policiesOf(t testing.TB, b *broker.Broker, list string, of ...string) []policyRow {
	t.Helper()
	rows := broker.Rows[policyRow](t, b, list, "name", "policy", "operator_policy", "effective_policy_definition")
	return slices.DeleteFunc(rows, func(r policyRow) bool { return !slices.Contains(of, r.Name) })
}

// governedBy waits until these policies apply to a queue.
func governedBy(t testing.TB, b *broker.Broker, q, policy, operator string, definition map[string]any) {
	t.Helper()
	broker.Eventually(t, patience, fmt.Sprintf("%s lives by %q, %q and %v", q, policy, operator, definition), func() (bool, any) {
		rows := policiesOf(t, b, "list_queues", q)
		return len(rows) == 1 && rows[0].Policy == policy && rows[0].Operator_policy == operator &&
			fmt.Sprint(rows[0].Effective_policy_definition) == fmt.Sprint(definition), rows
	})
}

// policies and crashes. What is set while the queue's actor, its vhost or the node's actor crashes holds when they are back, also
// for a queue that was given up.
func TestQ27_PoliciesThroughCrashes(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	const queues, vhost = "warren/core/vhosts/%2F/queues/", "warren/core/vhosts/%2F/definitions"
	ch := channelOn(t, connectTo(t, b.URI()))
	_, err := ch.QueueDeclare("q", true, false, false, false, nil)
	must(t, err)
	must(t, ch.Confirm(false))
	confirmed(t, ch, "q", amqp.Persistent, 0, 9)
	bound := 8
	for _, path := range []string{queues + "q", vhost, "warren/core/definitions", ""} {
		what := "Q-27 set around a crash of " + path
		if path == "" {
			what = "Q-27 set while the queue is given up"
		}
		t.Run(what, func(t *testing.T) {
			if path == "" {
				wearOut(t, b, queues+"q")
				b.Ctl(t, "set_policy", "p", "q", fmt.Sprintf(`{"max-length": %d}`, bound))
				b.Ctl(t, "restart_queue", "q")
			} else {
				b.Ctl(t, "set_policy", "p", "q", fmt.Sprintf(`{"max-length": %d}`, bound+1))
				b.Crash(t, path)
				b.Ctl(t, "set_policy", "p", "q", fmt.Sprintf(`{"max-length": %d}`, bound))
				b.Crash(t, path)
			}
			broker.Eventually(t, patience, fmt.Sprintf("%d messages are left", bound), func() (bool, any) {
				q, err := channelOn(t, connectTo(t, b.URI())).QueueDeclarePassive("q", true, false, false, false, nil)
				return err == nil && q.Messages == bound, q.Messages
			})
		})
		bound--
	}
}

// a vhost's default queue type is stored, shown, and among the arguments of queues that name none.
func TestQ07_DefaultQueueType(t *testing.T) {
	b := owned(t)
	v := name(t, "vhost")
	b.Ctl(t, "add_vhost", v, "--default-queue-type", "classic")
	t.Cleanup(func() { _, _ = b.TryCtl(t, "delete_vhost", v) })
	b.Ctl(t, "set_permissions", "-p", v, "guest", ".*", ".*", ".*")
	type row struct {
		Name, Default_queue_type string
		Arguments                map[string]any
	}
	t.Run("Q-07 list_vhosts", func(t *testing.T) {
		rows := broker.Rows[row](t, b, "list_vhosts", "name", "default_queue_type")
		if !slices.ContainsFunc(rows, func(r row) bool { return r.Name == v && r.Default_queue_type == "classic" }) {
			t.Errorf("%v", rows)
		}
	})
	t.Run("Q-07 injected into declarations", func(t *testing.T) {
		ch := channelOn(t, connectTo(t, "amqp://guest:guest@"+b.Addr+"/"+v))
		for _, args := range []amqp.Table{nil, {"x-queue-type": "classic"}, nil} { // which all declare the same queue
			_, err := ch.QueueDeclare("q", true, false, false, false, args)
			must(t, err)
		}
		rows := broker.Rows[row](t, b, "-p", v, "list_queues", "name", "arguments")
		if len(rows) != 1 || fmt.Sprint(rows[0].Arguments) != "map[x-queue-type:classic]" {
			t.Errorf("%v", rows)
		}
	})
	for _, other := range []string{"quorum", "stream"} {
		t.Run("Q-07 "+other+" queues are not there yet", func(t *testing.T) {
			want := "Unsupported default queue type '" + other + "': there are only classic queues yet"
			for _, args := range [][]string{{"add_vhost", v + other}, {"update_vhost_metadata", v}} {
				if _, err := b.TryCtl(t, append(args, "--default-queue-type", other)...); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v: %v", args, err)
				}
			}
		})
	}
}

// O-02: what rabbitmqctl says of policies that cannot be set or cleared, and its exit code.
func TestPolicyRefusals(t *testing.T) {
	b := owned(t)
	for _, c := range []struct {
		what string
		args []string
		want string
	}{
		{"O-02 unknown key", []string{"set_policy", "p", ".*", `{"foo": "bar"}`}, "Validation failed\n\n[{<<\"foo\">>,<<\"bar\">>}] are not recognised policy settings"},
		{"O-02 wrong type", []string{"set_policy", "p", ".*", `{"message-ttl": "1"}`}, "Validation failed\n\n<<\"1\">> is not a valid message TTL"},
		{"O-02 empty", []string{"set_policy", "p", ".*", `{}`}, "Validation failed\n\nno policy provided"},
		{"O-02 no JSON", []string{"set_policy", "p", ".*", `max-length`}, "Could not parse JSON document"},
		{"O-02 pattern", []string{"set_policy", "p", "(?!x)", `{"max-length": 1}`}, "pattern should be regular expression but is invalid: invalid or unsupported Perl syntax"},
		{"O-02 apply-to", []string{"set_policy", "--apply-to", "topics", "p", ".*", `{"max-length": 1}`}, "apply-to 'topics' unrecognised"},
		{"O-02 key that operators do not have", []string{"set_operator_policy", "p", ".*", `{"dead-letter-exchange": "x"}`}, "are not recognised policy settings"},
		{"O-02 set in an unknown vhost", []string{"-p", "nowhere", "set_policy", "p", ".*", `{"max-length": 1}`}, "Virtual host 'nowhere' does not exist"},
		{"O-02 clear an unknown policy", []string{"clear_policy", "nobody"}, "Parameter does not exist"},
		{"O-02 clear an unknown operator policy", []string{"clear_operator_policy", "nobody"}, "Parameter does not exist"},
		{"O-02 list in an unknown vhost", []string{"-p", "nowhere", "list_operator_policies"}, "Virtual host 'nowhere' does not exist"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if _, err := b.TryCtl(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "exit status 65") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
