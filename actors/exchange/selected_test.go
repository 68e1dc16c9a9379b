package exchange

import (
	"slices"
	"testing"

	"warren/actors/queue"
	"warren/protocol"
)

// selecting makes a message with further routing keys.
func selecting(key string, headers protocol.Table) *protocol.Message {
	m := withHeaders(headers)
	m.RoutingKey = key
	raw := protocol.AppendTable(nil, headers)
	flags, err := protocol.SelectedKeys(raw)
	if err != nil {
		panic(err)
	}
	m.Flags |= flags
	return m
}

func TestSelectedKeysRoute(t *testing.T) {
	// Contract P-36: every key leads on as the message's own does, through other exchanges and alternates too, and a queue
	// gets one copy. A router that has seen the key alone must not answer for it, nor remember what it did with more.
	for _, c := range []struct {
		what      string
		bind      []string
		alternate Name
		kind      string
		cc, bcc   []any
		want      string
	}{
		{what: "by key", bind: []string{"A -k-> q", "A -l-> r", "A -m-> s"}, cc: []any{"l"}, bcc: []any{"m"}, want: "q r s"},
		{what: "one queue by several", bind: []string{"A -k-> q", "A -l-> q"}, cc: []any{"l", "k"}, want: "q"},
		{what: "not by its own", bind: []string{"A -l-> r"}, cc: []any{"l"}, want: "r"},
		{what: "through an exchange", bind: []string{"A -l-> B", "B -m-> r", "B -n-> s"}, cc: []any{"l", "m"}, want: "r"},
		{what: "patterns", kind: Topic, bind: []string{"A -a.*-> q", "A -#.b-> r", "A -c-> s"}, cc: []any{"a.x", "x.b"}, want: "q r"},
		{what: "all the same", kind: Fanout, bind: []string{"A --> q", "A --> r"}, cc: []any{"l"}, want: "q r"},
		{what: "the alternate", alternate: "B", bind: []string{"A -x-> q", "B -l-> r"}, cc: []any{"l"}, want: "r"},
		{what: "no alternate when one key leads on", alternate: "B", bind: []string{"A -l-> q", "B -k-> r"}, cc: []any{"l"}, want: "q"},
		{what: "one of many", kind: ModulusHash, bind: []string{"A --> q", "A --> r", "A --> s"}, cc: []any{"l", "m", "n", "o"}, want: "1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newTown(t)
			if c.kind == "" {
				c.kind = Direct
			}
			a := w.exchange("A", c.kind)
			w.exchange("B", Direct)
			w.bind(c.bind...)
			a.Alternate = c.alternate
			headers := protocol.Table{}
			if c.cc != nil {
				headers["CC"] = c.cc
			}
			if c.bcc != nil {
				headers["BCC"] = c.bcc
			}
			r := newRouter(a, w)
			alone := r.route(&protocol.Message{RoutingKey: "k"})
			for range 2 {
				got := reached(r.route(selecting("k", headers)))
				if c.want == "1" && len(got) == 1 {
					continue
				}
				if got != c.want {
					t.Errorf("reached %q, want %q", got, c.want)
				}
				if r.route(&protocol.Message{RoutingKey: "k"}) != alone {
					t.Error("remembered for messages without")
				}
			}
		})
	}
}

func TestSelectedKeysOnTheDefaultExchange(t *testing.T) {
	// Contract X-02: they are names of queues there.
	w := newTown(t)
	w.queue("q")
	w.queue("r")
	r := newRouter(w.exchanges[""], w)
	if got := reached(r.route(selecting("q", protocol.Table{"CC": []any{"r", "none"}}))); got != "q r" {
		t.Errorf("reached %q", got)
	}
}

func TestHiddenKeysGoWithTheirMessage(t *testing.T) {
	// Contract P-36, Q-11: queues have messages with BCC, at first and when they are sent again: a dead letter goes by those keys.
	b := newBooth(t, Direct, "A -k-> q", "A -l-> r")
	hidden := *selecting("k", protocol.Table{"BCC": []any{"l"}, "x": "y"})
	plain := protocol.Message{RoutingKey: "k"}
	in := []protocol.Message{plain, hidden, plain}
	for i := range in {
		in[i].Seq = uint64(i + 1)
	}
	sent := b.tell(&Publish{Session: 1, Incarnation: 1, Messages: in})
	if q, r := enqueued(sent, b.queues["q"]), enqueued(sent, b.queues["r"]); !slices.Equal(q, []uint64{1, 2, 3}) || !slices.Equal(r, []uint64{2}) {
		t.Fatalf("q gets %v, r gets %v", q, r)
	}
	routes := only[*Routed](sent)[0].Routes
	again := b.tell(&Republish{Session: 1, Incarnation: 1, Runs: []Run{{routes[1].Route, in[1:2]}}})
	seen := 0
	for _, e := range append(only[*queue.Enqueue](sent), only[*queue.Enqueue](again)...) {
		for i := range e.Messages {
			if e.Messages[i].Seq == 2 {
				seen++
				headers, err := headersOf(&e.Messages[i])
				if _, there := protocol.LookupField(headers, "BCC"); err != nil || !there || !e.Messages[i].Flags.Has(protocol.FlagBCC) {
					t.Error("a queue does not know of BCC")
				}
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d copies", seen)
	}
}

func TestHiddenHeadersDoNotRoute(t *testing.T) {
	// Contract P-36, X-06: BCC is taken out before a headers exchange looks.
	q := &queue.Slot{ID: 1}
	table := newHeadersTable().With(Binding{To: Destination{Queue: q}, Arguments: protocol.Table{"BCC": nil}})
	if got := routed(t, table, selecting("k", protocol.Table{"BCC": []any{"l"}})); len(got) != 0 {
		t.Error("routed by what is hidden")
	}
}
