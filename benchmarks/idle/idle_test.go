// Package idle measures what a broker holds for those who do nothing: make bench-idle.
package idle

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }

// entities is how many there are of each kind.
const entities = 10_000

// kinds are made by n; most is how much of the heap and of stacks one may hold, in bytes: what was measured on 2026-11-25, and some more.
var kinds = []struct {
	what string
	make func(t testing.TB, br *broker.Broker, n int)
	most int64
}{
	{"connection", connections, 12_000}, // 9 000, or 11 000 when the runtime begins goroutines with larger stacks
	{"channel", channels, 3_350},        // 3 050
	{"queue", queues, 2_350},            // 2 020 to 2 040
	{"binding", bindings, 1_350},        // 1 100
	{"consumer", consumers, 1_250},      // 950
}

// Promise 2: what is idle costs little. A heap behind a collection is the same on a busy machine.
func TestIdleHeap(t *testing.T) {
	const few = 2_000
	for _, k := range kinds {
		t.Run(k.what, func(t *testing.T) {
			t.Parallel() // to be idle takes time
			br, profiles := start(t)
			prepare(t, br, k.what)
			before := held(t, profiles)
			k.make(t, br, few)
			var each int64
			broker.Eventually(t, 3*time.Minute, "buffers of the idle are given back", func() (bool, any) {
				each = (held(t, profiles) - before) / few
				return each <= k.most, fmt.Sprintf("%d bytes for each, more than %d", each, k.most)
			})
			t.Logf("%d bytes for each", each)
		})
	}
}

// BenchmarkIdle reports the memory of an idle broker, and what one entity of each kind adds to it, in bytes of the process, where what the
// collector has not given back is among them, and of the heap and stacks behind a collection.
func BenchmarkIdle(b *testing.B) {
	b.Run("broker", func(b *testing.B) {
		for range b.N {
			br, _ := start(b)
			b.ReportMetric(float64(settled(b, br)), "bytes")
			br.Stop(b)
		}
	})
	for _, k := range kinds {
		b.Run(k.what, func(b *testing.B) {
			for range b.N {
				br, profiles := start(b)
				prepare(b, br, k.what)
				heap, before := held(b, profiles), settled(b, br)
				k.make(b, br, entities)
				b.ReportMetric(float64(settled(b, br)-before)/entities, "bytes/"+k.what)
				b.ReportMetric(float64(held(b, profiles)-heap)/entities, "held-bytes/"+k.what)
				br.Stop(b)
			}
		})
	}
}

// start is a broker that lets a connection have as many channels as it likes, and where it serves its profiles.
func start(t testing.TB) (br *broker.Broker, profiles string) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	profiles = l.Addr().String()
	l.Close()
	return broker.Start(t, broker.NoRace(), broker.Set("channel_max", "0"), broker.Set("pprof.listen", profiles)), profiles
}

// held is what a broker has on its heap and in stacks behind a collection.
func held(t testing.TB, profiles string) (bytes int64) {
	var profile []byte
	for range 2 { // what has a finalizer needs two
		r, err := http.Get("http://" + profiles + "/debug/pprof/heap?gc=1&debug=1")
		if err != nil {
			t.Fatal(err)
		}
		profile, err = io.ReadAll(r.Body)
		if r.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	found := memory.FindAllSubmatch(profile, -1)
	if len(found) != 2 {
		t.Fatalf("the heap profile ends with\n%s", profile[max(0, len(profile)-2000):])
	}
	for _, m := range found {
		n, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		bytes += n
	}
	return bytes
}

// memory finds the two in what a heap profile says of runtime.MemStats.
var memory = regexp.MustCompile(`(?m)^# (?:HeapAlloc|Stack) = (\d+)`)

// prepare makes what the entities need.
func prepare(t testing.TB, br *broker.Broker, what string) {
	c := open(t, br)
	switch what {
	case "binding":
		declare(c, "q")
	case "consumer":
		declare(c, "q")
	}
}

// settled is the memory of the process once it has not changed by more than 1 % for as long as it takes to be taken for idle.
func settled(b testing.TB, br *broker.Broker) int64 {
	const calm = 30 * time.Second
	last, since := br.RSS(b), time.Now()
	broker.Eventually(b, 5*time.Minute, "memory settles", func() (bool, any) {
		if now := br.RSS(b); now < last-last/100 || now > last+last/100 {
			last, since = now, time.Now()
		}
		return time.Since(since) > calm, last
	})
	return br.RSS(b)
}

func open(b testing.TB, br *broker.Broker) *raw.Conn {
	c := raw.Open(b, br.Addr)
	c.OpenChannel(1)
	return c
}

func declare(c *raw.Conn, q string) {
	c.Call(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(q).Octet(0).Table(), raw.QueueDeclareOk)
}

func connections(b testing.TB, br *broker.Broker, n int) {
	for range n {
		raw.Open(b, br.Addr)
	}
}

func channels(b testing.TB, br *broker.Broker, n int) {
	c := open(b, br)
	for i := range n {
		c.OpenChannel(uint16(2 + i))
	}
}

func queues(b testing.TB, br *broker.Broker, n int) {
	c := open(b, br)
	for i := range n {
		declare(c, fmt.Sprint("queue-", i))
	}
}

func bindings(b testing.TB, br *broker.Broker, n int) {
	c := open(b, br)
	for i := range n {
		c.Call(1, raw.QueueBind, raw.Fields{}.Short(0).ShortStr("q").ShortStr("amq.direct").ShortStr(fmt.Sprint("key-", i)).Octet(0).Table(), raw.QueueBindOk)
	}
}

func consumers(b testing.TB, br *broker.Broker, n int) {
	c := open(b, br)
	for i := range n {
		c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr("q").ShortStr(fmt.Sprint("tag-", i)).Octet(0).Table(), raw.BasicConsumeOk)
	}
}
