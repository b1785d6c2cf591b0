package checker

import "fmt"

// Severity is how much a probe matters.
type Severity string

const (
	Must   Severity = "must"   // else Tencent's callbacks are lost, or forged ones get in
	Should Severity = "should" // else it works, but not as well as it could
)

// Result is how a probe ended.
type Result string

const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	NotTold Result = "not_told" // the endpoint's behaviour says nothing about it
	Skipped Result = "skipped"  // it does not apply to what was given
)

// Finding is what a probe found out.
type Finding struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"` // what a right endpoint does
	Severity Severity `json:"severity"`
	Result   Result   `json:"result"`
	Detail   string   `json:"detail"` // what was seen, without secrets
	Why      string   `json:"why"`
	Mend     string   `json:"mend"`
}

// Report is what all probes found out, in their order.
type Report struct {
	URL      string    `json:"url"` // without its parameters, which may hold secrets
	SDKAppID string    `json:"sdk_appid"`
	OK       bool      `json:"ok"` // nothing that must be so failed or could not be told
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`   // of what must be so
	Warnings int       `json:"warnings"` // failed, of what should be so
	NotTold  int       `json:"not_told"`
	Skipped  int       `json:"skipped"`
	Findings []Finding `json:"probes"`
}

// count fills in the numbers.
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

// outcome is what a probe itself says.
type outcome struct {
	result Result
	detail string
	mend   string // instead of the probe's; "" if that fits
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
