package segment

import (
	"fmt"
	"strconv"
	"strings"
)

// Suffixes of the files of a directory. A free file waits for its next use; what is in it means nothing but its epoch, which is gone.
const (
	Suffix     = ".segment"
	FreeSuffix = ".free"
)

// Name is the file name of a segment: number and epoch in hexadecimal. That both stand in the name as well saves every record of a
// segment whose header went bad.
func Name(number, epoch uint64) string { return fmt.Sprintf("%016x-%016x%s", number, epoch, Suffix) }

// FreeName is the name of a file without a use.
func FreeName(epoch uint64) string { return fmt.Sprintf("%016x%s", epoch, FreeSuffix) }

// ParseName reads a segment's file name.
func ParseName(name string) (number, epoch uint64, ok bool) {
	base, found := strings.CutSuffix(name, Suffix)
	if !found || len(base) != 33 || base[16] != '-' {
		return 0, 0, false
	}
	number, err1 := strconv.ParseUint(base[:16], 16, 64)
	epoch, err2 := strconv.ParseUint(base[17:], 16, 64)
	return number, epoch, err1 == nil && err2 == nil
}

// ParseFreeName reads a free file's name.
func ParseFreeName(name string) (epoch uint64, ok bool) {
	base, found := strings.CutSuffix(name, FreeSuffix)
	if !found || len(base) != 16 {
		return 0, false
	}
	epoch, err := strconv.ParseUint(base, 16, 64)
	return epoch, err == nil
}
