package policy

import (
	"strings"
	"testing"
)

// rabbit_policies, rabbit_policy:validate (contract O-15): which definitions are refused, with RabbitMQ's texts.
func TestCheck(t *testing.T) {
	failed := func(why string) string { return "Validation failed\n\n" + why }
	for _, c := range []struct {
		operator         bool
		definition, want string
	}{
		{false, `{"max-length": 10}`, ""},
		{false, `{"message-ttl": 0, "expires": 1, "max-length-bytes": 0, "overflow": "reject-publish-dlx", "queue-mode": "lazy", "queue-version": 2}`, ""},
		{false, `{"alternate-exchange": "a", "dead-letter-exchange": "", "dead-letter-routing-key": "k"}`, ""},
		{false, `{"delivery-limit": -1, "max-age": "7D", "queue-leader-locator": "balanced", "stream-filter-size-bytes": 16}`, ""},
		{false, `{}`, failed("no policy provided")},
		{false, `[]`, failed("no policy provided")},
		{false, `null`, failed("no policy provided")},
		{false, `{"foo": "bar", "max-length": 10}`, failed(`[{<<"foo">>,<<"bar">>}] are not recognised policy settings`)},
		{false, `{"a": [1, null], "b": {"c": 1.0}}`, failed(`[{<<"a">>,[1,null]},{<<"b">>,#{<<"c">> => 1.0}}] are not recognised policy settings`)},
		{false, `{"ha-mode": "all"}`, failed(`[{<<"ha-mode">>,<<"all">>}] are not recognised policy settings`)},
		{false, `{"federation-upstream-set": "all"}`, failed(`[{<<"federation-upstream-set">>,<<"all">>}] are not recognised policy settings`)},
		{false, `{"message-ttl": -1}`, failed(`-1 is not a valid message TTL`)},
		{false, `{"message-ttl": "60000"}`, failed(`<<"60000">> is not a valid message TTL`)},
		{false, `{"message-ttl": 1.5}`, failed(`1.5 is not a valid message TTL`)},
		{false, `{"expires": 0}`, failed(`0 is not a valid queue expiry`)},
		{false, `{"max-length": true}`, failed(`true is not a valid maximum length`)},
		{false, `{"max-length-bytes": null}`, failed(`null is not a valid maximum length in bytes`)},
		{false, `{"overflow": "drop-tail"}`, failed(`<<"drop-tail">> is not a valid overflow value`)},
		{false, `{"dead-letter-exchange": 1}`, failed(`1 is not a valid dead letter exchange name`)},
		{false, `{"dead-letter-routing-key": []}`, failed(`[] is not a valid dead letter routing key`)},
		{false, `{"alternate-exchange": 1}`, failed(`1 is not a valid alternate exchange name`)},
		{false, `{"queue-mode": "eager"}`, failed(`<<"eager">> is not a valid queue-mode value`)},
		{false, `{"max-age": "7"}`, failed(`<<"7">> is not a valid max age`)},
		{true, `{"expires": 1, "message-ttl": 1, "max-length": 1, "max-length-bytes": 1, "delivery-limit": 1, "overflow": "drop-head"}`, ""},
		{true, `{"dead-letter-exchange": "x"}`, failed(`[{<<"dead-letter-exchange">>,<<"x">>}] are not recognised policy settings`)},
		{true, `{"alternate-exchange": "x"}`, failed(`[{<<"alternate-exchange">>,<<"x">>}] are not recognised policy settings`)},
		{false, `{"max-length"`, "Could not parse JSON document: "},
		{false, `"max-length"`, "Could not parse JSON document: "},
		{false, `{"max-length": 99999999999999999999}`, "Could not parse JSON document: "},
	} {
		err := Check(Spec{Name: "p", Operator: c.operator, Pattern: ".*", Definition: c.definition, ApplyTo: All})
		switch {
		case c.want == "" && err != nil, c.want != "" && err == nil:
			t.Errorf("%s: %v, want %q", c.definition, err, c.want)
		case strings.HasSuffix(c.want, ": ") && !strings.HasPrefix(err.Error(), c.want), !strings.HasSuffix(c.want, ": ") && err != nil && err.Error() != c.want:
			t.Errorf("%s: %q, want %q", c.definition, err, c.want)
		}
	}
}

// What is wrong with a policy is said all at once. A pattern of Perl's that RE2 does not have is refused, and not taken for another.
func TestCheckPatternAndApplyTo(t *testing.T) {
	err := Check(Spec{Name: "p", Pattern: "(?!a)", Definition: `{"x": 1}`, ApplyTo: "topics"})
	want := "Validation failed\n\n[{<<\"x\">>,1}] are not recognised policy settings\n" +
		"apply-to 'topics' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'\n" +
		"pattern should be regular expression but is invalid: invalid or unsupported Perl syntax: `(?!`"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for _, to := range applyTo {
		if err := Check(Spec{Name: "p", Definition: `{"max-length": 1}`, ApplyTo: to}); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// A definition is JSON that anybody may have written into a file: whatever it is, it compiles or is refused, and what is checked
// compiles and can be asked about.
func FuzzCompile(f *testing.F) {
	f.Add(".*", `{"max-length": 10}`, "q")
	f.Add("^a|b$", `{"overflow": [{"x": null}, 1e3, true]}`, "")
	f.Add("(?!x)", `{"a":`, "\xff")
	f.Fuzz(func(t *testing.T, pattern, definition, name string) {
		s := Spec{Name: "p", Pattern: pattern, Definition: definition, ApplyTo: All}
		checked := Check(s)
		p, err := Compile(s)
		if err != nil {
			if checked == nil {
				t.Fatalf("checked, and does not compile: %v", err)
			}
			return
		}
		_ = (*Set)(nil).With(p).Of(ClassicQueue, name)
	})
}
