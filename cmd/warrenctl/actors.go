package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// actorsCommand shows the supervision tree and shakes it.
func (c *ctl) actorsCommand() *cobra.Command {
	actors := &cobra.Command{
		Use:   "actors",
		Short: "Shows the supervision tree and crashes actors in it",
		RunE: func(_ *cobra.Command, args []string) error {
			return usage("actors takes tree or crash, not '%s'", strings.Join(args, " "))
		},
	}
	actors.AddCommand(c.treeCommand(), c.crashCommand())
	return actors
}
