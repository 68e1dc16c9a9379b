package definitions

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"warren/protocol"
)

func there(vhost string) bool { return vhost == "/" }

// exportOfRabbitMQ is what rabbitmqctl export_definitions wrote, with the hash replaced.
const exportOfRabbitMQ = `{"rabbit_version":"4.1.0","rabbitmq_version":"4.1.0","product_name":"RabbitMQ","product_version":"4.1.0",
"rabbitmq_definition_format":"cluster","original_cluster_name":"rabbit@burrow","explanation":"Definitions of cluster 'rabbit@burrow'",
"users":[{"name":"guest","password_hash":"right","hashing_algorithm":"rabbit_password_hashing_sha256","tags":["administrator"],"limits":{}}],
"vhosts":[{"name":"/","description":"Default virtual host","metadata":{"description":"Default virtual host","tags":[],
"default_queue_type":"classic"},"tags":[],"default_queue_type":"classic"}],
"permissions":[{"user":"guest","vhost":"/","configure":".*","write":".*","read":".*"}],"topic_permissions":[],"parameters":[],
"global_parameters":[{"name":"cluster_tags","value":[]},{"name":"internal_cluster_id","value":"rabbitmq-cluster-id-x"}],"policies":[],
"queues":[{"name":"orders","vhost":"/","type":"classic","durable":true,"auto_delete":false,"arguments":{"x-queue-type":"classic"}}],
"exchanges":[{"name":"shop","vhost":"/","type":"topic","durable":true,"auto_delete":false,"arguments":{}}],
"bindings":[{"source":"shop","vhost":"/","destination":"orders","destination_type":"queue","routing_key":"order.#","arguments":{}}]}`

// Contract O-20: what RabbitMQ exports can be imported, as far as there is nothing in it that Warren has not.
func TestAnExportOfRabbitMQ(t *testing.T) {
	d, err := Parse([]byte(exportOfRabbitMQ))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(there); err != nil {
		t.Error(err)
	}
	if len(d.Queues) != 1 || d.Queues[0].Arguments["x-queue-type"] != "classic" || !*d.Queues[0].Durable {
		t.Errorf("queues: %+v", d.Queues)
	}
	if len(d.Exchanges) != 1 || d.Exchanges[0].Type != "topic" || len(d.Bindings) != 1 || d.Bindings[0].RoutingKey != "order.#" {
		t.Errorf("exchanges: %+v, bindings: %+v", d.Exchanges, d.Bindings)
	}
}

