package main

import (
	"errors"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

const directivePrefix = "//conbroker:"

// methods adds the methods of the interface Server or Client; other interfaces are no part of the protocol.
func (l *loader) methods(name string, x *ast.InterfaceType) error {
	if name != "Server" && name != "Client" {
		return nil
	}
	for _, f := range x.Methods.List {
		m, err := parseMethod(f)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, f.Names[0], err)
		}
		m.ToServer = name == "Server"
		l.api.methods = append(l.api.methods, m)
	}
	return nil
}

func parseMethod(f *ast.Field) (method, error) {
	m := method{GoName: f.Names[0].Name}
	m.Doc = methodDoc(m.GoName, f.Doc.Text())
	for _, line := range directives(f.Doc) {
		if err := m.directive(strings.Fields(line)); err != nil {
			return m, fmt.Errorf("%s%s: %w", directivePrefix, line, err)
		}
	}
	if m.Name == "" {
		return m, errors.New("the directive " + directivePrefix + "request or notification is missing")
	}
	return m, m.signature(f.Type.(*ast.FuncType))
}

// directives returns the lines of a comment that are for the generator.
func directives(doc *ast.CommentGroup) []string {
	if doc == nil {
		return nil
	}
	var lines []string
	for _, c := range doc.List {
		if line, ok := strings.CutPrefix(c.Text, directivePrefix); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

func (m *method) directive(words []string) error {
	switch {
	case len(words) < 2:
		return errors.New("a name is missing")
	case words[0] == "errors":
		m.Errors = words[1:]
		return nil
	case words[0] != "request" && words[0] != "notification":
		return errors.New("expected request NAME, notification NAME or errors KINDS")
	}
	m.Notification = words[0] == "notification"
	m.Name = words[1]
	for _, flag := range words[2:] {
		switch flag {
		case "ordered":
			m.Ordered = true
		case "notify":
			m.AlsoNotification = true
		default:
			return fmt.Errorf("unknown word %s", flag)
		}
	}
	return nil
}

// signature takes the names of the params and the result from func(context.Context, *P) (*R, error).
func (m *method) signature(f *ast.FuncType) error {
	want := 2
	if m.Notification {
		want = 1
	}
	if f.Params.NumFields() != 2 || f.Results.NumFields() != want {
		return fmt.Errorf("expected 2 parameters and %d results", want)
	}
	m.Params = baseName(f.Params.List[1].Type)
	if !m.Notification {
		m.Result = baseName(f.Results.List[0].Type)
	}
	return nil
}

// check refuses what the generated files could not express.
func (a *api) check() error {
	if a.version == "" || a.enumNamed("ErrorCode") == nil {
		return errors.New("the constant Version or the type ErrorCode is missing")
	}
	for _, m := range a.methods {
		for _, name := range []string{m.Params, m.Result} {
			if name != "" && a.structNamed(name) == nil {
				return fmt.Errorf("%s: %s is no struct of the package", m.Name, name)
			}
		}
		for _, kind := range m.Errors {
			if !slices.ContainsFunc(a.errorCodes(), func(c errorCode) bool { return c.Kind == kind }) {
				return fmt.Errorf("%s: there is no error kind %s", m.Name, kind)
			}
		}
	}
	a.enums = slices.DeleteFunc(a.enums, func(e *enumType) bool { return e.Name == "Direction" })
	return nil
}
