package tree

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"warren/actors/auth"
	"warren/actors/node"
	"warren/actors/queue"
	"warren/actors/vhost"
	"warren/internal/admin"
	"warren/internal/definitions"
	adminv1 "warren/proto/admin/v1"
	"warren/protocol"
)

// cliUser is who rabbitmqctl's commands are by.
const cliUser = "rmq-cli"

// ExportDefinitions implements admin.Broker.
func (b *Broker) ExportDefinitions() ([]byte, error) {
	d := definitions.Definitions{
		RabbitVersion: b.Config.ProductVersion, RabbitMQVersion: b.Config.ProductVersion,
		ProductName: b.Config.ProductName, ProductVersion: b.Config.ProductVersion,
		Format: "cluster", OriginalCluster: b.Config.ClusterName, Explanation: "Definitions of cluster '" + b.Config.ClusterName + "'",
	}
	if err := exportAccess(&d, b.node.Users.Now()); err != nil {
		return nil, err
	}
	for _, v := range b.vhosts.All() {
		export(&d, v)
	}
	return d.Encode()
}

// exportAccess adds users, vhosts, and what is allowed.
func exportAccess(d *definitions.Definitions, now *auth.Definitions) error {
	for _, name := range slices.Sorted(maps.Keys(now.Users)) {
		u := now.Users[name]
		d.Users = append(d.Users, definitions.User{
			Name: name, PasswordHash: encodeHash(u.PasswordHash, u.HashingAlgorithm), HashingAlgorithm: u.HashingAlgorithm, Tags: u.Tags,
			Limits: userLimits(now.UserLimits[name]),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(now.VHosts)) {
		v, limits := now.VHosts[name], vhostLimits(now.VHostLimits[name])
		d.VHosts = append(d.VHosts, definitions.VHost{
			Name: name, Description: v.Description, Tags: v.Tags, DefaultQueueType: v.DefaultQueueType, Limits: limits,
			Metadata: definitions.Metadata{Description: v.Description, Tags: v.Tags, DefaultQueueType: v.DefaultQueueType},
		})
		if len(limits) > 0 {
			p, err := definitions.LimitsParameter(name, limits)
			if err != nil {
				return err
			}
			d.Parameters = append(d.Parameters, p)
		}
	}
	for _, p := range now.Permissions() {
		d.Permissions = append(d.Permissions, definitions.Permission{User: p.User, VHost: p.Vhost, Configure: p.Configure, Write: p.Write, Read: p.Read})
	}
	for _, p := range now.TopicPermissions() {
		d.TopicPermissions = append(d.TopicPermissions, definitions.TopicPermission{
			User: p.User, VHost: p.Vhost, Exchange: p.Exchange, Write: p.Write, Read: p.Read,
		})
	}
	return exportPolicies(d, now)
}

// export adds what can be declared again: not what every vhost begins with, nor what ends with its connection.
//
// Differs: RabbitMQ leaves internal exchanges out and their bindings in, and cannot import what it exported.
func export(d *definitions.Definitions, dir *vhost.Directory) {
	for _, q := range dir.Queues() {
		if q.Owner == 0 {
			d.Queues = append(d.Queues, definitions.Queue{
				Name: string(q.Name), VHost: dir.Name, Durable: &q.Durable, AutoDelete: q.AutoDelete, Arguments: definitions.Arguments(q.Arguments),
			})
		}
	}
	for _, x := range dir.Exchanges() {
		if !vhost.Predeclared(string(x.Name)) {
			d.Exchanges = append(d.Exchanges, definitions.Exchange{
				Name: string(x.Name), VHost: dir.Name, Type: x.Type, Durable: &x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal,
				Arguments: definitions.Arguments(x.Arguments),
			})
		}
	}
	for _, e := range dir.Bindings() {
		if q := dir.Queue(queue.Name(e.Destination)); e.Kind == "queue" && (q == nil || q.Owner != 0) {
			continue
		}
		d.Bindings = append(d.Bindings, exported(dir, e))
	}
}

func exported(dir *vhost.Directory, e vhost.BindingInfo) definitions.Binding {
	return definitions.Binding{
		Source: e.Source, VHost: dir.Name, Destination: e.Destination, DestinationType: e.Kind, RoutingKey: e.Key,
		Arguments: definitions.Arguments(e.Arguments),
	}
}

// ImportDefinitions implements admin.Broker. Everything is looked at before anything is declared; what others declare or delete
// between the one and the other is all that can leave half of it done.
func (b *Broker) ImportDefinitions(ctx context.Context, json []byte) (*adminv1.ImportDefinitionsResponse, error) {
	d, err := definitions.Parse(json)
	if err != nil {
		return nil, admin.BadDefinitions(err)
	}
	access, err := b.accessOf(d)
	if err != nil {
		return nil, admin.BadDefinitions(err)
	}
	now := b.node.Users.Now()
	if err := node.Rehearse(now, access); err != nil {
		return nil, admin.BadDefinitions(err)
	}
	added := map[string]bool{}
	for _, v := range d.VHosts {
		added[v.Name] = true
	}
	if err := d.Check(func(name string) bool { return now.VHosts[name] != nil || added[name] }); err != nil {
		return nil, admin.BadDefinitions(err)
	}
	parts := byVHost(d)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if err := b.rehearse(name, parts[name]); err != nil {
			return nil, admin.BadDefinitions(err)
		}
	}
	if err := b.define(ctx, access); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if err := b.importVHost(ctx, name, parts[name]); err != nil {
			return nil, err
		}
	}
	return &adminv1.ImportDefinitionsResponse{
		Exchanges: int64(len(d.Exchanges)), Queues: int64(len(d.Queues)), Bindings: int64(len(d.Bindings)),
		Users: int64(len(d.Users)), Vhosts: int64(len(d.VHosts)), Permissions: int64(len(d.Permissions) + len(d.TopicPermissions)),
	}, nil
}

