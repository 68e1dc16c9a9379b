package main

import (
	"context"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

func (c *ctl) addVHostCommand() *cobra.Command {
	v := &adminv1.AddVHost{}
	var tagList string
	command := c.changeCommand(change{
		"add_vhost VHOST", "Makes a vhost", 1, 1, `Adding vhost "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			v.Name, v.Tags = args[0], tags([]string{tagList})
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_AddVhost{AddVhost: v}}, nil
		},
	})
	command.Flags().StringVarP(&v.Description, "description", "d", "", "what it is for")
	command.Flags().StringVar(&tagList, "tags", "", "its tags, separated by commas")
	command.Flags().StringVar(&v.DefaultQueueType, "default-queue-type", "", "the type of queues that are declared without one: classic")
	return command
}

func (c *ctl) updateVHostCommand() *cobra.Command {
	var description, tagList, queueType string
	var command *cobra.Command
	command = c.changeCommand(change{
		"update_vhost_metadata VHOST", "Changes what a vhost is said to be", 1, 1, `Updating metadata of vhost "%[1]s" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			v := &adminv1.UpdateVHost{Name: args[0]}
			flags := command.Flags()
			if flags.Changed("description") {
				v.Description = &description
			}
			if flags.Changed("tags") {
				v.Tags = &adminv1.TagList{Tags: tags([]string{tagList})}
			}
			if flags.Changed("default-queue-type") {
				v.DefaultQueueType = &queueType
			}
			if v.Description == nil && v.Tags == nil && v.DefaultQueueType == nil {
				return nil, usage("nothing to change: give --description, --tags or --default-queue-type")
			}
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_UpdateVhost{UpdateVhost: v}}, nil
		},
	})
	command.Flags().StringVarP(&description, "description", "d", "", "what it is for")
	command.Flags().StringVar(&tagList, "tags", "", "all its tags, separated by commas")
	command.Flags().StringVar(&queueType, "default-queue-type", "", "the type of queues that are declared without one: classic")
	return command
}

func (c *ctl) restartVHostCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restart_vhost",
		Short: "Starts the vhost -p again that crashed too often",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Trying to restart vhost '" + c.vhost + "' ...")
				answer, err := client.RestartVHost(ctx, &adminv1.RestartVHostRequest{Name: c.vhost})
				if err != nil {
					return err
				}
				if answer.GetWasRunning() {
					c.banner("Vhost '" + c.vhost + "' is already running")
				} else {
					c.banner("Successfully restarted vhost '" + c.vhost + "'")
				}
				return nil
			})
		},
	}
}
