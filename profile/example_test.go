package profile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// This backend receives events from the module, which has already verified the callback.
// The signature proves that an event comes from the module.
func Example_backend() {
	secret, err := callback.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "reading failed", http.StatusBadRequest)
			return
		}
		if err := callback.VerifyWebhook(r.Header, body, time.Now(), 5*time.Minute, secret); err != nil {
			http.Error(w, "not from our edge", http.StatusUnauthorized)
			return
		}
		var event profile.Event
		if err := json.Unmarshal(body, &event); err != nil {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		// the header ce-id of r is the same whenever the same event is sent again
		fmt.Println(event.FromAccount, "changed", event.Changed(), "on", event.Platform)
		if nick, ok := event.Field("nick"); ok {
			text, _ := nick.Text()
			fmt.Println("the nickname is now", text)
		}
	}

	// this is what the module would send
	body := []byte(`{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet","from_account":"id1",` +
		`"platform":"ios","profile":{"nick":"nick1","birthday":20190419},"custom":{"Data":"x"}}`)
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	callback.SignWebhook(r.Header, "1", time.Now(), body, secret)
	handler(httptest.NewRecorder(), r)
	// Output:
	// id1 changed [nick birthday custom.Data] on ios
	// the nickname is now nick1
}

// This server receives callbacks from Tencent without the module.
func Example_direct() {
	verifier, err := callback.NewVerifier(callback.DefaultMaxAge,
		callback.App{SDKAppID: "1400000000", Tokens: []string{"xxxxyyyy"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	take := func(r *http.Request) (*profile.Event, error) {
		query, err := callback.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		if err := verifier.Verify(query, time.Now()); err != nil {
			return nil, err
		}
		if query.Command != profile.Command {
			return nil, &callback.Error{Reason: callback.ReasonCommand}
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 64<<10))
		if err != nil {
			return nil, &callback.Error{Reason: callback.ReasonBodyRead}
		}
		return profile.Decode(query, body)
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		status, answer := http.StatusOK, callback.OK()
		if event, err := take(r); err == nil {
			fmt.Println(event.FromAccount, "changed", event.Changed())
		} else {
			status, answer = http.StatusBadRequest, callback.Fail(err.Error())
			if refusal, ok := err.(*callback.Error); ok {
				status = refusal.Reason.Status()
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(answer.JSON())
	}

	// the first request is what Tencent would send, the second comes from somebody else
	for _, token := range []string{"xxxxyyyy", "guessed"} {
		r, err := callback.NewRequest(context.Background(), "https://im.example.com/callback", callback.Request{
			SDKAppID: "1400000000",
			Command:  profile.Command,
			Token:    token,
			Body:     []byte(`{"From_Account":"id1","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"nick1"}]}`),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		w := httptest.NewRecorder()
		handler(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// id1 changed [nick]
	// 200 {"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}
	// 401 {"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"Sign does not match"}
}
