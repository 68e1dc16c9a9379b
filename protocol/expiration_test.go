package protocol

import "testing"

// Contract P-32: milliseconds from 0 to ten years, and nothing behind them.
func TestParseExpiration(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "60000": 60000, "+5": 5, "315360000000": maxExpiration, "007": 7} {
		if got, err := ParseExpiration([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "no_integer", "abc": "no_integer", "-": "no_integer", "-1": "{value_negative,-1}", "12s": `{leftover_string,"s"}`,
		"1.5": `{leftover_string,".5"}`, "315360000001": "{value_too_big,315360000001}",
		"99999999999999999999": "{value_too_big,99999999999999999999}", "-99999999999999999999": "{value_negative,-99999999999999999999}",
	} {
		if _, err := ParseExpiration([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
