package auth

import (
	"cmp"
	"maps"
	"slices"

	"warren/actors/policy"
	eventv1 "warren/proto/event/v1"
)

// Definitions are who there is and who may do what, on the whole node: the fold over the node's stream. Those that are published
// (Access) are immutable; a change is made on a Clone.
type Definitions struct {
	Users  map[string]*eventv1.UserPut
	VHosts map[string]*eventv1.VHostPut
	// Of users and vhosts that have some.
	UserLimits  map[string]*eventv1.UserLimitsSet
	VHostLimits map[string]*eventv1.VHostLimitsSet

	permissions map[grant]*Permissions
	topics      map[topicGrant]*TopicPermissions
	patterns    patterns
	policies    map[string]*policy.Set // by vhost
}

// grant is whose permissions they are, and where.
type grant struct{ user, vhost string }

type topicGrant struct{ user, vhost, exchange string }

// NewDefinitions returns none.
func NewDefinitions() *Definitions {
	return &Definitions{
		Users: map[string]*eventv1.UserPut{}, VHosts: map[string]*eventv1.VHostPut{},
		UserLimits: map[string]*eventv1.UserLimitsSet{}, VHostLimits: map[string]*eventv1.VHostLimitsSet{},
		permissions: map[grant]*Permissions{}, topics: map[topicGrant]*TopicPermissions{}, patterns: patterns{},
		policies: map[string]*policy.Set{},
	}
}

// Apply changes the definitions by one batch.
func (d *Definitions) Apply(batch *eventv1.NodeBatch) {
	for _, def := range batch.Definitions {
		switch e := def.Event.(type) {
		case *eventv1.NodeDefinition_UserPut:
			d.Users[e.UserPut.Name] = e.UserPut
		case *eventv1.NodeDefinition_UserDeleted:
			d.deleteUser(e.UserDeleted.Name)
		case *eventv1.NodeDefinition_VhostPut:
			d.VHosts[e.VhostPut.Name] = e.VhostPut
		case *eventv1.NodeDefinition_VhostDeleted:
			d.deleteVHost(e.VhostDeleted.Name)
		case *eventv1.NodeDefinition_PermissionsSet:
			p := e.PermissionsSet
			d.permissions[grant{p.User, p.Vhost}] = d.patterns.permissions(p)
		case *eventv1.NodeDefinition_PermissionsCleared:
			delete(d.permissions, grant{e.PermissionsCleared.User, e.PermissionsCleared.Vhost})
		case *eventv1.NodeDefinition_TopicPermissionsSet:
			p := e.TopicPermissionsSet
			d.topics[topicGrant{p.User, p.Vhost, p.Exchange}] = d.patterns.topicPermissions(p)
		case *eventv1.NodeDefinition_TopicPermissionsCleared:
			p := e.TopicPermissionsCleared
			delete(d.topics, topicGrant{p.User, p.Vhost, p.Exchange})
		case *eventv1.NodeDefinition_UserLimitsSet:
			if d.UserLimits[e.UserLimitsSet.User] = e.UserLimitsSet; !limited(UserLimitFields(e.UserLimitsSet)) {
				delete(d.UserLimits, e.UserLimitsSet.User)
			}
		case *eventv1.NodeDefinition_VhostLimitsSet:
			if d.VHostLimits[e.VhostLimitsSet.Vhost] = e.VhostLimitsSet; !limited(VHostLimitFields(e.VhostLimitsSet)) {
				delete(d.VHostLimits, e.VhostLimitsSet.Vhost)
			}
		case *eventv1.NodeDefinition_PolicySet:
			d.setPolicy(e.PolicySet)
		case *eventv1.NodeDefinition_PolicyCleared:
			p := e.PolicyCleared
			d.policies[p.Vhost] = d.policies[p.Vhost].Without(p.Name, p.Operator)
		}
	}
}

func (d *Definitions) deleteUser(name string) {
	delete(d.Users, name)
	delete(d.UserLimits, name)
	maps.DeleteFunc(d.permissions, func(g grant, _ *Permissions) bool { return g.user == name })
	maps.DeleteFunc(d.topics, func(g topicGrant, _ *TopicPermissions) bool { return g.user == name })
}

