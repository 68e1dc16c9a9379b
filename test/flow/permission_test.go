package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// user makes a user of its own for a test, with permissions in vhost /, and deletes it with the test.
func user(t testing.TB, b *broker.Broker, configure, write, read string) (name, uri string) {
	t.Helper()
	if !b.Own() {
		t.Skip("it needs warrenctl")
	}
	name = fmt.Sprintf("user-%d", names.Add(1))
	b.Ctl(t, "add_user", name, "secret")
	b.Ctl(t, "set_permissions", name, configure, write, read)
	t.Cleanup(func() { _, _ = b.TryCtl(t, "delete_user", name) })
	return name, "amqp://" + name + ":secret@" + b.Addr + "/"
}

// P-27: what each method needs, each in turn without one permission, over one connection: what the user may
// do changes under it.
func TestP27_Permissions(t *testing.T) {
	b := broker.Shared(t)
	u, uri := user(t, b, "", "", "")
	q, x, y := openQueue(t, "q"), exchange(t, "topic"), exchange(t, "fanout")
	fresh := name(t, "new")
	c := connectTo(t, uri)
	refuses := func(kind, what, called string) string {
		return fmt.Sprintf("ACCESS_REFUSED - %s access to %s '%s' in vhost '/' refused for user '%s'", kind, what, called, u)
	}
	publishing := func(exchange string) func(*amqp.Channel) error {
		return func(ch *amqp.Channel) error {
			closed := ch.NotifyClose(make(chan *amqp.Error, 1))
			if err := ch.Publish(exchange, "k", false, false, amqp.Publishing{}); err != nil {
				return err
			}
			if err := ch.Confirm(false); err != nil { // answered behind the publish
				return <-closed
			}
			return nil
		}
	}
	for _, row := range []struct {
		what                   string
		configure, write, read string
		do                     func(*amqp.Channel) error
		want                   string // empty: it is done
	}{
		{"P-27 publish", ".*", "", ".*", publishing(x), refuses("write", "exchange", x)},
		{"P-27 publish, allowed", "", x, "", publishing(x), ""},
		{"P-27 publish to the default exchange", ".*", q, ".*", publishing(""), refuses("write", "exchange", "amq.default")},
		{"P-27 publish to the default exchange, allowed", "", "^amq\\.default$", "", publishing(""), ""},
		{"P-31 permission before existence", ".*", "", ".*", publishing("nowhere"), refuses("write", "exchange", "nowhere")},
		{"P-31 existence behind permission", "", ".*", "", publishing("nowhere"), "NOT_FOUND - no exchange 'nowhere' in vhost '/'"},
		{"P-31 permission before internal", ".*", "", ".*", publishing("amq.rabbitmq.trace"), refuses("write", "exchange", "amq.rabbitmq.trace")},
		{"P-27 declare a queue", "^other$", ".*", ".*", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(fresh, false, false, true, false, nil)
			return err
		}, refuses("configure", "queue", fresh)},
		{"P-27 declare a queue that is there", "", ".*", ".*", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(q, false, false, false, false, nil)
			return err
		}, refuses("configure", "queue", q)},
		{"P-27 declare a queue that the server names, allowed", "^amq\\.gen-", "", "", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("", false, false, true, false, nil)
			return err
		}, ""},
		{"P-56 a reserved name before permission", "", "", "", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("amq.x", false, false, true, false, nil)
			return err
		}, "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'"},
		{"P-27 passive, with none", "", "", "", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclarePassive(q, false, false, false, false, nil)
			return err
		}, refuses("configure", "queue", q)},
		{"P-27 passive, with one", "", "", ".*", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclarePassive(q, false, false, false, false, nil)
			return err
		}, ""},
		{"P-27 dead letter exchange: read on the queue", ".*", ".*", "", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(fresh, false, false, true, false, amqp.Table{"x-dead-letter-exchange": x})
			return err
		}, refuses("read", "queue", fresh)},
		{"P-27 dead letter exchange: write on it", ".*", "^other$", ".*", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(fresh, false, false, true, false, amqp.Table{"x-dead-letter-exchange": x})
			return err
		}, refuses("write", "exchange", x)},
		{"P-27 declare an exchange", "", ".*", ".*", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(fresh, "fanout", false, true, false, false, nil)
		}, refuses("configure", "exchange", fresh)},
		{"X-17 alternate exchange: read on the exchange", ".*", ".*", "", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(fresh, "fanout", false, true, false, false, amqp.Table{"alternate-exchange": y})
		}, refuses("read", "exchange", fresh)},
		{"X-17 alternate exchange: write on it", ".*", "^other$", ".*", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(fresh, "fanout", false, true, false, false, amqp.Table{"alternate-exchange": y})
		}, refuses("write", "exchange", y)},
		{"X-17 alternate exchange, allowed", fresh, y, fresh, func(ch *amqp.Channel) error {
			if err := ch.ExchangeDeclare(fresh, "fanout", false, false, false, false, amqp.Table{"alternate-exchange": y}); err != nil {
				return err
			}
			return ch.ExchangeDelete(fresh, false, false)
		}, ""},
		{"P-27 delete an exchange", "", ".*", ".*", func(ch *amqp.Channel) error { return ch.ExchangeDelete(x, false, false) }, refuses("configure", "exchange", x)},
		{"X-21 bind: write on the queue", ".*", "", ".*", func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", x, false, nil) }, refuses("write", "queue", q)},
		{"X-21 bind: read on the exchange", ".*", ".*", "", func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", x, false, nil) }, refuses("read", "exchange", x)},
		{"X-21 bind, allowed", "", q, x, func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", x, false, nil) }, ""},
		{"X-21 unbind: write on the queue", ".*", "", ".*", func(ch *amqp.Channel) error { return ch.QueueUnbind(q, "k", x, nil) }, refuses("write", "queue", q)},
		{"X-18 bind exchanges: write on the destination", ".*", "", ".*", func(ch *amqp.Channel) error { return ch.ExchangeBind(y, "k", x, false, nil) }, refuses("write", "exchange", y)},
		{"X-18 bind exchanges: read on the source", ".*", ".*", "", func(ch *amqp.Channel) error { return ch.ExchangeBind(y, "k", x, false, nil) }, refuses("read", "exchange", x)},
		{"X-18 bind exchanges, allowed", "", y, x, func(ch *amqp.Channel) error { return ch.ExchangeBind(y, "k", x, false, nil) }, ""},
		{"P-27 consume", ".*", ".*", "", func(ch *amqp.Channel) error {
			_, err := ch.Consume(q, "", true, false, false, false, nil)
			return err
		}, refuses("read", "queue", q)},
		{"P-27 get", ".*", ".*", "", func(ch *amqp.Channel) error {
			_, _, err := ch.Get(q, true)
			return err
		}, refuses("read", "queue", q)},
		{"P-27 get, allowed", "", "", q, func(ch *amqp.Channel) error {
			_, _, err := ch.Get(q, true)
			return err
		}, ""},
		{"P-27 purge", ".*", ".*", "", func(ch *amqp.Channel) error {
			_, err := ch.QueuePurge(q, false)
			return err
		}, refuses("read", "queue", q)},
		{"P-27 delete a queue", "", ".*", ".*", func(ch *amqp.Channel) error {
			_, err := ch.QueueDelete(q, false, false, false)
			return err
		}, refuses("configure", "queue", q)},
	} {
		t.Run(row.what, func(t *testing.T) {
			b.Ctl(t, "set_permissions", u, row.configure, row.write, row.read)
			ch := channelOn(t, c)
			err := row.do(ch)
			if row.want == "" {
				must(t, err)
				must(t, ch.Close())
				return
			}
			if e := amqpError(t, err); e.Code != 403 && e.Code != 404 || e.Reason != row.want {
				t.Fatalf("got  %d %s\nwant %s", e.Code, e.Reason, row.want)
			}
		})
	}
}

// P-27: on a channel that has published and goes on, a permission that is taken away counts for the next publish.
func TestP27_APermissionIsTakenAway(t *testing.T) {
	b := broker.Shared(t)
	u, uri := user(t, b, ".*", ".*", ".*")
	ch := channelOn(t, connectTo(t, uri))
	q := queue(t, ch, "q")
	confirms := confirming(t, ch, 1)
	publish(t, ch, "", q, "1")
	acked(t, confirms, 1)
	b.Ctl(t, "set_permissions", u, ".*", "^other$", ".*")
	e := closes(t, ch, func() { publish(t, ch, "", q, "2") })
	if want := "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user '" + u + "'"; e.Reason != want {
		t.Fatalf("got %s", e.Reason)
	}
}

// P-15: with a new secret the consumers go whose user may not read from their queue any more, and keep what they have. Whoever crashes.
func TestP15_UpdateSecretEndsConsumers(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	for _, crashed := range []string{"", "connection", "channel", "queue"} {
		what := "P-15 consumers that may not read any more are cancelled"
		if crashed != "" {
			what += ", with a crash of the " + crashed
		}
		t.Run(what, func(t *testing.T) {
			u, uri := user(t, b, ".*", ".*", ".*")
			c := connectTo(t, uri)
			ch := channelOn(t, c)
			cancelled := ch.NotifyCancel(make(chan string, 2))
			lost, kept := queue(t, ch, "lost"), queue(t, ch, "kept")
			deliveries, err := ch.Consume(lost, "ends", false, false, false, false, nil)
			must(t, err)
			others := consume(t, ch, kept, false)
			publish(t, ch, "", lost, "mine")
			mine := next(t, deliveries, "what it keeps")
			b.Ctl(t, "set_permissions", u, ".*", ".*", "^"+kept+"$")
			must(t, c.UpdateSecret("secret", "renewed"))
			if crashed != "" {
				for _, a := range b.Actors(t) {
					if a.Kind == crashed && (crashed != "queue" || strings.HasSuffix(a.Path, lost)) {
						b.Crash(t, a.Path)
					}
				}
			}
			if tag := next(t, cancelled, "basic.cancel"); tag != "ends" {
				t.Fatalf("%s is cancelled", tag)
			}
			if _, more := <-deliveries; more {
				t.Fatal("a delivery behind basic.cancel")
			}
			publish(t, ch, "", kept, "goes on")
			if d := next(t, others, "of the other consumer"); string(d.Body) != "goes on" {
				t.Fatalf("got %q", d.Body)
			}
			ready(t, ch, lost, 0) // it is the client's
			must(t, mine.Nack(false, true))
			ready(t, ch, lost, 1)
		})
	}
	t.Run("P-15 a client without consumer_cancel_notify hears nothing", func(t *testing.T) {
		u, _ := user(t, b, ".*", ".*", ".*")
		c := raw.Start(t, b.Addr)
		c.Call(0, raw.ConnectionStartOk, raw.StartOk(u, "secret"), raw.ConnectionTune)
		openTuned(c, raw.Tuning{ChannelMax: 10, FrameMax: 131072})
		c.OpenChannel(1)
		q := c.DeclareQueue(1, "")
		c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("ends").Octet(0).Table(), raw.BasicConsumeOk)
		b.Ctl(t, "set_permissions", u, ".*", ".*", "^$")
		c.Call(0, raw.ID{Class: 10, Method: 70}, raw.Fields{}.LongStr("secret").ShortStr(""), raw.ID{Class: 10, Method: 71})
		broker.Eventually(t, patience, "the consumer goes", func() (bool, any) {
			list := b.Ctl(t, "list_consumers", "queue_name")
			return !strings.Contains(string(list), q), string(list)
		})
		c.Goodbye() // with close-ok as the next that it hears
	})
	t.Run("P-15 a vhost that the user may not enter any more", func(t *testing.T) {
		u, uri := user(t, b, ".*", ".*", ".*")
		c := connectTo(t, uri)
		b.Ctl(t, "clear_permissions", u)
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		if err := c.UpdateSecret("secret", "renewed"); err == nil {
			t.Error("it is renewed")
		}
		if e := next(t, closed, "the end"); e.Code != 530 {
			t.Errorf("got %v", e)
		}
	})
}

