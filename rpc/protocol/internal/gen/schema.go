package main

import (
	"encoding/json"
	"strings"
)

// schema is a JSON Schema, draft 7, as OpenRPC documents use it.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Enum        []json.RawMessage  `json:"enum,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  *schema            `json:"additionalProperties,omitempty"`
}

const schemaPrefix = "#/components/schemas/"

// schemas returns a schema for every type.
func (a *api) schemas() map[string]*schema {
	all := map[string]*schema{}
	for _, s := range a.structs {
		all[s.Name] = a.structSchema(s)
	}
	for _, e := range a.enums {
		all[e.Name] = enumSchema(e)
	}
	for _, r := range a.refs {
		all[r.Name] = refSchema(r)
	}
	return all
}

// structSchema allows members that it does not list: both sides ignore what they do not know.
func (a *api) structSchema(s *structType) *schema {
	out := &schema{Title: s.Name, Description: s.Doc, Type: "object", Properties: map[string]*schema{}}
	for _, f := range a.fieldsOf(s.Name) {
		property := typeSchema(f.Typ)
		property.Description = f.Doc
		out.Properties[f.Name] = property
		if !f.Optional {
			out.Required = append(out.Required, f.Name)
		}
	}
	return out
}

func enumSchema(e *enumType) *schema {
	out := &schema{Title: e.Name, Type: "string"}
	if e.Numeric {
		out.Type = "integer"
	}
	lines := []string{e.Doc}
	for _, w := range e.Words {
		out.Enum = append(out.Enum, json.RawMessage(e.literal(w)))
		if w.Doc != "" {
			lines = append(lines, "- `"+w.Value+"`: "+w.Doc)
		}
	}
	out.Description = strings.Join(lines, "\n")
	return out
}

// literal is the JSON text of a word.
func (e *enumType) literal(w word) string {
	if e.Numeric {
		return w.Value
	}
	return quote(w.Value)
}

func refSchema(r *refType) *schema {
	record := &schema{Type: "object", Properties: map[string]*schema{"key": {Type: "string"}}, Required: []string{"key"}}
	return &schema{Title: r.Name, Description: r.Doc, AnyOf: []*schema{{Type: "string"}, record}}
}

func typeSchema(t fieldType) *schema {
	switch t.Kind {
	case kindString:
		return &schema{Type: "string"}
	case kindBool:
		return &schema{Type: "boolean"}
	case kindInteger:
		return &schema{Type: "integer"}
	case kindNumber:
		return &schema{Type: "number"}
	case kindToken:
		return &schema{AnyOf: []*schema{{Type: "string"}, {Type: "integer"}}}
	case kindList:
		return &schema{Type: "array", Items: typeSchema(*t.Elem)}
	case kindMap:
		return &schema{Type: "object", Additional: typeSchema(*t.Elem)}
	}
	return &schema{Ref: schemaPrefix + t.Name}
}
