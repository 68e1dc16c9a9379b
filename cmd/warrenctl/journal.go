package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren/persistence"
	"warren/persistence/journal"
	"warren/persistence/segment"
	"warren/persistence/vfs"
	adminv1 "warren/proto/admin/v1"
)

// journalCommand looks into the journal. But for status of a running broker it reads the files itself, and only reads.
func (c *ctl) journalCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "journal",
		Short: "Looks into the journal of a broker that runs or is stopped",
		RunE: func(_ *cobra.Command, args []string) error {
			return usage("journal takes status, verify or dump, not '%s'", strings.Join(args, " "))
		},
	}
	parent.AddCommand(c.journalStatusCommand(), c.verifyCommand(), c.dumpCommand())
	return parent
}

func (c *ctl) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Reads every record of the journal and tells what is damaged and what is lost",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			dir, err := c.journalDir()
			if err != nil {
				return err
			}
			c.banner("Verifying the journal in " + dir + " ...")
			found, err := journal.Verify(vfs.OS{}, dir)
			if err != nil {
				return err
			}
			if err := c.printRecovery(&found); err != nil {
				return err
			}
			if !found.Intact() {
				return dataError{errors.New(verdict(dir, &found))}
			}
			return nil
		},
	}
}

// verdict sums up a journal that is not intact.
func verdict(dir string, r *journal.Recovery) string {
	hit := 0
	for _, d := range r.Damage {
		hit += len(d.Records)
	}
	return fmt.Sprintf("the journal in %s is not intact: %d damaged places, %d records known to be hit, %d ranges of events lost, %d streams without a name",
		dir, len(r.Damage), hit, len(r.Lost), len(r.Orphans))
}

func (c *ctl) journalDir() (string, error) {
	dir := persistence.Dir(c.dataDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", dataError{fmt.Errorf("there is no journal in %s", c.dataDir)}
	} else if err != nil {
		return "", err
	}
	return dir, nil
}

func (c *ctl) printRecovery(r *journal.Recovery) error {
	if c.formatter != "json" {
		_, err := fmt.Fprintln(c.out, r)
		return err
	}
	damage := []object{}
	for _, d := range r.Damage {
		damage = append(damage, object{
			{"file", d.File}, {"offset", d.Offset}, {"bytes", d.Bytes}, {"what", d.What}, {"hit", append([]string{}, r.Hit(d)...)},
		})
	}
	b, err := encode(object{
		{"segments", r.Segments}, {"streams", r.Streams}, {"records", r.Records}, {"bytes", r.Bytes}, {"torn", described(r.Torn)},
		{"damage", damage}, {"lost", described(r.Lost)}, {"nameless", append([]journal.StreamID{}, r.Orphans...)},
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", b)
	return err
}

func described[T fmt.Stringer](items []T) []string {
	out := []string{}
	for _, item := range items {
		out = append(out, item.String())
	}
	return out
}

func (c *ctl) dumpCommand() *cobra.Command {
	var bodies bool
	dump := &cobra.Command{
		Use:   "dump",
		Short: "Writes every record of the journal as a line of JSON",
		Long: `Writes every record of the journal as a line of JSON: where it is, whose it is, and what it holds. Bytes are base64. Records that
newer ones replaced and messages that are settled are among them until their segment is reused.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			dir, err := c.journalDir()
			if err != nil {
				return err
			}
			found, err := journal.Dump(vfs.OS{}, dir, newDumper(c.out, bodies))
			if err == nil && len(found.Damage) > 0 {
				err = dataError{fmt.Errorf("the journal in %s is damaged, and not all of it is here: warrenctl journal verify says what", dir)}
			}
			return err
		},
	}
	dump.Flags().BoolVar(&bodies, "bodies", false, "with the bodies of messages")
	return dump
}

func (c *ctl) journalStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tells how large the journal is and whether it is written",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			var s *adminv1.JournalStatusResponse
			err := c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) (err error) {
				s, err = client.JournalStatus(ctx, &adminv1.JournalStatusRequest{})
				return err
			})
			if status.Code(err) == codes.Unavailable {
				s, err = c.stoppedStatus()
			}
			if err != nil {
				return err
			}
			if c.formatter == "json" {
				b, err := encode(jsonMessage(s.ProtoReflect()))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.out, "%s\n", b)
				return err
			}
			c.banner("Status of the journal in " + persistence.Dir(c.dataDir) + " ...")
			_, err = fmt.Fprint(c.out, journalText(s))
			return err
		},
	}
}

// stoppedStatus reads the files.
func (c *ctl) stoppedStatus() (*adminv1.JournalStatusResponse, error) {
	dir, err := c.journalDir()
	if err != nil {
		return nil, err
	}
	found, err := journal.Verify(vfs.OS{}, dir)
	if err != nil {
		return nil, err
	}
	s := &adminv1.JournalStatusResponse{
		State: "stopped", Segments: int64(found.Segments), Streams: int64(found.Streams), Records: int64(found.Records),
		Damaged: int64(len(found.Damage)), Lost: int64(len(found.Lost)),
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		_, _, used := segment.ParseName(f.Name())
		_, free := segment.ParseFreeName(f.Name())
		info, err := f.Info()
		if err != nil || !used && !free {
			continue
		}
		s.Bytes += info.Size()
		if free {
			s.FreeSegments++
		} else {
			s.LastCommit = max(s.LastCommit, info.ModTime().UnixMilli())
		}
	}
	return s, nil
}

func journalText(s *adminv1.JournalStatusResponse) string {
	var b strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	switch s.GetState() {
	case "failing":
		line("State: failing, the journal cannot be written and confirms stop until it can")
	case "stopped":
		line("State: the broker is not running")
	case "reading":
		return "State: " + readingText(s.GetReading()) + "\n"
	default:
		line("State: %s", s.GetState())
	}
	line("Segments: %d, and %d free", s.GetSegments(), s.GetFreeSegments())
	line("Bytes on disk: %d", s.GetBytes())
	if s.LivingBytes != nil {
		line("Bytes needed: %d", s.GetLivingBytes())
	}
	line("Streams: %d", s.GetStreams())
	line("Records: %d", s.GetRecords())
	if s.GetState() == "stopped" {
		line("Damaged places: %d", s.GetDamaged())
		line("Lost ranges of events: %d", s.GetLost())
		line("Last write: %s", when(s.GetLastCommit()))
		return b.String()
	}
	line("Index on disk: %d bytes, %d pages", s.GetIndexBytes(), s.GetIndexPages())
	line("Records waiting: %d", s.GetRecordsWaiting())
	line("Commits: %d, syncs: %d, failures: %d", s.GetCommits(), s.GetSyncs(), s.GetFailures())
	line("Last commit: %s", when(s.GetLastCommit()))
	return b.String()
}

func readingText(r *adminv1.JournalReading) string {
	text := fmt.Sprintf("the broker is starting, it has read %d of %d segments (%d of %d bytes)", r.GetSegments(), r.GetOfSegments(), r.GetBytes(), r.GetOfBytes())
	if r.GetOfStreams() > 0 {
		text += fmt.Sprintf(" and %d of %d streams", r.GetStreams(), r.GetOfStreams())
	}
	return text
}

func when(milliseconds int64) string {
	if milliseconds == 0 {
		return "never"
	}
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02T15:04:05.000Z")
}