// package doc: what there is no place for is refused, and the error names the object.
func TestRefused(t *testing.T) {
	const q = `{"name":"q","vhost":"/","durable":true,"auto_delete":false,"arguments":{}}`
	for _, c := range []struct{ json, want string }{
		{`[`, "the definitions are no JSON object: unexpected end of JSON input"},
		{`[]`, "no JSON object"},
		{"{\"queues\":[{\"name\":\"\xff\"}]}", "the definitions are no UTF-8"},
		{`{"shovels":[]}`, "a member 'shovels', which Warren does not know"},
		{`{"queues":{}}`, "not in RabbitMQ's form"},
		{`{"queues":[{"name":"q","vhost":"/","durable":"yes"}]}`, "not in RabbitMQ's form"},
		{`{"queues":[{"vhost":"/","durable":true}]}`, "queue '' in vhost '/' has no name"},
		{`{"queues":[{"name":"q","durable":true}]}`, "queue 'q' in vhost '' has no vhost"},
		{`{"queues":[{"name":"q","vhost":"/"}]}`, "queue 'q' in vhost '/' does not say whether it is durable"},
		{`{"queues":[{"name":"` + strings.Repeat("q", 256) + `","vhost":"/","durable":true}]}`, "its name has 256 bytes; the limit is 255"},
		{`{"queues":[{"name":"q","vhost":"/","durable":true,"arguments":{"x":18446744073709551615}}]}`, "does not fit into a long"},
		{`{"queues":[{"name":"q","vhost":"/","durable":true,"arguments":[1]}]}`, "arguments are no JSON object"},
		{`{"bindings":[{"source":"s","vhost":"/","destination":"d","destination_type":"tree"}]}`, "its destination_type is 'tree'"},
		{`{"bindings":[{"source":"s","destination":"d","destination_type":"queue"}]}`, "has no vhost"},

		{`{"users":[{"tags":""}]}`, "a user has no name"},
		{`{"vhosts":[{"name":"` + strings.Repeat("v", 256) + `"}]}`, "the name of a vhost has 256 bytes; the limit is 255"},
		{`{"vhosts":[{"name":"/","limits":{"max-queues":"many"}}]}`, "not in RabbitMQ's form"},
		{`{"parameters":[{"component":"vhost-limits","vhost":"/","name":"limits","value":{"max-queues":"many"}}]}`, "are no limits"},
		{`{"parameters":[{"component":"federation","vhost":"/","name":"up"}]}`, "cannot import parameter 'up' of component 'federation'"},
		{`{"global_parameters":[{"name":"cluster_tags","value":[["region","eu"]]}]}`, "cannot import global parameter 'cluster_tags'"},
		{`{"policies":[{"vhost":"/","name":"p","definition":[1]}]}`, "not in RabbitMQ's form"},
		{`{"policies":[{"vhost":"/","name":"p","priority":"high"}]}`, "not in RabbitMQ's form"},
		{`{"parameters":[{"component":"operator_policy","vhost":"/","name":"o","value":[1]}]}`, "parameter 'o' of component 'operator_policy' in vhost '/' is no policy"},
		{`{"queues":[{"name":"q","vhost":"/","durable":true,"type":"quorum"}]}`, "cannot import queue 'q' in vhost '/': its type is 'quorum'"},
		{`{"queues":[` + q + `,{"name":"r","vhost":"other","durable":true}]}`, "cannot import queue 'r' in vhost 'other'"},
		{`{"exchanges":[{"name":"x","vhost":"other","durable":true}]}`, "cannot import exchange 'x' in vhost 'other'"},
		{`{"queues":[` + q + `],"parameters":[{"component":"shovel","vhost":"/","name":"s"}]}`, "cannot import parameter 's' of component 'shovel'"},
	} {
		d, err := Parse([]byte(c.json))
		if err == nil {
			err = d.Check(there)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s\n got %v\nwant %s", c.json, err, c.want)
		}
	}
}

