package protocol

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func letter(key string, p Properties) Message {
	return Message{RoutingKey: key, Properties: p.Append(nil), Body: []byte("b"), Flags: FlagPersistent | FlagMandatory, Priority: 3}
}

// die lets a message die one death after the other.
func die(t *testing.T, m Message, deaths ...Death) (Message, Properties) {
	t.Helper()
	for _, d := range deaths {
		was := bytes.Clone(m.Properties)
		next, err := DeadLetter(m, d)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(was, m.Properties) {
			t.Fatal("the message that died has changed")
		}
		m = next
	}
	p, err := ParseProperties(m.Properties)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func TestDeadLetterHeaders(t *testing.T) {
	// Contract Q-12: the history newest first, one entry for each queue and reason; a repeated one is counted and moved to the
	// front; the first and the last death by name.
	entry := func(count int64, queue, reason, exchange string, time Timestamp, keys ...any) Table {
		return Table{"count": count, "queue": queue, "reason": reason, "exchange": exchange, "time": time, "routing-keys": keys}
	}
	with := func(t Table, key string, v any) Table { t[key] = v; return t }
	rejected := Death{Queue: "work", Reason: "rejected", Exchange: "in", Time: 100}
	expired := Death{Queue: "retry", Reason: "expired", Exchange: "dlx", Time: 200}
	for _, e := range []struct {
		what        string
		key         string
		in          Properties
		deaths      []Death
		want        []any
		first, last Death
	}{
		{"one death", "k", Properties{}, []Death{rejected}, []any{entry(1, "work", "rejected", "in", 100, "k")}, rejected, rejected},
		{"by the default exchange", "q", Properties{}, []Death{{Queue: "q", Reason: "maxlen", Time: 1}},
			[]any{entry(1, "q", "maxlen", "", 1, "q")}, Death{Queue: "q", Reason: "maxlen"}, Death{Queue: "q", Reason: "maxlen"}},
		{"two queues", "k", Properties{}, []Death{rejected, expired},
			[]any{entry(1, "retry", "expired", "dlx", 200, "k"), entry(1, "work", "rejected", "in", 100, "k")}, rejected, expired},
		{"a second time", "k", Properties{}, []Death{rejected, expired, {Queue: "work", Reason: "rejected", Exchange: "", Time: 300}},
			[]any{entry(2, "work", "rejected", "in", 100, "k"), entry(1, "retry", "expired", "dlx", 200, "k")}, rejected,
			Death{Queue: "work", Reason: "rejected", Exchange: ""}},
		{"one queue, two reasons", "k", Properties{}, []Death{rejected, {Queue: "work", Reason: "expired", Exchange: "in", Time: 101}},
			[]any{entry(1, "work", "expired", "in", 101, "k"), entry(1, "work", "rejected", "in", 100, "k")}, rejected,
			Death{Queue: "work", Reason: "expired", Exchange: "in"}},
		{"with an expiration, the first time", "k", Properties{Expiration: "0100"}, []Death{expired, expired},
			[]any{with(entry(2, "retry", "expired", "dlx", 200, "k"), "original-expiration", "100")}, expired, expired},
		{"an expiration of 0", "k", Properties{Expiration: "0"}, []Death{expired},
			[]any{with(entry(1, "retry", "expired", "dlx", 200, "k"), "original-expiration", "0")}, expired, expired},
		{"keys in CC", "k", Properties{Headers: Table{"CC": []any{"c", "d"}}}, []Death{rejected},
			[]any{entry(1, "work", "rejected", "in", 100, "k", "c", "d")}, rejected, rejected},
		{"rerouted", "k", Properties{Headers: Table{"CC": []any{"c"}}},
			[]Death{{Queue: "work", Reason: "rejected", Exchange: "in", Time: 100, RoutingKey: "dead", Rerouted: true}, expired},
			[]any{entry(1, "retry", "expired", "dlx", 200, "dead"), entry(1, "work", "rejected", "in", 100, "k", "c")}, rejected, expired},
		{"a client's x-death", "k", Properties{Headers: Table{"x-death": []any{entry(7, "work", "rejected", "x", 1, "y")}, "x-first-death-queue": "z"}},
			[]Death{rejected}, []any{entry(1, "work", "rejected", "in", 100, "k")}, rejected, rejected},
		{"a client's x-death of another type", "k", Properties{Headers: Table{"x-death": int32(1)}}, []Death{rejected},
			[]any{entry(1, "work", "rejected", "in", 100, "k")}, rejected, rejected},
	} {
		m, p := die(t, letter(e.key, e.in), e.deaths...)
		if got := p.Headers["x-death"]; !reflect.DeepEqual(got, e.want) {
			t.Errorf("%s: x-death\n%v, want\n%v", e.what, got, e.want)
		}
		for which, d := range map[string]Death{"x-first-death-": e.first, "x-last-death-": e.last} {
			if h := p.Headers; h[which+"queue"] != d.Queue || h[which+"reason"] != d.Reason || h[which+"exchange"] != d.Exchange {
				t.Errorf("%s: %s* of %v, want %+v", e.what, which, h, d)
			}
		}
		if p.Has(PropExpiration) {
			t.Errorf("%s: it has an expiration", e.what)
		}
		if m.Flags&^FlagSelected != FlagPersistent|FlagHeaders|FlagDead || m.Flags.Has(FlagSelected) != (e.what == "keys in CC") || m.Priority != 3 || string(m.Body) != "b" {
			t.Errorf("%s: %+v", e.what, m)
		}
	}
}

func TestDeadLetterKeepsEverythingElse(t *testing.T) {
	// Contract Q-12: what the broker does not write is as it came, in value and type.
	in := Properties{
		ContentType: "a", ContentEncoding: "b", Headers: Table{"n": int16(1), "u": uint8(2), "t": Timestamp(3), "v": nil, "x": []byte{4}, "CC": []any{"k"},
			"d": Decimal{1, 2}, "f": Table{"x-death": []any{"inside"}}}, DeliveryMode: 2, Priority: 9, CorrelationID: "c", ReplyTo: "d", Expiration: "1",
		MessageID: "e", Timestamp: 1700000000, Type: "f", UserID: "g", AppID: "h", ClusterID: "i",
	}
	m, p := die(t, letter("k", in), Death{Queue: "q", Reason: "expired"})
	for key := range p.Headers {
		if _, was := in.Headers[key]; !was {
			delete(p.Headers, key)
		}
	}
	p.Present, in.Expiration = 0, ""
	if !reflect.DeepEqual(p, in) {
		t.Errorf("%+v, want %+v", p, in)
	}
	if m.RoutingKey != "k" {
		t.Errorf("routing key %q", m.RoutingKey)
	}
	if m, _ = die(t, m, Death{Queue: "q", Reason: "expired", Rerouted: true}); m.RoutingKey != "" {
		t.Errorf("routing key %q where an empty one was asked for", m.RoutingKey)
	}
	if _, err := DeadLetter(Message{Properties: []byte{0x80}}, Death{}); err == nil {
		t.Error("no error for broken properties")
	}
}

func TestDeathCycle(t *testing.T) {
	// Contract Q-13, rabbit_dead_letter:detect_cycles: back to a queue where it died, and nobody rejected it since.
	at := func(queue, reason string) Death { return Death{Queue: queue, Reason: reason} }
	for _, e := range []struct {
		what   string
		deaths []Death
		to     string
		want   bool
	}{
		{"never there", []Death{at("a", "expired")}, "b", false},
		{"to itself", []Death{at("a", "expired")}, "a", true},
		{"to itself, for its length", []Death{at("a", "maxlen")}, "a", true},
		{"to itself, rejected", []Death{at("a", "rejected")}, "a", false},
		{"retry", []Death{at("work", "rejected"), at("retry", "expired")}, "work", false},
		{"retry, the other way round", []Death{at("retry", "expired"), at("work", "rejected")}, "retry", false},
		{"automatic, over two", []Death{at("a", "expired"), at("b", "maxlen")}, "a", true},
		{"rejected before the cycle began", []Death{at("x", "rejected"), at("a", "expired"), at("b", "expired")}, "a", true},
		{"rejected and expired there", []Death{at("a", "rejected"), at("a", "expired")}, "a", true},
		{"expired and rejected there", []Death{at("a", "expired"), at("a", "rejected")}, "a", false},
		{"the rejection is the older of two", []Death{at("a", "rejected"), at("b", "expired"), at("a", "expired")}, "b", true},
	} {
		m, _ := die(t, letter("k", Properties{}), e.deaths...)
		if got := slices.Contains(DeathCycle(&m), e.to); got != e.want {
			t.Errorf("%s: %v", e.what, got)
		}
	}
	m, _ := die(t, letter("k", Properties{}), at("a", "expired"))
	ClearMarks(m.Properties) // a client publishes what it got
	if DeathCycle(&m) != nil {
		t.Error("x-death of a client counts")
	}
	if _, p := die(t, m, at("b", "rejected")); len(p.Headers["x-death"].([]any)) != 1 || p.Headers["x-first-death-queue"] != "b" {
		t.Errorf("x-death of a client is taken up: %v", p.Headers)
	}
}

// Any properties that a client can send: what died is written so that it reads, its expiration is gone, its history grows.
func FuzzDeadLetter(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		p := randomProperties(r)
		f.Add(p.Append(nil))
	}
	for _, h := range []Table{{"x-death": []any{Table{}, int32(1)}}, {"x-death": "x", "CC": []any{nil, "c"}}, {"CC": "c"}} {
		p := Properties{Headers: h, Expiration: "x"}
		raw := p.Append(nil)
		f.Add(raw)
		f.Add(append([]byte{raw[0], raw[1] | marks}, raw[2:]...))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before, err := ParseProperties(raw)
		m, deadErr := DeadLetter(Message{RoutingKey: "k", Properties: raw}, Death{Queue: "q", Reason: "expired", Time: 1})
		if (err == nil) != (deadErr == nil) {
			t.Fatalf("parse %v, dead letter %v", err, deadErr)
		}
		if err != nil {
			return
		}
		if !slices.Contains(DeathCycle(&m), "q") {
			t.Fatalf("no cycle back to where it died: %x", m.Properties)
		}
		again, err := DeadLetter(m, Death{Queue: "q", Reason: "expired", Time: 2})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParseProperties(again.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := AsInt(p.Headers["x-death"].([]any)[0].(Table)["count"]); !ok || n < 2 && marked(raw, markDeaths) == false {
			t.Fatalf("x-death %v", p.Headers["x-death"])
		}
		if p.Has(PropExpiration) || p.ContentType != before.ContentType || p.Timestamp != before.Timestamp || p.Has(PropPriority) != before.Has(PropPriority) {
			t.Fatalf("%+v became %+v", before, p)
		}
	})
}
