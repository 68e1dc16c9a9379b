package node

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/policy"
	"warren/actors/vhost"
	"warren/persistence"
	eventv1 "warren/proto/event/v1"
)

// Stream is the name of the node's durable stream.
const Stream = "node"

// snapshotAfter is how many events a snapshot is worth, at least.
const snapshotAfter = 1000

// store makes the way to the durable stream, whose events and snapshots are batches.
func (n *Node) store(ctx actor.Context) {
	n.writer = persistence.NewWriter(&persistence.Provider{
		Log: n.Journal, Send: n.System.Send, Incarnation: n.incarnation, From: ctx.Self(),
		Event: &eventv1.NodeBatch{}, Snapshot: &eventv1.NodeBatch{}, Interval: snapshotAfter,
	}, Stream)
}

func (n *Node) save(b *eventv1.NodeBatch) {
	n.writer.Event(b)
	if n.events++; n.events >= max(snapshotAfter, len(n.state.Users)+len(n.state.VHosts)) {
		n.events = 0
		n.writer.Snapshot(n.state.Snapshot())
	}
}

// load returns what is on disk, as one batch.
func load(w *persistence.Writer) (*eventv1.NodeBatch, error) {
	d := auth.NewDefinitions()
	var bad error
	w.Recover(func(m any) {
		b := m.(*eventv1.NodeBatch)
		if err := check(b); err != nil {
			bad = errors.Join(bad, fmt.Errorf("node: definitions: %w", err))
			return
		}
		d.Apply(b)
	})
	return d.Snapshot(), bad
}

// check refuses patterns and policies that do not compile: another version may have known more.
func check(b *eventv1.NodeBatch) error {
	for _, def := range b.Definitions {
		if p := def.GetPermissionsSet(); p != nil {
			for _, text := range []string{p.Configure, p.Write, p.Read} {
				if _, err := auth.CompilePattern(text); err != nil {
					return err
				}
			}
		}
		if p := def.GetTopicPermissionsSet(); p != nil {
			for _, text := range []string{p.Write, p.Read} {
				if err := auth.CheckTopicPattern(text, p.User, p.Vhost); err != nil {
					return err
				}
			}
		}
		if p := def.GetPolicySet(); p != nil {
			if _, err := policy.Compile(auth.SpecOf(p)); err != nil {
				return fmt.Errorf("policy '%s' in vhost '%s': %w", p.Name, p.Vhost, err)
			}
		}
	}
	return nil
}

// found are the vhosts that the journal holds definitions of and that there is no record of: from before the node had a stream of its
// own, or because it was lost and the loss was accepted. They are there again, of several with one name the newest. What a user of
// theirs was allowed is lost with the record.
func found(d *auth.Definitions, streams []string) []*eventv1.NodeDefinition {
	newest := map[string]uint64{}
	for _, stream := range streams {
		if name, id, is := vhost.OfStream(stream); is && d.VHosts[name] == nil {
			newest[name] = max(newest[name], id)
		}
	}
	var out []*eventv1.NodeDefinition
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		out = append(out, vhostPut(&eventv1.VHostPut{Name: name, Id: newest[name]}))
	}
	return out
}

// events make the first user and the first vhost, beside those that there are: what an empty data directory gets, and one whose users
// are lost. A vhost that is there already keeps what it is called by.
func (f First) events(now int64, defs *auth.Definitions, streams []string) ([]*eventv1.NodeDefinition, error) {
	if err := checkName("virtual host", f.VHost); err != nil {
		return nil, fmt.Errorf("default_vhost: %w", err)
	}
	d := &draft{defs: defs.Clone(), now: now}
	for _, def := range found(defs, streams) {
		d.happen(def)
	}
	if d.defs.VHosts[f.VHost] == nil {
		d.happen(vhostPut(&eventv1.VHostPut{Name: f.VHost, Id: uint64(now), Description: "Default virtual host"}))
	}
	for _, c := range []Command{f.User, f.Permissions} {
		if err := d.decide(c); err != nil {
			return nil, fmt.Errorf("default user: %w", err)
		}
	}
	return d.events, nil
}
