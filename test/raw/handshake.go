package raw

import "testing"

// Header is the protocol header.
var Header = []byte("AMQP\x00\x00\x09\x01")

// Tuning is what a connection.tune or tune-ok says.
type Tuning struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// StartOk is connection.start-ok's arguments for guest with the capabilities given.
func StartOk(user, password string, capabilities ...any) Fields {
	return Fields{}.
		Table("connection_name", "raw", "capabilities", Fields{}.Table(capabilities...)).
		ShortStr("PLAIN").LongStr("\x00" + user + "\x00" + password).ShortStr("en_US")
}

// TuneOk is connection.tune-ok's arguments.
func TuneOk(t Tuning) Fields { return Fields{}.Short(t.ChannelMax).Long(t.FrameMax).Short(t.Heartbeat) }

// OpenVhost is connection.open's arguments.
func OpenVhost(vhost string) Fields { return Fields{}.ShortStr(vhost).ShortStr("").Octet(0) }

// Start dials and goes on until the server has said connection.start.
func Start(t testing.TB, addr string) *Conn {
	t.Helper()
	c := Dial(t, addr)
	c.Send(Header)
	c.Expect(0, ConnectionStart)
	return c
}

// Tune goes on until the server has said connection.tune.
func Tune(t testing.TB, addr string, capabilities ...any) (*Conn, Tuning) {
	t.Helper()
	c := Start(t, addr)
	d := c.Call(0, ConnectionStartOk, StartOk("guest", "guest", capabilities...), ConnectionTune)
	return c, Tuning{ChannelMax: d.Short(), FrameMax: d.Long(), Heartbeat: d.Short()}
}

// Open is a running connection on vhost /, without heartbeats.
func Open(t testing.TB, addr string, capabilities ...any) *Conn {
	t.Helper()
	c, tuning := Tune(t, addr, capabilities...)
	tuning.Heartbeat = 0
	c.Method(0, ConnectionTuneOk, TuneOk(tuning))
	c.Call(0, ConnectionOpen, OpenVhost("/"), ConnectionOpenOk)
	return c
}

// OpenChannel opens a channel.
func (c *Conn) OpenChannel(channel uint16) {
	c.t.Helper()
	c.Call(channel, ChannelOpen, Fields{}.ShortStr(""), ChannelOpenOk)
}

// DeclareQueue declares an exclusive queue and returns its name; "" lets the server choose.
func (c *Conn) DeclareQueue(channel uint16, name string) string {
	c.t.Helper()
	const exclusive = 1 << 2
	d := c.Call(channel, QueueDeclare, Fields{}.Short(0).ShortStr(name).Octet(exclusive).Table(), QueueDeclareOk)
	return d.ShortStr()
}

// Goodbye closes the connection in good order.
func (c *Conn) Goodbye() {
	c.t.Helper()
	c.Call(0, ConnectionClose, Fields{}.Short(200).ShortStr("bye").Short(0).Short(0), ConnectionCloseOk)
	c.Close()
}
