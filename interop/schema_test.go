package interop

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema, and what it is if nothing may be as it was sent.
var (
	schema = compile(func(any) {})
	strict = compile(func(doc any) { doc.(map[string]any)["$defs"].(map[string]any)["asSent"] = false })
)

func compile(change func(doc any)) *jsonschema.Schema {
	text, err := os.ReadFile("../profile/event.schema.json")
	if err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	change(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.schema.json", doc); err != nil {
		panic(err)
	}
	return c.MustCompile("event.schema.json")
}

func validate(t *testing.T, s *jsonschema.Schema, body string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchema(t *testing.T) {
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			_, body := forwarded(t, "/normalized", in.callback)
			if err := validate(t, schema, string(body)); err != nil {
				t.Error(err)
			}
			if err := validate(t, strict, string(body)); (err != nil) != in.asSent {
				t.Errorf("without what is as sent: %v", err)
			}
		})
	}
}

func TestSchemaExamples(t *testing.T) {
	for _, example := range schema.Examples {
		if err := strict.Validate(example); err != nil {
			t.Error(err)
		}
	}
	if len(schema.Examples) == 0 {
		t.Error("none")
	}
}

func TestSchemaRefuses(t *testing.T) {
	const must = `"sdk_appid":1,"command":"Profile.CallbackPortraitSet","from_account":"u"`
	if err := validate(t, strict, `{`+must+`}`); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no object":                    `[]`,
		"no app":                       `{"command":"Profile.CallbackPortraitSet","from_account":"u"}`,
		"app 0":                        `{"sdk_appid":0,"command":"Profile.CallbackPortraitSet","from_account":"u"}`,
		"app beyond 64 bits":           `{"sdk_appid":18446744073709551616,"command":"Profile.CallbackPortraitSet","from_account":"u"}`,
		"another command":              `{"sdk_appid":1,"command":"State.StateChange","from_account":"u"}`,
		"no user":                      `{"sdk_appid":1,"command":"Profile.CallbackPortraitSet"}`,
		"empty user":                   `{"sdk_appid":1,"command":"Profile.CallbackPortraitSet","from_account":""}`,
		"unknown member":               `{` + must + `,"new":1}`,
		"unknown profile field":        `{` + must + `,"profile":{"new":1}}`,
		"empty profile":                `{` + must + `,"profile":{}}`,
		"empty custom":                 `{` + must + `,"custom":{}}`,
		"custom without name":          `{` + must + `,"custom":{"":1}}`,
		"empty other":                  `{` + must + `,"other":{}}`,
		"empty extra":                  `{` + must + `,"extra":{}}`,
		"extra item with nothing more": `{` + must + `,"extra":{"ProfileItem":[{"Tag":"a"}]}}`,
		"empty platform":               `{` + must + `,"platform":""}`,
		"self_update of nobody":        `{` + must + `,"self_update":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			if validate(t, schema, body) == nil {
				t.Error("taken")
			}
		})
	}
	for name, body := range map[string]string{
		"time without Z":     `{` + must + `,"event_time":"2022-07-04T07:50:52.497+00:00"}`,
		"no such day":        `{` + must + `,"event_time":"2022-02-30T07:50:52.497Z"}`,
		"unknown gender":     `{` + must + `,"profile":{"gender":"Gender_Type_New"}}`,
		"level out of range": `{` + must + `,"profile":{"level":4294967296}}`,
		"nick of a number":   `{` + must + `,"profile":{"nick":1}}`,
	} {
		t.Run("strict/"+name, func(t *testing.T) {
			if validate(t, strict, body) == nil {
				t.Error("taken")
			}
			if err := validate(t, schema, body); err != nil {
				t.Error(err)
			}
		})
	}
}
