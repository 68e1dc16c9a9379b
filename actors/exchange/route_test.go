package exchange

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/protocol"
)

// town is a vhost: exchanges, queues, and what leads where.
type town struct {
	t         testing.TB
	queues    map[queue.Name]*queue.Slot
	exchanges map[Name]*Slot
	version   uint64
}

func newTown(t testing.TB) *town {
	w := &town{t: t, queues: map[queue.Name]*queue.Slot{}, exchanges: map[Name]*Slot{}}
	w.exchange("", Direct)
	return w
}

func (w *town) Queue(name queue.Name) *queue.Slot { return w.queues[name] }
func (w *town) Exchange(name Name) *Slot          { return w.exchanges[name] }
func (w *town) RoutingVersion() uint64            { return w.version }

func (w *town) exchange(name Name, kind string) *Slot {
	s := &Slot{ID: uint64(1000 + len(w.exchanges)), VHost: "/", Name: name, Type: kind}
	s.Publish(NewTable(kind, nil))
	w.exchanges[name] = s
	w.version++
	return s
}

var home = &queue.Home{VHost: "/", Address: func(n queue.Name) *actor.PID { return &actor.PID{Id: string(n)} }}

func (w *town) queue(name string) *queue.Slot {
	s := &queue.Slot{Home: home, ID: uint64(len(w.queues) + 1), Name: queue.Name(name)}
	w.queues[s.Name] = s
	w.version++
	return s
}

// bind takes "source -key-> destination"; an exchange's name is in capitals.
func (w *town) bind(lines ...string) { w.change(Table.With, lines) }

func (w *town) unbind(lines ...string) { w.change(Table.Without, lines) }

func (w *town) change(how func(Table, ...Binding) Table, lines []string) {
	for _, line := range lines {
		source, rest, _ := strings.Cut(line, " -")
		key, to, _ := strings.Cut(rest, "-> ")
		b := Binding{Key: key}
		switch {
		case strings.ToUpper(to) == to:
			if b.To.Exchange = w.exchanges[Name(to)]; b.To.Exchange == nil {
				b.To.Exchange = w.exchange(Name(to), Direct)
			}
		default:
			if b.To.Queue = w.queues[queue.Name(to)]; b.To.Queue == nil {
				b.To.Queue = w.queue(to)
			}
		}
		s := w.exchanges[Name(source)]
		if s == nil {
			s = w.exchange(Name(source), Direct)
		}
		s.Publish(how(s.Table(), b))
	}
	w.version++
}

