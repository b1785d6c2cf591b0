package advice

// texts are the lines in English and in Chinese, by their keys. The results of callbacks are keys as well.
var texts = map[string][2]string{
	"never":      {"No callback of this user, group or ID is known here. Tencent has not sent it, or not to this Caddy, or it is too long ago: look at the callback settings in Tencent's console, and at refused callbacks.", "这里没有该用户、群组或 ID 的任何回调。腾讯没有发送，或者没有发到这个 Caddy，或者时间太久：请检查腾讯控制台里的回调设置，以及被拒绝的回调。"},
	"unknown_id": {"Nothing is known about this ID: it was delivered too long ago, or another Caddy has taken it.", "没有该 ID 的任何记录：可能早已投递，或者由另一个 Caddy 接收。"},

	"dead_refused":   {"The backend refused it: %s. Fix the backend, then replay it.", "后端拒绝了该事件：%s。请先修复后端，再重放。"},
	"dead_outage":    {"The backend could not be reached for too long: %s. Once it works again, replay it.", "后端长时间无法接收：%s。后端恢复后，请重放。"},
	"dropped":        {"It became a dead letter (%s), and the queue does not have it any more: it was replayed or dropped.", "它曾成为死信（%s），现在已不在队列中：可能已被重放或删除。"},
	"delivered":      {"The backend has taken it. If it is missing there, look for this ID (ce-id) in the backend's logs, or replay it.", "后端已接收。如果后端没有它，请在后端日志中查找该 ID（ce-id），或者重放。"},
	"delivered_gone": {"The backend has taken it. If it is missing there, look for this ID (ce-id) in the backend's logs.", "后端已接收。如果后端没有它，请在后端日志中查找该 ID（ce-id）。"},
	"in_flight":      {"It is being delivered now.", "正在投递。"},
	"waiting":        {"It waits for its turn: events of one lane are delivered one at a time, and none while the backend is down. There is nothing to do.", "正在排队：同一通道的事件逐个投递，后端不可用时暂停投递。无需处理。"},
	"retry":          {"Failed attempts: %d, the last one with: %s. The next one is in %s; it is tried again by itself.", "已失败 %d 次，上次的错误：%s。%s后自动重试。"},
	"retry_now":      {"Failed attempts: %d, the last one with: %s. It is tried again by itself.", "已失败 %d 次，上次的错误：%s。会自动重试。"},
	"left":           {"It was stored, and the queue does not have it any more, or cannot be read now.", "它已存入队列，但现在不在队列中，或者队列暂时无法读取。"},
	"duplicate":      {"Tencent has sent it again. The queue knew it already, so it was answered OK and not stored again.", "腾讯重复发送了该回调。队列中已有，因此应答 OK，没有再次存储。"},
	"ok":             {"It was answered OK, and no queue was asked to keep it.", "已应答 OK，没有存入队列。"},
	"undecided":      {"Tencent asked for a decision and nobody gave one in time: Tencent was told what the option undecided says. Make the backend answer faster.", "腾讯需要一个决定，但没有及时得到：已按 undecided 选项应答腾讯。请让后端更快地应答。"},
	"passed":         {"commands does not take this command, so the next handler has answered it.", "commands 不包含该命令，由后面的处理器应答。"},

	"upstream_error":   {"The backend did not take it, and Tencent was told so. Tencent does not send it again: look at the backend, and consider a queue.", "后端没有接收，腾讯得到的应答是失败。腾讯不会重发：请检查后端，并考虑使用队列。"},
	"upstream_timeout": {"The backend did not answer in time, and Tencent was told so. Tencent does not send it again: make the backend faster, or use a queue.", "后端没有及时应答，腾讯得到的应答是失败。腾讯不会重发：请加快后端，或者使用队列。"},
	"queue_error":      {"The queue could not store it: it is full, or its disk or database fails. Look at Caddy's log.", "队列无法存储：队列已满，或者磁盘、数据库出现故障。请查看 Caddy 日志。"},

	"plain_http":   {"It came over plain HTTP. Set an https URL in Tencent's console; behind a proxy that ends TLS, set trusted_proxies.", "请求使用了明文 HTTP。请在腾讯控制台填写 https 地址；如果前面有终止 TLS 的代理，请设置 trusted_proxies。"},
	"early_data":   {"It came as TLS early data, which could be replayed. Tencent does not do this: it was somebody else, or a proxy in between.", "请求使用了可被重放的 TLS 早期数据。腾讯不会这样做：可能是他人，或者中间有代理。"},
	"method":       {"It was no POST, so it was not Tencent, or a redirect has changed it.", "请求方法不是 POST：不是腾讯发送的，或者被重定向改变了。"},
	"client_cert":  {"It had no verified client certificate. Ask Tencent to send one, or look at client_auth in Caddy's tls directive.", "没有经过验证的客户端证书。请让腾讯发送证书，或者检查 Caddy 的 tls 指令中的 client_auth。"},
	"bad_query":    {"Its query is not that of a callback. If it was Tencent, something in between has changed the URL.", "查询参数不是回调的参数。如果确由腾讯发送，说明中间环节更改了 URL。"},
	"unknown_app":  {"Its SdkAppid is not configured. Add the app to tim_callback, or correct the URL in Tencent's console.", "SdkAppid 不在配置中。请在 tim_callback 中加入该应用，或者更正腾讯控制台里的 URL。"},
	"unsigned":     {"It had no Sign. Set a token for callback authentication in Tencent's console.", "没有 Sign。请在腾讯控制台设置回调鉴权 token。"},
	"stale":        {"Its RequestTime is too far from now. Check the clock of this machine; else it was an old request that somebody has sent again.", "RequestTime 与当前时间相差太大。请检查本机时钟；否则是有人重发了旧请求。"},
	"bad_sign":     {"Its Sign does not match. Compare the token in Tencent's console with the one in the configuration.", "Sign 不匹配。请比较腾讯控制台里的 token 与配置中的 token。"},
	"content_type": {"Its contenttype is not json, so it was not Tencent.", "contenttype 不是 json：不是腾讯发送的。"},
	"command":      {"commands does not take this command. Add it to commands, or switch it off in Tencent's console.", "commands 不包含该命令。请加入 commands，或者在腾讯控制台关闭它。"},
	"too_large":    {"Its body is larger than max_body. Raise max_body if that is right.", "请求体超过 max_body。如果属于正常情况，请调大 max_body。"},
	"body_read":    {"Its body did not arrive completely and in time. The network or a proxy in between is slow or broken.", "请求体没有完整、及时地到达：网络或中间的代理太慢或有故障。"},
	"bad_body":     {"Its body is not that of a callback. If it was Tencent, please report it with the detail.", "请求体不是回调的内容。如果确由腾讯发送，请附上详情报告问题。"},
}
