package checker

// probe is one thing that an endpoint gets right or wrong.
type probe struct {
	name     string
	title    string
	severity Severity
	refusal  bool // concludes from a refusal, so genuine callbacks must be accepted
	genuine  bool // says nothing unless a genuine callback was accepted
	token    bool // does not apply without a token
	why      string
	mend     string
	run      func(*session) outcome
}

// probes are all of them, in the order in which they are made: each may use what
// those before it found out.
var probes = []probe{{
	name: "tls", title: "Speaks TLS 1.2 or newer", severity: Must, run: speaksTLS,
	why:  "Sign travels in the URL: only TLS keeps it from those who listen.",
	mend: "Serve the callback URL over HTTPS with TLS 1.2 and 1.3 (Caddy's default).",
}, {
	name: "tls_old", title: "Refuses TLS 1.0 and 1.1", severity: Should, run: refusesOldTLS,
	why:  "Both are deprecated (RFC 8996), and their weaknesses are known.",
	mend: "Switch them off: in Caddy leave `protocols` at its default, in nginx set `ssl_protocols TLSv1.2 TLSv1.3`.",
}, {
	name: "chain", title: "Certificate leads to a trusted CA", severity: Must, run: chainIsTrusted,
	why:  "Tencent cannot know a private CA, and fetches no intermediate certificate that the server does not send.",
	mend: "Use a certificate of a public CA, and send the whole chain (the file that CAs call \"fullchain\").",
}, {
	name: "hostname", title: "Certificate is for this host name", severity: Must, run: namesHost,
	why:  "A certificate for another name proves nothing, and the connection is given up.",
	mend: "Get a certificate that has the callback URL's host name, or correct the URL.",
}, {
	name: "expiry", title: "Certificate is valid now", severity: Must, run: validNow,
	why:  "With an expired certificate every callback fails.",
	mend: "Renew it; if it is new, reload the server and look at its clock.",
}, {
	name: "expiry_soon", title: "Certificate does not expire soon", severity: Should, run: validLater,
	why:  "A certificate that is about to expire was not renewed in time, and what renews it may be broken.",
	mend: "Renew it, and see to it that this happens by itself (Caddy does).",
}, {
	name: "accepts", title: "Accepts a genuine callback", severity: Must, run: accepts,
	why:  "Tencent sends a callback once: one that is refused is lost.",
	mend: "Compare SDKAppID and token with the console, the clocks with each other, and the path with the callback URL.",
}, {
	name: "answer", title: "Answers with well-formed JSON", severity: Must, genuine: true, run: wellFormed,
	why:  "Tencent counts another status than 200, and a body that is not such JSON, as a failed callback.",
	mend: `If the body is empty, look whether the path is right: Caddy answers an empty 200 where nothing handles a request. Else answer 200 with {"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}: all three fields, ErrorCode a number.`,
}, {
	name: "answer_type", title: "Answer says that it is JSON", severity: Should, genuine: true, run: contentType,
	why:  "Proxies and firewalls in between may change what is not marked as JSON.",
	mend: "Send the header Content-Type: application/json.",
}, {
	name: "keep_alive", title: "Keeps the connection alive", severity: Should, genuine: true, run: keepsAlive,
	why:  "Tencent sends over persistent connections; a new one for each callback costs both sides a TLS handshake within the 2 seconds.",
	mend: "Switch on HTTP keep-alive, and let no proxy answer with Connection: close.",
}, {
	name: "time", title: "Answers within 2 seconds", severity: Must, genuine: true, run: inTime,
	why:  "Tencent waits no longer, and counts the callback as failed.",
	mend: "Store the event and answer at once, then work on it (in tim_callback: `queue`).",
}, {
	name: "news", title: "Accepts unknown fields, tags and platforms", severity: Should, genuine: true, run: acceptsNews,
	why:  "Tencent adds some from time to time, and callbacks that have them would be lost.",
	mend: "Ignore or keep what you do not know, and expect IPv6 in ClientIP.",
}, {
	name: "client_cert", title: "Demands the client certificate", severity: Must, refusal: true, run: demandsClientCert,
	why:  "Mutual TLS that accepts clients without a certificate protects from nobody.",
	mend: "Require and verify it (in Caddy: `client_auth` with `mode require_and_verify`, and `require_client_cert`).",
}, {
	name: "authenticated", title: "Has callbacks authenticated", severity: Must, genuine: true, run: authenticated,
	why:  "SdkAppid is no secret: without a token or a client certificate anybody can forge callbacks.",
	mend: "Switch on authentication in the console and verify Sign. If it is on, give the token to this command, too.",
}, {
	name: "plain_http", title: "Refuses plain HTTP", severity: Must, refusal: true, run: refusesPlainHTTP,
	why:  "Who listens could read users' data and Sign, and use it for callbacks of their own.",
	mend: "Do not serve the callback URL over HTTP, or redirect it to HTTPS. Behind a proxy look at its X-Forwarded-Proto.",
}, {
	name: "method", title: "Refuses GET", severity: Should, refusal: true, run: refuses(getRequest),
	why:  "Tencent only POSTs; a URL that acts on GET is set off by whatever follows links.",
	mend: "Answer other methods than POST with 405.",
}, {
	name: "wrong_app", title: "Refuses the SdkAppid of another app", severity: Must, refusal: true, run: refuses(otherApp),
	why:  "Who shares the token, or needs none, could act on your users as another app.",
	mend: "Compare SdkAppid with your app's SDKAppID before all else.",
}, {
	name: "repeated_app", title: "Refuses a repeated SdkAppid", severity: Should, refusal: true, run: refuses(repeatedApp...),
	why:  "One program may check the first and the next one use the last: a callback gets in as another app's.",
	mend: "Refuse parameters that are there twice, comparing their names without case.",
}, {
	name: "no_sign", title: "Refuses a missing Sign", severity: Must, refusal: true, token: true, run: refuses(missingSign...),
	why:  "Who leaves Sign out must not get past its check.",
	mend: "Demand both Sign and RequestTime, and take an empty one for missing.",
}, {
	name: "wrong_sign", title: "Refuses a wrong Sign", severity: Must, refusal: true, token: true, run: refuses(wrongSign...),
	why:  "Sign is all that tells a genuine callback from a forged one.",
	mend: "Compare all of Sign, in constant time, with the hex of sha256(token + RequestTime).",
}, {
	name: "stale", title: "Refuses an old RequestTime", severity: Must, refusal: true, token: true, run: refuses(anHourOld),
	why:  "A Sign that was seen once, in a log for instance, would be good for ever.",
	mend: "Refuse a RequestTime that is more than 1 minute away from now, which is Tencent's advice.",
}, {
	name: "stale_minutes", title: "Refuses a RequestTime minutes old", severity: Should, refusal: true, token: true, run: refuses(minutesOld),
	why:  "Tencent's advice is 1 minute: the longer, the more time to use a Sign that was seen.",
	mend: "Take 1 minute, and keep the server's clock right (NTP).",
}, {
	name: "future", title: "Refuses a RequestTime of the future", severity: Should, refusal: true, token: true, run: refuses(ofTheFuture),
	why:  "It stays good until then and longer, and only a wrong clock or a forger makes one.",
	mend: "Let RequestTime be 1 minute away from now either way: compare the absolute difference.",
}, {
	name: "command_mismatch", title: "Refuses another command in the body", severity: Should, refusal: true, run: refuses(mismatch...),
	why:  "One program may decide by the URL and the next one by the body, which then does what nobody let through.",
	mend: "Refuse a body whose CallbackCommand is not that of the URL.",
}, {
	name: "not_json", title: "Refuses a body that is not JSON", severity: Should, refusal: true, run: refuses(notJSON...),
	why:  "What is answered OK but not understood is lost without a trace.",
	mend: "Parse the body before you answer, and answer 400 if it is not one JSON object.",
}, {
	name: "huge_body", title: "Refuses a huge body", severity: Should, refusal: true, run: refuses(hugeBody),
	why:  "Callbacks have a few KB; reading whatever comes lets few senders fill the memory.",
	mend: "Limit the body, to 64 KiB for instance (in Caddy also: `request_body`).",
}, {
	name: "still_accepts", title: "Still accepts a genuine callback", severity: Must, genuine: true, run: stillAccepts,
	why:  "Who is blocked or rate-limited after bad requests was perhaps refused for that above; and the next one so blocked may be Tencent.",
	mend: "Find out what blocks (firewall, rate limit, crash), allow this machine, and check again.",
}}