// P-27, P-31, X-21: topic authorisation, of topic exchanges and of users that have some.
func TestP27_TopicPermissions(t *testing.T) {
	b := broker.Shared(t)
	u, uri := user(t, b, ".*", ".*", ".*")
	x, direct := exchange(t, "topic"), exchange(t, "direct")
	b.Ctl(t, "set_topic_permissions", u, x, "^{username}\\.", "^{vhost}$")
	b.Ctl(t, "set_topic_permissions", u, direct, "^nothing$", "^nothing$")
	c := connectTo(t, uri)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	must(t, ch.QueueBind(q, "/", x, false, nil))
	bind(t, channel(t), openQueue(t, "all"), "#", x, nil)

	t.Run("P-27 publish with another key", func(t *testing.T) {
		ch := channelOn(t, c)
		publish(t, ch, x, u+".1", "x")
		e := closes(t, ch, func() { publish(t, ch, x, "other", "x") })
		if want := fmt.Sprintf("ACCESS_REFUSED - write access to topic 'other' in exchange '%s' in vhost '/' refused for user '%s'", x, u); e.Code != 403 || e.Reason != want {
			t.Fatalf("got %d %s", e.Code, e.Reason)
		}
	})
	t.Run("P-27 publish with another key in CC", func(t *testing.T) {
		ch := channelOn(t, c)
		e := closes(t, ch, func() {
			must(t, ch.Publish(x, u+".1", false, false, amqp.Publishing{Headers: amqp.Table{"CC": []any{u + ".2", "other"}}}))
		})
		if want := fmt.Sprintf("ACCESS_REFUSED - write access to topic 'other' in exchange '%s' in vhost '/' refused for user '%s'", x, u); e.Code != 403 || e.Reason != want {
			t.Fatalf("got %d %s", e.Code, e.Reason)
		}
	})
	t.Run("X-21 bind with another key", func(t *testing.T) {
		refused(t, channelOn(t, c).QueueBind(q, "a", x, false, nil), 403,
			fmt.Sprintf("ACCESS_REFUSED - read access to topic 'a' in exchange '%s' in vhost '/' refused for user '%s'", x, u))
	})
	t.Run("P-27 only topic exchanges", func(t *testing.T) {
		ch := channelOn(t, c)
		confirms := confirming(t, ch, 1)
		publish(t, ch, direct, "anything", "x")
		acked(t, confirms, 1)
	})
	t.Run("P-31 topic permission before user-id", func(t *testing.T) {
		ch := channelOn(t, c)
		e := closes(t, ch, func() {
			must(t, ch.Publish(x, "other", false, false, amqp.Publishing{UserId: "guest"}))
		})
		if !strings.HasPrefix(e.Reason, "ACCESS_REFUSED - write access to topic 'other'") {
			t.Fatalf("got %s", e.Reason)
		}
	})
	t.Run("P-27 none any more", func(t *testing.T) {
		b.Ctl(t, "clear_topic_permissions", u)
		ch := channelOn(t, c)
		confirms := confirming(t, ch, 1)
		publish(t, ch, x, "other", "x")
		acked(t, confirms, 1)
	})
}

