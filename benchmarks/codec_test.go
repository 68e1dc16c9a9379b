package benchmarks

import (
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// What the codec costs per message, for the budgets of docs/ARCHITECTURE.md. All but the struct form of
// BenchmarkAppendDeliver allocate nothing.

const (
	exchange   = "amq.topic"
	routingKey = "orders.eu.created"
)

var (
	properties = (&protocol.Properties{
		ContentType: "application/json", DeliveryMode: protocol.DeliveryPersistent, CorrelationID: "5f1d7a2e", Timestamp: 1700000000,
		Headers: protocol.Table{"tenant": "acme", "attempt": int32(1)},
	}).Append(nil)
	publishFrame = amqp091.AppendPublish(nil, 1, exchange, routingKey, false)
	headerFrame  = amqp091.AppendContentHeader(nil, 1, amqp091.ClassBasic, 1024, properties)
	ackFrame     = amqp091.AppendAck(nil, 1, 123456, true)
	body         = make([]byte, 1<<20)
	out          = make([]byte, 0, 2<<20)
)

const maxPayload = 131072 - amqp091.FrameOverhead

func parse(b *testing.B, frame []byte) []byte {
	f, n, err := amqp091.ParseFrame(frame, maxPayload)
	if n != len(frame) || err != nil {
		b.Fatal(n, err)
	}
	return f.Payload
}

func BenchmarkParsePublish(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var m amqp091.BasicPublish
		if err := m.Parse(parse(b, publishFrame)[4:]); err != nil || m.RoutingKey != routingKey {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var m amqp091.BasicAck
		if err := m.Parse(parse(b, ackFrame)[4:]); err != nil || !m.Multiple {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseContentHeader(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		h, err := amqp091.ParseContentHeader(parse(b, headerFrame))
		if err != nil || h.BodySize != 1024 {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanProperties(b *testing.B) {
	bare := (&protocol.Properties{DeliveryMode: protocol.DeliveryPersistent}).Append(nil)
	for name, raw := range map[string][]byte{"bare": bare, "headers": properties} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := protocol.ScanProperties(raw); err != nil || s.DeliveryMode != protocol.DeliveryPersistent {
					b.Fatal(err)
				}
			}
		})
	}
}

// The whole of a publish as a reader sees it: three frames, parsed and looked at.
func BenchmarkParseMessage(b *testing.B) {
	stream := append(append([]byte{}, publishFrame...), headerFrame...)
	stream = amqp091.AppendBody(stream, 1, body[:1024], 131072)
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		rest := stream
		for len(rest) > 0 {
			f, n, err := amqp091.ParseFrame(rest, maxPayload)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
			switch f.Type {
			case amqp091.FrameMethod:
				var m amqp091.BasicPublish
				if _, args, err := amqp091.SplitMethod(f.Payload); err != nil || m.Parse(args) != nil {
					b.Fatal(err)
				}
			case amqp091.FrameHeader:
				h, err := amqp091.ParseContentHeader(f.Payload)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := protocol.ScanProperties(h.Properties); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func BenchmarkAppendDeliver(b *testing.B) {
	b.Run("hot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = amqp091.AppendDeliver(out[:0], 1, "amq.ctag-1", 123456, false, exchange, routingKey)
		}
	})
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = amqp091.AppendMethod(out[:0], 1, &amqp091.BasicDeliver{
				ConsumerTag: "amq.ctag-1", DeliveryTag: 123456, Exchange: exchange, RoutingKey: routingKey,
			})
		}
	})
}

func BenchmarkAppendAck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		out = amqp091.AppendAck(out[:0], 1, 123456, true)
	}
}

// The whole of a delivery of 1 KiB, as a writer sees it.
func BenchmarkAppendMessage(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(1024)
	for b.Loop() {
		out = amqp091.AppendDeliver(out[:0], 1, "amq.ctag-1", 123456, false, exchange, routingKey)
		out = amqp091.AppendContentHeader(out, 1, amqp091.ClassBasic, 1024, properties)
		out = amqp091.AppendBody(out, 1, body[:1024], 131072)
	}
}

func BenchmarkBodyFrames(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		small := out[:0]
		for head, part := range amqp091.BodyFrames(1, body, 131072) {
			small = append(append(small, head[:]...), part[0], amqp091.FrameEnd)
		}
	}
}