func (b *Broker) rehearse(name string, d *definitions.Definitions) error {
	var at int
	var refused *protocol.Error
	all := declarations(d)
	if dir := b.vhosts.Find(name); dir != nil {
		all = append(all, bindingsOf(d, dir)...)
		at, refused = dir.Rehearse(all)
	} else {
		all = append(all, bindingsOf(d, nil)...)
		at, refused = vhost.RehearseNew(name, all)
	}
	if refused != nil {
		return fmt.Errorf("%s: %s", title(all[at]), refused.ReplyText())
	}
	return nil
}

// importVHost declares what is in one vhost. Bindings wait for their ends: a queue may wait for a namesake that is on its way out.
func (b *Broker) importVHost(ctx context.Context, name string, d *definitions.Definitions) error {
	dir := b.vhosts.Find(name)
	if dir == nil {
		return admin.NoSuchVHost(name) // somebody has deleted it meanwhile
	}
	i := newImporter(b.system, b.node.Sessions, dir)
	defer i.close()
	for _, commands := range [][]any{declarations(d), bindingsOf(d, dir)} {
		if err := i.run(ctx, commands); err != nil {
			return err
		}
	}
	return nil
}

// byVHost takes a file apart.
func byVHost(d *definitions.Definitions) map[string]*definitions.Definitions {
	parts := map[string]*definitions.Definitions{}
	part := func(vhost string) *definitions.Definitions {
		if parts[vhost] == nil {
			parts[vhost] = &definitions.Definitions{}
		}
		return parts[vhost]
	}
	for _, x := range d.Exchanges {
		p := part(x.VHost)
		p.Exchanges = append(p.Exchanges, x)
	}
	for _, q := range d.Queues {
		p := part(q.VHost)
		p.Queues = append(p.Queues, q)
	}
	for _, e := range d.Bindings {
		p := part(e.VHost)
		p.Bindings = append(p.Bindings, e)
	}
	return parts
}

