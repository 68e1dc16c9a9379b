package admin

import (
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"warren/test/broker"
)

// docs/warrenctl.md, "Stops of the world": figures of the running process, whose buckets add up and only grow: the stacks of all goroutines
// are read in such a stop.
func TestStopsOfTheWorld(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	profiles := l.Addr().String()
	must(t, l.Close())
	b := broker.Start(t, broker.Set("pprof.listen", profiles))
	type stops struct {
		Count        int64
		P99, Longest float64
		Stopping     float64 `json:"longest_stopping"`
		Buckets      []struct {
			AtMost int64 `json:"at_most_ns"`
			Count  int64
		}
	}
	var before int64
	for round := range 2 {
		if round > 0 {
			r, err := http.Get("http://" + profiles + "/debug/pprof/goroutine?debug=2")
			must(t, err)
			must(t, r.Body.Close())
		}
		var s struct {
			Collector stops `json:"collector_stops"`
			Other     stops `json:"other_stops"`
		}
		must(t, json.Unmarshal(b.Ctl(t, "status", "--formatter=json"), &s))
		for _, one := range []stops{s.Collector, s.Other} {
			var sum int64
			for _, bucket := range one.Buckets {
				sum += bucket.Count
			}
			if sum != one.Count || one.P99 > one.Longest || one.Stopping > one.Longest || (one.Count > 0) != (one.Longest > 0) {
				t.Errorf("%+v", one)
			}
		}
		if round > 0 && s.Other.Count <= before {
			t.Errorf("%d stops, before the stacks were read %d", s.Other.Count, before)
		}
		before = s.Other.Count
	}
}
