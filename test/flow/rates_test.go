package flow

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// ratesBroker has users who may be slowed, beside guest.
func ratesBroker(t *testing.T) *broker.Broker {
	b := broker.Start(t, broker.NoRace(), broker.Set("chaos.enabled", "true"))
	b.Ctl(t, "add_user", "u", "secret")
	return b
}

// in is the URI of a user in a vhost.
func in(b *broker.Broker, user, vhost string) string {
	password := "secret"
	if user == "guest" {
		password = "guest"
	}
	return "amqp://" + user + ":" + password + "@" + b.Addr + "/" + vhost
}

// slowed limits guest's vhost, or another user, and returns where guest is then an offender's neighbour.
func slowed(t *testing.T, b *broker.Broker, offender, vhost, other, limits string) string {
	t.Helper()
	if offender == "guest" {
		b.Ctl(t, "set_vhost_limits", "-p", vhost, limits)
		return other
	}
	b.Ctl(t, "set_user_limits", offender, limits)
	t.Cleanup(func() { b.Ctl(t, "clear_user_limits", offender, "all") })
	return vhost
}

// count follows how many messages have come somewhere.
type count struct{ atomic.Int64 }

// reaches waits until it is at least n, and returns when that was.
func (c *count) reaches(t *testing.T, n int64) time.Time {
	t.Helper()
	broker.Eventually(t, patience, fmt.Sprintf("%d messages", n), func() (bool, any) { got := c.Load(); return got >= n, got })
	return time.Now()
}

// settles waits until nothing has come for a while: what was on its way has arrived.
func (c *count) settles(t *testing.T) {
	t.Helper()
	last, since := c.Load(), time.Now()
	broker.Eventually(t, patience, "nothing comes any more", func() (bool, any) {
		if now := c.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 700*time.Millisecond, last
	})
}

// rate measures how many messages come in a second, from now on until the n-th.
func (c *count) rate(t *testing.T, n int64) float64 {
	t.Helper()
	first := c.Load()
	began := c.reaches(t, first+1)
	first = c.Load()
	ended := c.reaches(t, first+n)
	return float64(c.Load()-first) / ended.Sub(began).Seconds()
}

// about holds a rate to what it is to be, over n messages. On a machine that has no time, what this client reads late comes all at once: it
// has a few attempts to see a stretch without.
func (c *count) about(t *testing.T, want float64, n int64) {
	t.Helper()
	got := 0.0
	for range 5 {
		if got = c.rate(t, n); got >= 0.9*want && got <= 1.1*want {
			return
		}
	}
	t.Errorf("%.0f a second, want %.0f", got, want)
}

// faster says that a neighbour has had more than the offender, however busy the machine is.
func (c *count) faster(t *testing.T, offender *count) {
	t.Helper()
	if mine, its := c.Load(), offender.Load(); mine <= its {
		t.Errorf("the neighbour: %d in the time of %d", mine, its)
	}
}

// pouring publishes without end to a queue of its own, from as many connections, and counts what comes out of it.
func pouring(t *testing.T, uri string, connections, size int) (*count, []*amqp.Connection) {
	t.Helper()
	taker := channelOn(t, connectTo(t, uri))
	q := queueFor(t, taker)
	c := counting(t, taker, q)
	var all []*amqp.Connection
	for range connections {
		conn := connectHard(t, uri)
		all = append(all, conn)
		ch := channelOn(t, conn)
		body := bytes.Repeat([]byte("x"), size)
		go func() {
			for ch.Publish("", q, false, false, amqp.Publishing{Body: body}) == nil {
			}
		}()
	}
	return c, all
}

// connectHard is a connection whose socket is closed with the test: a publisher that is held could not say goodbye.
func connectHard(t *testing.T, uri string) *amqp.Connection {
	t.Helper()
	c, err := amqp.DialConfig(uri, amqp.Config{Heartbeat: 30 * time.Second, Dial: func(network, addr string) (net.Conn, error) {
		socket, err := net.DialTimeout(network, addr, patience)
		if err == nil {
			t.Cleanup(func() { socket.Close() })
		}
		return socket, err
	}})
	must(t, err)
	return c
}

func counting(t *testing.T, ch *amqp.Channel, q string) *count {
	t.Helper()
	c := &count{}
	deliveries := consume(t, ch, q, true)
	go func() {
		for range deliveries {
			c.Add(1)
		}
	}()
	return c
}

