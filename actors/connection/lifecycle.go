package connection

import (
	"crypto/x509"
	"time"

	"warren/actors/auth"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Phase is where a connection is in its life (contract A-20). Flow and blocked are not phases: see Info.State.
type Phase int32

const (
	Starting Phase = iota // connection.start was sent
	Securing              // connection.secure was sent
	Tuning                // connection.tune was sent
	Opening               // connection.open is awaited
	Running
	Closing // one side has closed; channels and exclusive queues are on their way out
	Ended
)

var phaseNames = [...]string{"starting", "securing", "tuning", "opening", "running", "closing", "closed"}

func (p Phase) String() string { return phaseNames[p] }

// Params are what a connection is, as far as it has got.
type Params struct {
	Phase      Phase
	User       string
	VHost      string
	Properties protocol.Table // the client's
	Mechanism  string
	Claimed    string // who the client says to be, while it is challenged
	FrameMax   int    // 0 for no limit
	ChannelMax int
	Heartbeat  time.Duration
	// CloseSent says that we closed, and close-ok is awaited.
	CloseSent bool
	// Silent says that the client hears nothing more: it only sees the socket go.
	Silent bool
	// Refused says that it was silently refused at its login, and sees the socket go after a while.
	Refused bool
	// Renewals counts the secrets that came with connection.update-secret.
	Renewals uint64
	// Blocked says that the client was told that memory is short.
	Blocked bool
	// PeerGone says that the socket is closed.
	PeerGone bool
}

// Capability says whether the client announced a capability (contract P-05).
func (p *Params) Capability(name string) bool {
	capabilities, _ := p.Properties["capabilities"].(protocol.Table)
	has, _ := capabilities[name].(bool)
	return has
}

// Terms are what the server offers and demands.
type Terms struct {
	FrameMax   int
	ChannelMax int
	Heartbeat  time.Duration
	Properties protocol.Table
	// FrameMaxMinimum is the least frame_max that a client may take (contract P-10, W-12).
	FrameMaxMinimum int
	// Logins are the mechanisms, TLS says whether one is spoken over TLS, and Certificate is what the client has shown then.
	Logins      *auth.Logins
	TLS         bool
	Certificate *x509.Certificate
	// Authenticate checks a login; no refusal is an empty one.
	Authenticate func(auth.Login) auth.Refusal
	// Open says what speaks against a connection of a user to a vhost.
	Open func(user, vhost string) *protocol.Error
	// Reach says whether a user may still be in a vhost.
	Reach func(user, vhost string) *protocol.Error
}

// start is the server's first method.
func (t *Terms) start() amqp091.Method {
	return &amqp091.ConnectionStart{
		VersionMajor: 0, VersionMinor: 9, ServerProperties: amqp091.EncodeTable(t.Properties),
		Mechanisms: t.Logins.Offered(t.TLS), Locales: "en_US",
	}
}

// handshake takes a method on channel 0 and says what the connection becomes and what the client hears. refusal is for
// the log: a login that failed.
func (p Params) handshake(m amqp091.Method, t *Terms) (next Params, reply amqp091.Method, refusal auth.Refusal, err *protocol.Error) {
	switch m := m.(type) {
	case *amqp091.ConnectionStartOk:
		if p.Phase == Starting {
			return p.login(m, t)
		}
	case *amqp091.ConnectionSecureOk:
		if p.Phase == Securing {
			login, ok := t.Logins.Answer(p.Claimed, m.Response)
			return p.identify(login, ok, t)
		}
	case *amqp091.ConnectionTuneOk:
		if p.Phase == Tuning {
			next, err := p.tune(m, t)
			return next, nil, "", err
		}
	case *amqp091.ConnectionOpen:
		if p.Phase == Opening {
			if err := t.Open(p.User, m.VirtualHost); err != nil {
				return p, nil, "", err
			}
			p.VHost, p.Phase = m.VirtualHost, Running
			return p, &amqp091.ConnectionOpenOk{}, "", nil
		}
	case *amqp091.ConnectionUpdateSecret:
		if p.Phase == Running {
			return p.updateSecret(t)
		}
	}
	return p, nil, "", protocol.ChannelError("unexpected method in connection state %s", p.Phase)
}

func (p Params) login(m *amqp091.ConnectionStartOk, t *Terms) (Params, amqp091.Method, auth.Refusal, *protocol.Error) {
	properties, err := m.ClientProperties.Decode()
	if err != nil {
		return p, nil, "", protocol.AsError(err)
	}
	p.Properties, p.Mechanism = properties, m.Mechanism
	login, ok := t.Logins.Read(m.Mechanism, m.Response, t.TLS, t.Certificate)
	return p.identify(login, ok, t)
}

// identify takes what a client has said of itself, all of it or a part (AMQP 0-9-1, connection.secure).
func (p Params) identify(login auth.Login, ok bool, t *Terms) (Params, amqp091.Method, auth.Refusal, *protocol.Error) {
	if !ok {
		p.Phase, p.Silent, p.Refused = Closing, true, true
		return p, nil, auth.Refusal("mechanism '" + p.Mechanism + "' is not offered, or its response is malformed"), nil
	}
	if login.Challenge != "" {
		p.Phase, p.Claimed = Securing, login.User
		return p, &amqp091.ConnectionSecure{Challenge: login.Challenge}, "", nil
	}
	p.Claimed = ""
	if refusal := t.Authenticate(login); refusal != "" {
		if !p.Capability("authentication_failure_close") {
			p.Phase, p.Silent, p.Refused = Closing, true, true
			return p, nil, refusal, nil
		}
		return p, nil, refusal, protocol.AccessRefused("Login was refused using authentication mechanism %s. "+
			"For details see the broker logfile.", p.Mechanism)
	}
	p.User, p.Phase = login.User, Tuning
	return p, &amqp091.ConnectionTune{
		ChannelMax: uint16(t.ChannelMax), FrameMax: uint32(t.FrameMax), Heartbeat: uint16(t.Heartbeat / time.Second),
	}, "", nil
}

// updateSecret is contract P-15. Our users' passwords do not expire, so that the new one is not looked at, as RabbitMQ's internal backend
// does not (rabbit_access_control:update_state): a client may renew what it logged in with by any means. What may be done with the
// connection is looked at again.
func (p Params) updateSecret(t *Terms) (Params, amqp091.Method, auth.Refusal, *protocol.Error) {
	if err := t.Reach(p.User, p.VHost); err != nil {
		return p, nil, "", err
	}
	p.Renewals++
	return p, &amqp091.ConnectionUpdateSecretOk{}, "", nil
}

// tune is contract P-10.
func (p Params) tune(m *amqp091.ConnectionTuneOk, t *Terms) (Params, *protocol.Error) {
	if err := negotiate("frame_max", int(m.FrameMax), t.FrameMax, t.FrameMaxMinimum); err != nil {
		return p, err
	}
	if err := negotiate("channel_max", int(m.ChannelMax), t.ChannelMax, 1); err != nil {
		return p, err
	}
	p.FrameMax, p.ChannelMax = int(m.FrameMax), int(m.ChannelMax)
	p.Heartbeat = time.Duration(m.Heartbeat) * time.Second
	p.Phase = Opening
	return p, nil
}

// negotiate checks the client's choice. 0 is "no limit", which is more than any limit of ours.
func negotiate(name string, chosen, offered, least int) *protocol.Error {
	switch {
	case offered != 0 && chosen == 0:
		return protocol.NotAllowed("negotiated %s = 0 (no limit) is higher than the maximum allowed value (%d)", name, offered)
	case offered != 0 && chosen > offered:
		return protocol.NotAllowed("negotiated %s = %d is higher than the maximum allowed value (%d)", name, chosen, offered)
	case chosen != 0 && chosen < least:
		return protocol.NotAllowed("negotiated %s = %d is lower than the minimum allowed value (%d)", name, chosen, least)
	}
	return nil
}