// reached are the names of a route's queues.
func reached(r *Route) string {
	var names []string
	for _, q := range r.Queues {
		names = append(names, string(q.Name))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (w *town) route(from Name, m *protocol.Message) string {
	w.t.Helper()
	r := newRouter(w.exchanges[from], w)
	first := r.route(m)
	if again := r.route(m); again != first {
		w.t.Errorf("%q is another route the second time", m.RoutingKey)
	}
	return reached(first)
}

func TestResolve(t *testing.T) {
	// Contract: every exchange and every queue once, through any graph; an alternate where one routes nowhere.
	cases := []struct {
		name       string
		bind       []string
		alternates map[Name]Name
		want       map[string]string // key -> queues, published to A
	}{
		{name: "nothing bound", bind: []string{"A -x-> q"}, want: map[string]string{"y": ""}},
		{name: "two bindings of one queue", bind: []string{"A -k-> q", "A -k-> r"}, want: map[string]string{"k": "q r"}},
		{name: "a chain", bind: []string{"A -k-> B", "B -k-> C", "C -k-> q"}, want: map[string]string{"k": "q", "x": ""}},
		{name: "a chain with another key", bind: []string{"A -k-> B", "B -x-> q"}, want: map[string]string{"k": ""}},
		{name: "a diamond", bind: []string{"A -k-> B", "A -k-> C", "B -k-> q", "C -k-> q", "C -k-> r"}, want: map[string]string{"k": "q r"}},
		{name: "a loop of three", bind: []string{"A -k-> B", "B -k-> C", "C -k-> A", "C -k-> q", "A -k-> r"}, want: map[string]string{"k": "q r"}},
		{name: "a loop of one", bind: []string{"A -k-> A", "A -k-> q"}, want: map[string]string{"k": "q"}},
		{
			name: "an alternate", bind: []string{"A -k-> q", "B -x-> r"}, alternates: map[Name]Name{"A": "B"},
			want: map[string]string{"k": "q", "x": "r", "y": ""},
		},
		{
			name: "a chain of alternates", bind: []string{"A -k-> q", "B -k-> r", "C -x-> s"}, alternates: map[Name]Name{"A": "B", "B": "C"},
			want: map[string]string{"k": "q", "x": "s"},
		},
		{
			name: "a loop of alternates", bind: []string{"A -k-> q", "B -k-> r"}, alternates: map[Name]Name{"A": "B", "B": "A"},
			want: map[string]string{"k": "q", "x": ""},
		},
		{name: "an alternate that is not there", bind: []string{"A -k-> q"}, alternates: map[Name]Name{"A": "Z"}, want: map[string]string{"x": ""}},
		{
			name: "an alternate only of what routes nowhere itself", bind: []string{"A -k-> B", "C -k-> q"}, alternates: map[Name]Name{"A": "C"},
			want: map[string]string{"k": ""},
		},
		{
			name: "the alternate of one in the middle", bind: []string{"A -k-> B", "C -k-> q"}, alternates: map[Name]Name{"B": "C"},
			want: map[string]string{"k": "q"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			w.bind(c.bind...)
			for of, to := range c.alternates {
				w.exchanges[of].Alternate = to
			}
			for key, want := range c.want {
				if got := w.route("A", &protocol.Message{RoutingKey: key}); got != want {
					t.Errorf("key %q reaches %q, want %q", key, got, want)
				}
			}
		})
	}
}

func TestResolveDefaultExchange(t *testing.T) {
	// Contract X-02: every queue is bound to the default exchange under its name.
	w := newTown(t)
	w.queue("q")
	for key, want := range map[string]string{"q": "q", "r": "", "": ""} {
		if got := w.route("", &protocol.Message{RoutingKey: key}); got != want {
			t.Errorf("key %q reaches %q, want %q", key, got, want)
		}
	}
}

func TestResolveDeadLetters(t *testing.T) {
	// Contract Q-13: a dead letter does not go where it would be in a cycle, and to everybody else; a client's x-death says nothing.
	w := newTown(t)
	w.bind("A -k-> q", "A -k-> r", "A -one-> q", "A -other-> s", "A -other-> q", "Z -one-> r")
	w.exchanges["A"].Alternate = "Z"
	dead := func(key string, reasons ...string) *protocol.Message {
		m := protocol.Message{RoutingKey: key, Properties: []byte{0, 0}}
		for _, reason := range reasons {
			var err error
			if m, err = protocol.DeadLetter(m, protocol.Death{Queue: "q", Reason: reason}); err != nil {
				t.Fatal(err)
			}
		}
		return &m
	}
	selected := func(m *protocol.Message) *protocol.Message {
		p, err := protocol.ParseProperties(m.Properties)
		if err != nil {
			t.Fatal(err)
		}
		p.Headers = protocol.Table{"CC": []any{"other"}}
		again, err := protocol.DeadLetter(protocol.Message{RoutingKey: m.RoutingKey, Properties: p.Append(nil)}, protocol.Death{Queue: "q", Reason: "expired"})
		if err != nil {
			t.Fatal(err)
		}
		return &again
	}
	clients := dead("k", "expired")
	protocol.ClearMarks(clients.Properties)
	for _, c := range []struct {
		what string
		m    *protocol.Message
		want string
	}{
		{"alive", dead("k"), "q r"}, {"expired", dead("k", "expired"), "r"}, {"nowhere else", dead("one", "expired"), ""},
		{"by CC", selected(dead("k", "expired")), "r s"}, {"rejected", dead("k", "rejected"), "q r"}, {"expired since", dead("k", "rejected", "expired"), "r"}, {"a client's", clients, "q r"},
	} {
		if got := w.route("A", c.m); got != c.want {
			t.Errorf("%s: reaches %q, want %q", c.what, got, c.want)
		}
	}
	r := newRouter(w.exchanges["A"], w)
	for _, want := range []string{"q r", "r", "q r"} { // one key, other routes
		m := dead("k")
		if want == "r" {
			m = dead("k", "maxlen")
		}
		if got := reached(r.route(m)); got != want {
			t.Errorf("in a row: %q, want %q", got, want)
		}
	}
}

func TestResolveSkipsTheDead(t *testing.T) {
	// DESIGN 4: a deletion leaves a tombstone; nothing is routed to a queue that is gone.
	w := newTown(t)
	w.bind("A -k-> q", "A -k-> r")
	w.queues["q"].Bury(nil)
	if got := w.route("A", &protocol.Message{RoutingKey: "k"}); got != "r" {
		t.Errorf("reached %q", got)
	}
}

func TestRouterInternsRoutes(t *testing.T) {
	// DESIGN 4: routes are interned, so that a run of messages with one route is told by pointers.
	w := newTown(t)
	w.bind("A -k-> q", "A -k-> r", "A -l-> r", "A -l-> q", "A -m-> q")
	r := newRouter(w.exchanges["A"], w)
	k, l, m := r.route(&protocol.Message{RoutingKey: "k"}), r.route(&protocol.Message{RoutingKey: "l"}), r.route(&protocol.Message{RoutingKey: "m"})
	if k != l || k == m {
		t.Errorf("routes %p %p %p", k, l, m)
	}
}

func TestRouterForgetsWhatChanged(t *testing.T) {
	// DESIGN 4: bind-ok follows publication, so whatever is published after it goes by the new table.
	w := newTown(t)
	w.bind("A -k-> q")
	r := newRouter(w.exchanges["A"], w)
	m := &protocol.Message{RoutingKey: "k"}
	is := func(want string) {
		t.Helper()
		r.refresh()
		if got := reached(r.route(m)); got != want {
			t.Errorf("reached %q, want %q", got, want)
		}
	}
	is("q")
	w.bind("A -k-> B", "B -k-> r")
	is("q r")
	w.unbind("B -k-> r")
	is("q")
	w.unbind("A -k-> q", "A -k-> B")
	is("")
	w.exchanges["A"].Alternate = "B"
	w.bind("B -k-> s")
	is("s")
}

func TestRouterKeepsNoReadBuffer(t *testing.T) {
	// DESIGN 4: a routing key aliases the buffer it was read into. What the router keeps must be its own, or the next read
	// changes where messages go.
	w := newTown(t)
	w.bind("A -k-> q", "A -l-> r")
	r := newRouter(w.exchanges["A"], w)
	buffer := []byte("k")
	m := &protocol.Message{RoutingKey: unsafe.String(&buffer[0], 1)}
	if got := reached(r.route(m)); got != "q" {
		t.Fatal(got)
	}
	buffer[0] = 'l'
	if got := reached(r.route(m)); got != "r" {
		t.Fatalf("after the buffer was read into again: %q", got)
	}
	buffer[0] = 'k'
	if got := reached(r.route(m)); got != "q" {
		t.Fatalf("and again: %q", got)
	}
}

func TestRouterIsBounded(t *testing.T) {
	// Promise 2: a publisher that never repeats a key does not fill the memory with routes.
	w := newTown(t)
	r := newRouter(w.exchanges[""], w)
	for i := range 3 * routesKept {
		r.refresh()
		r.route(&protocol.Message{RoutingKey: fmt.Sprint("key", i)})
		if len(r.keys) > routesKept+1 {
			t.Fatalf("%d keys", len(r.keys))
		}
	}
}

func TestHeadersAreNotCachedByKey(t *testing.T) {
	// Contract X-06: where a headers exchange is on the way, the key does not decide.
	w := newTown(t)
	w.exchange("H", Headers)
	w.bind("A -k-> H")
	q := w.queue("q")
	h := w.exchanges["H"]
	h.Publish(h.Table().With(Binding{To: Destination{Queue: q}, Arguments: protocol.Table{"a": "1"}}))
	r := newRouter(w.exchanges["A"], w)
	for _, c := range []struct{ value, want string }{{"1", "q"}, {"2", ""}, {"1", "q"}} {
		m := withHeaders(protocol.Table{"a": c.value})
		m.RoutingKey = "k"
		if got := reached(r.route(m)); got != c.want {
			t.Errorf("a=%s reaches %q", c.value, got)
		}
	}
}
