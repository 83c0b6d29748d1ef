package main

import "slices"

// api is the protocol as the package's source describes it.
type api struct {
	version string
	doc     string
	methods []method
	structs []*structType // in the order of the source
	enums   []*enumType
	refs    []*refType
}

// method is a method of the interface Server or Client.
type method struct {
	Name, GoName     string
	ToServer         bool
	Notification     bool
	AlsoNotification bool
	Ordered          bool
	Doc              string
	Errors           []string // kinds
	Params, Result   string   // names of structs; no result for a notification
}

// structType is a struct of params, results or parts of them.
type structType struct {
	Name, Doc string
	Embeds    []string
	Fields    []field
}

// field is a member of an object.
type field struct {
	GoName, Name, Doc string
	Typ               fieldType
	Optional          bool
}

// kind is the shape of a JSON value.
type kind int

const (
	kindString kind = iota
	kindBool
	kindInteger
	kindNumber
	kindToken // a string or an integer
	kindNamed
	kindList
	kindMap
)

// fieldType is the type of a member. Name is set for kindNamed, Elem for lists and maps.
type fieldType struct {
	Kind kind
	Name string
	Elem *fieldType
}

// enumType is a named type with constants: words or numbers.
type enumType struct {
	Name, Doc string
	Numeric   bool
	Words     []word
}

// word is a constant; Value is a string's text or a number's digits.
type word struct {
	GoName, Value, Doc string
}

// refType is a named string that can be given as a record with a member "key" too.
type refType struct {
	Name, Doc string
}

// Explained reports whether any word has a comment.
func (e *enumType) Explained() bool {
	return slices.ContainsFunc(e.Words, func(w word) bool { return w.Doc != "" })
}

const emptyStruct = "Empty"

func (a *api) structNamed(name string) *structType {
	i := slices.IndexFunc(a.structs, func(s *structType) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return a.structs[i]
}

func (a *api) enumNamed(name string) *enumType {
	i := slices.IndexFunc(a.enums, func(e *enumType) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return a.enums[i]
}

// fieldsOf returns the members of a struct, those of embedded structs first.
func (a *api) fieldsOf(name string) []field {
	s := a.structNamed(name)
	var fields []field
	for _, embedded := range s.Embeds {
		fields = append(fields, a.fieldsOf(embedded)...)
	}
	return append(fields, s.Fields...)
}

// side returns the methods that one side sends.
func (a *api) side(toServer bool) []method {
	return slices.DeleteFunc(slices.Clone(a.methods), func(m method) bool { return m.ToServer != toServer })
}

// errorCodes returns the codes with their words.
func (a *api) errorCodes() []errorCode {
	var codes []errorCode
	for _, w := range a.enumNamed("ErrorCode").Words {
		codes = append(codes, errorCode{lowerFirst(w.GoName[len("Code"):]), w.Value, w.Doc})
	}
	return codes
}

// errorCode is a code of an error object, with the word that stands for it.
type errorCode struct {
	Kind, Code, Doc string
}
