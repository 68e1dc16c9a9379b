package protocol

import (
	"fmt"
	"testing"
)

// Contract X-11: x-delay is a number of milliseconds up to 2^32-1; whatever else there is means now. Behind the delay it is negative.
func TestDelay(t *testing.T) {
	for value, want := range map[any]int64{
		int32(5000): 5000, int8(5): 5, int64(1<<32 - 1): 1<<32 - 1, int64(1 << 32): 0, int32(-1): 0, int32(0): 0, "5000": 0, true: 0, 1.5: 0,
	} {
		p := Properties{Headers: Table{"a": "b", "x-delay": value}, MessageID: "id"}
		m := Message{Flags: FlagHeaders, Properties: p.Append(nil)}
		if got := Delay(&m); got != want {
			t.Errorf("%v: %d, want %d", value, got, want)
		}
		if want == 0 {
			continue
		}
		after, err := Released(m)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParseProperties(after.Properties)
		if err != nil || Delay(&after) != 0 || fmt.Sprint(q.Headers["x-delay"]) != fmt.Sprint(-want) || q.MessageID != "id" || q.Headers["a"] != "b" {
			t.Errorf("%v: then %v, %v", value, q, err)
		}
	}
	if m := (Message{}); Delay(&m) != 0 {
		t.Error("without headers there is no delay")
	}
}
