package vhost

import (
	"testing"

	"warren/actors/queue/settings"
	"warren/protocol"
)

// Promise: a thousand queues declared alike have one value of settings, and nobody has another's.
func TestAlike(t *testing.T) {
	var a alike
	bounded := func(n int32) *settings.Settings { return a.of(settings.Of(protocol.Table{"x-max-length": n})) }
	if a.of(settings.Of(nil)) != nil || a.of(settings.Of(protocol.Table{"x-queue-type": "classic"})) != nil {
		t.Error("there are settings of nothing")
	}
	five := bounded(5)
	if bounded(5) != five || bounded(6) == five || five.MaxLength.Value != 5 || bounded(7).MaxLength.Value != 7 {
		t.Error("not alike")
	}
}
