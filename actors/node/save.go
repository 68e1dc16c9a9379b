package node

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"warren/actors/auth"
	"warren/actors/vhost"
	"warren/persistence"
	eventv1 "warren/proto/event/v1"
)

// Stream is the name of the node's durable stream.
const Stream = "node"

// Kinds of records in it; the numbers are on disk. Both are a NodeBatch.
const (
	kindBatch    uint8 = 1 // what one command changed
	kindSnapshot uint8 = 2 // everything there is: what came before does not count
)

// checkpointAfter is how many records a checkpoint is worth, at least.
const checkpointAfter = 1000

func (n *Node) save(ctx actor.Context, b *eventv1.NodeBatch) {
	n.writer.Append(ctx, kindBatch, marshal(b))
	if n.records++; n.records >= max(checkpointAfter, len(n.state.Users)+len(n.state.VHosts)) {
		n.records = 0
		n.writer.Checkpoint(ctx, kindSnapshot, marshal(n.state.Snapshot()))
	}
}

// load returns what was on disk when the broker started, as one batch.
func load(records []persistence.Record) (*eventv1.NodeBatch, error) {
	d := auth.NewDefinitions()
	for _, r := range records {
		b := &eventv1.NodeBatch{}
		if err := proto.Unmarshal(r.Payload, b); err != nil {
			return nil, fmt.Errorf("node: definition record %d: %w", r.Index, err)
		}
		switch r.Kind {
		case kindSnapshot:
			d = auth.NewDefinitions()
		case kindBatch:
		default:
			return nil, fmt.Errorf("node: definition record %d is of unknown kind %d", r.Index, r.Kind)
		}
		if err := check(b); err != nil {
			return nil, fmt.Errorf("node: definition record %d: %w", r.Index, err)
		}
		d.Apply(b)
	}
	return d.Snapshot(), nil
}

// check refuses patterns that do not compile: another version may have known more.
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
	}
	return nil
}

// events make the first user and the first vhost. A vhost that is there already, from before the node had a stream of its own,
// keeps what it is called by.
func (f First) events(now int64, there func(stream string) bool) ([]*eventv1.NodeDefinition, error) {
	v := &eventv1.VHostPut{Name: f.VHost, Description: "Default virtual host"}
	if !there("vhost/" + vhost.Key(f.VHost, 0)) {
		v.Id = uint64(now)
	}
	if err := checkName("virtual host", f.VHost); err != nil {
		return nil, fmt.Errorf("default_vhost: %w", err)
	}
	d := &draft{defs: auth.NewDefinitions(), now: now}
	d.happen(vhostPut(v))
	for _, c := range []Command{f.User, f.Permissions} {
		if err := d.decide(c); err != nil {
			return nil, fmt.Errorf("default user: %w", err)
		}
	}
	return d.events, nil
}
