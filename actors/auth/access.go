// Package auth says who a client is and what it may do. Everything in it is pure or read from one immutable value: nobody waits
// for an actor to be let in.
package auth

import (
	"net"
	"slices"
	"sync/atomic"

	"warren/actors/rate"
)

// Access is where connections and channels look. The node's actor alone publishes into it.
type Access struct {
	now atomic.Pointer[Definitions]
	// Rates are how fast those in a vhost, and those of a user, may publish and be delivered.
	Rates *rate.Registry
	// loopback are users that may only come from this machine (contract P-08).
	loopback []string
}

// NewAccess returns one that lets nobody in. loopback names the users that may only connect from this machine.
func NewAccess(loopback []string) *Access {
	a := &Access{loopback: loopback, Rates: rate.NewRegistry()}
	a.now.Store(NewDefinitions())
	return a
}

// Now are the definitions in force. They do not change; what changes them is another value.
func (a *Access) Now() *Definitions { return a.now.Load() }

// Publish puts definitions in force. They belong to all readers from then on.
func (a *Access) Publish(d *Definitions) {
	a.now.Store(d)
	a.Rates.Set(d.rates())
}

// Refusal is why a login was refused, for the log: the client is told no reason. Empty when it was not.
type Refusal string

// Authenticate checks a login. A blank password is always refused (contract P-06). It may take long, as slow as the user's hash
// is: it is for turns and goroutines that nobody else waits for.
func (a *Access) Authenticate(name, password string, from net.Addr) Refusal {
	if refusal := a.Password(name, password); refusal != "" {
		return refusal
	}
	return a.reach(name, from)
}

// Admit checks a login whose user something else has proved: a certificate.
func (a *Access) Admit(name string, from net.Addr) Refusal {
	if a.Now().Users[name] == nil {
		return Refusal("user '" + name + "' - invalid credentials")
	}
	return a.reach(name, from)
}

// reach is contract P-08: some users may come from this machine only.
func (a *Access) reach(name string, from net.Addr) Refusal {
	if !Local(from) && slices.Contains(a.loopback, name) {
		return Refusal("user '" + name + "' can only connect via localhost")
	}
	return ""
}

// Password checks a user's password, wherever it comes from.
func (a *Access) Password(name, password string) Refusal {
	u := a.Now().Users[name]
	if u == nil || !Matches(u.PasswordHash, u.HashingAlgorithm, password) {
		return Refusal("user '" + name + "' - invalid credentials")
	}
	return ""
}

// Local says that a peer is on this machine.
func Local(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
