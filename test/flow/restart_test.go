package flow

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// wearOut crashes an actor beyond its limit, so that it is given up.
func wearOut(t *testing.T, b *broker.Broker, path string) {
	t.Helper()
	admin := b.Admin(t)
	for range 6 {
		was := stateOf(t, b, path)
		if _, err := admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path, Count: true}); err != nil {
			t.Fatal(err)
		}
		broker.Eventually(t, patience, path+" has crashed", func() (bool, any) {
			now := stateOf(t, b, path)
			return now.State == "crashed" || now.State == "running" && now.Incarnation != was.Incarnation, now
		})
	}
	if now := stateOf(t, b, path); now.State != "crashed" {
		t.Fatalf("%s is not given up: %v", path, now)
	}
}

func stateOf(t *testing.T, b *broker.Broker, path string) *adminv1.Actor {
	t.Helper()
	stream, err := b.Admin(t).ActorsTree(context.Background(), &adminv1.ActorsTreeRequest{})
	for err == nil {
		var piece *adminv1.ActorsTreeResponse
		if piece, err = stream.Recv(); err == nil {
			for _, a := range piece.Actors {
				if a.Path == path {
					return a
				}
			}
		}
	}
	t.Fatalf("there is no %s: %v", path, err)
	return nil
}

// Issue 5, point 4: a queue that crashes past its limit is 404 for that queue alone, keeps its data, and `warrenctl restart_queue`
// has it try again.
func TestRestartQueue(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	for _, c := range []struct {
		what          string
		durable, auto bool
		mode          uint8
	}{
		{"Q-26 K-31 a durable queue that was given up", true, false, amqp.Persistent},
		{"Q-26 K-31 a transient queue that was given up", false, false, amqp.Transient},
	} {
		t.Run(c.what, func(t *testing.T) {
			name := strings.ReplaceAll(t.Name(), "/", "-")
			conn := connectTo(t, b.URI())
			ch := channelOn(t, conn)
			if _, err := ch.QueueDeclare(name, c.durable, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			if err := ch.Confirm(false); err != nil {
				t.Fatal(err)
			}
			confirmed(t, ch, name, c.mode, 0, 10)
			consuming := channelOn(t, conn)
			if err := consuming.Qos(2, 0, false); err != nil {
				t.Fatal(err)
			}
			cancelled := consuming.NotifyCancel(make(chan string, 1))
			taken, err := consuming.Consume(name, "old", false, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				if d := receive(t, taken); string(d.Body) != fmt.Sprint(i) {
					t.Fatalf("delivered %s", d.Body)
				}
			}

			wearOut(t, b, "warren/core/vhosts/%2F/queues/"+name)
			if tag := receive(t, cancelled); tag != "old" {
				t.Errorf("%s was cancelled", tag)
			}
			refused := channelOn(t, conn)
			_, err = refused.QueueDeclarePassive(name, c.durable, false, false, false, nil)
			if want := "queue '" + name + "' in vhost '/' has crashed and failed to restart"; err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %s", err, want)
			}

			b.Ctl(t, "restart_queue", name)
			if _, err := b.TryCtl(t, "restart_queue", name); err == nil || !strings.Contains(err.Error(), "has not crashed") {
				t.Errorf("a second restart: %v", err)
			}
			// Everything is there, also what the consumer held that was cancelled, and the queue takes more.
			confirmed(t, ch, name, c.mode, 10, 12)
			for i := range 12 {
				d, ok, err := ch.Get(name, true)
				if err != nil || !ok || string(d.Body) != fmt.Sprint(i) || d.Redelivered != (i < 2) {
					t.Fatalf("get %d: %v, %v, %q, redelivered: %v", i, err, ok, d.Body, d.Redelivered)
				}
			}
			// The session that was told so may consume again.
			again, err := consuming.Consume(name, "new", true, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			confirmed(t, ch, name, c.mode, 12, 13)
			if d := receive(t, again); string(d.Body) != "12" || d.ConsumerTag != "new" {
				t.Errorf("delivered %s to %s", d.Body, d.ConsumerTag)
			}
		})
	}
	if _, err := b.TryCtl(t, "restart_queue", "nowhere"); err == nil || !strings.Contains(err.Error(), "no queue 'nowhere' in vhost '/'") {
		t.Errorf("a queue that is not there: %v", err)
	}
}

func confirmed(t *testing.T, ch *amqp.Channel, queue string, mode uint8, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{DeliveryMode: mode, Body: fmt.Append(nil, i)})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.Done():
			if !c.Acked() {
				t.Fatalf("%d was nacked", i)
			}
		case <-time.After(patience):
			t.Fatalf("%d was not confirmed", i)
		}
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing came within %v", patience)
		panic("unreachable")
	}
}

// Issue 5, point 5: `actors crash --match` shakes a broker in use and says what it crashed; without chaos.enabled it refuses.
func TestShakeFromTheCommandLine(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	ch := channelOn(t, connectTo(t, b.URI()))
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	stop, shaken := make(chan struct{}), make(chan []byte, 1)
	go func() {
		defer close(stop)
		out, err := b.TryCtl(t, "actors", "crash", "--match", "*", "--every", "10ms", "--for", "1s", "--formatter", "json")
		if err != nil {
			t.Error(err)
		}
		shaken <- out
	}()
	n := 0
	for done := false; !done; n++ {
		confirmed(t, ch, "q", amqp.Transient, n, n+1)
		select {
		case <-stop:
			done = true
		default:
		}
	}
	if q, err := ch.QueueDeclarePassive("q", false, false, false, false, nil); err != nil || q.Messages != n {
		t.Errorf("%d of %d messages: %v", q.Messages, n, err)
	}
	out := string(<-shaken)
	for _, kind := range []string{`"exchange"`, `"crashes"`} {
		if !strings.Contains(out, kind) {
			t.Errorf("no %s in %s", kind, out)
		}
	}
	if strings.Contains(out, "supervisor") {
		t.Errorf("supervisors were crashed: %s", out)
	}

	calm := broker.Start(t)
	for _, args := range [][]string{{"--match", "*"}, {"warren/core/journal"}, {"--hang", "warren/core/journal"}} {
		if _, err := calm.TryCtl(t, append([]string{"actors", "crash"}, args...)...); err == nil || !strings.Contains(err.Error(), "chaos.enabled = true") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// Issue 5, point 5: `actors tree --watch` shows the tree again and again until it is interrupted, which is no error.
func TestTreeWatched(t *testing.T) {
	b := broker.Shared(t)
	if !b.Own() {
		t.Skip("not our process")
	}
	c := exec.Command(broker.Binary(t, "warrenctl", false), "--data-dir", b.DataDir, "actors", "tree", "--watch=10ms", "-q", "path")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	cut := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer cut.Stop()
	trees := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "warren" {
			if trees++; trees == 3 {
				_ = c.Process.Signal(os.Interrupt)
			}
		}
	}
	if err := c.Wait(); err != nil || trees < 3 {
		t.Errorf("ended with %v after %d trees", err, trees)
	}
}
