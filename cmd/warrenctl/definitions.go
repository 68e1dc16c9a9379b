package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"warren/internal/admin"
	adminv1 "warren/proto/admin/v1"
)

// standard is the name of the standard input or output.
const standard = "-"

func (c *ctl) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export_definitions FILE",
		Short: "Writes users, vhosts, permissions, queues, exchanges and bindings to a file",
		Long: `Writes users, vhosts, permissions, queues, exchanges and bindings to a file in RabbitMQ's JSON form; - is the standard output.
Exclusive queues and what every vhost begins with are not in it, and neither are messages.`,
		Args: oneArgument("the file to write to, or -"),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				if args[0] != standard {
					c.banner(`Exporting definitions in JSON to a file at "` + args[0] + `" ...`)
				}
				json, err := admin.ReadDefinitions(ctx, client)
				if err != nil {
					return err
				}
				if args[0] == standard {
					_, err = c.out.Write(json)
					return err
				}
				return replace(args[0], json)
			})
		},
	}
}

// replace writes a file whole or not at all: what stood there may be the only backup. There are password hashes in it, so it is for
// its user alone.
func replace(path string, b []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, b, 0o600) // a pipe, a terminal
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("export definitions: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("export definitions: %w", err)
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (c *ctl) importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import_definitions FILE",
		Short: "Declares the users, vhosts, permissions, queues, exchanges and bindings of a file",
		Long: `Declares the users, vhosts, permissions, queues, exchanges and bindings of a file in RabbitMQ's JSON form; - is the standard
input. Users, vhosts and permissions that are there become what the file says, queues, exchanges and bindings stay as they are, and
nothing is deleted. When anything in the file cannot be imported, nothing is.`,
		Args: oneArgument("the file to read, or -"),
		RunE: func(command *cobra.Command, args []string) error {
			var json []byte
			var err error
			what := `the file at "` + args[0] + `"`
			if args[0] == standard {
				what = "the standard input"
				json, err = io.ReadAll(command.InOrStdin())
			} else {
				json, err = os.ReadFile(args[0])
			}
			if err != nil {
				return dataError{fmt.Errorf("import definitions: %w", err)}
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Importing definitions in JSON from " + what + " ...")
				n, err := admin.WriteDefinitions(ctx, client, json)
				if err != nil {
					return err
				}
				c.banner(fmt.Sprintf("%d users, %d vhosts, %d permissions, %d exchanges, %d queues and %d bindings are there",
					n.GetUsers(), n.GetVhosts(), n.GetPermissions(), n.GetExchanges(), n.GetQueues(), n.GetBindings()))
				return nil
			})
		},
	}
}
