package exchange

import (
	"encoding/binary"
	"slices"

	"warren/actors/queue"
	"warren/protocol"
)

// Route is where messages go: a set of queues, empty when nothing matches. Routes are interned by the exchange, so that
// messages with the same one are told by a comparison of pointers.
type Route struct{ Queues []*queue.Slot }

// Directory finds what a vhost holds.
type Directory interface {
	Queue(name queue.Name) *queue.Slot
	Exchange(name Name) *Slot
	// RoutingVersion changes with everything that may change a route.
	RoutingVersion() uint64
}

// resolve follows a message through the graph of exchanges that begins at s, and returns every queue it reaches, once.
// An exchange is visited once, so cycles end; one that routes nowhere hands over to its alternate (contract ).
// cacheable says that the routing key alone decided.
func resolve(s *Slot, m *protocol.Message, dir Directory) (queues []*queue.Slot, cacheable bool, err error) {
	cacheable = true
	visited := []*Slot{s}
	for next := 0; next < len(visited); next++ {
		x := visited[next]
		found := false
		visit := func(d Destination) {
			found = true
			switch {
			case d.Exchange != nil && !slices.Contains(visited, d.Exchange):
				visited = append(visited, d.Exchange)
			case d.Queue != nil && !d.Queue.Gone() && !slices.Contains(queues, d.Queue):
				queues = append(queues, d.Queue)
			}
		}
		if x.Name == "" { // every queue is bound to the default exchange by its name
			if q := dir.Queue(queue.Name(m.RoutingKey)); q != nil {
				visit(Destination{Queue: q})
			}
		} else {
			t := x.Table()
			cacheable = cacheable && t.Cacheable()
			if err := t.Route(m, visit); err != nil {
				return nil, false, err
			}
		}
		if !found && x.Alternate != "" {
			if alt := dir.Exchange(x.Alternate); alt != nil && !slices.Contains(visited, alt) {
				visited = append(visited, alt)
			}
		}
	}
	return queues, cacheable, nil
}

// router resolves messages with the help of what it resolved before.
type router struct {
	slot    *Slot
	dir     Directory
	version uint64
	keys    map[string]*Route // by routing key, when the key alone decides
	routes  map[string]*Route // interned, by the ids of their queues
	lastKey string
	last    *Route
}

// routesKept bounds the cache; a full one starts again.
const routesKept = 4096

func newRouter(s *Slot, dir Directory) *router {
	r := &router{slot: s, dir: dir, version: dir.RoutingVersion()}
	r.reset()
	return r
}

func (r *router) reset() {
	r.keys, r.routes = map[string]*Route{}, map[string]*Route{}
	r.last = nil
}

// refresh forgets everything when something changed that may change a route. Called once a turn.
func (r *router) refresh() {
	if v := r.dir.RoutingVersion(); v != r.version || len(r.keys) > routesKept || len(r.routes) > routesKept {
		r.version = v
		r.reset()
	}
}

func (r *router) route(m *protocol.Message) *Route {
	if r.last != nil && r.lastKey == m.RoutingKey {
		return r.last
	}
	to, ok := r.keys[m.RoutingKey]
	if !ok {
		queues, cacheable, err := resolve(r.slot, m, r.dir)
		if err != nil { // the properties were checked when they came in
			panic(err)
		}
		to = r.intern(queues)
		if !cacheable {
			return to
		}
		r.keys[string([]byte(m.RoutingKey))] = to // the message's own string may alias a read buffer
	}
	r.lastKey, r.last = m.RoutingKey, to
	return to
}

func (r *router) intern(queues []*queue.Slot) *Route {
	slices.SortFunc(queues, func(a, b *queue.Slot) int { return int(int64(a.ID) - int64(b.ID)) })
	id := make([]byte, 0, 64)
	for _, q := range queues {
		id = binary.LittleEndian.AppendUint64(id, q.ID)
	}
	to, ok := r.routes[string(id)]
	if !ok {
		to = &Route{Queues: queues}
		r.routes[string(id)] = to
	}
	return to
}
