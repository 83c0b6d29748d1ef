package main

import (
	"bytes"
	"encoding/json"
)

// document is an OpenRPC document, version 1.3.2.
type document struct {
	OpenRPC    string          `json:"openrpc"`
	Info       documentInfo    `json:"info"`
	Methods    []documentCall  `json:"methods"`
	Components documentObjects `json:"components"`
}

type documentInfo struct {
	Title       string            `json:"title"`
	Version     string            `json:"version"`
	Description string            `json:"description"`
	License     map[string]string `json:"license"`
}

// documentCall is a method object. The members with "x-" are extensions: OpenRPC knows neither directions nor notifications.
type documentCall struct {
	Name           string            `json:"name"`
	Summary        string            `json:"summary"`
	Description    string            `json:"description"`
	ParamStructure string            `json:"paramStructure"`
	Params         []documentValue   `json:"params"`
	Result         *documentValue    `json:"result,omitempty"`
	Errors         []reference       `json:"errors,omitempty"`
	Examples       []documentExample `json:"examples,omitempty"`
	Direction      string            `json:"x-direction"`
	Form           string            `json:"x-form"`
	Ordered        bool              `json:"x-ordered"`
}

// documentValue is a content descriptor object.
type documentValue struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema"`
}

type documentExample struct {
	Name   string         `json:"name"`
	Params []exampleValue `json:"params"`
	Result *exampleValue  `json:"result,omitempty"`
}

type exampleValue struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

type reference struct {
	Ref string `json:"$ref"`
}

type documentObjects struct {
	Schemas map[string]*schema       `json:"schemas"`
	Errors  map[string]documentError `json:"errors"`
}

type documentError struct {
	Code    json.RawMessage `json:"code"`
	Message string          `json:"message"`
}

// renderOpenRPC writes docs/openrpc.json.
func renderOpenRPC(a *api) ([]byte, error) {
	examples, err := loadExamples()
	if err != nil {
		return nil, err
	}
	d := document{
		OpenRPC: "1.3.2",
		Info: documentInfo{
			Title: "conbroker", Version: a.version, Description: a.doc,
			License: map[string]string{"name": "GPL-3.0-or-later"},
		},
		Components: documentObjects{a.schemas(), map[string]documentError{}},
	}
	for _, m := range a.methods {
		d.Methods = append(d.Methods, a.documentCall(m, examples[m.Name]))
	}
	d.Methods = append(d.Methods, cancelRequest())
	for _, c := range a.errorCodes() {
		d.Components.Errors[c.Kind] = documentError{json.RawMessage(c.Code), c.Doc}
	}
	return encode(d)
}

// encode writes JSON for people too: indented, and with < and > as they are.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}

func (a *api) documentCall(m method, ex example) documentCall {
	call := documentCall{
		Name: m.Name, Summary: summary(m.Doc), Description: m.Doc, ParamStructure: "by-name",
		Params:    []documentValue{},
		Direction: m.direction(), Form: m.form(), Ordered: m.Ordered,
	}
	for _, f := range a.fieldsOf(m.Params) {
		call.Params = append(call.Params, documentValue{f.Name, f.Doc, !f.Optional, typeSchema(f.Typ)})
	}
	if !m.Notification {
		call.Result = &documentValue{Name: "result", Description: a.structNamed(m.Result).Doc, Schema: &schema{Ref: schemaPrefix + m.Result}}
	}
	for _, kind := range m.Errors {
		call.Errors = append(call.Errors, reference{"#/components/errors/" + kind})
	}
	call.Examples = []documentExample{ex.document(a.fieldsOf(m.Params))}
	return call
}

func (m method) direction() string {
	if m.ToServer {
		return "clientToServer"
	}
	return "serverToClient"
}

func (m method) form() string {
	switch {
	case m.Notification:
		return "notification"
	case m.AlsoNotification:
		return "requestOrNotification"
	}
	return "request"
}

// cancelRequest is the notification that the connection itself takes.
func cancelRequest() documentCall {
	return documentCall{
		Name: cancelMethod, Summary: cancelDoc, Description: cancelDoc, ParamStructure: "by-name",
		Params: []documentValue{{Name: "id", Description: "The id of the request.", Required: true, Schema: typeSchema(fieldType{Kind: kindToken})}},
		Examples: []documentExample{{
			Name:   cancelMethod,
			Params: []exampleValue{{"id", json.RawMessage("7")}},
		}},
		Direction: "clientToServer", Form: "notification", Ordered: true,
	}
}

// What the connection itself takes is not in the interfaces.
const (
	cancelMethod = "$/cancelRequest"
	cancelDoc    = "Cancels a request. It is answered with -32800, unless it had ended."
)