// accessOf is what a file says of users and vhosts, as one command.
func (b *Broker) accessOf(d *definitions.Definitions) (node.Import, error) {
	var c node.Import
	for _, u := range d.Users {
		p, err := b.password(u)
		if err != nil {
			return c, fmt.Errorf("cannot import user '%s': %w", u.Name, err)
		}
		c.Users = append(c.Users, node.AddUser{Name: u.Name, Password: p, Tags: u.Tags})
		if len(u.Limits) > 0 {
			c.UserLimits = append(c.UserLimits, node.SetUserLimits{User: u.Name, Limits: node.Limits(u.Limits)})
		}
	}
	for _, v := range d.VHosts {
		c.VHosts = append(c.VHosts, node.AddVHost{Name: v.Name, Description: v.Description, Tags: v.Tags, DefaultQueueType: v.DefaultQueueType})
		if len(v.Limits) > 0 {
			c.VHostLimits = append(c.VHostLimits, node.SetVHostLimits{VHost: v.Name, Limits: node.Limits(v.Limits)})
		}
	}
	for _, l := range d.OtherLimits {
		c.VHostLimits = append(c.VHostLimits, node.SetVHostLimits{VHost: l.VHost, Limits: node.Limits(l.Limits)})
	}
	for _, p := range d.Permissions {
		c.Permissions = append(c.Permissions, node.SetPermissions{User: p.User, VHost: p.VHost, Configure: p.Configure, Write: p.Write, Read: p.Read})
	}
	for _, p := range d.TopicPermissions {
		c.TopicPermissions = append(c.TopicPermissions, node.SetTopicPermissions{
			User: p.User, VHost: p.VHost, Exchange: p.Exchange, Write: p.Write, Read: p.Read,
		})
	}
	return c, importPolicies(&c, d)
}

// password is what a file says of a user's: a hash, or the password itself. A hash without an algorithm is of the default one.
func (b *Broker) password(u definitions.User) (node.Password, error) {
	if u.PasswordHash == "" && u.Password != "" {
		return b.hash(u.Password)
	}
	p := node.Password{Algorithm: cmp.Or(u.HashingAlgorithm, auth.DefaultHashing)}
	if !auth.KnownHashing(p.Algorithm) {
		return p, fmt.Errorf("there is no password hashing '%s'", p.Algorithm)
	}
	var err error
	p.Hash, err = decodeHash(u.PasswordHash, p.Algorithm)
	return p, err
}

// encodeHash is a hash in JSON: base64 as in RabbitMQ, but for bcrypt, whose hashes are text.
func encodeHash(hash []byte, algorithm string) string {
	if algorithm == auth.Bcrypt {
		return string(hash)
	}
	return base64.StdEncoding.EncodeToString(hash)
}

func decodeHash(text, algorithm string) ([]byte, error) {
	if algorithm == auth.Bcrypt {
		return []byte(text), nil
	}
	hash, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("its password_hash is no base64")
	}
	return hash, nil
}

func declarations(d *definitions.Definitions) []any {
	var out []any
	for _, x := range d.Exchanges {
		out = append(out, &vhost.DeclareExchange{
			Name: x.Name, Type: x.Type, Durable: *x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal, Arguments: protocol.Table(x.Arguments),
		})
	}
	for _, q := range d.Queues {
		out = append(out, &vhost.DeclareQueue{
			Name: q.Name, Durable: *q.Durable, AutoDelete: q.AutoDelete, Arguments: protocol.Table(q.Arguments),
		})
	}
	return out
}

// bindingsOf leaves out bindings that are there: JSON does not say the types of arguments, so that a second one could come
// about, with a long where the first has a short. dir is nil for a vhost that is yet to be made.
func bindingsOf(d *definitions.Definitions, dir *vhost.Directory) []any {
	there := map[string]bool{}
	if dir != nil {
		for _, e := range dir.Bindings() {
			there[exported(dir, e).Key()] = true
		}
	}
	var out []any
	for _, e := range d.Bindings {
		if !there[e.Key()] {
			out = append(out, &vhost.Bind{
				Source: e.Source, Destination: e.Destination, Key: e.RoutingKey, ToExchange: e.DestinationType == "exchange",
				Arguments: protocol.Table(e.Arguments),
			})
		}
	}
	return out
}

// title names a command's object to whoever wrote the file.
func title(command any) string {
	switch m := command.(type) {
	case *vhost.DeclareExchange:
		return "cannot import exchange '" + m.Name + "'"
	case *vhost.DeclareQueue:
		return "cannot import queue '" + m.Name + "'"
	case *vhost.Bind:
		kind := "queue"
		if m.ToExchange {
			kind = "exchange"
		}
		return fmt.Sprintf("cannot import the binding from exchange '%s' to %s '%s'", m.Source, kind, m.Destination)
	}
	panic(fmt.Sprintf("tree: a %T is not imported", command))
}
