package vhost

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/supervision"
)

// requester is a message that somebody asks for something with.
type requester interface {
	request() Request
	// about is the entity that it is about.
	about() string
}

func (m *DeclareExchange) about() string { return m.Name }
func (m *DeleteExchange) about() string  { return m.Name }
func (m *DeclareQueue) about() string    { return m.Name }
func (m *DeleteQueue) about() string     { return m.Name }
func (m *Bind) about() string            { return m.Source }
func (m *Unbind) about() string          { return m.Source }

// asks stands for a session's requests where [queue.Poison] is asked for a link.
func (r Request) asks() ready.Link { return ready.Link{Session: r.Session} }

// Crashed notes the request whose turn has panicked. It will be asked again, and would take the vhost down, which is the end of every
// connection to it (contract P-12).
func (v *VHost) Crashed(message any) {
	if m, is := message.(requester); is {
		r := m.request()
		v.Directory.poison.KilledOver(r.asks(), r.ID, r.ID)
	}
}

// deadly sets a request aside that has killed twice: whoever asked hears 541. It says whether it was one.
func (v *VHost) deadly(ctx actor.Context, m requester) bool {
	r := m.request()
	if v.suspicious && v.Directory.poison.Guilty(r.asks(), r.ID) {
		v.Log.Error().Str("vhost", v.Directory.Name).Str("entity", m.about()).Str("user", r.User).Uint64("session", r.Session).Uint64("request", r.ID).
			Type("type", m).Interface("carried", m).Msg("request set aside: two turns with it panicked; whoever asked is told")
		v.answer(ctx, r, &Answer{ID: r.ID, Err: protocol.SetAside("vhost")})
		return true
	}
	supervision.Taste(v.Poison, "vhost", m.about())
	return false
}
