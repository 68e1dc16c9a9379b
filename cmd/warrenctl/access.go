package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

// changes are the commands that change users, permissions and limits. Those that have options of their own are beside: vhosts.go.
var changes = []change{
	{
		"add_user USER [PASSWORD]", "Makes a user; without PASSWORD it is read from the standard input", 1, 2, `Adding user "%[1]s" ...`,
		"Done. Don't forget to grant the user permissions to some virtual hosts! See 'warrenctl help set_permissions' to learn more.",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			password, err := c.password(args)
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_AddUser{AddUser: &adminv1.AddUser{Name: args[0], Password: password}}}, err
		},
	},
	{
		"delete_user USER", "Deletes a user, and closes its connections", 1, 1, `Deleting user "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_DeleteUser{DeleteUser: &adminv1.DeleteUser{Name: args[0]}}}, nil
		},
	},
	{
		"change_password USER [PASSWORD]", "Changes a user's password; without PASSWORD it is read from the standard input", 1, 2,
		`Changing password for user "%[1]s" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			password, err := c.password(args)
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ChangePassword{
				ChangePassword: &adminv1.ChangePassword{Name: args[0], Password: password},
			}}, err
		},
	},
	{
		"clear_password USER", "Takes a user's password away: it cannot log in with one", 1, 1, `Clearing password for user "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearPassword{ClearPassword: &adminv1.ClearPassword{Name: args[0]}}}, nil
		},
	},
	{
		"set_user_tags USER [TAG ...]", "Sets all tags of a user", 1, -1, `Setting tags for user "%[1]s" to [%*] ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetUserTags{
				SetUserTags: &adminv1.SetUserTags{Name: args[0], Tags: tags(args[1:])},
			}}, nil
		},
	},
	{
		"set_permissions USER CONFIGURE WRITE READ", "Sets what a user may do in the vhost -p: three regular expressions", 4, 4,
		`Setting permissions for user "%[1]s" in vhost "%v" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetPermissions{SetPermissions: &adminv1.SetPermissions{
				User: args[0], Vhost: c.vhost, Configure: args[1], Write: args[2], Read: args[3],
			}}}, nil
		},
	},
	{
		"clear_permissions USER", "Takes everything away that a user may do in the vhost -p", 1, 1,
		`Clearing permissions for user "%[1]s" in vhost "%v" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearPermissions{
				ClearPermissions: &adminv1.ClearPermissions{User: args[0], Vhost: c.vhost},
			}}, nil
		},
	},
	{
		"set_topic_permissions USER EXCHANGE WRITE READ", "Sets which routing keys a user may use with a topic exchange of the vhost -p", 4, 4,
		`Setting topic permissions on "%[2]s" for user "%[1]s" in vhost "%v" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetTopicPermissions{SetTopicPermissions: &adminv1.SetTopicPermissions{
				User: args[0], Vhost: c.vhost, Exchange: args[1], Write: args[2], Read: args[3],
			}}}, nil
		},
	},
	{
		"clear_topic_permissions USER [EXCHANGE]", "Lets a user use every routing key again, of one exchange of the vhost -p or of all", 1, 2,
		`Clearing topic permissions for user "%[1]s" in vhost "%v" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			clear := &adminv1.ClearTopicPermissions{User: args[0], Vhost: c.vhost}
			if len(args) > 1 {
				clear.Exchange = &args[1]
			}
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearTopicPermissions{ClearTopicPermissions: clear}}, nil
		},
	},
	{
		"set_user_limits USER DEFINITION", `Sets limits of a user: {"max-connections": 10, "max-channels": 100}`, 2, 2,
		`Setting user limits to "%[2]s" for user "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			l, err := limits(args[1])
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetUserLimits{
				SetUserLimits: &adminv1.SetUserLimits{User: args[0], Limits: l},
			}}, err
		},
	},
	{
		"clear_user_limits USER LIMIT", "Takes one limit of a user away, or all", 2, 2, `Clearing "%[2]s" limit for user "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearUserLimits{
				ClearUserLimits: &adminv1.ClearUserLimits{User: args[0], Limit: args[1]},
			}}, nil
		},
	},
	{
		"set_vhost_limits DEFINITION", `Sets all limits of the vhost -p: {"max-connections": 10, "max-queues": 100}`, 1, 1,
		`Setting vhost limits to "%[1]s" for vhost "%v" ...`, "",
		func(c *ctl, args []string) (*adminv1.DefineRequest, error) {
			l, err := limits(args[0])
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetVhostLimits{
				SetVhostLimits: &adminv1.SetVHostLimits{Vhost: c.vhost, Limits: l},
			}}, err
		},
	},
	{
		"clear_vhost_limits", "Takes the limits of the vhost -p away", 0, 0, `Clearing vhost "%v" limits ...`, "",
		func(c *ctl, _ []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearVhostLimits{
				ClearVhostLimits: &adminv1.ClearVHostLimits{Vhost: c.vhost},
			}}, nil
		},
	},
	{
		"delete_vhost VHOST", "Deletes a vhost with everything in it, and closes its connections", 1, 1, `Deleting vhost "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_DeleteVhost{DeleteVhost: &adminv1.DeleteVHost{Name: args[0]}}}, nil
		},
	},
}

func (c *ctl) authenticateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "authenticate_user USER [PASSWORD]",
		Short: "Tells whether a password is the user's; without PASSWORD it is read from the standard input",
		Args:  arguments(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			c.in = command.InOrStdin()
			password, err := c.password(args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner(`Authenticating user "` + args[0] + `" ...`)
				answer, err := client.AuthenticateUser(ctx, &adminv1.AuthenticateUserRequest{Name: args[0], Password: password})
				if err != nil {
					return err
				}
				if refusal := answer.GetRefusal(); refusal != "" {
					return dataError{errors.New(`failed to authenticate user "` + args[0] + `"` + "\n" + refusal)}
				}
				c.banner("Success")
				return nil
			})
		},
	}
}
