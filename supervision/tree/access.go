package tree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/connection"
	"warren/actors/node"
	"warren/actors/policy"
	"warren/internal/admin"
	"warren/internal/definitions"
	adminv1 "warren/proto/admin/v1"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
	"warren/supervision"
)

// Define implements admin.Broker. Passwords are hashed here, where nobody else waits.
func (b *Broker) Define(ctx context.Context, r *adminv1.DefineRequest) error {
	c, err := b.command(r)
	if err != nil {
		return err
	}
	return b.define(ctx, c)
}

func (b *Broker) command(r *adminv1.DefineRequest) (node.Command, error) {
	switch c := r.GetCommand().(type) {
	case *adminv1.DefineRequest_AddUser:
		p, err := b.hash(c.AddUser.GetPassword())
		return node.AddUser{Name: c.AddUser.GetName(), Password: p}, err
	case *adminv1.DefineRequest_DeleteUser:
		return node.DeleteUser{Name: c.DeleteUser.GetName()}, nil
	case *adminv1.DefineRequest_ChangePassword:
		p, err := b.hash(c.ChangePassword.GetPassword())
		return node.ChangePassword{Name: c.ChangePassword.GetName(), Password: p}, err
	case *adminv1.DefineRequest_ClearPassword:
		return node.ChangePassword{Name: c.ClearPassword.GetName(), Password: node.Password{Algorithm: b.Config.PasswordHashing}}, nil
	case *adminv1.DefineRequest_SetUserTags:
		return node.SetUserTags{Name: c.SetUserTags.GetName(), Tags: c.SetUserTags.GetTags()}, nil
	case *adminv1.DefineRequest_AddVhost:
		v := c.AddVhost
		return node.AddVHost{Name: v.GetName(), Description: v.GetDescription(), Tags: v.GetTags(), DefaultQueueType: v.GetDefaultQueueType()}, nil
	case *adminv1.DefineRequest_UpdateVhost:
		v := c.UpdateVhost
		u := node.UpdateVHost{Name: v.GetName(), Description: v.Description, DefaultQueueType: v.DefaultQueueType}
		if v.Tags != nil {
			tags := v.Tags.GetTags()
			u.Tags = &tags
		}
		return u, nil
	case *adminv1.DefineRequest_DeleteVhost:
		return node.DeleteVHost{Name: c.DeleteVhost.GetName()}, nil
	case *adminv1.DefineRequest_SetPermissions:
		p := c.SetPermissions
		return node.SetPermissions{User: p.GetUser(), VHost: p.GetVhost(), Configure: p.GetConfigure(), Write: p.GetWrite(), Read: p.GetRead()}, nil
	case *adminv1.DefineRequest_ClearPermissions:
		return node.ClearPermissions{User: c.ClearPermissions.GetUser(), VHost: c.ClearPermissions.GetVhost()}, nil
	case *adminv1.DefineRequest_SetTopicPermissions:
		p := c.SetTopicPermissions
		return node.SetTopicPermissions{User: p.GetUser(), VHost: p.GetVhost(), Exchange: p.GetExchange(), Write: p.GetWrite(), Read: p.GetRead()}, nil
	case *adminv1.DefineRequest_ClearTopicPermissions:
		p := c.ClearTopicPermissions
		return node.ClearTopicPermissions{User: p.GetUser(), VHost: p.GetVhost(), Exchange: p.Exchange}, nil
	case *adminv1.DefineRequest_SetUserLimits:
		return node.SetUserLimits{User: c.SetUserLimits.GetUser(), Limits: c.SetUserLimits.GetLimits()}, nil
	case *adminv1.DefineRequest_ClearUserLimits:
		return node.ClearUserLimits{User: c.ClearUserLimits.GetUser(), Limit: c.ClearUserLimits.GetLimit()}, nil
	case *adminv1.DefineRequest_SetVhostLimits:
		return node.SetVHostLimits{VHost: c.SetVhostLimits.GetVhost(), Limits: c.SetVhostLimits.GetLimits()}, nil
	case *adminv1.DefineRequest_ClearVhostLimits:
		return node.ClearVHostLimits{VHost: c.ClearVhostLimits.GetVhost()}, nil
	case *adminv1.DefineRequest_SetPolicy:
		p := c.SetPolicy
		return node.SetPolicy{VHost: p.GetVhost(), Spec: policy.Spec{
			Name: p.GetName(), Operator: p.GetOperator(), Pattern: p.GetPattern(), Definition: p.GetDefinition(), Priority: p.GetPriority(), ApplyTo: p.GetApplyTo(),
		}}, nil
	case *adminv1.DefineRequest_ClearPolicy:
		return node.ClearPolicy{VHost: c.ClearPolicy.GetVhost(), Name: c.ClearPolicy.GetName(), Operator: c.ClearPolicy.GetOperator()}, nil
	}
	return nil, admin.Invalid("the broker does not know this command: it is of another version than warrenctl")
}