// an offender is held to its rate, its neighbour is not slowed.
func TestA18_PublishRates(t *testing.T) {
	b := ratesBroker(t)
	for _, c := range []struct {
		what     string
		limits   string
		offender string // guest for a limit of the vhost
		size     int
		want     float64
	}{
		{"A-18 messages of a vhost", `{"max-publish-rate": 500}`, "guest", 20, 500},
		{"A-18 bytes of a vhost", `{"max-publish-bytes-rate": 1000000, "max-publish-rate": -1}`, "guest", 5000, 200},
		{"A-18 messages of a user", `{"max-publish-rate": 400}`, "u", 20, 400},
		{"A-18 bytes of a user", `{"max-publish-bytes-rate": 300000}`, "u", 1000, 300},
	} {
		t.Run(c.what, func(t *testing.T) {
			v, other := vhost(t, b, "u"), vhost(t, b, "u")
			other = slowed(t, b, c.offender, v, other, c.limits)
			slow, _ := pouring(t, in(b, c.offender, v), 3, c.size)
			fast, _ := pouring(t, in(b, "guest", other), 1, c.size)
			slow.about(t, c.want, int64(2*c.want))
			fast.faster(t, slow)
			rows := broker.Rows[struct {
				User, VHost string
				By          string `json:"flow_by"`
			}](t, b, "list_connections", "user", "vhost", "flow_by")
			for _, r := range rows {
				if strings.Contains(r.By, "rate limit") && (r.User != c.offender || r.VHost != v) {
					t.Errorf("held: %+v", r)
				}
			}
		})
	}
}

// what consumers get is paced, and no other vhost's or user's.
func TestA18_ConsumeRates(t *testing.T) {
	b := ratesBroker(t)
	for _, c := range []struct{ what, limits, user string }{
		{"A-18 messages delivered in a vhost", `{"max-consume-rate": 1000}`, "guest"},
		{"A-18 bytes delivered in a vhost", `{"max-consume-bytes-rate": 1000000}`, "guest"},
		{"A-18 messages delivered to a user", `{"max-consume-rate": 1000}`, "u"},
	} {
		t.Run(c.what, func(t *testing.T) {
			v, other := vhost(t, b, "u"), vhost(t, b, "u")
			other = slowed(t, b, c.user, v, other, c.limits)
			slow, _ := pouring(t, in(b, c.user, v), 1, 1000) // they publish faster, and the queue grows
			fast, _ := pouring(t, in(b, "guest", other), 1, 1000)
			slow.about(t, 1000, 2000)
			fast.faster(t, slow)
		})
	}
	t.Run("A-18 P-47 basic.get is answered later", func(t *testing.T) {
		v := vhost(t, b)
		ch := channelOn(t, connectTo(t, in(b, "guest", v)))
		q := queueFor(t, ch)
		fill(t, ch, q, 100)
		b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-consume-rate": 50}`)
		get(t, ch, q)
		began := time.Now()
		for i := range 75 {
			if got := get(t, ch, q); got != fmt.Sprint(i+1) {
				t.Fatalf("got %q, not %d", got, i+1)
			}
		}
		if took := time.Since(began); took < 1300*time.Millisecond || took > 3*time.Second {
			t.Errorf("75 gets took %v", took)
		}
	})
	t.Run("A-18 P-47 a basic.get that is held does not keep its connection", func(t *testing.T) {
		v := vhost(t, b)
		c := connectTo(t, in(b, "guest", v))
		ch := channelOn(t, c)
		q := queueFor(t, ch)
		b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-consume-rate": 0}`)
		go func() { _, _, _ = ch.Get(q, true) }()
		broker.Eventually(t, patience, "the channel is in flow", func() (bool, any) {
			rows := broker.Rows[stalled](t, b, "list_channels", "vhost", "state", "flow_by", "flow_ms")
			for _, r := range rows {
				if r.VHost == v && r.State == "flow" && r.By == "rate limit of vhost '"+v+"'" && r.Ms > 0 {
					return true, nil
				}
			}
			return false, rows
		})
		must(t, c.Close())
		broker.Eventually(t, patience, "the connection is gone", func() (bool, any) {
			rows := broker.Rows[stalled](t, b, "list_connections", "vhost", "state")
			for _, r := range rows {
				if r.VHost == v {
					return false, rows
				}
			}
			return true, nil
		})
	})
}

// stalled is a row of list_connections or list_channels.
type stalled struct {
	VHost string
	State string
	By    string `json:"flow_by"`
	Ms    int64  `json:"flow_ms"`
}

// flowOf waits until some connection in a vhost is in flow because of by, for at least as long.
func flowOf(t *testing.T, b *broker.Broker, list, v, by string, atLeast time.Duration) {
	t.Helper()
	broker.Eventually(t, patience, list+": in flow by "+by, func() (bool, any) {
		rows := broker.Rows[stalled](t, b, list, "vhost", "state", "flow_by", "flow_ms")
		for _, r := range rows {
			if r.VHost == v && r.State == "flow" && strings.Contains(r.By, by) && r.Ms >= atLeast.Milliseconds() {
				return true, nil
			}
		}
		return false, rows
	})
}

