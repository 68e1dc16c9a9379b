// Package idle measures what a broker holds for those who do nothing: make bench-idle.
package idle

import (
	"fmt"
	"os"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }

// entities is how many there are of each kind.
const entities = 10_000

// BenchmarkIdle reports the memory of an idle broker, and what one entity of each kind adds to it, in bytes of the process: what the
// collector has not given back is among them.
func BenchmarkIdle(b *testing.B) {
	kinds := []struct {
		what string
		make func(b *testing.B, br *broker.Broker)
	}{
		{"connection", connections}, {"channel", channels}, {"queue", queues}, {"binding", bindings}, {"consumer", consumers},
	}
	b.Run("broker", func(b *testing.B) {
		for range b.N {
			br := start(b)
			b.ReportMetric(float64(settled(b, br)), "bytes")
			br.Stop(b)
		}
	})
	for _, k := range kinds {
		b.Run(k.what, func(b *testing.B) {
			for range b.N {
				br := start(b)
				before := prepare(b, br, k.what)
				k.make(b, br)
				b.ReportMetric(float64(settled(b, br)-before)/entities, "bytes/"+k.what)
				br.Stop(b)
			}
		})
	}
}

// start is a broker that lets a connection have as many channels as it likes.
func start(b *testing.B) *broker.Broker {
	return broker.Start(b, broker.NoRace(), broker.Set("channel_max", "0"))
}

// prepare makes what the entities need, and returns the memory with it.
func prepare(b *testing.B, br *broker.Broker, what string) int64 {
	c := open(b, br)
	switch what {
	case "binding":
		declare(c, "q")
	case "consumer":
		declare(c, "q")
	}
	return settled(b, br)
}

// settled is the memory of the process once it has not changed by more than 1 % for some seconds.
func settled(b *testing.B, br *broker.Broker) int64 {
	const calm = 5 * time.Second
	last, since := br.RSS(b), time.Now()
	broker.Eventually(b, 5*time.Minute, "memory settles", func() (bool, any) {
		if now := br.RSS(b); now < last-last/100 || now > last+last/100 {
			last, since = now, time.Now()
		}
		return time.Since(since) > calm, last
	})
	return br.RSS(b)
}

func open(b *testing.B, br *broker.Broker) *raw.Conn {
	c := raw.Open(b, br.Addr)
	c.OpenChannel(1)
	return c
}

func declare(c *raw.Conn, q string) {
	c.Call(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(q).Octet(0).Table(), raw.QueueDeclareOk)
}

func connections(b *testing.B, br *broker.Broker) {
	for range entities {
		raw.Open(b, br.Addr)
	}
}

func channels(b *testing.B, br *broker.Broker) {
	c := open(b, br)
	for i := range entities {
		c.OpenChannel(uint16(2 + i))
	}
}

func queues(b *testing.B, br *broker.Broker) {
	c := open(b, br)
	for i := range entities {
		declare(c, fmt.Sprint("queue-", i))
	}
}

func bindings(b *testing.B, br *broker.Broker) {
	c := open(b, br)
	for i := range entities {
		c.Call(1, raw.QueueBind, raw.Fields{}.Short(0).ShortStr("q").ShortStr("amq.direct").ShortStr(fmt.Sprint("key-", i)).Octet(0).Table(), raw.QueueBindOk)
	}
}

func consumers(b *testing.B, br *broker.Broker) {
	c := open(b, br)
	for i := range entities {
		c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr("q").ShortStr(fmt.Sprint("tag-", i)).Octet(0).Table(), raw.BasicConsumeOk)
	}
}
