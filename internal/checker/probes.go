package checker

// probe checks one thing that an endpoint gets right or wrong.
type probe struct {
	name     string
	title    string // what the endpoint should do
	severity Severity
	refusal  bool   // passes if callbacks are refused, which proves nothing unless genuine ones are accepted
	genuine  bool   // proves nothing unless a genuine callback was accepted
	token    bool   // does not apply without a token
	why      string // why it matters
	fix      string // how to fix it
	run      func(*session) outcome
}

// probes has all probes in the order in which they run. A probe may use the results of those
// before it.
var probes = []probe{{
	name: "tls", title: "Speaks TLS 1.2 or newer", severity: Must, run: speaksTLS,
	why: "Sign is sent in the URL, and only TLS hides it from people who listen.",
	fix: "Serve the callback URL over HTTPS with TLS 1.2 and 1.3 (Caddy's default).",
}, {
	name: "tls_old", title: "Refuses TLS 1.0 and 1.1", severity: Should, run: refusesOldTLS,
	why: "Both versions are deprecated (RFC 8996), and their weaknesses are known.",
	fix: "Switch them off: in Caddy leave `protocols` at its default, in nginx set `ssl_protocols TLSv1.2 TLSv1.3`.",
}, {
	name: "chain", title: "Certificate leads to a trusted CA", severity: Must, run: chainIsTrusted,
	why: "Tencent does not know a private CA, and does not fetch intermediate certificates that the server does not send.",
	fix: "Use a certificate of a public CA, and send the whole chain (CAs call this file \"fullchain\").",
}, {
	name: "hostname", title: "Certificate is for this host name", severity: Must, run: namesHost,
	why: "With a certificate for another name, the client closes the connection.",
	fix: "Get a certificate that has the callback URL's host name, or correct the URL.",
}, {
	name: "expiry", title: "Certificate is valid now", severity: Must, run: validNow,
	why: "With an expired certificate every callback fails.",
	fix: "Renew the certificate. If it is new, reload the server and check its clock.",
}, {
	name: "expiry_soon", title: "Certificate is renewed in time", severity: Should, run: validLater,
	why: "A certificate should be replaced before the last sixth of its lifetime, or before its last 14 days. The program that renews it may be broken.",
	fix: "Renew the certificate, and have it renewed automatically (as Caddy does).",
}, {
	name: "accepts", title: "Accepts a genuine callback", severity: Must, run: accepts,
	why: "Tencent sends a callback only once, so a refused callback is lost.",
	fix: "Compare the SDKAppID and the token with those in the console, the clocks of both machines, and the path with that of the callback URL.",
}, {
	name: "answer", title: "Answers with well-formed JSON", severity: Must, genuine: true, run: wellFormed,
	why: "If the status is not 200, or the body is not the JSON of a callback answer, Tencent counts the callback as failed.",
	fix: `If the body is empty, check the path: Caddy answers with an empty 200 if no handler responds. Otherwise answer 200 with {"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}. All three fields are required, and ErrorCode is a number.`,
}, {
	name: "answer_type", title: "Answer says that it is JSON", severity: Should, genuine: true, run: contentType,
	why: "Proxies and firewalls may change an answer that is not marked as JSON.",
	fix: "Send the header Content-Type: application/json.",
}, {
	name: "keep_alive", title: "Keeps the connection alive", severity: Should, genuine: true, run: keepsAlive,
	why: "Tencent uses persistent connections. A new connection for each callback needs another TLS handshake within the 2 seconds.",
	fix: "Switch on HTTP keep-alive, and make sure that no proxy sends Connection: close.",
}, {
	name: "time", title: "Answers within 2 seconds", severity: Must, genuine: true, run: inTime,
	why: "After 2 seconds Tencent stops waiting and counts the callback as failed.",
	fix: "Store the event, answer at once, and process the event later (in tim_callback: `queue`).",
}, {
	name: "news", title: "Accepts unknown fields, tags and platforms", severity: Should, genuine: true, run: acceptsNews,
	why: "Tencent adds new ones from time to time, and callbacks with them would be lost.",
	fix: "Ignore or keep unknown values, and allow IPv6 addresses in ClientIP.",
}, {
	name: "decision", title: "Answers a decision validly", severity: Must, run: decides,
	why: "Without a valid decision, the policy in Tencent's console applies. By default nearly everything that users want to do then happens.",
	fix: "Answer with what the command allows.",
}, {
	name: "decision_time", title: "Decides within 2 seconds", severity: Must, run: decidesInTime,
	why: "After 2 seconds Tencent stops waiting, and the policy in the console applies instead of the decision. The message or request of the user waits for that long.",
	fix: "Decide at once, from data in memory (in tim_callback: set `timeout` and `undecided`).",
}, {
	name: "client_cert", title: "Demands the client certificate", severity: Must, refusal: true, run: demandsClientCert,
	why: "Mutual TLS that accepts clients without a certificate does not protect the endpoint.",
	fix: "Require and verify the client certificate (in Caddy: `client_auth` with `mode require_and_verify`, and `require_client_cert`).",
}, {
	name: "authenticated", title: "Authenticates callbacks", severity: Must, genuine: true, run: authenticated,
	why: "SdkAppid is not a secret. Without a token or a client certificate, anybody can forge callbacks.",
	fix: "Switch on authentication in the console and verify Sign. If you have done so, give the token to this command.",
}, {
	name: "plain_http", title: "Refuses plain HTTP", severity: Must, refusal: true, run: refusesPlainHTTP,
	why: "Anybody who listens could read the users' data and Sign, and use Sign for forged callbacks.",
	fix: "Do not serve the callback URL over HTTP, or redirect it to HTTPS. Behind a proxy, check its X-Forwarded-Proto.",
}, {
	name: "method", title: "Refuses GET", severity: Should, refusal: true, run: refuses(getRequest),
	why: "Tencent only uses POST. Any program that follows a link sends a GET request.",
	fix: "Answer all methods other than POST with 405.",
}, {
	name: "wrong_app", title: "Refuses the SdkAppid of another app", severity: Must, refusal: true, run: refuses(otherApp),
	why: "Another app that has the same token, or needs none, could send callbacks about your users.",
	fix: "Compare SdkAppid with your app's SDKAppID before anything else.",
}, {
	name: "repeated_app", title: "Refuses a repeated SdkAppid", severity: Should, refusal: true, run: refuses(repeatedApp...),
	why: "One program may check the first value and the next program use the last one, so that a callback is processed for another app.",
	fix: "Refuse parameters that occur more than once. Ignore the case of their names.",
}, {
	name: "no_sign", title: "Refuses a missing Sign", severity: Must, refusal: true, token: true, run: refuses(missingSign...),
	why: "A callback without Sign must not skip the check.",
	fix: "Require both Sign and RequestTime, and treat an empty one as missing.",
}, {
	name: "wrong_sign", title: "Refuses a wrong Sign", severity: Must, refusal: true, token: true, run: refuses(wrongSign...),
	why: "Only Sign distinguishes a genuine callback from a forged one.",
	fix: "Compare the whole Sign, in constant time, with the hex of sha256(token + RequestTime).",
}, {
	name: "stale", title: "Refuses an old RequestTime", severity: Must, refusal: true, token: true, run: refuses(anHourOld),
	why: "A Sign that somebody saw once, for instance in a log, would be valid forever.",
	fix: "Refuse a RequestTime that is more than 1 minute away from now, which is Tencent's advice.",
}, {
	name: "stale_minutes", title: "Refuses a RequestTime minutes old", severity: Should, refusal: true, token: true, run: refuses(minutesOld),
	why: "Tencent's advice is 1 minute. The longer a Sign is valid, the more time there is to misuse it.",
	fix: "Use 1 minute, and synchronize the server's clock (NTP).",
}, {
	name: "future", title: "Refuses a RequestTime in the future", severity: Should, refusal: true, token: true, run: refuses(ofTheFuture),
	why: "Its Sign would be valid for a long time, and only a wrong clock or a forger sends it.",
	fix: "Allow 1 minute in both directions: compare the absolute difference with it.",
}, {
	name: "command_mismatch", title: "Refuses another command in the body", severity: Should, refusal: true, run: refuses(mismatch...),
	why: "One program may check the command in the URL and the next program use the one in the body, which nobody has checked.",
	fix: "Refuse a body whose CallbackCommand differs from the one in the URL.",
}, {
	name: "not_json", title: "Refuses a body that is not JSON", severity: Should, refusal: true, run: refuses(notJSON...),
	why: "A callback that is answered OK but not understood is lost without a trace.",
	fix: "Parse the body before you answer, and answer 400 if it is not one JSON object.",
}, {
	name: "huge_body", title: "Refuses a huge body", severity: Should, refusal: true, run: refuses(hugeBody),
	why: "Callbacks have a few KB. Without a limit, a few senders can fill the memory.",
	fix: "Limit the size of the body, for instance to 64 KiB (in Caddy also: `request_body`).",
}, {
	name: "still_accepts", title: "Still accepts a genuine callback", severity: Must, genuine: true, run: stillAccepts,
	why: "If this machine was blocked or rate-limited after bad requests, the refusals above may have no other reason. Tencent could be blocked in the same way.",
	fix: "Find out what blocks the callbacks (firewall, rate limit, crash), allow this machine, and check again.",
}}
