package exchange

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"warren/actors/queue"
	"warren/protocol"
)

// Route is where messages go: a set of queues, empty when nothing matches. Routes are interned by the exchange, so that
// messages with the same one are told by a comparison of pointers.
type Route struct {
	Queues []*queue.Slot
	// Through are exchanges on the way that remember what comes through them.
	Through []*Slot
}

// Directory finds what a vhost holds.
type Directory interface {
	Queue(name queue.Name) *queue.Slot
	Exchange(name Name) *Slot
	// RoutingVersion changes with everything that may change a route.
	RoutingVersion() uint64
}

// resolver follows messages through the graph of exchanges that begins at slot. Its slices are scratch.
type resolver struct {
	slot     *Slot
	dir      Directory
	own      Table    // of slot, where it must not change before the exchange says so
	session  uint64   // whose messages are routed
	selected []string // routing keys of the message beside its own
	visited  []*Slot
	seen     map[*Slot]struct{} // the visited ones, once they are too many to be searched
	queues   []*queue.Slot
	through  []*Slot // exchanges on the way that remember
	found    bool    // in the exchange that is visited now
	visit    func(Destination)
	missing  func(of *Slot) // told of an alternate that is not there, once between two changes of bindings
	warned   bool
}

// searched is how many exchanges are searched for one before a map is worth it.
const searched = 16

func newResolver(s *Slot, dir Directory) *resolver {
	r := &resolver{slot: s, dir: dir, seen: map[*Slot]struct{}{}, missing: func(*Slot) {}}
	r.visit = r.reach // made once, not for each message
	return r
}

// resolve leaves in r.queues every queue that a message reaches, once. An exchange is visited once, so cycles end; one that
// routes nowhere hands over to its alternate (contract ). cacheable says that the routing key alone decided.
func (r *resolver) resolve(m *protocol.Message) (cacheable bool, err error) {
	return r.resolveFrom(r.slot, m)
}

// from is where a message goes that begins at another exchange.
func (r *resolver) from(x *Slot, m *protocol.Message) []*queue.Slot {
	if _, err := r.resolveFrom(x, m); err != nil {
		panic(err)
	}
	return unique(r.queues)
}

func (r *resolver) resolveFrom(first *Slot, m *protocol.Message) (cacheable bool, err error) {
	cacheable = true
	if len(r.seen) > 0 {
		clear(r.seen)
	}
	r.visited, r.queues, r.through = append(r.visited[:0], first), r.queues[:0], r.through[:0]
	for next := 0; next < len(r.visited); next++ {
		x := r.visited[next]
		r.found = false
		if x.Holds != nil {
			cacheable = false
			if protocol.Delay(m) > 0 { // it comes again when its time has come
				r.reach(Destination{Queue: x.Holds})
				continue
			}
		}
		if x.Name == "" { // every queue is bound to the default exchange by its name
			r.byName(m.RoutingKey)
			for _, key := range r.selected {
				r.byName(key)
			}
		} else {
			t := x.Table()
			if x == r.slot && r.own != nil {
				t = r.own
			}
			if x.Type == RecentHistory && x != r.slot {
				r.through = append(r.through, x)
			}
			by := t.By()
			cacheable = cacheable && by.Cacheable()
			chance := uint64(0)
			if by == ByChance {
				chance = mix(x.Seed ^ mix(r.session^mix(m.Seq)))
			}
			if err := t.Route(m, chance, r.visit); err != nil {
				return false, err
			}
			if by == ByKeys {
				for _, key := range r.selected {
					other := protocol.Message{RoutingKey: key} // nothing else of it matters
					if err := t.Route(&other, 0, r.visit); err != nil {
						return false, err
					}
				}
			}
		}
		if r.found {
			continue
		}
		if alternate := x.AlternateInForce(); alternate != "" {
			if alt := r.dir.Exchange(alternate); alt != nil {
				r.enter(alt)
			} else if !r.warned {
				r.warned = true
				r.missing(x)
			}
		}
	}
	return cacheable, nil
}

func (r *resolver) byName(key string) {
	if q := r.dir.Queue(queue.Name(key)); q != nil && !q.Settings().Holds.Set {
		r.reach(Destination{Queue: q})
	}
}

// reach enters what a binding leads to. A queue may come more than once, which intern sorts out: a search for it here
// would make a message to many queues cost the square of their number.
func (r *resolver) reach(d Destination) {
	r.found = true
	switch {
	case d.Exchange != nil:
		r.enter(d.Exchange)
	case d.Queue != nil && !d.Queue.Gone() && !d.Queue.Crashed():
		r.queues = append(r.queues, d.Queue)
	}
}

