package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// proxied dials as from another machine, which only a proxy can.
func proxied(t testing.TB, addr string, port int) *raw.Conn {
	c := raw.Dial(t, addr)
	c.Send(fmt.Appendf(nil, "PROXY TCP4 203.0.113.7 192.0.2.1 %d 5672\r\n", port), raw.Header)
	c.Expect(0, raw.ConnectionStart)
	d := c.Call(0, raw.ConnectionStartOk, raw.StartOk("open", "open", "connection.blocked", true), raw.ConnectionTune)
	tuning := raw.Tuning{ChannelMax: d.Short(), FrameMax: d.Long(), Heartbeat: d.Short()}
	c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
	c.Method(0, raw.ConnectionOpen, raw.OpenVhost("/"))
	return c
}

// remotelyOn is a broker that believes in proxies.
func remotelyOn(t *testing.T, more ...broker.Option) *broker.Broker {
	return broker.Start(t, append([]broker.Option{broker.NoRace(), broker.Set("proxy_protocol", "true"), broker.Set("default_user", "open"), broker.Set("default_pass", "open")}, more...)...)
}

const reserve = 64

// short brings a broker above its mark, until enough is called.
func short(t *testing.T, b *broker.Broker) (enough func()) {
	t.Helper()
	b.Ctl(t, "set_vm_memory_high_watermark", "0")
	status := func() string { return string(b.Ctl(t, "alarms")) }
	broker.Eventually(t, patience, "the alarm is up", func() (bool, any) { s := status(); return strings.Contains(s, "Memory alarm on node"), s })
	return func() {
		b.Ctl(t, "set_vm_memory_high_watermark", "0.9")
		broker.Eventually(t, patience, "the alarm is down", func() (bool, any) { s := status(); return strings.Contains(s, "reported no alarms"), s })
	}
}

// Memory states: what is refused above the high mark, and what is not.
func TestMemoryStates(t *testing.T) {
	whole, b := t, remotelyOn(t)
	before := proxied(t, b.Addr, 1)
	before.Expect(0, raw.ConnectionOpenOk)
	before.OpenChannel(1)
	declare := func(name string, flags byte) raw.Fields {
		return raw.Fields{}.Short(0).ShortStr(name).Octet(flags).Table()
	}
	const passive, exclusive = 1, 4
	before.Call(1, raw.QueueDeclare, declare("there", 0), raw.QueueDeclareOk)
	enough := short(t, b)

	refusal := func(t *testing.T, what string, method raw.ID, fields raw.Fields, answer raw.ID) {
		t.Helper()
		before.Method(1, method, fields)
		f, err := before.Read()
		must(t, err)
		c, closed := f.ReadClose()
		want := "PRECONDITION_FAILED - cannot declare " + what + " in vhost '/': the node is low on memory, and takes new ones again when that is over"
		switch {
		case answer != (raw.ID{}):
			if f.Method() != answer {
				t.Fatalf("got %v", f)
			}
		case !closed || c.Code != 406 || c.Text != want:
			t.Fatalf("got %+v, want %q", c, want)
		default:
			before.Method(1, raw.ChannelCloseOk, nil)
			before.OpenChannel(1)
		}
	}
	t.Run("A-04 S6 a new queue is refused", func(t *testing.T) {
		refusal(t, "queue 'new'", raw.QueueDeclare, declare("new", 0), raw.ID{})
	})
	t.Run("A-04 S6 a new exchange is refused", func(t *testing.T) {
		refusal(t, "exchange 'new'", raw.ExchangeDeclare, raw.Fields{}.Short(0).ShortStr("new").ShortStr("direct").Octet(0).Table(), raw.ID{})
	})
	t.Run("A-04 S6 what is there is declared again", func(t *testing.T) {
		refusal(t, "", raw.QueueDeclare, declare("there", 0), raw.QueueDeclareOk)
		refusal(t, "", raw.QueueDeclare, declare("there", passive), raw.QueueDeclareOk)
	})
	t.Run("A-04 S6 a reply queue of a consumer's own", func(t *testing.T) {
		refusal(t, "", raw.QueueDeclare, declare("", exclusive), raw.QueueDeclareOk)
	})
	t.Run("A-04 S6 an exclusive queue with a name is a new one", func(t *testing.T) {
		refusal(t, "queue 'mine'", raw.QueueDeclare, declare("mine", exclusive), raw.ID{})
	})
	t.Run("A-04 S6 a reserve of connections, which begin blocking", func(t *testing.T) {
		for i := range reserve {
			proxied(whole, b.Addr, 100+i).Expect(0, raw.ConnectionOpenOk) // they stay
		}
		rows := broker.Rows[struct{ State string }](t, b, "list_connections", "state")
		if len(rows) != reserve+1 {
			t.Fatalf("%d connections", len(rows))
		}
		for _, r := range rows {
			if r.State != "blocking" {
				t.Fatalf("state %q", r.State)
			}
		}
	})
	t.Run("A-04 S6 no more than that, from elsewhere", func(t *testing.T) {
		c := proxied(t, b.Addr, 3).ExpectClose()
		if c.Code != 506 || !strings.HasPrefix(c.Text, "RESOURCE_ERROR - connection refused: node 'warren@") ||
			!strings.HasSuffix(c.Text, "' is low on memory, and takes new connections again when that is over") {
			t.Fatalf("got %+v", c)
		}
	})
	t.Run("A-04 S6 this machine is always let in", func(t *testing.T) {
		c := raw.Dial(t, b.Addr)
		c.Send([]byte("PROXY UNKNOWN\r\n"), raw.Header)
		c.Expect(0, raw.ConnectionStart)
		c.Call(0, raw.ConnectionStartOk, raw.StartOk("open", "open"), raw.ConnectionTune)
		c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(raw.Tuning{ChannelMax: 10, FrameMax: 8192}))
		c.Call(0, raw.ConnectionOpen, raw.OpenVhost("/"), raw.ConnectionOpenOk)
	})
	t.Run("P-16 A-06 who publishes is told, and when it is over", func(t *testing.T) {
		before.Send(raw.Message(1, "", "there", []byte("x")))
		d := before.Expect(0, raw.ConnectionBlocked)
		if reason := d.ShortStr(); reason != "low on memory" {
			t.Fatalf("because %q", reason)
		}
		broker.Eventually(t, patience, "it is blocked", func() (bool, any) {
			rows := broker.Rows[struct{ State string }](t, b, "list_connections", "state")
			n := 0
			for _, r := range rows {
				if r.State == "blocked" {
					n++
				}
			}
			return n == 1, rows
		})
		enough()
		before.Expect(0, raw.ConnectionUnblocked)
	})
	t.Run("A-02 S6 below the low mark everything is as before", func(t *testing.T) {
		c := proxied(t, b.Addr, 4)
		c.Expect(0, raw.ConnectionOpenOk)
		refusal(t, "", raw.QueueDeclare, declare("new", 0), raw.QueueDeclareOk)
	})
}

