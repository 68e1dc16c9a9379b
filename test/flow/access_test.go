package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// vhost makes a vhost of its own for a test, where guest and another user may do everything.
func vhost(t testing.TB, b *broker.Broker, users ...string) string {
	t.Helper()
	if !b.Own() {
		t.Skip("it needs warrenctl")
	}
	v := fmt.Sprintf("vhost-%d", names.Add(1))
	b.Ctl(t, "add_vhost", v)
	t.Cleanup(func() { _, _ = b.TryCtl(t, "delete_vhost", v) })
	for _, u := range append(users, "guest") {
		b.Ctl(t, "set_permissions", "-p", v, u, ".*", ".*", ".*")
	}
	return v
}

// opening goes through the handshake up to connection.open.
func opening(t *testing.T, b *broker.Broker, user, vhost string) *raw.Conn {
	t.Helper()
	c := raw.Start(t, b.Addr)
	d := c.Call(0, raw.ConnectionStartOk, raw.StartOk(user, "secret", "authentication_failure_close", true), raw.ConnectionTune)
	c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(raw.Tuning{ChannelMax: d.Short(), FrameMax: d.Long()}))
	c.Method(0, raw.ConnectionOpen, raw.OpenVhost(vhost))
	return c
}

// turnedDown expects connection.close in place of open-ok.
func turnedDown(t *testing.T, c *raw.Conn, code uint16, text string) {
	t.Helper()
	if got := c.ExpectClose(); got.Channel != 0 || got.Code != code || got.Text != text {
		t.Fatalf("got  %+v\nwant %d %s", got, code, text)
	}
	c.Method(0, raw.ConnectionCloseOk, nil)
	c.ExpectEOF(silentLimit)
}

// P-12: everything that speaks against connection.open, in its order; P-24: -1 is no limit, 0 is none allowed.
func TestP12_ConnectionOpen(t *testing.T) {
	b := broker.Start(t, broker.Set("connection_max", "3"), broker.Set("chaos.enabled", "true"))
	b.Ctl(t, "add_user", "u", "secret")
	b.Ctl(t, "add_vhost", "v")
	const noAccess = "NOT_ALLOWED - access to vhost 'v' refused for user 'u'"
	t.Run("P-12 no vhost", func(t *testing.T) {
		turnedDown(t, opening(t, b, "u", "nowhere"), 530, "NOT_ALLOWED - vhost nowhere not found")
	})
	t.Run("P-12 no permission", func(t *testing.T) { turnedDown(t, opening(t, b, "u", "v"), 530, noAccess) })
	t.Run("P-12 user limit before permission", func(t *testing.T) {
		b.Ctl(t, "set_user_limits", "u", `{"max-connections": 0}`)
		turnedDown(t, opening(t, b, "u", "v"), 530, "NOT_ALLOWED - connection refused for user 'u': user connection limit (0) is reached")
	})
	t.Run("P-12 vhost limit before user limit", func(t *testing.T) {
		b.Ctl(t, "set_vhost_limits", "-p", "v", `{"max-connections": 0}`)
		turnedDown(t, opening(t, b, "u", "v"), 530, noAccess+": connection limit (0) is reached")
	})
	t.Run("P-24 -1 is no limit", func(t *testing.T) {
		b.Ctl(t, "set_user_limits", "u", `{"max-connections": -1}`)
		b.Ctl(t, "set_vhost_limits", "-p", "v", `{"max-connections": -1}`)
		turnedDown(t, opening(t, b, "u", "v"), 530, noAccess)
	})
	b.Ctl(t, "set_permissions", "-p", "v", "u", ".*", ".*", ".*")
	uri := "amqp://u:secret@" + b.Addr + "/v"
	t.Run("P-24 limits count what is open", func(t *testing.T) {
		b.Ctl(t, "set_vhost_limits", "-p", "v", `{"max-connections": 1}`)
		first := connectTo(t, uri)
		turnedDown(t, opening(t, b, "u", "v"), 530, noAccess+": connection limit (1) is reached")
		b.Ctl(t, "clear_vhost_limits", "-p", "v")
		b.Ctl(t, "set_user_limits", "u", `{"max-connections": 1}`)
		turnedDown(t, opening(t, b, "u", "v"), 530, "NOT_ALLOWED - connection refused for user 'u': user connection limit (1) is reached")
		must(t, first.Close())
		broker.Eventually(t, patience, "the place is free", func() (bool, any) {
			c, err := amqp.Dial(uri)
			if err == nil {
				err = c.Close()
			}
			return err == nil, err
		})
		b.Ctl(t, "clear_user_limits", "u", "all")
	})
	t.Run("P-12 node limit before everything", func(t *testing.T) {
		for range 3 {
			connectTo(t, uri)
		}
		turnedDown(t, opening(t, b, "u", "nowhere"), 530, "NOT_ALLOWED - connection refused: node connection limit (3) is reached")
		b.Ctl(t, "close_all_connections", "--global", "enough")
		none(t, b)
	})
	t.Run("P-12 vhost is down", func(t *testing.T) { downAndUp(t, b, uri) })
}

