package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed examples.json
var exampleTable []byte

// example is the params and the result of a method. The tests decode them into the structs, strictly.
type example struct {
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

// loadExamples returns the examples by method.
func loadExamples() (map[string]example, error) {
	var table map[string]example
	if err := json.Unmarshal(exampleTable, &table); err != nil {
		return nil, fmt.Errorf("examples.json: %w", err)
	}
	return table, nil
}

// document returns the example with its params in the order of fields.
func (x example) document(fields []field) documentExample {
	out := documentExample{Name: "example", Params: []exampleValue{}}
	var members map[string]json.RawMessage
	// An example that is missing or no object has no members: the tests say so.
	_ = json.Unmarshal(x.Params, &members)
	for _, f := range fields {
		if value, given := members[f.Name]; given {
			out.Params = append(out.Params, exampleValue{f.Name, value})
		}
	}
	if x.Result != nil {
		out.Result = &exampleValue{"result", x.Result}
	}
	return out
}
