package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	adminv1 "warren/proto/admin/v1"
)

// accessLists are list commands of which the columns can be chosen.
var accessLists = []list{
	{
		"list_vhosts", "Lists vhosts", (*adminv1.VHost)(nil), "name", "Listing vhosts ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, _ string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListVHosts(ctx, &adminv1.ListVHostsRequest{})
			return receive(stream, err, (*adminv1.ListVHostsResponse).GetVhosts)
		},
	},
	{
		"list_users", "Lists users", (*adminv1.User)(nil), "", "Listing users ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, _ string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListUsers(ctx, &adminv1.ListUsersRequest{})
			return receive(stream, err, (*adminv1.ListUsersResponse).GetUsers)
		},
	},
}

// grants are the commands that list permissions: of the vhost -p, or of a user. They have no columns to choose.
func (c *ctl) grantCommands() []*cobra.Command {
	return []*cobra.Command{
		c.grantCommand("list_permissions", "", "Lists who may do what in the vhost -p", "user configure write read",
			`Listing permissions for vhost "%[1]s" ...`),
		c.grantCommand("list_user_permissions", "USER", "Lists what a user may do where", "vhost configure write read",
			`Listing permissions for user "%s" ...`),
		c.grantCommand("list_topic_permissions", "", "Lists who may use which routing keys in the vhost -p", "user exchange write read",
			`Listing topic permissions for vhost "%[1]s" ...`),
		c.grantCommand("list_user_topic_permissions", "USER", "Lists which routing keys a user may use where", "vhost exchange write read",
			`Listing topic permissions for user "%s" ...`),
	}
}

func (c *ctl) grantCommand(name, argument, short, columnList, banner string) *cobra.Command {
	ofUser := argument != ""
	n := 0
	if ofUser {
		n = 1
	}
	return &cobra.Command{
		Use: strings.TrimSpace(name + " " + argument), Short: short, Args: arguments(n, n),
		RunE: func(_ *cobra.Command, args []string) error {
			var item proto.Message = (*adminv1.Permission)(nil)
			topic := strings.Contains(name, "topic")
			if topic {
				item = (*adminv1.TopicPermission)(nil)
			}
			columns, err := chooseColumns(item, strings.Fields(columnList))
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				if ofUser {
					c.banner(fmt.Sprintf(banner, args[0]))
				} else {
					c.banner(banner)
				}
				if topic {
					return c.print(columns, topicPermissions(ctx, client, c.vhost, args))
				}
				return c.print(columns, permissions(ctx, client, c.vhost, args))
			})
		},
	}
}

func permissions(ctx context.Context, client adminv1.AdminServiceClient, vhost string, user []string) iter.Seq2[proto.Message, error] {
	r := &adminv1.ListPermissionsRequest{Of: &adminv1.ListPermissionsRequest_Vhost{Vhost: vhost}}
	if len(user) > 0 {
		r.Of = &adminv1.ListPermissionsRequest_User{User: user[0]}
	}
	stream, err := client.ListPermissions(ctx, r)
	return receive(stream, err, (*adminv1.ListPermissionsResponse).GetPermissions)
}

func topicPermissions(ctx context.Context, client adminv1.AdminServiceClient, vhost string, user []string) iter.Seq2[proto.Message, error] {
	r := &adminv1.ListTopicPermissionsRequest{Of: &adminv1.ListTopicPermissionsRequest_Vhost{Vhost: vhost}}
	if len(user) > 0 {
		r.Of = &adminv1.ListTopicPermissionsRequest_User{User: user[0]}
	}
	stream, err := client.ListTopicPermissions(ctx, r)
	return receive(stream, err, (*adminv1.ListTopicPermissionsResponse).GetPermissions)
}

func (c *ctl) vhostLimitsCommand() *cobra.Command {
	var global bool
	command := &cobra.Command{
		Use: "list_vhost_limits", Short: "Lists the limits of the vhost -p, or with --global of all that have some", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if global {
				return c.allLimits("vhost", "Listing limits for all vhosts ...",
					&adminv1.ListLimitsRequest{Of: &adminv1.ListLimitsRequest_AllVhosts{AllVhosts: true}})
			}
			return c.oneLimits(`Listing limits for vhost "%[1]s" ...`, &adminv1.ListLimitsRequest{Of: &adminv1.ListLimitsRequest_Vhost{Vhost: c.vhost}})
		},
	}
	command.Flags().BoolVar(&global, "global", false, "of all vhosts")
	return command
}

func (c *ctl) userLimitsCommand() *cobra.Command {
	var global bool
	var user string
	command := &cobra.Command{
		Use: "list_user_limits", Short: "Lists the limits of a user, or with --global of all that have some", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if global {
				return c.allLimits("user", "Listing limits for all users ...",
					&adminv1.ListLimitsRequest{Of: &adminv1.ListLimitsRequest_AllUsers{AllUsers: true}})
			}
			return c.oneLimits(`Listing limits for user "`+user+`" ...`, &adminv1.ListLimitsRequest{Of: &adminv1.ListLimitsRequest_User{User: user}})
		},
	}
	command.Flags().BoolVar(&global, "global", false, "of all users")
	command.Flags().StringVar(&user, "user", "guest", "whose")
	return command
}

func (c *ctl) allLimits(of, banner string, r *adminv1.ListLimitsRequest) error {
	columns, err := chooseColumns((*adminv1.Limits)(nil), []string{of, "limits"})
	if err != nil {
		return err
	}
	return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
		c.banner(banner)
		stream, err := client.ListLimits(ctx, r)
		return c.print(columns, receive(stream, err, (*adminv1.ListLimitsResponse).GetLimits))
	})
}

// oneLimits prints the limits themselves, which are JSON, as RabbitMQ does.
func (c *ctl) oneLimits(banner string, r *adminv1.ListLimitsRequest) error {
	return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
		c.banner(banner)
		stream, err := client.ListLimits(ctx, r)
		for item, err := range receive(stream, err, (*adminv1.ListLimitsResponse).GetLimits) {
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(c.out, item.(*adminv1.Limits).GetLimits()); err != nil {
				return err
			}
		}
		return nil
	})
}
