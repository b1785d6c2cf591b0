package checker

import "fmt"

// Severity says how much a probe matters.
type Severity string

// The severities.
const (
	Must   Severity = "must"   // if it fails, callbacks are lost or forged ones are accepted
	Should Severity = "should" // if it fails, the endpoint works, but not as well as it could
)

// Result is the result of a probe.
type Result string

// The results.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	NotTold Result = "not_told" // the behaviour of the endpoint proves nothing
	Skipped Result = "skipped"  // the probe does not apply, e.g. because there is no token
)

// Finding is the finding of one probe.
type Finding struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"` // what the endpoint should do
	Severity Severity `json:"severity"`
	Result   Result   `json:"result"`
	Detail   string   `json:"detail"` // what was seen, without secrets
	Why      string   `json:"why"`    // why it matters
	Fix      string   `json:"mend"`   // how to fix it
}

// Report has the findings of all probes, in their order, and the number of each result.
type Report struct {
	URL      string    `json:"url"` // without its parameters, which may contain secrets
	SDKAppID string    `json:"sdk_appid"`
	OK       bool      `json:"ok"` // all probes of severity Must have passed or were skipped
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`   // failed probes of severity Must
	Warnings int       `json:"warnings"` // failed probes of severity Should
	NotTold  int       `json:"not_told"`
	Skipped  int       `json:"skipped"`
	Findings []Finding `json:"probes"`
}

// count sets OK and the numbers.
func (r *Report) count() {
	r.OK = true
	for _, f := range r.Findings {
		must := f.Severity == Must
		switch f.Result {
		case Passed:
			r.Passed++
		case Skipped:
			r.Skipped++
		case NotTold:
			r.NotTold++
			r.OK = r.OK && !must
		case Failed:
			if must {
				r.Failed++
				r.OK = false
			} else {
				r.Warnings++
			}
		}
	}
}

// outcome is what the function of a probe returns.
type outcome struct {
	result Result
	detail string
	fix    string // replaces the probe's fix if it is not empty
	hint   string // another way to fix it, added to the fix
}

func passed(format string, args ...any) outcome {
	return outcome{result: Passed, detail: fmt.Sprintf(format, args...)}
}
func failed(format string, args ...any) outcome {
	return outcome{result: Failed, detail: fmt.Sprintf(format, args...)}
}
func notTold(format string, args ...any) outcome {
	return outcome{result: NotTold, detail: fmt.Sprintf(format, args...)}
}
func skipped(format string, args ...any) outcome {
	return outcome{result: Skipped, detail: fmt.Sprintf(format, args...)}
}
