package inspector

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/browser"
)

// pictures is where the pictures of the READMEs are, and maxPicture is how many bytes one may have.
const (
	pictures   = "../docs/pictures"
	maxPicture = 150_000
)

// deadID is the ID of the dead letter in the screenshots.
const deadID = "c5a9f06b4c7f4d1f9d55c6b2f9b4d8e1"

// screenshots are the pictures of the READMEs. Each ends a little below the element that last selects.
var screenshots = []struct {
	file       string
	wide       int
	dark       bool
	language   string
	page, last string
}{
	{"overview.png", 1200, false, "en", "", "main > :last-child"},
	{"story.png", 1000, false, "en", "event?id=" + deadID, "[aria-labelledby=attempts]"},
	{"story-phone-zh.png", 390, true, "zh-CN", "event?id=" + deadID, "[aria-labelledby=kept]"},
}

// shown is the source of the screenshots: that of the other tests, but with a half hour of a site that people
// could run. The backend of one queue is down, somebody has sent a few callbacks without knowing the token,
// and one event has become a dead letter.
func shown() *fake {
	f := busy()
	f.callbacks, f.events = nil, make(map[string][]eventInfo)
	file := &f.queues[0]
	file.Waiting, file.InFlight, file.Bytes, file.Oldest = 0, 1, 0, file.DownSince.Add(-3*time.Second)
	for minute := range 30 {
		for n := range 18 + minute/2 + minute*minute%7 {
			at := now.Add(time.Duration(minute-30)*time.Minute + time.Duration(n)*1730*time.Millisecond)
			c := ordinary(len(f.callbacks), at)
			if minute > 10 && minute < 14 && n%3 == 0 || minute == 29 && n == 30 {
				c = callbackInfo{Time: at, Took: 90 * time.Microsecond, App: c.App, Command: c.Command, ClientIP: "198.51.100.23", Result: "bad_sign", Status: 401}
			}
			if c.Queue == file.Name && at.After(file.DownSince) {
				if c.Delivery = (&deliveryInfo{State: stateWaiting}); n%5 == 2 {
					c.Delivery = &deliveryInfo{State: stateRetried, Attempts: 1, LastError: "503 Service Unavailable", Last: at.Add(5 * time.Millisecond), Next: now.Add(time.Minute)}
				}
				file.Waiting++
				file.Bytes += 900
			}
			f.add(c)
		}
	}
	f.bury(&f.callbacks[120])
	return f
}

// ordinary is the n-th callback of an ordinary time.
func ordinary(n int, at time.Time) callbackInfo {
	c := callbackInfo{Time: at, App: "1400000000", ClientIP: "203.0.113.7", ID: id(n), Result: "ok", Status: 200, Took: time.Duration(1100+n*n%900) * time.Microsecond}
	user, group := fmt.Sprintf("user_%d", 1000+n*n%887), fmt.Sprintf("group_%d", 20+n*n%37)
	switch n % 8 {
	case 0, 3, 6:
		c.Command, c.Subject, c.Queue = "C2C.CallbackAfterSendMsg", user, "messages"
	case 1, 5:
		c.Command, c.Subject, c.Queue = "State.StateChange", user, "default"
	case 2:
		c.Command, c.Subject, c.Queue = "Group.CallbackAfterSendMsg", group, "messages"
	case 4: // a decision, which no queue takes
		c.Command, c.Subject, c.Took = "Group.CallbackBeforeSendMsg", group, 24*c.Took
	case 7:
		c.Command, c.Subject, c.Queue = "Profile.CallbackPortraitSet", user, "default"
	}
	if c.Queue == "messages" {
		c.Took *= 3 // since it is on other machines
	}
	if c.Queue != "" {
		c.Delivery = &deliveryInfo{State: stateDelivered, Attempts: 1, Last: at.Add(20 * time.Millisecond)}
	}
	return c
}

