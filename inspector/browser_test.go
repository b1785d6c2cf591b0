package inspector_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/browser"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestBrowser follows callbacks live, in a browser and through a real Caddy, and copies a command.
func TestBrowser(t *testing.T) {
	b := browser.Start(t)
	e := caddytest.StartEdge(t, site(t, "payloads"))
	root := fmt.Sprintf("https://localhost:%d/ops/", e.Port)
	b.Screen(1280, false, "en")

	b.Open(root + "recent")
	eventually := func(expression, what string) {
		t.Helper()
		caddytest.Within(t, 20*time.Second, func() bool { return browser.Eval[bool](b, expression) }, "%s", what)
	}
	eventually(`document.querySelector(".live [role=status]").textContent.startsWith("Live")`, "the live view is connected")
	send(t, e, "id1", `<img src=x onerror=alert(1)>`)
	eventually(`[...document.querySelectorAll("[data-rows] tr")].some((row) => row.textContent.includes("id1"))`, "the callback of id1 appears")
	eventually(`[...document.querySelectorAll("[data-rows] tr")].some((row) => row.textContent.includes("bad_sign"))`, "the refused callback appears")
	if browser.Eval[bool](b, `document.querySelector("[data-rows] img") !== null`) {
		t.Error("markup in a subject became an element")
	}

	// a reload of Caddy ends the stream, and the page goes on
	e.Load(site(t, "payloads"))
	send(t, e, "after_reload")
	eventually(`[...document.querySelectorAll("[data-rows] tr")].some((row) => row.textContent.includes("after_reload"))`, "a callback after a reload appears")
	if n := browser.Eval[int](b, `[...document.querySelectorAll("[data-rows] tr")].filter((row) => row.textContent.includes("after_reload")).length`); n != 1 {
		t.Errorf("it appears %d times", n)
	}

	browser.Eval[bool](b, `document.querySelector(".live button").click(), true`)
	eventually(`document.querySelector(".live button").textContent === "Resume"`, "the live view pauses")
	rows := browser.Eval[int](b, `document.querySelectorAll("[data-rows] tr").length`)
	if _, _, err := e.Send(e.Client, caddytest.SignedQuery("Sign", strings.Repeat("1", 64)), "{}"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if now := browser.Eval[int](b, `document.querySelectorAll("[data-rows] tr").length`); now != rows {
		t.Errorf("there are %d rows after %d, although the live view pauses", now, rows)
	}

	// from the user to the story
	b.Follow(`document.querySelector("#q").value = "after_reload"; document.querySelector("form.search").requestSubmit()`)
	eventually(`document.title.startsWith("after_reload") && document.querySelector("table a") !== null`, "the search")
	b.Follow(`document.querySelector("table a").click()`)
	eventually(`document.title.startsWith("Event") && document.querySelector("[data-copy]") !== null && !document.querySelector("[data-copy]").hidden`, "the story")
	b.Allow(root, "clipboardReadWrite", "clipboardSanitizedWrite")
	browser.Eval[bool](b, `document.querySelector("[data-copy]").click(), true`)
	eventually(`document.querySelector("[data-copy]").textContent === "Copied" || getSelection().toString().startsWith("caddy tim-callback")`, "the command is copied, or selected")

	for _, complaint := range b.Complaints() {
		if !strings.Contains(complaint, "net::ERR_") { // while Caddy reloads
			t.Error(complaint)
		}
	}
}

// TestBrowserWithoutScript has everything but what needs a script.
func TestBrowserWithoutScript(t *testing.T) {
	b := browser.Start(t)
	e := caddytest.StartEdge(t, site(t, ""))
	send(t, e, "id1")
	b.Screen(390, true, "zh-CN")
	b.Script(false)
	b.Open(fmt.Sprintf("https://localhost:%d/ops/recent?subject=id1", e.Port))
	dom := b.Text()
	for _, want := range []string{"最近的回调", "id1", "时间均为 UTC", "应用"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page does not have %q: %s", want, dom)
		}
	}
	if strings.Contains(dom, "暂停") || strings.Contains(dom, "实时") {
		t.Errorf("the page offers a live view: %s", dom)
	}
}
