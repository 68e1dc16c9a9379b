package vhost

import (
	"slices"
	"strings"
	"testing"

	eventv1 "warren/proto/event/v1"
)

// built makes a world of bindings; exchanges are in capitals, those that are named in auto are auto-delete, and queues
// belong to connection 1.
func built(t *testing.T, auto string, bindings ...string) *world {
	w := newWorld(t)
	for _, ends := range bindings {
		for _, name := range strings.Split(ends, ">") {
			if strings.ToUpper(name) != name {
				w.do(w.queue(DeclareQueue{Request: Request{Connection: 1}, Name: name, Exclusive: true}))
			} else if w.Exchanges.Get(name) == nil {
				w.do(w.exchange(DeclareExchange{Name: name, AutoDelete: strings.Contains(auto, name)}))
			}
		}
		w.do(w.bound(ends, 1))
	}
	return w
}

func TestRemoval(t *testing.T) {
	// Contract: what goes takes its bindings on both sides along, and every auto-delete exchange that loses
	// its last binding by it, each once.
	cases := []struct {
		name     string
		auto     string
		bindings []string
		remove   func(*world) decision
		want     string
	}{
		{"a queue", "", []string{"X>q", "Y>q", "X>r"}, queueGoes("q"), "-X>q -Y>q -q"},
		{"an exchange", "", []string{"X>q", "Y>X", "Y>q"}, exchangeGoes("X"), "-X -X>q -Y>X"},
		{"the last binding", "X", []string{"X>q"}, bindingGoes("X>q"), "-X -X>q"},
		{"not the last binding", "X", []string{"X>q", "X>r"}, bindingGoes("X>q"), "-X>q"},
		{"the last queue", "X", []string{"X>q"}, queueGoes("q"), "-X -X>q -q"},
		{"a chain", "XYZ", []string{"X>Y", "Y>Z", "Z>q"}, queueGoes("q"), "-X -X>Y -Y -Y>Z -Z -Z>q -q"},
		{"a chain that is held", "XYZ", []string{"X>Y", "Y>Z", "Z>q", "Y>r"}, queueGoes("q"), "-Y>Z -Z -Z>q -q"},
		{"a chain with one that stays", "XZ", []string{"X>Y", "Y>Z", "Z>q"}, queueGoes("q"), "-Y>Z -Z -Z>q -q"},
		{"a diamond", "XYZ", []string{"X>Y", "X>Z", "Y>q", "Z>q"}, queueGoes("q"), "-X -X>Y -X>Z -Y -Y>q -Z -Z>q -q"},
		{"a loop", "XY", []string{"X>Y", "Y>X", "X>q"}, queueGoes("q"), "-X>q -q"},
		{"a loop, broken", "XY", []string{"X>Y", "Y>X"}, bindingGoes("X>Y"), "-X -X>Y -Y -Y>X"},
		{"itself", "X", []string{"X>X"}, exchangeGoes("X"), "-X -X>X"},
		{"itself, the last", "X", []string{"X>X", "X>q"}, queueGoes("q"), "-X>q -q"},
		{"two queues of one owner", "X", []string{"X>q", "X>r"}, queueGoes("q", "r"), "-X -X>q -X>r -q -r"},
		{"two queues and one that stays", "X", []string{"X>q", "X>r", "X>s"}, queueGoes("q", "r"), "-X>q -X>r -q -r"},
		{"what is not there", "X", []string{"X>q"}, queueGoes("none"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := built(t, c.auto, c.bindings...)
			d := c.remove(w)
			if got := strings.Join(w.do(d), " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for k := range w.Bindings { // nothing hangs
				if w.Exchanges.Get(k.source) == nil || w.Exchanges.Get(k.to.name) == nil && w.Queues.Get(k.to.name) == nil {
					t.Errorf("a binding without an end: %v", k)
				}
			}
		})
	}
}

func queueGoes(names ...string) func(*world) decision {
	return func(w *world) decision { return w.deleteQueues(names...) }
}

func exchangeGoes(name string) func(*world) decision {
	return func(w *world) decision { return w.deleteExchange("/", &DeleteExchange{Name: name}) }
}

func bindingGoes(ends string) func(*world) decision {
	return func(w *world) decision { return w.unbound(ends, 1) }
}

func TestDefinitionsFold(t *testing.T) {
	// DESIGN 5: a vhost is a fold over its stream; the copy that an actor works on is its own.
	w := built(t, "XY", "X>Y", "Y>q", "Y>r", "X>s")
	c := w.Clone()
	before := shape(c)
	w.do(w.deleteQueues("q", "r", "s"))
	if got := shape(c); got != before {
		t.Errorf("the copy changed to\n%s\nfrom\n%s", got, before)
	}
	c.Apply(&eventv1.DefinitionBatch{Definitions: c.deleteQueues("q", "r", "s").events})
	if got, want := shape(c), shape(w.Definitions); got != want {
		t.Errorf("folded to\n%s\nand to\n%s", got, want)
	}
	if len(w.from)+len(w.to)+len(w.owned) != 0 {
		t.Errorf("left in the indexes: %v %v %v", w.from, w.to, w.owned)
	}
}

// shape is all that definitions say, as text.
func shape(d *Definitions) string {
	var out []string
	for x := range d.Exchanges.All() {
		out = append(out, "exchange "+x.Name)
	}
	for q := range d.Queues.All() {
		out = append(out, "queue "+q.Name)
	}
	for k := range d.Bindings {
		out = append(out, "binding "+k.source+">"+k.to.name)
	}
	for source, keys := range d.from {
		for b := range keys {
			out = append(out, "from "+source+">"+b.Destination)
		}
	}
	for to, keys := range d.to {
		for b := range keys {
			out = append(out, "to "+to.name+"<"+b.Source)
		}
	}
	for _, names := range d.owned {
		for name := range names {
			out = append(out, "owned "+name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
