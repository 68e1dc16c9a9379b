package tree

import (
	"context"
	"fmt"
	"slices"

	"warren/actors/auth"
	"warren/actors/queue"
	"warren/actors/vhost"
	"warren/internal/admin"
	"warren/internal/definitions"
	adminv1 "warren/proto/admin/v1"
	"warren/protocol"
)

// cliUser is who rabbitmqctl's commands are by.
const cliUser = "rmq-cli"

// tagsOfTheUser are those that RabbitMQ's default user has.
var tagsOfTheUser = []string{"administrator"}

// ExportDefinitions implements admin.Broker.
func (b *Broker) ExportDefinitions() ([]byte, error) {
	d := definitions.Definitions{
		RabbitVersion: b.Config.ProductVersion, RabbitMQVersion: b.Config.ProductVersion,
		ProductName: b.Config.ProductName, ProductVersion: b.Config.ProductVersion,
		Format: "cluster", OriginalCluster: b.Config.ClusterName, Explanation: "Definitions of cluster '" + b.Config.ClusterName + "'",
		Users: []definitions.User{{
			Name: b.Config.DefaultUser, PasswordHash: b.node.Users.PasswordHash(b.Config.DefaultUser),
			HashingAlgorithm: auth.HashingAlgorithm, Tags: tagsOfTheUser,
		}},
	}
	for _, v := range b.vhosts {
		name := v.Directory.Name
		d.VHosts = append(d.VHosts, definitions.VHost{Name: name, Description: "Default virtual host", DefaultQueueType: "classic"})
		d.Permissions = append(d.Permissions, definitions.Permission{
			User: b.Config.DefaultUser, VHost: name, Configure: ".*", Write: ".*", Read: ".*",
		})
		export(&d, v.Directory)
	}
	return d.Encode()
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
	if err := d.Check(b.known()); err != nil {
		return nil, admin.BadDefinitions(err)
	}
	dir := b.directory(b.Config.DefaultVHost)
	entities, bindings := declarations(d), bindingsOf(d, dir)
	all := append(slices.Clone(entities), bindings...)
	if at, refused := dir.Rehearse(all); refused != nil {
		return nil, admin.BadDefinitions(fmt.Errorf("%s: %s", title(all[at]), refused.ReplyText()))
	}
	// Bindings wait for their ends: a queue may wait for a namesake that is on its way out.
	i := newImporter(b.system, b.node.Sessions, dir)
	defer i.close()
	for _, commands := range [][]any{entities, bindings} {
		if err := i.run(ctx, commands); err != nil {
			return nil, err
		}
	}
	return &adminv1.ImportDefinitionsResponse{
		Exchanges: int64(len(d.Exchanges)), Queues: int64(len(d.Queues)), Bindings: int64(len(d.Bindings)),
	}, nil
}

func (b *Broker) known() definitions.Known {
	return definitions.Known{
		User: b.Config.DefaultUser, VHost: b.Config.DefaultVHost, Tags: tagsOfTheUser,
		Password: func(hash, algorithm string) bool {
			matches, _ := auth.Matches(hash, algorithm, b.Config.DefaultPass)
			return matches
		},
	}
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
// about, with a long where the first has a short.
func bindingsOf(d *definitions.Definitions, dir *vhost.Directory) []any {
	there := map[string]bool{}
	for _, e := range dir.Bindings() {
		there[exported(dir, e).Key()] = true
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