// P-37: the user-id of a message is the publisher's, but for those who may say otherwise; P-31: that is looked at last.
func TestP37_Impersonator(t *testing.T) {
	b := broker.Shared(t)
	u, uri := user(t, b, "", "^amq.topic$", "")
	publishAs := func(t *testing.T, c *amqp.Connection, exchange, id string) error {
		ch := channelOn(t, c)
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		must(t, ch.Publish(exchange, "k", false, false, amqp.Publishing{UserId: id}))
		if ch.Confirm(false) == nil {
			return nil
		}
		return next(t, closed, "channel close")
	}
	c := connectTo(t, uri)
	t.Run("P-37 another's", func(t *testing.T) {
		refused(t, publishAs(t, c, "amq.topic", "guest"), 406,
			"PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was '"+u+"'")
	})
	t.Run("P-37 its own", func(t *testing.T) { must(t, publishAs(t, c, "amq.topic", u)) })
	t.Run("P-31 permission before user-id", func(t *testing.T) {
		refused(t, publishAs(t, c, "amq.direct", "guest"), 403,
			"ACCESS_REFUSED - write access to exchange 'amq.direct' in vhost '/' refused for user '"+u+"'")
	})
	t.Run("P-37 impersonator", func(t *testing.T) {
		b.Ctl(t, "set_user_tags", u, "impersonator")
		must(t, publishAs(t, connectTo(t, uri), "amq.topic", "guest"))
	})
}
