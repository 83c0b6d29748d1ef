package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/conbroker/conbroker/rpc/protocol"
)

const draft7 = "http://json-schema.org/draft-07/schema#"

// readMetaSchema reads a schema of OpenRPC. Both name a dialect of their own, which is draft 7.
func readMetaSchema(name string) (*jsonschema.Schema, error) {
	text, err := os.ReadFile(filepath.Join(protocolDir, "testdata", "openrpc", name))
	if err != nil {
		return nil, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	s.Schema = draft7
	return &s, nil
}

func TestDocumentIsValidOpenRPC(t *testing.T) {
	meta, err := readMetaSchema("openrpc.json")
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := meta.Resolve(&jsonschema.ResolveOptions{
		Loader: func(*url.URL) (*jsonschema.Schema, error) { return readMetaSchema("json-schema.json") },
	})
	if err != nil {
		t.Fatal(err)
	}
	document := renderDocument(t)
	if err := resolved.Validate(document); err != nil {
		t.Errorf("docs/openrpc.json: %v", err)
	}
	document["methods"].([]any)[0].(map[string]any)["paramStructure"] = "by-guess"
	if resolved.Validate(document) == nil {
		t.Error("the meta schema takes anything: the check is void")
	}
}

func renderDocument(t *testing.T) map[string]any {
	t.Helper()
	text, err := renderOpenRPC(loadProtocol(t))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// typeChecker validates values against the document's schemas of types.
type typeChecker struct{ resolved *jsonschema.Resolved }

// compile compiles all schemas at once: as those of members that are called like the types.
func compile(t *testing.T, a *api) typeChecker {
	t.Helper()
	members := map[string]any{}
	for name := range a.schemas() {
		members[name] = map[string]string{"$ref": schemaPrefix + name}
	}
	text, err := json.Marshal(map[string]any{"$schema": draft7, "properties": members, "definitions": a.schemas()})
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(bytes.ReplaceAll(text, []byte(schemaPrefix), []byte("#/definitions/")), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return typeChecker{resolved}
}

func (c typeChecker) validate(name string, instance any) error {
	return c.resolved.Validate(map[string]any{name: instance})
}

func TestSchemasRefuse(t *testing.T) {
	types := compile(t, loadProtocol(t))
	tests := []struct{ name, instance string }{
		{"SessionCreateParams", `{}`},
		{"SessionCreateParams", `{"address": {"label": 1}}`},
		{"SessionCreateParams", `{"address": {}, "mode": "begin"}`},
		{"ConsoleOpenParams", `{"session": {"label": "x"}}`},
		{"ProgressParams", `{"token": 1.5, "value": {"kind": "end"}}`},
		{"HostListResult", `{"hosts": [], "groups": {"a": "b"}}`},
	}
	for _, test := range tests {
		var instance any
		if err := json.Unmarshal([]byte(test.instance), &instance); err != nil {
			t.Fatal(err)
		}
		if types.validate(test.name, instance) == nil {
			t.Errorf("%s takes %s", test.name, test.instance)
		}
	}
}

// TestExamples checks each example against the schema and the struct, both of which must know every member of it; what is decoded
// must be encoded the same.
func TestExamples(t *testing.T) {
	a := loadProtocol(t)
	examples, err := loadExamples()
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) != len(a.methods) {
		t.Errorf("%d examples for %d methods", len(examples), len(a.methods))
	}
	types := compile(t, a)
	for _, m := range a.methods {
		t.Run(m.Name, func(t *testing.T) {
			params, result := structsOf(t, m)
			types.checkExample(t, m.Params, params, examples[m.Name].Params)
			if !m.Notification {
				types.checkExample(t, m.Result, result, examples[m.Name].Result)
			}
		})
	}
}

// structsOf returns new params and a new result of a method; no result for a notification.
func structsOf(t *testing.T, m method) (params, result any) {
	t.Helper()
	side := reflect.TypeFor[protocol.Client]()
	if m.ToServer {
		side = reflect.TypeFor[protocol.Server]()
	}
	f, ok := side.MethodByName(m.GoName)
	if !ok {
		t.Fatalf("%s has no method %s", side, m.GoName)
	}
	params = reflect.New(f.Type.In(1).Elem()).Interface()
	if !m.Notification {
		result = reflect.New(f.Type.Out(0).Elem()).Interface()
	}
	return params, result
}

func (c typeChecker) checkExample(t *testing.T, name string, into any, text json.RawMessage) {
	t.Helper()
	var instance any
	if err := json.Unmarshal(text, &instance); err != nil {
		t.Fatalf("example %s: %v", text, err)
	}
	if err := c.validate(name, instance); err != nil {
		t.Errorf("example %s: %v", text, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("example %s: %v", text, err)
	}
	if err := protocol.DecodeParams(text, into); err != nil {
		t.Errorf("example %s: %v", text, err)
	}
	encoded, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	var again any
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(withoutZeros(instance), withoutZeros(again)); diff != "" {
		t.Errorf("example %s comes back different (-want +got):\n%s", text, diff)
	}
}

// withoutZeros drops false members, and objects left empty: an optional member may be written or left out.
func withoutZeros(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for name, member := range object {
		member = withoutZeros(member)
		if empty, isObject := member.(map[string]any); member == false || isObject && len(empty) == 0 {
			delete(object, name)
		}
	}
	return object
}

// TestMethodTable: what the package lists is what the document describes.
func TestMethodTable(t *testing.T) {
	described := map[string]string{}
	for _, m := range renderDocument(t)["methods"].([]any) {
		call := m.(map[string]any)
		described[call["name"].(string)] = call["x-direction"].(string)
	}
	delete(described, cancelMethod)
	listed := map[string]string{}
	for _, m := range protocol.Methods() {
		listed[m.Name] = string(m.Direction)
	}
	if diff := cmp.Diff(described, listed); diff != "" {
		t.Errorf("methods (-openrpc.json +Methods):\n%s", diff)
	}
}
