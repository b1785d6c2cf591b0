package inspector

import "strings"

// tell finds out what to say about an event, and which command helps.
func tell(v *view) {
	switch {
	case len(v.Events) > 0:
		v.Advice, v.Command = adviceOnEvent(v, &v.Events[0])
	case len(v.Callbacks) > 0:
		v.Advice = adviceOnCallback(v, &v.Callbacks[0])
	default:
		v.Advice = v.T("advice_unknown_id")
	}
}

// adviceOnEvent says in one line what to do about an event in a queue.
func adviceOnEvent(v *view, e *eventInfo) (advice, command string) {
	failed := visible(e.LastError)
	switch e.State {
	case stateDead:
		if isRefusal(e.LastError) {
			return v.T("advice_dead_refused", failed), replayCommand(e)
		}
		return v.T("advice_dead_outage", failed), replayCommand(e)
	case stateDelivered:
		return v.T("advice_delivered"), replayCommand(e)
	case stateInFlight:
		return v.T("advice_in_flight"), ""
	}
	switch {
	case e.Attempts == 0:
		return v.T("advice_waiting"), ""
	case e.Due.IsZero() || v.Past(e.Due):
		return v.T("advice_retry_now", e.Attempts, failed), ""
	}
	return v.T("advice_retry", e.Attempts, failed, v.Age(e.Due)), ""
}

// isRefusal reports whether an attempt failed since the backend did not want the event.
func isRefusal(lastError string) bool {
	return strings.HasPrefix(lastError, "4") || strings.HasPrefix(lastError, "3") || strings.Contains(lastError, "ActionStatus FAIL")
}

// replayCommand is the command that delivers an event again. There is none for an ID that no event
// gets from this module.
func replayCommand(e *eventInfo) string {
	if e.ID == "" || shellWord(e.ID) != e.ID || strings.HasPrefix(e.ID, "-") {
		return ""
	}
	return "caddy tim-callback queue replay --queue " + shellWord(e.Queue) + " " + e.ID
}

// adviceOnCallback says in one line what a callback's answer means, and what to do about it.
func adviceOnCallback(v *view, c *callbackInfo) string {
	switch {
	case c.Undecided:
		return v.T("advice_undecided")
	case c.Result != "ok":
		return v.T("advice_" + c.Result)
	case c.Delivery != nil:
		return adviceOnDelivery(v, c.Delivery)
	case c.Duplicate:
		return v.T("advice_duplicate")
	case c.Queue != "":
		return v.T("advice_left")
	}
	return v.T("advice_ok")
}

// adviceOnDelivery is about an event that the queue does not have any more, or that it cannot show.
func adviceOnDelivery(v *view, d *deliveryInfo) string {
	switch d.State {
	case stateDelivered:
		return v.T("advice_delivered_gone")
	case stateDead:
		return v.T("advice_dropped", visible(d.LastError))
	}
	return v.T("advice_left")
}
