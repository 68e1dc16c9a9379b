package node

import (
	"fmt"
	"testing"

	"warren/actors/policy"
	"warren/persistence/vfs"
)

// Contract Q-27: a vhost looks at all it has when policies change, once for an import of many.
func TestPoliciesChangeOnce(t *testing.T) {
	s := newScene(t, vfs.NewMemory())
	s.expect("/")
	var c Import
	for i := range 20 {
		c.Policies = append(c.Policies, SetPolicy{"/", policy.Spec{Name: fmt.Sprint(i), Definition: `{"max-length": 1}`, ApplyTo: policy.All}})
	}
	s.must(c)
	s.must(ClearPolicy{"/", "0", false})
	s.Send(s.options.VHosts.Find("/").PID, &told{})
	if n := hear[*told](s).policies; n != 2 {
		t.Errorf("told %d times of two changes", n)
	}
}
