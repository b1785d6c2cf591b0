package interop

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// These are the schema, and a stricter schema that does not allow values as they were sent.
var (
	schema = compileSchema("../profile/event.schema.json", func(any) {})
	strict = compileSchema("../profile/event.schema.json", func(doc any) { doc.(map[string]any)["$defs"].(map[string]any)["asSent"] = false })
)

// compileSchema compiles the schema in a file, after a change.
func compileSchema(path string, change func(doc any)) *jsonschema.Schema {
	text, err := os.ReadFile(path)
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
	if err := c.AddResource(path, doc); err != nil {
		panic(err)
	}
	return c.MustCompile(path)
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
				t.Errorf("refused by the strict schema: %v", err)
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
		t.Error("the schema has no examples")
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
				t.Error("the schema accepts it")
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
				t.Error("the schema accepts it")
			}
			if err := validate(t, schema, body); err != nil {
				t.Error(err)
			}
		})
	}
}
