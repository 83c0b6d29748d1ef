package xlcfg

// unescape replaces the escapes of a string's body; mistake says what is wrong, if anything is.
//
// The numeric escapes are broken in libxlu (Xen 4.17, libxlu_cfg.c, xlu__cfgl_dequote), and what counts is what xl makes of a
// file: \x is always refused, and a backslash with an octal digit swallows itself and up to three characters behind it
// that read as a decimal number, if there are two or three.
func unescape(body []byte) (text, mistake string) {
	simple := map[byte]byte{
		'"': '"', '\'': '\'', '\\': '\\', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	}
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			out = append(out, body[i])
			continue
		}
		i++ // the lexer has seen to it that something follows
		c := body[i]
		if plain, ok := simple[c]; ok {
			out = append(out, plain)
			continue
		}
		if c == 'x' {
			return "", `\x in a string: xl refuses it`
		}
		if c < '0' || c > '7' {
			return "", `a backslash in a string before a character that needs none`
		}
		n := decimalPrefix(body[i+1:])
		if n < 2 {
			return "", `a backslash and a digit in a string: xl refuses it`
		}
		i += n
	}
	return string(out), ""
}

// decimalPrefix is how many of the first three bytes strtoul takes with base 10: blanks, a sign, digits; 0 if it finds no digit.
func decimalPrefix(text []byte) int {
	text = text[:min(3, len(text))]
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] >= '\t' && text[i] <= '\r') {
		i++
	}
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		i++
	}
	digits := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == digits {
		return 0
	}
	return i
}
