package amqp091

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"warren/protocol"
)

// The encoders of the message path write what the structs write.
func TestHotEncoders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var deliver BasicDeliver
	var returned BasicReturn
	var got BasicGetOk
	var ack BasicAck
	var nack BasicNack
	var publish BasicPublish
	for range 1000 {
		for _, m := range []Method{&deliver, &returned, &got, &ack, &nack, &publish} {
			randomFill(r, m)
		}
		publish.Immediate = false // RabbitMQ refuses it, we never send it
		channel := uint16(r.Uint32())
		dst := make([]byte, 5, 5+r.IntN(300)) // grown or not
		compare(t, channel, &deliver, AppendDeliver(dst, channel, deliver.ConsumerTag, deliver.DeliveryTag, deliver.Redelivered, deliver.Exchange, deliver.RoutingKey))
		compare(t, channel, &returned, AppendReturn(dst, channel, returned.ReplyCode, returned.ReplyText, returned.Exchange, returned.RoutingKey))
		compare(t, channel, &got, AppendGetOk(dst, channel, got.DeliveryTag, got.Redelivered, got.Exchange, got.RoutingKey, got.MessageCount))
		compare(t, channel, &ack, AppendAck(dst, channel, ack.DeliveryTag, ack.Multiple))
		compare(t, channel, &nack, AppendNack(dst, channel, nack.DeliveryTag, nack.Multiple, nack.Requeue))
		compare(t, channel, &publish, AppendPublish(dst, channel, publish.Exchange, publish.RoutingKey, publish.Mandatory))
	}
}

func compare(t *testing.T, channel uint16, m Method, got []byte) {
	t.Helper()
	if want := AppendMethod(make([]byte, 5), channel, m); !bytes.Equal(got, want) {
		t.Fatalf("%s:\ngot  %x\nwant %x", m.ID(), got, want)
	}
}

// No allocation per message: DESIGN section 4, cost rules.
func TestNoAllocations(t *testing.T) {
	publish := AppendMethod(nil, 1, &BasicPublish{Exchange: "amq.topic", RoutingKey: "orders.eu"})
	props := protocol.Properties{DeliveryMode: 2, ContentType: "text/plain", Headers: protocol.Table{"k": int64(1), "a": []any{"x"}}}
	header := AppendContentHeader(nil, 1, ClassBasic, 1024, props.Append(nil))
	ack := AppendAck(nil, 1, 7, true)
	declare := (&QueueDeclare{Queue: "orders", Arguments: EncodeTable(protocol.Table{"x-max-length": int64(5)})}).Append(nil)
	body := make([]byte, 300000)
	dst := make([]byte, 0, 400000)
	for name, f := range map[string]func(){
		"publish": func() {
			var m BasicPublish
			must(t, m.Parse(must1(t, publish, FrameMethod)[4:]))
			if m.RoutingKey != "orders.eu" {
				t.Fatal(m)
			}
		},
		"ack": func() {
			var m BasicAck
			must(t, m.Parse(must1(t, ack, FrameMethod)[4:]))
		},
		"declare": func() {
			var m QueueDeclare
			must(t, m.Parse(declare[4:]))
		},
		"header": func() {
			h, err := ParseContentHeader(must1(t, header, FrameHeader))
			must(t, err)
			s, err := protocol.ScanProperties(h.Properties)
			must(t, err)
			if s.DeliveryMode != 2 {
				t.Fatal(s)
			}
		},
		"encoders": func() {
			dst := AppendDeliver(dst, 1, "ctag", 5, true, "amq.topic", "orders.eu")
			dst = AppendContentHeader(dst, 1, ClassBasic, 5, header[19:])
			dst = AppendReturn(dst, 1, 312, "NO_ROUTE", "amq.topic", "orders.eu")
			dst = AppendGetOk(dst, 1, 5, true, "amq.topic", "orders.eu", 3)
			dst = AppendNack(AppendAck(dst, 1, 5, true), 1, 6, false, true)
			dst = AppendHeartbeat(dst)
			dst = AppendPublish(dst, 1, "amq.topic", "orders.eu", true)
			AppendBody(dst, 1, body, 131072)
		},
		"body frames": func() {
			small := dst
			for head, part := range BodyFrames(1, body, 131072) {
				small = append(append(small, head[:]...), part[0], FrameEnd)
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func must(t *testing.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func must1(t *testing.T, frame []byte, kind byte) []byte {
	f, _, err := ParseFrame(frame, 131064)
	if err != nil || f.Type != kind {
		t.Fatal(f.Type, err)
	}
	return f.Payload
}