// Contract O-20: policies, and operator policies among the parameters, as RabbitMQ writes them; older files do not say to what they apply.
func TestPolicies(t *testing.T) {
	operator, err := OperatorPolicyParameter(Policy{"/", "o", "^q", "queues", Arguments{"max-length": int64(5)}, 3})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(operator.Value), `{"pattern":"^q","apply-to":"queues","definition":{"max-length":5},"priority":3}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	d, err := Parse([]byte(`{"policies":[{"vhost":"/","name":"p","pattern":".*","definition":{"message-ttl":7,"overflow":"drop-head"},"priority":1}],
		"parameters":[{"component":"operator_policy","vhost":"/","name":"o","value":` + string(operator.Value) + `}]}`))
	if err == nil {
		err = d.Check(there)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := []Policy{{"/", "p", ".*", "all", Arguments{"message-ttl": int64(7), "overflow": "drop-head"}, 1}}; !reflect.DeepEqual(d.Policies, want) {
		t.Errorf("%+v, want %+v", d.Policies, want)
	}
	if want := []Policy{{"/", "o", "^q", "queues", Arguments{"max-length": int64(5)}, 3}}; !reflect.DeepEqual(d.OperatorPolicies, want) {
		t.Errorf("%+v, want %+v", d.OperatorPolicies, want)
	}
}

// Contract O-20: what a vhost is and what limits it has may stand in two places, and versions of RabbitMQ differ in which.
func TestVHostsInTwoPlaces(t *testing.T) {
	d, err := Parse([]byte(`{"vhosts":[{"name":"a","metadata":{"description":"text","tags":["x"],"default_queue_type":"classic"},"limits":[]},
{"name":"b","description":"other","default_queue_type":"undefined","limits":{"max-queues":-1}}],
"parameters":[{"component":"vhost-limits","vhost":"a","name":"limits","value":{"max-connections":5}},
{"component":"vhost-limits","vhost":"c","name":"limits","value":{"max-queues":7}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := d.VHosts[0], d.VHosts[1]
	if a.Description != "text" || len(a.Tags) != 1 || a.DefaultQueueType != "classic" || a.Limits["max-connections"] != 5 {
		t.Errorf("%+v", a)
	}
	if b.Description != "other" || b.DefaultQueueType != "" || b.Limits["max-queues"] != -1 {
		t.Errorf("%+v", b)
	}
	if len(d.OtherLimits) != 1 || d.OtherLimits[0].VHost != "c" || d.OtherLimits[0].Limits["max-queues"] != 7 {
		t.Errorf("%+v", d.OtherLimits)
	}
}

// rabbit_misc:to_amqp_table: every type comes back, though perhaps another one.
func TestArguments(t *testing.T) {
	written, err := Arguments{
		"S": "a<b>", "I": int32(-1), "l": int64(1) << 62, "t": true, "D": protocol.Decimal{Scale: 2, Value: 125}, "d": 2.0, "V": nil,
		"x": []byte("bytes"), "T": protocol.Timestamp(8), "F": protocol.Table{"a": []any{uint8(5), "b"}},
	}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"D":1.25,"F":{"a":[5,"b"]},"I":-1,"S":"a<b>","T":8,"V":null,"d":2.0,"l":4611686018427387904,"t":true,"x":"bytes"}`
	if string(written) != want {
		t.Errorf("got  %s\nwant %s", written, want)
	}
	var back Arguments
	if err := json.Unmarshal(written, &back); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"S": "a<b>", "I": int64(-1), "l": int64(1) << 62, "t": true, "D": 1.25, "d": 2.0, "V": nil, "x": "bytes", "T": int64(8),
		"F": protocol.Table{"a": []any{int64(5), "b"}},
	} {
		if !protocol.EqualValue(back[name], value) {
			t.Errorf("%s came back as %T %v", name, back[name], back[name])
		}
	}
	for _, text := range []string{`{}`, `[]`, `null`} {
		var empty Arguments
		if err := json.Unmarshal([]byte(text), &empty); err != nil || len(empty) != 0 {
			t.Errorf("%s: %v, %v", text, empty, err)
		}
	}
}

// What JSON cannot hold is no reason to leave it out in silence.
func TestEncodeRefuses(t *testing.T) {
	yes := true
	for want, d := range map[string]Definitions{
		`queue 'q' in vhost '/' cannot be exported: argument 'x': "\xff" is no UTF-8`: {Queues: []Queue{
			{Name: "q", VHost: "/", Durable: &yes, Arguments: Arguments{"x": "\xff"}},
		}},
		`its routing key "\xfe" is no UTF-8`: {Bindings: []Binding{{Source: "s", VHost: "/", Destination: "d", DestinationType: "queue", RoutingKey: "\xfe"}}},
	} {
		if _, err := d.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Contract O-20: export, import, export: no difference. Empty lists are lists.
func TestRoundTrip(t *testing.T) {
	first, err := Parse([]byte(exportOfRabbitMQ))
	if err != nil {
		t.Fatal(err)
	}
	a, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.Encode()
	if err != nil || string(a) != string(b) {
		t.Errorf("%v\n%s\nbecame\n%s", err, a, b)
	}
	empty, err := (&Definitions{}).Encode()
	if err != nil || strings.Contains(string(empty), "null") {
		t.Errorf("%v\n%s", err, empty)
	}
}

// Definitions come from other machines.
func FuzzParse(f *testing.F) {
	f.Add([]byte(exportOfRabbitMQ))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil || d.Check(there) != nil {
			return
		}
		if _, err := d.Encode(); err != nil {
			t.Errorf("what was parsed cannot be written: %v", err)
		}
	})
}