// a change is in force for who is connected; who is held is in flow, and it says because of whom.
func TestA18_RatesChangeAtRunTime(t *testing.T) {
	b := ratesBroker(t)
	v := vhost(t, b)
	set := func(limits string) { b.Ctl(t, "set_vhost_limits", "-p", v, limits) }
	slow, publishers := pouring(t, in(b, "guest", v), 2, 100)
	slow.reaches(t, 5000)
	t.Run("A-18 A-20 none allowed", func(t *testing.T) {
		set(`{"max-publish-rate": 0}`)
		flowOf(t, b, "list_connections", v, "rate limit of vhost '"+v+"'", 1500*time.Millisecond)
		flowOf(t, b, "list_channels", v, "rate limit of vhost '"+v+"'", 0)
		slow.settles(t)
		before := slow.Load()
		idle := channelOn(t, connectTo(t, in(b, "guest", v))) // who does not publish is served
		if got, _ := counts(t, idle, queueFor(t, idle)); got != 0 {
			t.Errorf("%d messages", got)
		}
		if got := slow.Load(); got != before {
			t.Errorf("%d messages more", got-before)
		}
	})
	t.Run("A-18 set", func(t *testing.T) {
		set(`{"max-publish-rate": 500}`)
		slow.about(t, 500, 1000)
	})
	t.Run("A-18 raised", func(t *testing.T) {
		set(`{"max-publish-rate": 1200, "max-consume-rate": 100000}`)
		slow.about(t, 1200, 2400)
	})
	t.Run("A-18 list and export", func(t *testing.T) {
		want := `"max-publish-rate":1200`
		if got := string(b.Ctl(t, "list_vhost_limits", "-p", v, "-s")); !strings.Contains(got, want) {
			t.Errorf("%s", got)
		}
		if got := strings.ReplaceAll(string(b.Ctl(t, "export_definitions", "-")), " ", ""); strings.Count(got, want) < 1 || !strings.Contains(got, `"max-consume-rate":100000`) {
			t.Errorf("%s", got)
		}
	})
	t.Run("A-18 imported", func(t *testing.T) {
		file := t.TempDir() + "/definitions.json"
		b.Ctl(t, "export_definitions", file)
		set(`{"max-publish-rate": 100}`)
		slow.about(t, 100, 200)
		b.Ctl(t, "import_definitions", file)
		slow.about(t, 1200, 2400)
	})
	t.Run("A-18 cleared", func(t *testing.T) {
		b.Ctl(t, "clear_vhost_limits", "-p", v)
		if got := slow.rate(t, 20_000); got < 2400 { // twice as many as before; how many a busy machine can is another matter
			t.Errorf("%.0f a second", got)
		}
	})
	t.Run("A-18 one who is held can be closed", func(t *testing.T) {
		set(`{"max-publish-rate": 0}`)
		flowOf(t, b, "list_connections", v, "rate limit", 0)
		closed := publishers[0].NotifyClose(make(chan *amqp.Error, 1))
		b.Ctl(t, "close_all_connections", "-p", v, "enough")
		if err := next(t, closed, "the close"); err == nil || err.Code != 320 {
			t.Errorf("%v", err)
		}
	})
}

// a message that is larger than a second's worth passes, and is made up for.
func TestA18_LargerThanTheRate(t *testing.T) {
	b := ratesBroker(t)
	v := vhost(t, b)
	b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-publish-bytes-rate": 100000}`)
	got, _ := pouring(t, in(b, "guest", v), 1, 1<<20)
	got.reaches(t, 1)
	flowOf(t, b, "list_connections", v, "rate limit", 2*time.Second)
	if n := got.Load(); n != 1 {
		t.Fatalf("%d messages", n)
	}
	b.Ctl(t, "clear_vhost_limits", "-p", v)
	got.reaches(t, 20)
}

// limits belong to no actor: channels, connections and queues crash, and what they hold is held.
func TestA18_RatesSurviveCrashes(t *testing.T) {
	b := ratesBroker(t)
	v := vhost(t, b)
	b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-publish-rate": 1000}`)
	taken, _ := pouring(t, in(b, "guest", v), 2, 100)
	b.Ctl(t, "set_user_limits", "u", `{"max-consume-rate": 500}`)
	other := vhost(t, b, "u")
	paced, _ := pouring(t, in(b, "u", other), 1, 100)
	for range 3 {
		for _, a := range b.Actors(t) {
			if a.Kind == "channel" || a.Kind == "connection" || a.Kind == "queue" {
				if _, err := b.TryCtl(t, "actors", "crash", a.Path); err != nil {
					t.Log(err)
				}
			}
		}
	}
	paced.about(t, 500, 1000)
	taken.about(t, 1000, 1500)
}
