package amqp091

import (
	"errors"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"warren/protocol"
)

// A client that others wrote understands what we write, and we what it writes: handshake, declare with arguments,
// publish with every property and field type, deliver, ack, return, close.
func TestInteropWithClient(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	p := &peer{t: t, conn: ours}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.serve()
	}()

	conn, err := client.Open(theirs, client.Config{Vhost: "/v", Locale: "en_US", Heartbeat: 30 * time.Second, SASL: []client.Authentication{&client.PlainAuth{Username: "u", Password: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	returns := ch.NotifyReturn(make(chan client.Return, 1))
	if _, err := ch.QueueDeclare("orders", true, false, true, false, client.Table{"x-max-length": 5, "x-overflow": "drop-head"}); err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume("orders", "ctag", false, true, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := client.Publishing{
		ContentType: "text/plain", ContentEncoding: "none", DeliveryMode: 2, Priority: 7, CorrelationId: "c", ReplyTo: "r",
		Expiration: "60000", MessageId: "m", Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "u", AppId: "a", Body: make([]byte, 20000),
		Headers: client.Table{
			"A": []any{int32(1), "x"}, "D": client.Decimal{Scale: 2, Value: 5}, "F": client.Table{"k": true}, "I": int32(-1), "S": "s",
			"T": time.Unix(5, 0), "V": nil, "b": int8(-1), "B": uint8(1), "d": 1.5, "f": float32(2.5), "l": int64(-9), "i": uint32(9),
			"s": int16(-3), "u": uint16(3), "t": true, "x": []byte{1},
		},
	}
	if err := ch.Publish("amq.topic", "orders.eu", true, false, sent); err != nil {
		t.Fatal(err)
	}
	d := <-deliveries
	if d.ConsumerTag != "ctag" || d.DeliveryTag != 1 || !d.Redelivered || d.Exchange != "amq.topic" || d.RoutingKey != "orders.eu" ||
		!reflect.DeepEqual(d.Headers, sent.Headers) || len(d.Body) != len(sent.Body) || d.Expiration != "60000" || !d.Timestamp.Equal(sent.Timestamp) {
		t.Errorf("delivered %+v", d)
	}
	if r := <-returns; r.ReplyCode != protocol.ReplyNoRoute || r.ReplyText != "NO_ROUTE" || r.RoutingKey != "orders.eu" || r.Type != "t" || len(r.Body) != 20000 {
		t.Errorf("returned %+v", r)
	}
	if err := d.Ack(true); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclarePassive("none", false, false, false, false, nil); err == nil {
		t.Error("declared")
	} else if e := (*client.Error)(nil); !errors.As(err, &e) || e.Code != 404 || e.Reason != "NOT_FOUND - no queue 'none' in vhost '/v'" {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

// peer is a server made of nothing but this package.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   []byte
}

const peerFrameMax = 8192

// next reads one frame.
func (p *peer) next() Frame {
	for {
		f, n, err := ParseFrame(p.in, peerFrameMax-FrameOverhead)
		if err != nil {
			p.t.Error(err)
		}
		if n > 0 {
			p.in = p.in[n:]
			return f
		}
		chunk := make([]byte, 4096)
		read, err := p.conn.Read(chunk)
		if err != nil {
			p.t.Error(err)
			return Frame{}
		}
		p.in = append(p.in[:len(p.in):len(p.in)], chunk[:read]...)
	}
}

func (p *peer) send(frames []byte) {
	if _, err := p.conn.Write(frames); err != nil {
		p.t.Error(err)
	}
}

func (p *peer) serve() {
	var header [8]byte
	if _, err := io.ReadFull(p.conn, header[:]); err != nil || string(header[:]) != ProtocolHeader {
		p.t.Errorf("%q, %v", header, err)
	}
	p.send(AppendMethod(nil, 0, &ConnectionStart{
		VersionMajor: 0, VersionMinor: 9, Mechanisms: "PLAIN AMQPLAIN", Locales: "en_US",
		ServerProperties: EncodeTable(protocol.Table{"product": "RabbitMQ", "capabilities": protocol.Table{"basic.nack": true}}),
	}))
	for {
		f := p.next()
		if f.Type == 0 {
			return
		}
		if f.Type != FrameMethod {
			continue
		}
		m, err := ParseMethod(f.Payload)
		if err != nil {
			p.t.Error(err)
			return
		}
		if p.answer(f.Channel, m) {
			return
		}
	}
}

func (p *peer) check(ok bool, m any) {
	if !ok {
		p.t.Errorf("client sent %+v", m)
	}
}

// answer plays the broker. It returns true at the end of the connection.
func (p *peer) answer(channel uint16, m Method) bool {
	reply := func(m Method) { p.send(AppendMethod(nil, channel, m)) }
	switch m := m.(type) {
	case *ConnectionStartOk:
		props, err := m.ClientProperties.Decode()
		capabilities, _ := props["capabilities"].(protocol.Table)
		p.check(err == nil && m.Mechanism == "PLAIN" && m.Response == "\x00u\x00p" && m.Locale == "en_US" && capabilities["consumer_cancel_notify"] == true, props)
		reply(&ConnectionTune{ChannelMax: 2047, FrameMax: peerFrameMax, Heartbeat: 60})
	case *ConnectionTuneOk:
		p.check(m.FrameMax == peerFrameMax && m.ChannelMax == 2047 && m.Heartbeat == 30, m)
	case *ConnectionOpen:
		p.check(m.VirtualHost == "/v", m)
		reply(&ConnectionOpenOk{})
	case *ChannelOpen:
		reply(&ChannelOpenOk{})
	case *QueueDeclare:
		if m.Passive {
			e := protocol.NotFound("no queue '%s' in vhost '/v'", m.Queue).At(m.ID().Class(), m.ID().Method())
			reply(&ChannelClose{ReplyCode: e.Code, ReplyText: e.ReplyText(), ClassID: e.Class, MethodID: e.Method})
			return false
		}
		args, err := m.Arguments.Decode()
		p.check(err == nil && m.Queue == "orders" && m.Durable && !m.AutoDelete && m.Exclusive && !m.NoWait &&
			protocol.EqualTable(args, protocol.Table{"x-max-length": 5, "x-overflow": "drop-head"}), m)
		reply(&QueueDeclareOk{Queue: m.Queue, MessageCount: 3, ConsumerCount: 4})
	case *BasicConsume:
		p.check(m.Queue == "orders" && m.ConsumerTag == "ctag" && !m.NoAck && m.Exclusive, m)
		reply(&BasicConsumeOk{ConsumerTag: m.ConsumerTag})
	case *BasicPublish:
		p.publish(channel, m)
	case *BasicAck:
		p.check(m.DeliveryTag == 1 && m.Multiple, m)
	case *ChannelCloseOk:
	case *ConnectionClose:
		p.check(m.ReplyCode == protocol.ReplySuccess, m)
		reply(&ConnectionCloseOk{})
		return true
	default:
		p.check(false, m)
	}
	return false
}

// publish reads the content of m and sends it back twice, delivered and returned, header and bodies as they came.
func (p *peer) publish(channel uint16, m *BasicPublish) {
	p.check(m.Exchange == "amq.topic" && m.RoutingKey == "orders.eu" && m.Mandatory && !m.Immediate, m)
	h, err := ParseContentHeader(p.next().Payload)
	if err != nil || h.Class != ClassBasic || h.BodySize != 20000 {
		p.t.Errorf("%+v, %v", h, err)
	}
	var body []byte
	for uint64(len(body)) < h.BodySize {
		body = append(body, p.next().Payload...)
	}
	props, err := protocol.ParseProperties(h.Properties)
	want := protocol.Properties{
		Present: props.Present, ContentType: "text/plain", ContentEncoding: "none", DeliveryMode: 2, Priority: 7, CorrelationID: "c", ReplyTo: "r",
		Expiration: "60000", MessageID: "m", Timestamp: 1700000000, Type: "t", UserID: "u", AppID: "a",
		Headers: protocol.Table{
			"A": []any{int32(1), "x"}, "D": protocol.Decimal{Scale: 2, Value: 5}, "F": protocol.Table{"k": true}, "I": int32(-1), "S": "s",
			"T": protocol.Timestamp(5), "V": nil, "b": int8(-1), "B": uint8(1), "d": 1.5, "f": float32(2.5), "l": int64(-9), "i": uint32(9),
			"s": int16(-3), "u": uint16(3), "t": true, "x": []byte{1},
		},
	}
	if err != nil || !reflect.DeepEqual(props, want) || props.Has(protocol.PropClusterID) {
		p.t.Errorf("properties %+v, %v", props, err)
	}
	out := AppendDeliver(nil, channel, "ctag", 1, true, m.Exchange, m.RoutingKey)
	out = AppendContentHeader(out, channel, ClassBasic, h.BodySize, h.Properties)
	out = AppendBody(out, channel, body, peerFrameMax)
	out = AppendReturn(out, channel, protocol.ReplyNoRoute, "NO_ROUTE", m.Exchange, m.RoutingKey)
	out = AppendContentHeader(out, channel, ClassBasic, h.BodySize, h.Properties)
	for head, part := range BodyFrames(channel, body, peerFrameMax) {
		out = append(append(append(out, head[:]...), part...), FrameEnd)
	}
	p.send(AppendHeartbeat(out))
}