func (d *Definitions) deleteVHost(name string) {
	delete(d.VHosts, name)
	delete(d.VHostLimits, name)
	delete(d.policies, name)
	maps.DeleteFunc(d.permissions, func(g grant, _ *Permissions) bool { return g.vhost == name })
	maps.DeleteFunc(d.topics, func(g topicGrant, _ *TopicPermissions) bool { return g.vhost == name })
}

// Clone returns a copy. The events themselves are immutable and shared, and so are compiled patterns.
func (d *Definitions) Clone() *Definitions {
	return &Definitions{
		Users: maps.Clone(d.Users), VHosts: maps.Clone(d.VHosts), UserLimits: maps.Clone(d.UserLimits), VHostLimits: maps.Clone(d.VHostLimits),
		permissions: maps.Clone(d.permissions), topics: maps.Clone(d.topics), patterns: maps.Clone(d.patterns),
		policies: maps.Clone(d.policies),
	}
}

// Snapshot is all there is as one batch, in an order of its own.
func (d *Definitions) Snapshot() *eventv1.NodeBatch {
	b := &eventv1.NodeBatch{}
	for _, name := range slices.Sorted(maps.Keys(d.Users)) {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserPut{UserPut: d.Users[name]}})
	}
	for _, name := range slices.Sorted(maps.Keys(d.VHosts)) {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostPut{VhostPut: d.VHosts[name]}})
	}
	for _, p := range d.Permissions() {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: p}})
	}
	for _, p := range d.TopicPermissions() {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_TopicPermissionsSet{TopicPermissionsSet: p}})
	}
	for _, name := range slices.Sorted(maps.Keys(d.UserLimits)) {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserLimitsSet{UserLimitsSet: d.UserLimits[name]}})
	}
	for _, name := range slices.Sorted(maps.Keys(d.VHostLimits)) {
		b.Definitions = append(b.Definitions, &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostLimitsSet{VhostLimitsSet: d.VHostLimits[name]}})
	}
	b.Definitions = append(b.Definitions, d.policyEvents()...)
	return b
}

// Permissions are all there are, by vhost and user.
func (d *Definitions) Permissions() []*eventv1.PermissionsSet {
	out := make([]*eventv1.PermissionsSet, 0, len(d.permissions))
	for _, p := range d.permissions {
		out = append(out, p.PermissionsSet)
	}
	slices.SortFunc(out, func(a, b *eventv1.PermissionsSet) int {
		return cmp.Or(cmp.Compare(a.Vhost, b.Vhost), cmp.Compare(a.User, b.User))
	})
	return out
}

// TopicPermissions are all there are, by vhost, user and exchange.
func (d *Definitions) TopicPermissions() []*eventv1.TopicPermissionsSet {
	out := make([]*eventv1.TopicPermissionsSet, 0, len(d.topics))
	for _, p := range d.topics {
		out = append(out, p.TopicPermissionsSet)
	}
	slices.SortFunc(out, func(a, b *eventv1.TopicPermissionsSet) int {
		return cmp.Or(cmp.Compare(a.Vhost, b.Vhost), cmp.Compare(a.User, b.User), cmp.Compare(a.Exchange, b.Exchange))
	})
	return out
}

// Of returns what a user may do in a vhost, nil for nothing: not even open a connection.
func (d *Definitions) Of(user, vhost string) *Permissions { return d.permissions[grant{user, vhost}] }

// OfTopic returns which routing keys a user may use with an exchange, nil for all.
func (d *Definitions) OfTopic(user, vhost, exchange string) *TopicPermissions {
	return d.topics[topicGrant{user, vhost, exchange}]
}

// HasTopicPermissions says whether anybody has some.
func (d *Definitions) HasTopicPermissions() bool { return len(d.topics) > 0 }

// HasTag says whether a user has a tag.
func (d *Definitions) HasTag(user, tag string) bool {
	u := d.Users[user]
	return u != nil && slices.Contains(u.Tags, tag)
}