// none waits until no connection is open.
func none(t testing.TB, b *broker.Broker) {
	t.Helper()
	broker.Eventually(t, patience, "all connections are gone", func() (bool, any) {
		rows := broker.Rows[struct{ Name string }](t, b, "list_connections", "name")
		return len(rows) == 0, rows
	})
}

// downAndUp crashes a vhost until it is given up: its connections are closed, nobody gets in, the broker lives, and when the vhost is
// restarted everything in it is there, but for the exclusive queue whose owner went meanwhile.
func downAndUp(t *testing.T, b *broker.Broker, uri string) {
	c := connectTo(t, uri)
	ch := channelOn(t, c)
	_, err := ch.QueueDeclare("kept", true, false, false, false, nil)
	must(t, err)
	_, err = ch.QueueDeclare("mine", false, false, true, false, nil)
	must(t, err)
	confirms := confirming(t, ch, 2)
	must(t, ch.Publish("", "kept", false, false, amqp.Publishing{Body: []byte("x"), DeliveryMode: amqp.Persistent}))
	must(t, ch.Publish("", "kept", false, false, amqp.Publishing{Body: []byte("y")}))
	acked(t, confirms, 2)
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	for range 3 { // 2 in 300 s are allowed
		_, _ = b.TryCtl(t, "actors", "crash", "--count", "warren/core/vhosts/v/definitions")
		broker.Eventually(t, patience, "it is up again, or given up", func() (bool, any) {
			for _, a := range b.Actors(t) {
				if a.Path == "warren/core/vhosts/v/definitions" {
					return true, nil
				}
			}
			return state(t, b, "v") == "stopped", nil
		})
	}
	if e := next(t, closed, "connection close"); e.Code != 320 || e.Reason != "CONNECTION_FORCED - vhost 'v' is down" {
		t.Fatalf("got %d %s", e.Code, e.Reason)
	}
	turnedDown(t, opening(t, b, "u", "v"), 541, "INTERNAL_ERROR - access to vhost 'v' refused for user 'u': vhost 'v' is down")
	none(t, b)
	alive(t, connectTo(t, b.URI()))

	if out := string(b.Ctl(t, "restart_vhost", "-p", "v")); !strings.Contains(out, "Successfully restarted vhost 'v'") {
		t.Fatal(out)
	}
	c = connectTo(t, uri)
	ch = channelOn(t, c)
	for _, want := range []string{"x", "y"} {
		if got := get(t, ch, "kept"); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	broker.Eventually(t, patience, "the exclusive queue is gone", func() (bool, any) {
		ch := channelOn(t, c)
		_, err := ch.QueueDeclarePassive("mine", false, false, true, false, nil)
		return err != nil && amqpError(t, err).Code == 404, err
	})
	if out := string(b.Ctl(t, "restart_vhost", "-p", "v")); !strings.Contains(out, "is already running") {
		t.Fatal(out)
	}
}

// state is a vhost's, as list_vhosts has it.
func state(t testing.TB, b *broker.Broker, vhost string) string {
	t.Helper()
	for _, row := range broker.Rows[struct {
		Name         string
		ClusterState map[string]string `json:"cluster_state"`
	}](t, b, "list_vhosts", "name", "cluster_state") {
		for _, s := range row.ClusterState {
			if row.Name == vhost {
				return s
			}
		}
	}
	return "gone"
}

// P-23: limits of channels beside the connection's own, which close the connection; P-24: 0 is none allowed.
func TestP23_ChannelLimits(t *testing.T) {
	b := broker.Start(t, broker.Set("channel_max_per_node", "3"), broker.Set("cluster_name", "warren@burrow"))
	b.Ctl(t, "add_user", "u", "secret")
	b.Ctl(t, "set_permissions", "u", ".*", ".*", ".*")
	uri := "amqp://u:secret@" + b.Addr + "/"
	refuses := func(t *testing.T, c *amqp.Connection, want string) {
		t.Helper()
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		if _, err := c.Channel(); err == nil {
			t.Fatal("the channel is open")
		}
		if e := next(t, closed, "connection close"); e.Code != 530 || e.Reason != want {
			t.Fatalf("got %d %s", e.Code, e.Reason)
		}
	}
	t.Run("P-23 user limit", func(t *testing.T) {
		b.Ctl(t, "set_user_limits", "u", `{"max-channels": 2}`)
		c := connectTo(t, uri)
		channelOn(t, c)
		channelOn(t, connectTo(t, uri))
		refuses(t, c, "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of 2")
	})
	none(t, b)
	t.Run("P-23 user limit of 0", func(t *testing.T) {
		b.Ctl(t, "set_user_limits", "u", `{"max-channels": 0}`)
		refuses(t, connectTo(t, uri), "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of 0")
		b.Ctl(t, "clear_user_limits", "u", "max-channels")
	})
	none(t, b)
	t.Run("P-23 node limit, and what was closed does not count", func(t *testing.T) {
		for range 3 {
			must(t, channelOn(t, connectTo(t, uri)).Close())
		}
		c := connectTo(t, uri)
		broker.Eventually(t, patience, "three places are free", func() (bool, any) {
			n := len(broker.Rows[struct{ Name string }](t, b, "list_channels", "name"))
			return n == 0, n
		})
		for range 3 {
			channelOn(t, c)
		}
		refuses(t, c, "NOT_ALLOWED - number of channels opened on node 'warren@burrow' has reached the maximum allowed limit of 3")
	})
}

// P-61: a vhost's queues.
func TestP61_QueueLimit(t *testing.T) {
	b := broker.Shared(t)
	v := vhost(t, b)
	b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-queues": 1}`)
	c := connectTo(t, b.URI()+v)
	ch := channelOn(t, c)
	_, err := ch.QueueDeclare("first", false, false, true, false, nil)
	must(t, err)
	t.Run("P-61 one too many", func(t *testing.T) {
		_, err := channelOn(t, c).QueueDeclare("second", false, false, true, false, nil)
		refused(t, err, 406, "PRECONDITION_FAILED - cannot declare queue 'second': queue limit in vhost '"+v+"' (1) is reached")
	})
	t.Run("P-61 one that is there", func(t *testing.T) {
		_, err := channelOn(t, c).QueueDeclare("first", false, false, true, false, nil)
		must(t, err)
	})
	t.Run("P-24 0 is none", func(t *testing.T) {
		_, err := ch.QueueDelete("first", false, false, false)
		must(t, err)
		b.Ctl(t, "set_vhost_limits", "-p", v, `{"max-queues": 0}`)
		_, err = channelOn(t, c).QueueDeclare("first", false, false, true, false, nil)
		refused(t, err, 406, "PRECONDITION_FAILED - cannot declare queue 'first': queue limit in vhost '"+v+"' (0) is reached")
	})
	t.Run("P-61 another vhost", func(t *testing.T) { alive(t, connect(t)) })
}

// P-14: whoever closes connections says why, and clients hear it.
func TestP14_OperatorClose(t *testing.T) {
	b := broker.Shared(t)
	for _, row := range []struct {
		what string
		do   func(t *testing.T, user, vhost string)
		want string // %u and %v stand for user and vhost
	}{
		{"P-14 close_connection", func(t *testing.T, u, _ string) {
			for _, c := range broker.Rows[struct{ Pid, User string }](t, b, "list_connections", "pid", "user") {
				if c.User == u {
					b.Ctl(t, "close_connection", c.Pid, "because")
				}
			}
		}, "because"},
		{"P-14 close_all_connections", func(t *testing.T, _, v string) { b.Ctl(t, "close_all_connections", "-p", v, "so be it") }, "so be it"},
		{"P-14 close_all_user_connections", func(t *testing.T, u, _ string) { b.Ctl(t, "close_all_user_connections", u, "go") }, "go"},
		{"P-14 delete_user", func(t *testing.T, u, _ string) { b.Ctl(t, "delete_user", u) }, "user '%u' is deleted"},
		{"P-14 delete_vhost", func(t *testing.T, _, v string) { b.Ctl(t, "delete_vhost", v) }, "vhost '%v' is deleted"},
	} {
		t.Run(row.what, func(t *testing.T) {
			u, _ := user(t, b, "", "", "")
			v := vhost(t, b, u)
			c := connectTo(t, "amqp://"+u+":secret@"+b.Addr+"/"+v)
			q := queue(t, channelOn(t, c), "q")
			consume(t, channelOn(t, c), q, false)
			other := connectTo(t, b.URI())
			closed := c.NotifyClose(make(chan *amqp.Error, 1))
			row.do(t, u, v)
			want := "CONNECTION_FORCED - " + strings.NewReplacer("%u", u, "%v", v).Replace(row.want)
			if e := next(t, closed, "connection close"); e.Code != 320 || e.Reason != want {
				t.Fatalf("got  %d %s\nwant 320 %s", e.Code, e.Reason, want)
			}
			alive(t, other)
			broker.Eventually(t, patience, "the connection is gone", func() (bool, any) {
				for _, c := range broker.Rows[struct{ User string }](t, b, "list_connections", "user") {
					if c.User == u {
						return false, c
					}
				}
				return true, nil
			})
		})
	}
}

// O-13: a vhost that is deleted takes everything along, and another of its name begins with nothing.
func TestO13_AVhostOfTheSameName(t *testing.T) {
	b := broker.Shared(t)
	v := vhost(t, b)
	for range 3 {
		c := connectTo(t, b.URI()+v)
		ch := channelOn(t, c)
		if _, err := ch.QueueDeclarePassive("q", true, false, false, false, nil); err == nil {
			t.Fatal("a queue of the vhost before it")
		}
		ch = channelOn(t, c)
		must(t, ch.ExchangeDeclare("x", "fanout", true, false, false, false, nil))
		for _, durable := range []bool{true, false} {
			q := fmt.Sprintf("q%v", durable)
			_, err := ch.QueueDeclare(q, durable, false, false, false, nil)
			must(t, err)
			must(t, ch.QueueBind(q, "", "x", false, nil))
			if _, ok, err := ch.Get(q, true); ok || err != nil {
				t.Fatalf("a message of the vhost before it, or %v", err)
			}
		}
		confirms := confirming(t, ch, 1)
		must(t, ch.Publish("x", "", false, false, amqp.Publishing{Body: []byte("x"), DeliveryMode: amqp.Persistent}))
		acked(t, confirms, 1)
		b.Ctl(t, "delete_vhost", v)
		b.Ctl(t, "add_vhost", v)
		if rows := broker.Rows[struct{ User string }](t, b, "list_permissions", "-p", v); len(rows) > 0 {
			t.Fatalf("permissions of the vhost before it: %v", rows)
		}
		b.Ctl(t, "set_permissions", "-p", v, "guest", ".*", ".*", ".*")
	}
}

// P-07, P-08, O-10: who may log in changes at run time; logins that are slow to check keep nobody waiting.
func TestP07_UsersAtRunTime(t *testing.T) {
	b := broker.Start(t, broker.NoRace(), broker.Set("password_hashing_module", "rabbit_password_hashing_bcrypt"))
	login := func(user, password string) *raw.Conn {
		c := raw.Start(t, b.Addr)
		c.Method(0, raw.ConnectionStartOk, raw.StartOk(user, password, "authentication_failure_close", true))
		return c
	}
	refused := func(t *testing.T, user, password string) {
		t.Helper()
		turnedDown(t, login(user, password), 403,
			"ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.")
	}
	b.Ctl(t, "add_user", "u", "one")
	b.Ctl(t, "set_permissions", "u", ".*", ".*", ".*")
	t.Run("P-07 the password", func(t *testing.T) {
		login("u", "one").Expect(0, raw.ConnectionTune)
		refused(t, "u", "two")
	})
	t.Run("O-10 another password", func(t *testing.T) {
		b.Ctl(t, "change_password", "u", "two")
		login("u", "two").Expect(0, raw.ConnectionTune)
		refused(t, "u", "one")
		b.Ctl(t, "authenticate_user", "u", "two")
	})
	t.Run("O-10 no password", func(t *testing.T) {
		b.Ctl(t, "clear_password", "u")
		refused(t, "u", "two")
		refused(t, "u", "")
	})
	t.Run("P-07 deleted", func(t *testing.T) {
		b.Ctl(t, "delete_user", "u")
		refused(t, "u", "two")
	})
	t.Run("O-10 after a restart", func(t *testing.T) {
		b.Ctl(t, "add_user", "late", "three")
		b.Ctl(t, "set_permissions", "late", ".*", ".*", ".*")
		b.Ctl(t, "delete_user", "guest")
		b.Kill(t)
		b = b.Restart(t, broker.Set("default_pass", "another"))
		login("late", "three").Expect(0, raw.ConnectionTune)
		refused(t, "guest", "guest") // the configuration's is for an empty data directory
		refused(t, "guest", "another")
	})
}
