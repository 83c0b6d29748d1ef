package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates/protocol.md.tmpl
var markdownTemplate string

// renderMarkdown writes docs/protocol.md.
func renderMarkdown(a *api) ([]byte, error) {
	examples, err := loadExamples()
	if err != nil {
		return nil, err
	}
	md := markdown{a, examples}
	t, err := template.New("").Funcs(template.FuncMap{
		"anchor": anchor, "cell": cell, "fields": a.fieldsOf, "isEmpty": func(name string) bool { return name == emptyStruct },
		"type": md.typeName, "sent": md.sent, "reply": md.reply, "noun": md.noun, "errors": md.errorLinks, "literal": (*enumType).literal,
		"doc": func(name string) string { return a.structNamed(name).Doc },
	}).Parse(markdownTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"Version": a.version, "Groups": groups(a.side(true)), "Notifications": a.side(false), "Errors": a.errorCodes(),
		"Structs": md.parts(), "Enums": md.enumerations(), "Refs": a.refs,
	})
	// The template has blank lines where a table or a part is left out.
	return blankLines.ReplaceAll(out.Bytes(), []byte("\n\n")), err
}

var blankLines = regexp.MustCompile(`\n{3,}`)

// markdown writes parts of the reference.
type markdown struct {
	api      *api
	examples map[string]example
}

// group is the methods with one prefix.
type group struct {
	Name    string
	Methods []method
}

func groups(methods []method) []group {
	var all []group
	for _, m := range methods {
		name, _, found := strings.Cut(m.Name, "/")
		if !found {
			name = "lifecycle"
		}
		i := slices.IndexFunc(all, func(g group) bool { return g.Name == name })
		if i < 0 {
			i = len(all)
			all = append(all, group{Name: name})
		}
		all[i].Methods = append(all[i].Methods, m)
	}
	return all
}

// parts returns the structs that are neither params nor results: those have their tables at the methods.
func (md markdown) parts() []*structType {
	return slices.DeleteFunc(slices.Clone(md.api.structs), func(s *structType) bool {
		return s.Name == emptyStruct || slices.ContainsFunc(md.api.methods, func(m method) bool { return m.Params == s.Name || m.Result == s.Name })
	})
}

// enumerations leaves out what has a chapter of its own.
func (md markdown) enumerations() []*enumType {
	return slices.DeleteFunc(slices.Clone(md.api.enums), func(e *enumType) bool {
		return e.Name == "ErrorCode" || e.Name == "ErrorKind"
	})
}

func (md markdown) noun(m method) string {
	noun := m.noun()
	if m.AlsoNotification {
		noun = "request, or notification"
	}
	if m.Ordered {
		noun += ", ordered"
	}
	return noun
}

// typeName names a type, with links to the chapters of types.
func (md markdown) typeName(t fieldType) string {
	switch t.Kind {
	case kindString:
		return "string"
	case kindBool:
		return "boolean"
	case kindInteger:
		return "integer"
	case kindNumber:
		return "number"
	case kindToken:
		return "string or integer"
	case kindList:
		return md.typeName(*t.Elem) + "[]"
	case kindMap:
		return "object of " + md.typeName(*t.Elem)
	}
	if t.Name == "ErrorCode" || t.Name == "ErrorKind" {
		return "[" + t.Name + "](#errors)"
	}
	return "[" + t.Name + "](#" + anchor(t.Name) + ")"
}

func (md markdown) errorLinks(kinds []string) string {
	var links []string
	for _, kind := range kinds {
		links = append(links, "[`"+kind+"`](#errors)")
	}
	return strings.Join(links, ", ")
}

// sent shows the message that the example sends.
func (md markdown) sent(m method) (string, error) {
	id := `"id":7,`
	if m.Notification {
		id = ""
	}
	return layout(fmt.Sprintf(`{"jsonrpc":"2.0",%s"method":%q,"params":%s}`, id, m.Name, md.examples[m.Name].Params))
}

// reply shows the reply to it.
func (md markdown) reply(m method) (string, error) {
	return layout(fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"result":%s}`, md.examples[m.Name].Result))
}

// layout indents JSON, and joins the lines of what is short.
func layout(text string) (string, error) {
	var value bytes.Buffer
	if err := json.Indent(&value, []byte(text), "", "  "); err != nil {
		return "", fmt.Errorf("%w in %s", err, text)
	}
	indented := value.String()
	for {
		joined := short.ReplaceAllStringFunc(indented, joinShort)
		if joined == indented {
			return indented, nil
		}
		indented = joined
	}
}

// short matches an object or array without another one that has several lines.
var short = regexp.MustCompile(`(?m)^.*[{\[]\n(?:[^\n]*[^{\[\n]\n)*?\s*[}\]],?$`)

const exampleWidth = 110

func joinShort(block string) string {
	indent := block[:len(block)-len(strings.TrimLeft(block, " "))]
	lines := strings.Split(block, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	last := len(lines) - 1
	joined := indent + lines[0] + strings.Join(lines[1:last], " ") + lines[last]
	if len(joined) > exampleWidth {
		return block
	}
	return joined
}

// anchor is the fragment that renderers make of a heading.
func anchor(heading string) string {
	return strings.NewReplacer("/", "", "$", "", " ", "-").Replace(strings.ToLower(heading))
}

// cell escapes text for a table.
func cell(text string) string {
	return strings.ReplaceAll(text, "|", `\|`)
}