// bury makes a dead letter of a callback: the backend does not know a value of the profile.
func (f *fake) bury(c *callbackInfo) {
	e := eventInfo{
		Queue: "default", State: stateDead, ID: deadID, App: c.App, Command: "Profile.CallbackPortraitSet", Subject: "user_1042", Lane: c.App + "/user_1042",
		Received: c.Time, Attempts: 5, LastError: "422 Unprocessable Entity",
		Payload: fmt.Appendf(nil, `{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet","event_time":%q,"operator_account":"user_1042","from_account":"user_1042","self_update":true,"platform":"ios","client_ip":"192.0.2.41","profile":{"nick":"Lin"},"custom":{"Plan":"gold"}}`,
			c.Time.Add(-80*time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")),
	}
	for n, after := range []int{4, 870, 2610, 5930, 12480} {
		e.Last = e.Received.Add(time.Duration(after) * time.Millisecond)
		e.History = append(e.History, attemptInfo{At: e.Last, Took: time.Duration(8400-1100*n+n*n*310) * time.Microsecond, Error: e.LastError, Answer: `{"error":"custom.Plan: unknown plan gold"}`})
	}
	f.events[e.Queue] = append(f.events[e.Queue], e)
	c.ID, c.Command, c.Subject, c.Queue, c.Took = e.ID, e.Command, e.Subject, e.Queue, 1400*time.Microsecond
	c.Delivery = &deliveryInfo{State: stateDead, Attempts: e.Attempts, LastError: e.LastError, Last: e.Last}
}

// today sets the clock of a page, so that it shows times without the day, as on that day.
var today = fmt.Sprintf(`(() => {
	const Real = Date;
	Date = class extends Real { constructor(...at) { super(...(at.length ? at : [%d])); } };
	localTimes(document);
})()`, now.UnixMilli())

// TestScreenshots makes the pictures of the READMEs, and compares them with those that are there, but for
// their pixels, since fonts differ. With TIM_CALLBACK_SCREENSHOTS set it writes them.
func TestScreenshots(t *testing.T) {
	b := browser.Start(t)
	site := serveFake(t, shown())
	write := os.Getenv("TIM_CALLBACK_SCREENSHOTS") != ""
	for _, s := range screenshots {
		t.Run(s.file, func(t *testing.T) {
			b.T = t
			b.Screen(s.wide, s.dark, s.language)
			b.Open(site + s.page)
			browser.Eval[any](b, today)
			// half of the space between sections is 14 pixels
			end := browser.Eval[int](b, fmt.Sprintf(`Math.ceil(document.querySelector(%q).getBoundingClientRect().bottom) + 14`, s.last))
			if cut := browser.Eval[[]string](b, fmt.Sprintf(cutText, end)); len(cut) > 0 {
				t.Errorf("the picture ends in the middle of %q", cut)
			}
			picture := withPalette(t, b.Picture(s.wide, end))
			if len(picture) > maxPicture {
				t.Errorf("the picture has %d bytes, which is more than %d", len(picture), maxPicture)
			}
			if write {
				if err := os.WriteFile(filepath.Join(pictures, s.file), picture, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, complaint := range b.Complaints() {
				t.Errorf("the page complains: %s", complaint)
			}
		})
		b.T = t
	}
}

// cutText finds text that is on both sides of a height.
const cutText = `[...document.querySelectorAll("body *")].filter((e) => {
	const box = e.getBoundingClientRect();
	return box.top < %[1]d && box.bottom > %[1]d && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
}).map((e) => e.textContent.trim().slice(0, 40))`

// TestPicturesOfReadmes wants the pictures that [screenshots] names, no others, and each of them in both READMEs.
func TestPicturesOfReadmes(t *testing.T) {
	var files []string
	for _, s := range screenshots {
		files = append(files, s.file)
		content, err := os.ReadFile(filepath.Join(pictures, s.file))
		if err != nil {
			t.Errorf("there is no picture: %v", err)
			continue
		}
		if len(content) > maxPicture {
			t.Errorf("%s has %d bytes, which is more than %d", s.file, len(content), maxPicture)
		}
		if picture, err := png.Decode(bytes.NewReader(content)); err != nil {
			t.Errorf("%s cannot be read: %v", s.file, err)
		} else if wide := picture.Bounds().Dx(); wide != s.wide {
			t.Errorf("%s is %d pixels wide, but the test makes it %d wide", s.file, wide, s.wide)
		}
	}
	slices.Sort(files)
	there, err := os.ReadDir(pictures)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range there {
		if !slices.Contains(files, entry.Name()) {
			t.Errorf("no test makes the picture %s", entry.Name())
		}
	}
	link := regexp.MustCompile(`\]\(docs/pictures/([^)]*)\)`)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[string]bool)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			named[m[1]] = true
		}
		if got := slices.Sorted(maps.Keys(named)); !slices.Equal(got, files) {
			t.Errorf("%s names the pictures %q, but there are %q", name, got, files)
		}
	}
}

// withPalette encodes a picture with its most frequent colours, which makes it much smaller. The others, which
// are at the edges of letters, become the nearest of these.
func withPalette(t *testing.T, content []byte) []byte {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	bounds := picture.Bounds()
	often := make(map[color.RGBA]int)
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			often[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int {
		return cmp.Or(often[b]-often[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.RGBA]uint8)
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	reduced := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			reduced.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, reduced); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}
