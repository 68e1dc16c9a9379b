package admin

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

func channel(t *testing.T, b *broker.Broker) *amqp.Channel {
	t.Helper()
	c, err := amqp.DialConfig(b.URI(), amqp.Config{Heartbeat: 30 * time.Second})
	must(t, err)
	t.Cleanup(func() { _ = c.CloseDeadline(time.Now().Add(2 * time.Second)) })
	ch, err := c.Channel()
	must(t, err)
	return ch
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// export returns the definitions without what differs from broker to broker.
func export(t *testing.T, b *broker.Broker) string {
	t.Helper()
	var d map[string]any
	must(t, json.Unmarshal(b.Ctl(t, "export_definitions", "-"), &d))
	for _, user := range d["users"].([]any) {
		delete(user.(map[string]any), "password_hash")
	}
	out, err := json.MarshalIndent(d, "", " ")
	must(t, err)
	return string(out)
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "definitions.json")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// refuses expects an import to fail with a text and exit code 65, and to change nothing.
func refuses(t *testing.T, b *broker.Broker, definitions, want string) {
	t.Helper()
	before := export(t, b)
	_, err := b.TryCtl(t, "import_definitions", write(t, definitions))
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "exit status 65") {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if after := export(t, b); after != before {
		t.Errorf("an import that was refused left\n%s\nwhere there was\n%s", after, before)
	}
}

// Contract O-20: export, import into an empty broker, export: no difference; also when both have been stopped in between, and when
// it is imported twice. Exclusive queues and what every vhost begins with are not in it.
func TestExportImport(t *testing.T) {
	a := broker.Start(t)
	ch := channel(t, a)
	must(t, ch.ExchangeDeclare("shop", "topic", true, false, false, false, nil))
	must(t, ch.ExchangeDeclare("hidden", "headers", true, false, true, false, amqp.Table{"alternate-exchange": "shop"}))
	must(t, ch.ExchangeBind("hidden", "order.#", "shop", false, nil))
	for _, q := range []struct {
		name      string
		exclusive bool
	}{{"orders", false}, {"odd ' \" < ü", false}, {"mine", true}} {
		_, err := ch.QueueDeclare(q.name, !q.exclusive, false, q.exclusive, false, amqp.Table{"x-max-priority": 1})
		must(t, err)
		must(t, ch.QueueBind(q.name, "order.*", "shop", false, nil))
		must(t, ch.QueueBind(q.name, "", "hidden", false, amqp.Table{"x-match": "all", "n": int32(1)}))
	}

	a.Ctl(t, "add_vhost", "typed", "--default-queue-type", "classic")
	a.Ctl(t, "set_policy", "bounded", "^o", `{"max-length": 10, "overflow": "reject-publish"}`, "--priority", "7", "--apply-to", "queues")
	a.Ctl(t, "set_policy", "-p", "typed", "bounded", ".*", `{"alternate-exchange": "x"}`)
	a.Ctl(t, "set_operator_policy", "bounded", "", `{"max-length": 5}`)

	file := filepath.Join(t.TempDir(), "exported.json")
	a.Ctl(t, "export_definitions", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the password hashes: %v, %v", info.Mode(), err)
	}
	want := export(t, a)
	for _, absent := range []string{"mine", "amq.", `"source": ""`} {
		if strings.Contains(want, absent) {
			t.Errorf("exported: %s", absent)
		}
	}

	b := broker.Start(t)
	for range 2 {
		b.Ctl(t, "import_definitions", file)
		if got := export(t, b); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
	a.Ctl(t, "import_definitions", file) // the binding's argument is an int there and a long here
	if got := export(t, a); got != want {
		t.Errorf("importing what is there changed it to\n%s", got)
	}

	type row struct{ Name, Policy, Operator_policy string }
	rows := broker.Rows[row](t, b, "list_queues", "name", "policy", "operator_policy")
	if want := []row{{"odd ' \" < ü", "bounded", "bounded"}, {"orders", "bounded", "bounded"}}; !slices.Equal(rows, want) {
		t.Errorf("the imported policies apply to %v", rows)
	}

	must(t, channel(t, b).Publish("shop", "order.new", false, false, amqp.Publishing{Body: []byte("x")}))
	broker.Eventually(t, 20*time.Second, "the message has come by the imported binding", func() (bool, any) {
		q, err := channel(t, b).QueueDeclarePassive("orders", true, false, false, false, nil)
		must(t, err)
		return q.Messages == 1, q.Messages
	})
	b.Stop(t)
	if got := export(t, b.Restart(t)); got != want {
		t.Errorf("after a restart:\n%s", got)
	}
}

// Contract P-54: an object that is there and is another one is refused with RabbitMQ's text, and so is what there is no place for:
// nothing before it in the file is imported.
func TestImportRefuses(t *testing.T) {
	b := broker.Start(t)
	ch := channel(t, b)
	must(t, ch.ExchangeDeclare("x", "topic", true, false, false, false, nil))
	_, err := ch.QueueDeclare("q", true, false, false, false, nil)
	must(t, err)
	_, err = ch.QueueDeclare("mine", false, false, true, false, nil)
	must(t, err)

	const first = `{"exchanges":[{"name":"new","vhost":"/","type":"fanout","durable":true}`
	for _, c := range []struct{ definitions, want string }{
		{first + `,{"name":"x","vhost":"/","type":"fanout","durable":true}]}`,
			"cannot import exchange 'x': PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'topic'"},
		{first + `],"queues":[{"name":"q","vhost":"/","durable":false}]}`,
			"PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"},
		{first + `],"queues":[{"name":"mine","vhost":"/","durable":false}]}`, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine'"},
		{first + `],"bindings":[{"source":"new","vhost":"/","destination":"nobody","destination_type":"queue","routing_key":""}]}`,
			"cannot import the binding from exchange 'new' to queue 'nobody': NOT_FOUND - no queue 'nobody' in vhost '/'"},
		{first + `,{"name":"amq.new","vhost":"/","type":"fanout","durable":true}]}`, "ACCESS_REFUSED - exchange name 'amq.new' contains reserved prefix"},
		{first + `],"queues":[{"name":"r","vhost":"/","durable":true},{"name":"r","vhost":"/","durable":false}]}`, "inequivalent arg 'durable' for queue 'r'"},
		{first + `],"queues":[{"name":"r","vhost":"/","durable":true,"arguments":{"x-message-ttl":-5}}]}`, "invalid arg 'x-message-ttl'"},
		{first + `],"policies":[{"vhost":"/","name":"p"}]}`, "cannot import policy 'p' in vhost '/': Validation failed\n\nno policy provided"},
		{first + `],"policies":[{"vhost":"/","name":"p","pattern":"","definition":{"ha-mode":"all"}}]}`,
			"cannot import policy 'p' in vhost '/': Validation failed\n\n[{<<\"ha-mode\">>,<<\"all\">>}] are not recognised policy settings"},
		{first + `],"policies":[{"vhost":"nowhere","name":"p","pattern":"","definition":{"max-length":1}}]}`,
			"cannot import policy 'p' in vhost 'nowhere': Virtual host 'nowhere' does not exist"},
		{first + `],"parameters":[{"component":"operator_policy","vhost":"/","name":"o","value":{"pattern":"(?!a)","definition":{"max-length":1}}}]}`,
			"cannot import policy 'o' in vhost '/': Validation failed\n\npattern should be regular expression but is invalid"},
		{first + `],"vhosts":[{"name":"second","default_queue_type":"quorum"}]}`, "cannot import vhost 'second': Unsupported default queue type 'quorum'"},
		{first + `],"queues":[{"name":"q","vhost":"third","durable":true}]}`, "cannot import queue 'q' in vhost 'third': there is no such vhost"},
		{first + `],"vhosts":[{"name":"second"}],"bindings":[{"source":"amq.direct","vhost":"second","destination":"q","destination_type":"queue","routing_key":""}]}`,
			"cannot import the binding from exchange 'amq.direct' to queue 'q': NOT_FOUND - no queue 'q' in vhost 'second'"},
		{first + `],"users":[{"name":"u","password_hash":"!","tags":[]}]}`, "cannot import user 'u': its password_hash is no base64"},
		{first + `],"users":[{"name":"u","password_hash":"","hashing_algorithm":"crypt","tags":[]}]}`, "cannot import user 'u': there is no password hashing 'crypt'"},
		{first + `],"users":[{"name":"u","tags":[]}],"permissions":[{"user":"u","vhost":"/","configure":"(?!a)","write":"","read":""}]}`,
			"cannot import permissions of user 'u' in vhost '/': invalid regular expression '(?!a)'"},
		{first + `],"permissions":[{"user":"nobody","vhost":"/","configure":"","write":"","read":""}]}`, "User \"nobody\" does not exist"},
		{first, "no JSON object"},
	} {
		refuses(t, b, c.definitions, c.want)
	}
}

// A vhost that crashes while it is told what to declare is told again.
func TestImportThroughACrash(t *testing.T) {
	const queues = 3000
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	var d strings.Builder
	d.WriteString(`{"queues":[`)
	for i := range queues {
		if i > 0 {
			d.WriteByte(',')
		}
		fmt.Fprintf(&d, `{"name":"q%d","vhost":"/","durable":true}`, i)
	}
	d.WriteString(`],"bindings":[`)
	for i := range queues {
		if i > 0 {
			d.WriteByte(',')
		}
		fmt.Fprintf(&d, `{"source":"amq.direct","vhost":"/","destination":"q%d","destination_type":"queue","routing_key":"k"}`, i)
	}
	d.WriteString(`]}`)
	file := write(t, d.String())
	path := ""
	for _, a := range b.Actors(t) {
		if a.Kind == "vhost" {
			path = a.Path
		}
	}
	done := make(chan error, 1)
	go func() { _, err := b.TryCtl(t, "import_definitions", file); done <- err }()
	broker.Eventually(t, 20*time.Second, "the import has begun", func() (bool, any) {
		n := len(broker.Rows[struct{ Name string }](t, b, "list_queues", "name"))
		return n > 0, n
	})
	b.Crash(t, path)
	must(t, <-done)
	if n := len(broker.Rows[struct{ Name string }](t, b, "list_queues", "name")); n != queues {
		t.Errorf("%d queues of %d", n, queues)
	}
	if n := len(broker.Rows[struct{ Source string }](t, b, "list_bindings", "source_name")); n != 2*queues {
		t.Errorf("%d bindings of %d", n, 2*queues)
	}
}