// The switches for RabbitMQ's milder way.
func TestMemoryStatesAsRabbitMQ(t *testing.T) {
	b := remotelyOn(t, broker.Set("alarm.refuse_new_connections", "false"), broker.Set("alarm.refuse_new_entities", "false"))
	short(t, b)
	t.Run("A-04 new connections and declarations", func(t *testing.T) {
		for i := range reserve + 1 {
			c := proxied(t, b.Addr, 100+i)
			c.Expect(0, raw.ConnectionOpenOk)
			c.OpenChannel(1)
			c.DeclareQueue(1, fmt.Sprint("q", i))
		}
	})
}

// limits that are set at run time, their alarms, and the way back.
func TestAlarmsOfOperators(t *testing.T) {
	b := broker.Start(t)
	c := connectTo(t, b.URI())
	blocked := c.NotifyBlocked(make(chan amqp.Blocking, 10))
	ch := channelOn(t, c)
	q := queueFor(t, ch)
	state := func() string { return broker.Rows[struct{ State string }](t, b, "list_connections", "state")[0].State }
	t.Run("A-03 A-07 a disk limit that is not met", func(t *testing.T) {
		b.Ctl(t, "set_disk_free_limit", "1P")
		broker.Eventually(t, patience, "the alarm is up", func() (bool, any) {
			s := string(b.Ctl(t, "status"))
			return strings.Contains(s, " * Free disk space alarm on node ") && strings.Contains(s, "Low free disk space watermark: 1000000.0000 gb"), s
		})
		publish(t, ch, "", q, "x")
		if s := next(t, blocked, "blocked"); !s.Active || s.Reason != "low on disk" {
			t.Fatalf("told %+v", s)
		}
		if _, err := connectTo(t, b.URI()).Channel(); err != nil { // as RabbitMQ: only memory turns anybody away
			t.Fatal(err)
		}
	})
	t.Run("P-16 both", func(t *testing.T) {
		b.Ctl(t, "set_vm_memory_high_watermark", "absolute", "1MB")
		broker.Eventually(t, patience, "the alarm is up", func() (bool, any) {
			s := string(b.Ctl(t, "status"))
			return strings.Contains(s, " * Memory alarm on node ") && strings.Contains(s, "State: blocked"), s
		})
		other := connectTo(t, b.URI())
		told := other.NotifyBlocked(make(chan amqp.Blocking, 10))
		publish(t, channelOn(t, other), "", q, "y")
		if s := next(t, told, "blocked"); !s.Active || s.Reason != "low on memory & low on disk" {
			t.Fatalf("told %+v", s)
		}
	})
	t.Run("A-07 back again", func(t *testing.T) {
		b.Ctl(t, "set_disk_free_limit", "mem_relative", "0")
		b.Ctl(t, "set_vm_memory_high_watermark", "0.9")
		if s := next(t, blocked, "unblocked"); s.Active {
			t.Fatalf("told %+v", s)
		}
		broker.Eventually(t, patience, "they are read", func() (bool, any) { s := state(); return s == "running", s })
		ready(t, ch, q, 2)
	})
}