// hash makes a password of what was typed. A blank one is none: such a user logs in by other means (contract O-10).
func (b *Broker) hash(password string) (node.Password, error) {
	p := node.Password{Algorithm: b.Config.PasswordHashing}
	if password == "" {
		return p, nil
	}
	var err error
	if p.Hash, err = auth.HashPassword(p.Algorithm, password); err != nil {
		return p, admin.Invalid(err.Error())
	}
	return p, nil
}

// refused turns what was wrong with a command into what warrenctl tells apart.
func refused(err error) error {
	var e *node.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Reason {
	case node.NoSuchUser:
		return admin.NoSuchUser(e.Text)
	case node.Exists:
		return admin.Exists(e.Text)
	}
	return admin.Invalid(e.Text)
}

// AuthenticateUser implements admin.Broker.
func (b *Broker) AuthenticateUser(name, password string) string {
	return string(b.node.Users.Password(name, password))
}

// RestartVHost implements admin.Broker.
func (b *Broker) RestartVHost(ctx context.Context, name string) (wasRunning bool, err error) {
	if b.vhosts.Find(name) == nil {
		return false, admin.NoSuchVHost(name)
	}
	done := make(chan error, 1)
	b.system.Send(b.system.PID(b.vhosts.Supervisor), &supervision.RestartChild{
		ID: supervision.Escape(name), Done: func(_ *actor.PID, err error) { done <- err },
	})
	select {
	case err := <-done:
		if errors.Is(err, supervision.ErrAlreadyStarted) {
			return true, nil
		}
		return false, err
	case <-time.After(askPatience):
		return false, fmt.Errorf("vhost '%s' has not started for %v", name, askPatience)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// CloseConnections implements admin.Broker (contract P-14).
func (b *Broker) CloseConnections(ctx context.Context, r *adminv1.CloseConnectionsRequest) (closed int64, err error) {
	var chosen []*connection.Info
	for _, c := range b.node.Connections.All() {
		p, is := c.Params(), false
		switch which := r.GetWhich().(type) {
		case *adminv1.CloseConnectionsRequest_Pid:
			is = c.Path == which.Pid
		case *adminv1.CloseConnectionsRequest_User:
			is = p.User == which.User
		case *adminv1.CloseConnectionsRequest_Vhost:
			is = p.VHost == which.Vhost
		case *adminv1.CloseConnectionsRequest_All:
			is = which.All
		}
		if is && (r.GetLimit() <= 0 || int64(len(chosen)) < r.GetLimit()) {
			chosen = append(chosen, c)
		}
	}
	if pid, is := r.GetWhich().(*adminv1.CloseConnectionsRequest_Pid); is && len(chosen) == 0 {
		return 0, admin.NoSuchConnection(pid.Pid)
	}
	for i, c := range chosen {
		if i > 0 && r.GetDelay() > 0 {
			select {
			case <-time.After(time.Duration(r.GetDelay()) * time.Millisecond):
			case <-ctx.Done():
				return int64(i), ctx.Err()
			}
		}
		b.node.Close(c, protocol.ConnectionForced("%s", r.GetReason()))
	}
	return int64(len(chosen)), nil
}

// closeConnections closes those of a user, or in a vhost; empty is any.
func (b *Broker) closeConnections(user, vhost, reason string) {
	for _, c := range b.node.Connections.All() {
		if p := c.Params(); (user == "" || p.User == user) && (vhost == "" || p.VHost == vhost) {
			b.node.Close(c, protocol.ConnectionForced("%s", reason))
		}
	}
}

func (b *Broker) closeStrangers() {
	users := b.node.Users.Now().Users
	for _, c := range b.node.Connections.All() {
		if p := c.Params(); p.User != "" && users[p.User] == nil {
			b.node.Close(c, protocol.ConnectionForced("user '%s' is deleted", p.User))
		}
	}
}

// VHosts implements admin.Broker.
func (b *Broker) VHosts() []*adminv1.VHost {
	now := b.node.Users.Now()
	var out []*adminv1.VHost
	for _, name := range slices.Sorted(maps.Keys(now.VHosts)) {
		v, state := now.VHosts[name], "running"
		if d := b.vhosts.Find(name); d == nil || d.Down() {
			state = "stopped"
		}
		out = append(out, &adminv1.VHost{
			Name: name, Description: v.Description, Tags: v.Tags, DefaultQueueType: queueType(v),
			ClusterState: admin.Table(protocol.Table{b.Config.ClusterName: state}),
		})
	}
	return out
}

// queueType is a vhost's; the node's default is classic.
func queueType(v *eventv1.VHostPut) string {
	if v.DefaultQueueType == "" || v.DefaultQueueType == "undefined" {
		return "classic"
	}
	return v.DefaultQueueType
}

// Users implements admin.Broker.
func (b *Broker) Users() []*adminv1.User {
	now := b.node.Users.Now()
	var out []*adminv1.User
	for _, name := range slices.Sorted(maps.Keys(now.Users)) {
		out = append(out, &adminv1.User{User: name, Tags: now.Users[name].Tags})
	}
	return out
}

// Permissions implements admin.Broker.
func (b *Broker) Permissions(r *adminv1.ListPermissionsRequest) ([]*adminv1.Permission, error) {
	now := b.node.Users.Now()
	user, isUser := r.GetOf().(*adminv1.ListPermissionsRequest_User)
	if err := b.exists(now, isUser, r.GetUser(), r.GetVhost()); err != nil {
		return nil, err
	}
	var out []*adminv1.Permission
	for _, p := range now.Permissions() {
		if isUser && p.User == user.User || !isUser && p.Vhost == r.GetVhost() {
			out = append(out, &adminv1.Permission{User: p.User, Vhost: p.Vhost, Configure: p.Configure, Write: p.Write, Read: p.Read})
		}
	}
	return out, nil
}

// TopicPermissions implements admin.Broker.
func (b *Broker) TopicPermissions(r *adminv1.ListTopicPermissionsRequest) ([]*adminv1.TopicPermission, error) {
	now := b.node.Users.Now()
	user, isUser := r.GetOf().(*adminv1.ListTopicPermissionsRequest_User)
	if err := b.exists(now, isUser, r.GetUser(), r.GetVhost()); err != nil {
		return nil, err
	}
	var out []*adminv1.TopicPermission
	for _, p := range now.TopicPermissions() {
		if isUser && p.User == user.User || !isUser && p.Vhost == r.GetVhost() {
			out = append(out, &adminv1.TopicPermission{User: p.User, Vhost: p.Vhost, Exchange: p.Exchange, Write: p.Write, Read: p.Read})
		}
	}
	return out, nil
}

// exists refuses to list what is of nobody or nowhere.
func (b *Broker) exists(now *auth.Definitions, isUser bool, user, vhost string) error {
	switch {
	case isUser && now.Users[user] == nil:
		return admin.NoSuchUser("User \"" + user + "\" does not exist")
	case !isUser && now.VHosts[vhost] == nil:
		return admin.NoSuchVHost(vhost)
	}
	return nil
}

// Limits implements admin.Broker.
func (b *Broker) Limits(r *adminv1.ListLimitsRequest) ([]*adminv1.Limits, error) {
	now := b.node.Users.Now()
	var out []*adminv1.Limits
	add := func(user, vhost string, l definitions.Limits) error {
		text, err := json.Marshal(l)
		out = append(out, &adminv1.Limits{User: user, Vhost: vhost, Limits: string(text)})
		return err
	}
	switch of := r.GetOf().(type) {
	case *adminv1.ListLimitsRequest_User:
		if err := b.exists(now, true, of.User, ""); err != nil {
			return nil, err
		}
		err := add(of.User, "", userLimits(now.UserLimits[of.User]))
		return out, err
	case *adminv1.ListLimitsRequest_Vhost:
		if err := b.exists(now, false, "", of.Vhost); err != nil {
			return nil, err
		}
		if l := now.VHostLimits[of.Vhost]; l != nil {
			err := add("", of.Vhost, vhostLimits(l))
			return out, err
		}
	case *adminv1.ListLimitsRequest_AllUsers:
		for _, name := range slices.Sorted(maps.Keys(now.UserLimits)) {
			if err := add(name, "", userLimits(now.UserLimits[name])); err != nil {
				return nil, err
			}
		}
	case *adminv1.ListLimitsRequest_AllVhosts:
		for _, name := range slices.Sorted(maps.Keys(now.VHostLimits)) {
			if err := add("", name, vhostLimits(now.VHostLimits[name])); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func userLimits(l *eventv1.UserLimitsSet) definitions.Limits {
	if l == nil {
		return definitions.Limits{}
	}
	return limitsOf(auth.UserLimitFields(l))
}

func vhostLimits(l *eventv1.VHostLimitsSet) definitions.Limits {
	if l == nil {
		return definitions.Limits{}
	}
	return limitsOf(auth.VHostLimitFields(l))
}

// limitsOf are the limits that are set.
func limitsOf(fields []auth.LimitField) definitions.Limits {
	out := definitions.Limits{}
	for _, f := range fields {
		if v := *f.Value; v != nil {
			out[f.Name] = *v
		}
	}
	return out
}
