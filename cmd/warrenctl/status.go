package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

func (c *ctl) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tells how the broker is",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				s, err := client.Status(ctx, &adminv1.StatusRequest{})
				if err != nil {
					return err
				}
				if c.formatter == "json" {
					encoded, err := encode(jsonMessage(s.ProtoReflect()))
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(c.out, "%s\n", encoded)
					return err
				}
				c.banner("Status of node " + s.GetClusterName() + " ...")
				_, err = fmt.Fprint(c.out, statusText(s))
				return err
			})
		},
	}
}

// statusText has the sections of rabbitmqctl status, as far as there is something to say in them.
func statusText(s *adminv1.StatusResponse) string {
	var b strings.Builder
	section := func(title string, lines ...string) {
		if len(lines) == 0 {
			lines = []string{"(none)"}
		}
		fmt.Fprintf(&b, "%s\n\n%s\n\n", title, strings.Join(lines, "\n"))
	}
	line := fmt.Sprintf

	if r := s.GetReading(); r != nil {
		section("Start", readingText(r))
	}
	section("Runtime",
		line("OS PID: %d", s.GetPid()),
		line("Uptime (seconds): %.0f", s.GetUptime().AsDuration().Seconds()),
		line("%s version: %s", s.GetProduct(), s.GetVersion()),
		line("Warren version: %s", s.GetWarrenVersion()),
		line("Cluster name: %s", s.GetClusterName()),
		line("Actors: %d", s.GetActors()),
		line("Goroutines: %d", s.GetGoroutines()),
		"Stops of the world by the collector: "+stopsText(s.GetCollectorStops()),
		"Stops of the world for other reasons: "+stopsText(s.GetOtherStops()),
	)
	section("Data directory", "Node data directory: "+s.GetDataDir())
	section("Config files", bullets(s.GetConfigFiles())...)
	section("Alarms", bullets(s.GetAlarms())...)
	memory, disk, totals := s.GetMemory(), s.GetDisk(), s.GetTotals()
	section("Memory",
		"Total memory used: "+gigabytes(memory.GetUsed()),
		line("High watermark: %s, low watermark: %s of %s",
			gigabytes(memory.GetHighWatermark()), gigabytes(memory.GetLowWatermark()), gigabytes(memory.GetTotal())),
		"State: "+memory.GetState(),
	)
	section("Free Disk Space",
		"Low free disk space watermark: "+gigabytes(disk.GetLimit()),
		"Free disk space: "+gigabytes(disk.GetFree()),
	)
	section("Totals",
		line("Connection count: %d", totals.GetConnections()),
		line("Channel count: %d", totals.GetChannels()),
		line("Exchange count: %d", totals.GetExchanges()),
		line("Queue count: %d", totals.GetQueues()),
		line("Consumer count: %d", totals.GetConsumers()),
		line("Messages ready: %d", totals.GetMessagesReady()),
		line("Messages unacknowledged: %d", totals.GetMessagesUnacknowledged()),
	)
	var listeners []string
	for _, l := range s.GetListeners() {
		listeners = append(listeners, line("Interface: %s, protocol: %s", l.GetAddress(), l.GetProtocol()))
	}
	section("Listeners", listeners...)
	return strings.TrimSuffix(b.String(), "\n")
}

// stopsText is how often and how long nothing of the broker ran.
func stopsText(s *adminv1.WorldStops) string {
	if s.GetCount() == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, p99 %v, longest %v; until all stood still, at most %v",
		s.GetCount(), s.GetP99().AsDuration(), s.GetLongest().AsDuration(), s.GetLongestStopping().AsDuration())
}

func bullets(items []string) []string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = " * " + item
	}
	return lines
}

// gigabytes are powers of 1000 here, as in RabbitMQ.
func gigabytes(bytes int64) string {
	return fmt.Sprintf("%.4f gb", float64(bytes)/1e9)
}
