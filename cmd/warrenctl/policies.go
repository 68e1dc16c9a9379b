package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

// policyKind tells the commands for policies and for operator policies apart.
type policyKind struct {
	operator          bool
	name, plural      string // in the commands' names
	what              string // in their help
	setting, clearing string // in their banners
	listing           string
}

var policyKinds = []policyKind{
	{false, "policy", "policies", "a policy", "policy", "policy", "policies"},
	{true, "operator_policy", "operator_policies", "an operator policy", "operator policy override", "operator policy", "operator policy overrides"},
}

func (c *ctl) policyCommands() (out []*cobra.Command) {
	for _, k := range policyKinds {
		out = append(out, c.setPolicyCommand(k), c.clearPolicyCommand(k), c.listPoliciesCommand(k))
	}
	return out
}

func (c *ctl) setPolicyCommand(k policyKind) *cobra.Command {
	var priority int64
	var applyTo string
	set := change{
		"set_" + k.name + " NAME PATTERN DEFINITION", "Sets " + k.what + ` of the vhost -p for names that match: {"max-length": 10}`, 3, 3,
		"Setting " + k.setting + ` "%[1]s" for pattern "%[2]s" to "%[3]s" with priority "PRIORITY" for vhost "%v" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_SetPolicy{SetPolicy: &adminv1.SetPolicy{
				Vhost: c.vhost, Name: args[0], Operator: k.operator, Pattern: args[1], Definition: args[2], Priority: priority, ApplyTo: applyTo,
			}}}, nil
		},
	}
	command := c.changeCommand(set)
	command.RunE = func(command *cobra.Command, args []string) error {
		set.banner = strings.Replace(set.banner, "PRIORITY", strconv.FormatInt(priority, 10), 1)
		return c.changeCommand(set).RunE(command, args)
	}
	command.Flags().Int64Var(&priority, "priority", 0, "of those that match, the one with the highest applies")
	command.Flags().StringVar(&applyTo, "apply-to", "all", "all, queues, classic_queues, quorum_queues, streams or exchanges")
	return command
}

func (c *ctl) clearPolicyCommand(k policyKind) *cobra.Command {
	return c.changeCommand(change{
		"clear_" + k.name + " NAME", "Takes " + k.what + " of the vhost -p away", 1, 1, "Clearing " + k.clearing + ` "%[1]s" on vhost "%v" ...`, "",
		func(_ *ctl, args []string) (*adminv1.DefineRequest, error) {
			return &adminv1.DefineRequest{Command: &adminv1.DefineRequest_ClearPolicy{
				ClearPolicy: &adminv1.ClearPolicy{Vhost: c.vhost, Name: args[0], Operator: k.operator},
			}}, nil
		},
	})
}

func (c *ctl) listPoliciesCommand(k policyKind) *cobra.Command {
	return &cobra.Command{
		Use: "list_" + k.plural, Short: "Lists the " + k.listing + " of the vhost -p", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			columns, err := chooseColumns((*adminv1.Policy)(nil), nil)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Listing " + k.listing + ` for vhost "%[1]s" ...`)
				stream, err := client.ListPolicies(ctx, &adminv1.ListPoliciesRequest{Vhost: c.vhost, Operator: k.operator})
				return c.print(columns, receive(stream, err, (*adminv1.ListPoliciesResponse).GetPolicies))
			})
		},
	}
}
