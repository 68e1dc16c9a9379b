package connection

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/alarm"
	"warren/actors/auth"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// station is a listener with its connections, in a tree of its own, over pipes. It is made to stand in a bubble.
type station struct {
	t      *testing.T
	node   *Node
	memory *alarm.Memory
	system *supervision.System
	pipes  *pipes
	guests []*guest
}

// pipes is a listening socket.
type pipes struct {
	waiting chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{Port: 5672} }

// registrar is a vhost that knows only how to forget an owner.
type registrar struct{}

func (registrar) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*vhost.OwnerGone); ok && m.From != nil {
		ctx.Send(m.From, &vhost.OwnerForgotten{Connection: m.Connection})
	}
}

// guests lets guest do everything in vhost /.
func guests(t *testing.T) *auth.Access {
	hash, err := auth.HashPassword(auth.DefaultHashing, "guest")
	if err != nil {
		t.Fatal(err)
	}
	d := auth.NewDefinitions()
	d.Apply(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{
		{Event: &eventv1.NodeDefinition_UserPut{UserPut: &eventv1.UserPut{Name: "guest", PasswordHash: hash, HashingAlgorithm: auth.DefaultHashing}}},
		{Event: &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: &eventv1.PermissionsSet{User: "guest", Vhost: "/", Configure: ".*", Write: ".*", Read: ".*"}}},
	}})
	a := auth.NewAccess(nil)
	a.Publish(d)
	return a
}

func newStation(t *testing.T) *station {
	s := &station{t: t, system: supervision.NewSystem(zerolog.Nop()), memory: alarm.NewMemory(alarm.Marks{High: 200, Low: 100}, alarm.Policy{}),
		pipes: &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}}
	directory := vhost.NewDirectory("/", "/", s.system.PID("top/vhost"))
	s.node = &Node{
		System: s.system, Streams: volatile.NewStore(), Sessions: session.NewRegistry(1), Connections: &Registry{},
		Users: guests(t), Limit: NodeLimit{Connections: -1, Channels: -1}, Memory: s.memory, Log: zerolog.Nop(),
		VHosts: func(name string) *vhost.Directory {
			if name == "/" {
				return directory
			}
			return nil
		},
		FrameMax: 131072, FrameMaxMinimum: 4096, InitialFrameMax: 8192, ChannelMax: 2047, Heartbeat: 60 * time.Second, HandshakeTimeout: 10 * time.Second, MaxMessageSize: 1 << 20,
		ServerProperties: protocol.Table{"product": "test"}, Logins: auth.Logins{Mechanisms: []string{"PLAIN", "AMQPLAIN"}},
	}
	err := s.system.Start("top", supervision.Spec{Strategy: supervision.OneForOne, Children: []supervision.ChildSpec{
		{ID: "vhost", New: func(uint64) actor.Actor { return registrar{} }},
		NewListener(s.node, &Socket{Listener: s.pipes}, "top").Spec(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *station) stop() {
	if err := s.system.Stop(); err != nil {
		s.t.Error(err)
	}
	for _, g := range s.guests {
		_ = g.conn.Close()
	}
}

// guest is a client over a pipe. It reads only when it is asked to.
type guest struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *station) dial() *guest {
	ours, theirs := net.Pipe()
	s.pipes.waiting <- theirs
	g := &guest{s.t, ours, bufio.NewReader(ours)}
	s.guests = append(s.guests, g)
	return g
}

func (g *guest) write(b []byte) {
	g.t.Helper()
	if _, err := g.conn.Write(b); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) send(ch uint16, m amqp091.Method) {
	g.t.Helper()
	g.write(amqp091.AppendMethod(nil, ch, m))
}

// frame is the next, or the error that the socket gives.
func (g *guest) frame() (amqp091.Frame, error) {
	head := make([]byte, amqp091.FrameHeaderSize)
	if _, err := io.ReadFull(g.in, head); err != nil {
		return amqp091.Frame{}, err
	}
	size := int(head[3])<<24 | int(head[4])<<16 | int(head[5])<<8 | int(head[6])
	rest := make([]byte, size+1)
	if _, err := io.ReadFull(g.in, rest); err != nil {
		return amqp091.Frame{}, err
	}
	f, _, err := amqp091.ParseFrame(append(head, rest...), 0)
	return f, err
}

// hear is the next method but for heartbeats, in a word; "gone" for a socket that is closed.
func (g *guest) hear() string {
	for {
		f, err := g.frame()
		if err != nil {
			return "gone"
		}
		if f.Type == amqp091.FrameHeartbeat {
			continue
		}
		m, err := amqp091.ParseMethod(f.Payload)
		if err != nil {
			return err.Error()
		}
		if c, is := m.(*amqp091.ConnectionClose); is {
			return fmt.Sprintf("close %d %s", c.ReplyCode, c.ReplyText)
		}
		return fmt.Sprintf("%T", m)[len("*amqp091."):]
	}
}

func (g *guest) expect(want ...string) {
	g.t.Helper()
	for _, w := range want {
		if got := g.hear(); got != w {
			g.t.Fatalf("heard %q, want %q", got, w)
		}
	}
}

// login says what a client says first.
func login(password string, capabilities protocol.Table) *amqp091.ConnectionStartOk {
	return &amqp091.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00" + password, Locale: "en_US",
		ClientProperties: amqp091.EncodeTable(protocol.Table{"capabilities": capabilities})}
}

// open goes through the whole handshake.
func (g *guest) open(heartbeat uint16, capabilities protocol.Table) *guest {
	g.t.Helper()
	g.write([]byte(amqp091.ProtocolHeader))
	g.expect("ConnectionStart")
	g.send(0, login("guest", capabilities))
	g.expect("ConnectionTune")
	g.send(0, &amqp091.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072, Heartbeat: heartbeat})
	g.send(0, &amqp091.ConnectionOpen{VirtualHost: "/"})
	g.expect("ConnectionOpenOk")
	return g
}