// enter visits an exchange that was not visited.
func (r *resolver) enter(x *Slot) {
	if len(r.visited) < searched {
		if !slices.Contains(r.visited, x) {
			r.visited = append(r.visited, x)
		}
		return
	}
	if len(r.seen) == 0 {
		for _, v := range r.visited {
			r.seen[v] = struct{}{}
		}
	}
	if _, seen := r.seen[x]; !seen {
		r.seen[x] = struct{}{}
		r.visited = append(r.visited, x)
	}
}

// router resolves messages with the help of what it resolved before.
type router struct {
	resolver *resolver
	version  uint64
	keys     map[string]known  // by routing key, when the key alone decides
	routes   map[string]*Route // interned, by the ids of their queues
	id       []byte            // scratch
	last     known
}

// known is a routing key and where it leads.
type known struct {
	key   string
	route *Route
}

// routesKept bounds the cache; a full one starts again.
const routesKept = 4096

func newRouter(s *Slot, dir Directory) *router {
	r := &router{resolver: newResolver(s, dir), version: dir.RoutingVersion()}
	r.reset()
	return r
}

func (r *router) reset() {
	r.keys, r.routes = map[string]known{}, map[string]*Route{}
	r.last = known{}
	r.resolver.warned = false
}

// refresh forgets everything when something changed that may change a route. Called once a turn.
func (r *router) refresh() {
	if v := r.resolver.dir.RoutingVersion(); v != r.version || len(r.keys) > routesKept || len(r.routes) > routesKept {
		r.version = v
		r.reset()
	}
}

func (r *router) route(m *protocol.Message) *Route {
	if m.Flags&(protocol.FlagSelected|protocol.FlagDead) != 0 {
		return r.routeAlone(m)
	}
	if r.last.route != nil && r.last.key == m.RoutingKey {
		return r.last.route
	}
	to, ok := r.keys[m.RoutingKey]
	if !ok {
		cacheable, err := r.resolver.resolve(m)
		if err != nil { // the properties were checked when they came in
			panic(err)
		}
		to.route = r.intern(r.resolver.queues, r.resolver.through)
		if !cacheable {
			return to.route
		}
		to.key = strings.Clone(m.RoutingKey) // the message's own may alias a read buffer
		r.keys[to.key] = to
	}
	r.last = to
	return to.route
}

// routeAlone routes a message for which its routing key is not all: its headers name further ones, or it is a dead letter, which does
// not go where it would be in a cycle (contract Q-13). As in RabbitMQ, one that goes nowhere by that does not go to an alternate.
func (r *router) routeAlone(m *protocol.Message) *Route {
	if err := r.resolveAlone(m); err != nil { // the properties were checked when they came in
		panic(err)
	}
	if m.Flags.Has(protocol.FlagDead) {
		if cycle := protocol.DeathCycle(m); len(cycle) > 0 {
			r.resolver.queues = slices.DeleteFunc(r.resolver.queues, func(q *queue.Slot) bool { return slices.Contains(cycle, string(q.Name)) })
		}
	}
	return r.intern(r.resolver.queues, r.resolver.through)
}

func (r *router) resolveAlone(m *protocol.Message) error {
	if m.Flags.Has(protocol.FlagSelected) {
		headers, err := headersOf(m)
		if err != nil {
			return err
		}
		protocol.EachSelectedKey(headers, func(key []byte) { r.resolver.selected = append(r.resolver.selected, string(key)) })
	}
	_, err := r.resolver.resolve(m)
	clear(r.resolver.selected)
	r.resolver.selected = r.resolver.selected[:0]
	return err
}

// intern returns the one route to these queues, whatever their order and however often each is named.
func (r *router) intern(queues []*queue.Slot, through []*Slot) *Route {
	queues = unique(queues)
	r.id = r.id[:0]
	for _, q := range queues {
		r.id = binary.LittleEndian.AppendUint64(r.id, q.ID)
	}
	for _, x := range through { // no queue has an exchange's id
		r.id = binary.LittleEndian.AppendUint64(r.id, x.ID)
	}
	to, ok := r.routes[string(r.id)]
	if !ok {
		to = &Route{Queues: slices.Clone(queues), Through: slices.Clone(through)}
		r.routes[string(r.id)] = to
	}
	return to
}

// unique sorts queues and names each once, in place.
func unique(queues []*queue.Slot) []*queue.Slot {
	slices.SortFunc(queues, func(a, b *queue.Slot) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(queues)
}
