package config

import (
	"fmt"
	"strconv"
	"strings"
)

// ByteSize is an amount of bytes. In TOML it is a plain number of bytes, or a text with a whole number and a binary unit:
// "1MiB", "512KiB", "4096".
type ByteSize int64

// The binary units (IEC 80000-13).
const (
	KiB ByteSize = 1 << 10
	MiB ByteSize = 1 << 20
	GiB ByteSize = 1 << 30
)

// byteUnit is a unit and how it is written.
type byteUnit struct {
	suffix string
	size   ByteSize
}

// byteUnits lists the units, the largest first.
func byteUnits() []byteUnit {
	return []byteUnit{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}
}

// ParseByteSize reads the text form of a ByteSize; blanks between number and unit are allowed.
func ParseByteSize(s string) (ByteSize, error) {
	number, unit := strings.TrimSpace(s), ByteSize(1)
	for _, u := range byteUnits() {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no size; expected a number of bytes, or such as \"512KiB\", \"1MiB\", \"1GiB\"", s)
	}
	if n > int64(1<<62/unit) {
		return 0, fmt.Errorf("%q is too large for a size", s)
	}
	return ByteSize(n) * unit, nil
}

// UnmarshalTOML takes a TOML integer or string.
func (b *ByteSize) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case int64:
		if v < 0 {
			return fmt.Errorf("%d is no size; expected a number of bytes, or such as \"1MiB\"", v)
		}
		*b = ByteSize(v)
		return nil
	case string:
		size, err := ParseByteSize(v)
		if err != nil {
			return err
		}
		*b = size
		return nil
	}
	return fmt.Errorf("expected a size, as a number of bytes or such as \"1MiB\", and found %s", kindOf(value))
}

// String returns the size with the largest unit that leaves a whole number.
func (b ByteSize) String() string {
	for _, u := range byteUnits() {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.suffix
		}
	}
	return "0B"
}
