package rate

import "sync"

// Registry has the scope of every vhost and user that anybody has asked for. A nil Registry has none.
type Registry struct {
	mu            sync.Mutex
	vhosts, users map[string]*Scope
}

// Table is what is in force on a node: the rates of those that have some, and who there is.
type Table struct {
	VHosts, Users           map[string]Both
	VHostExists, UserExists func(name string) bool
}

// Both are the rates of publishing and of delivery.
type Both struct{ Publish, Consume Rates }

var unlimited = Both{Rates{-1, -1}, Rates{-1, -1}}

// NewRegistry returns one without limits.
func NewRegistry() *Registry {
	return &Registry{vhosts: map[string]*Scope{}, users: map[string]*Scope{}}
}

// VHost returns the scope of a vhost. It is that of every namesake, before and after, as long as somebody holds on to it.
func (r *Registry) VHost(name string) *Scope {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return scope(r.vhosts, "vhost", name)
}

// User returns the scope of a user.
func (r *Registry) User(name string) *Scope {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return scope(r.users, "user", name)
}

func scope(of map[string]*Scope, what, name string) *Scope {
	s := of[name]
	if s == nil {
		s = &Scope{by: "rate limit of " + what + " '" + name + "'"}
		of[name] = s
	}
	return s
}

// Set puts a table in force, for living connections too. Scopes of those that there are not any more are forgotten.
func (r *Registry) Set(t Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set(r.vhosts, "vhost", t.VHosts, t.VHostExists)
	set(r.users, "user", t.Users, t.UserExists)
}

func set(of map[string]*Scope, what string, rates map[string]Both, exists func(string) bool) {
	for name := range rates {
		scope(of, what, name)
	}
	for name, s := range of {
		b, limited := rates[name]
		if !limited {
			b = unlimited
		}
		s.set(b.Publish, b.Consume)
		if !limited && !exists(name) {
			delete(of, name)
		}
	}
}
