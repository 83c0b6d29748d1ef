package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxEcho bounds how much of a peer's text an error message repeats.
const maxEcho = 60

// maxExact is the largest integer up to which every integer has a float64 of its own.
const maxExact = 1 << 53

// DecodeParams decodes the params of a message into the struct that into points to. It is strict where encoding/json is not:
// names are compared exactly, members that are not optional must be there, enumerated words must be known. null stands for a
// member that is left out, and absent params for an empty object; unknown members are ignored. The error is an [*Error] with
// CodeInvalidParams that names the member and what was expected.
func DecodeParams(params json.RawMessage, into any) error {
	params = bytes.TrimSpace(params)
	switch {
	case len(params) == 0 || string(params) == "null":
		params = json.RawMessage("{}")
	case params[0] == '[':
		return Errorf(CodeInvalidParams, "params: expected an object, got an array: parameters are given by name")
	}
	if err := decodeValue("params", params, reflect.ValueOf(into).Elem()); err != nil {
		return Errorf(CodeInvalidParams, "%v", err)
	}
	return nil
}

// enumerated is implemented by the types of enumerated words.
type enumerated interface{ Words() []string }

func decodeValue(path string, data json.RawMessage, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Type() == reflect.TypeFor[ProgressToken]() {
		return decodeToken(path, data, v)
	}
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		if err := u.UnmarshalJSON(data); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return decodeStruct(path, data, v)
	case reflect.Slice:
		return decodeList(path, data, v)
	case reflect.Map:
		return decodeMap(path, data, v)
	default:
		return decodeScalar(path, data, v)
	}
}

func decodeStruct(path string, data json.RawMessage, v reflect.Value) error {
	var members map[string]json.RawMessage
	if data[0] != '{' || json.Unmarshal(data, &members) != nil {
		return mismatch(path, "an object", data)
	}
	return decodeMembers(path, members, v)
}

// decodeMembers fills the fields of v, those of embedded structs among them.
func decodeMembers(path string, members map[string]json.RawMessage, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			if err := decodeMembers(path, members, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, flags, _ := strings.Cut(field.Tag.Get("json"), ",")
		data, given := members[name]
		switch {
		case flags != "" && (!given || string(data) == "null"):
			continue
		case !given:
			return fmt.Errorf("%s.%s: missing, expected %s", path, name, expectation(field.Type))
		}
		if err := decodeValue(path+"."+name, data, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeList(path string, data json.RawMessage, v reflect.Value) error {
	var elements []json.RawMessage
	if data[0] != '[' || json.Unmarshal(data, &elements) != nil {
		return mismatch(path, "an array", data)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	for i, element := range elements {
		if err := decodeValue(fmt.Sprintf("%s[%d]", path, i), element, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeMap(path string, data json.RawMessage, v reflect.Value) error {
	var members map[string]json.RawMessage
	if data[0] != '{' || json.Unmarshal(data, &members) != nil {
		return mismatch(path, "an object", data)
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for name, member := range members {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := decodeValue(path+"."+clip(name), member, element); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name), element)
	}
	return nil
}

func decodeScalar(path string, data json.RawMessage, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		return decodeInteger(path, data, v)
	case reflect.String:
		if data[0] != '"' || json.Unmarshal(data, v.Addr().Interface()) != nil {
			return mismatch(path, expectation(v.Type()), data)
		}
		return checkWord(path, v)
	default:
		if data[0] == 'n' || json.Unmarshal(data, v.Addr().Interface()) != nil {
			return mismatch(path, expectation(v.Type()), data)
		}
		return nil
	}
}

// checkWord refuses a word that the type of v does not know.
func checkWord(path string, v reflect.Value) error {
	enum, ok := v.Interface().(enumerated)
	if !ok || slices.Contains(enum.Words(), v.String()) {
		return nil
	}
	return fmt.Errorf("%s: %s is not one of %s", path, quote(v.String()), strings.Join(enum.Words(), ", "))
}

// decodeInteger takes 80.0 and 8e1 for 80, because some languages have no integers.
func decodeInteger(path string, data json.RawMessage, v reflect.Value) error {
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(string(data), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExact {
			return mismatch(path, "an integer", data)
		}
		n = int64(f)
	}
	if v.OverflowInt(n) {
		return fmt.Errorf("%s: %d is too large", path, n)
	}
	v.SetInt(n)
	return nil
}

// decodeToken takes what JSON-RPC takes as an id, because clients use one for the other.
func decodeToken(path string, data json.RawMessage, v reflect.Value) error {
	_, err := strconv.ParseInt(string(data), 10, 64)
	if data[0] != '"' && err != nil {
		return mismatch(path, "a string or an integer", data)
	}
	v.SetBytes(bytes.Clone(data))
	return nil
}

func mismatch(path, want string, data json.RawMessage) error {
	return fmt.Errorf("%s: expected %s, got %s", path, want, describe(data))
}

// expectation names the JSON type for t.
func expectation(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if enum, ok := reflect.Zero(t).Interface().(enumerated); ok {
		return "one of " + strings.Join(enum.Words(), ", ")
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// describe names what data is.
func describe(data json.RawMessage) string {
	switch data[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	if !json.Valid(data) {
		return "what is no JSON"
	}
	if data[0] == '-' || '0' <= data[0] && data[0] <= '9' {
		return "the number " + clip(string(data))
	}
	return string(data) // true, false or null
}

func quote(s string) string { return strconv.Quote(clip(s)) }

// clip shortens text for a message, at a character's edge.
func clip(s string) string {
	if len(s) <= maxEcho {
		return s
	}
	return strings.ToValidUTF8(s[:maxEcho], "") + "..."
}
