package cast

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// appendSeconds appends d in seconds with six decimals.
func appendSeconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		b = append(b, byte('0'+us/unit%10))
	}
	return b
}

// appendEscaped appends p as the inside of a JSON string. Invalid UTF-8 becomes
// U+FFFD. Control characters are escaped, so a recording shown by cat does nothing
// to the terminal.
func appendEscaped(b, p []byte) []byte {
	start := 0
	for i := 0; i < len(p); {
		c := p[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, p[start:i]...)
			b = appendControl(b, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		if (r == utf8.RuneError && n == 1) || r < 0xa0 {
			b = append(b, p[start:i]...)
			b = appendUnicode(b, r)
			start = i + n
		}
		i += n
	}
	return append(b, p[start:]...)
}

// appendControl appends an ASCII character that must not stand for itself.
func appendControl(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return appendUnicode(b, rune(c))
}

// appendUnicode appends r as \u and four hexadecimal digits.
func appendUnicode(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// wholeRunes returns the length of p without a character at its end that is not
// complete yet. Invalid bytes count as complete.
func wholeRunes(p []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		i := len(p) - back
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return len(p)
			}
			return i
		}
	}
	return len(p)
}