// No lock-up: memory above the mark and every consumer gone.
func TestNoLockUp(t *testing.T) {
	t.Run("A-04 S6 a consumer comes back, declares its queue again and drains it", func(t *testing.T) {
		const n = 20_000
		b := smallBroker(t)
		first := connectTo(t, b.URI())
		q := queueFor(t, channelOn(t, first))
		must(t, first.Close())
		f := startFlood(t, b, q, n)
		b.Ctl(t, "set_vm_memory_high_watermark", "0") // in the middle of it
		f.settle(t, b)
		again := channelOn(t, connectTo(t, b.URI()))
		_, err := again.QueueDeclare(q, false, false, false, false, nil)
		must(t, err)
		taken := int(f.sent.Load())
		deliveries := consume(t, again, q, true)
		got := 0
		idle := time.NewTimer(patience)
		for ready := true; ready; { // what is in comes out, while its publisher waits
			select {
			case <-deliveries:
				got++
				idle.Reset(time.Second)
			case <-idle.C:
				ready = false
			}
		}
		if got == 0 || taken == 0 {
			t.Fatalf("%d drained of %d", got, taken)
		}
		b.Ctl(t, "set_vm_memory_high_watermark", "0.4")
		for ; got < n; got++ {
			next(t, deliveries, "the rest")
		}
		must(t, next(t, f.done, "the publisher"))
	})
	t.Run("A-04 a connection that publishes and consumes at once", func(t *testing.T) {
		b := smallBroker(t)
		c := connectTo(t, b.URI())
		in, out := channelOn(t, c), channelOn(t, c)
		q := queueFor(t, in)
		must(t, in.Qos(100, 0, false))
		deliveries := consume(t, in, q, false)
		const n = 50_000
		enough := short(t, b)
		go func() {
			for i := range n {
				if out.Publish("", q, false, false, amqp.Publishing{Body: fmt.Append(nil, i)}) != nil {
					return
				}
			}
		}()
		first := next(t, deliveries, "what came before it was blocked")
		enough()
		must(t, first.Ack(false))
		for i := 1; i < n; i++ {
			d := next(t, deliveries, "a delivery")
			if string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s, not %d", d.Body, i)
			}
			must(t, d.Ack(false))
		}
	})
	t.Run("A-15 K-34 a client that never reads what it asks for", func(t *testing.T) {
		b := smallBroker(t)
		ch := channelOn(t, connectTo(t, b.URI()))
		q := queueFor(t, ch)
		deaf := raw.Open(t, b.Addr)
		deaf.OpenChannel(1)
		var burst []byte
		for range 50 {
			burst = append(burst, unroutables(1)...)
			burst = append(burst, raw.MethodFrame(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(1))...)
			burst = append(burst, raw.MethodFrame(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(q).Octet(1).Table())...)
		}
		var sent int
		for { // until the broker does not read it any more
			must(t, deaf.SetWriteDeadline(time.Now().Add(2*time.Second)))
			n, err := deaf.Write(burst)
			if sent += n; err != nil {
				break
			}
			if rss := b.RSS(t); rss > machineBytes/2 {
				t.Fatalf("%d MiB resident after %d MiB", rss>>20, sent>>20)
			}
			if sent > machineBytes {
				t.Fatal("it is read for ever")
			}
		}
		publish(t, ch, "", q, "others")
		if got := get(t, ch, q); got != "others" {
			t.Fatalf("got %q", got)
		}
		t.Logf("%d MiB taken, %d MiB resident", sent>>20, b.RSS(t)>>20)
	})
}
