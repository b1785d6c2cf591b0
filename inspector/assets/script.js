"use strict";

// Times of the browser's time zone in place of UTC.
const two = (n) => String(n).padStart(2, "0");

function localTimes(within) {
	const now = new Date();
	for (const time of within.querySelectorAll("time[datetime]")) {
		const at = new Date(time.dateTime);
		if (isNaN(at)) continue;
		const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
		const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
		time.textContent = at.toDateString() === now.toDateString() ? `${clock}:${two(at.getSeconds())}` : `${day} ${clock}`;
	}
}

localTimes(document);
for (const zone of document.querySelectorAll("[data-zone]")) zone.textContent = zone.dataset.zone;

// Buttons that copy the command beside them.
async function copy(button) {
	const code = button.parentElement.querySelector("code");
	try {
		await navigator.clipboard.writeText(code.textContent);
	} catch {
		// no right to, or no HTTPS: select it, so that it can be copied by hand
		const range = document.createRange();
		range.selectNodeContents(code);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		return;
	}
	const label = button.textContent;
	button.textContent = button.dataset.done;
	setTimeout(() => { button.textContent = label; }, 2000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
	button.hidden = false;
	button.addEventListener("click", () => copy(button));
}

// The live view: the server sends rows of the table.
const most = 300;

function live(box) {
	const button = box.querySelector("button");
	const status = box.querySelector("[role=status]");
	const rows = document.querySelector("[data-rows]");
	let url = box.dataset.live;
	let source = null;

	const say = (text) => { if (status.textContent !== text) status.textContent = text; };

	function add(event) {
		const parsed = new DOMParser().parseFromString(`<table><tbody>${event.data}</tbody></table>`, "text/html");
		for (const row of parsed.querySelectorAll("tr")) {
			localTimes(row);
			row.classList.add("new");
			rows.prepend(document.adoptNode(row));
			setTimeout(() => row.classList.remove("new"), 3000);
		}
		while (rows.children.length > most) rows.lastElementChild.remove();
		document.querySelector("[data-empty]")?.remove();
		const next = new URL(url, location.href);
		next.searchParams.set("after", event.lastEventId);
		url = next.href;
	}

	function start() {
		source = new EventSource(url);
		source.addEventListener("open", () => say(box.dataset.said));
		source.addEventListener("message", add);
		source.addEventListener("skipped", () => say(box.dataset.skipped));
		source.addEventListener("error", () => {
			say(box.dataset.lost);
			if (source.readyState === EventSource.CLOSED) stop(box.dataset.lost);
		});
		button.textContent = box.dataset.pause;
	}

	function stop(why) {
		source.close();
		source = null;
		button.textContent = box.dataset.resume;
		say(why);
	}

	button.addEventListener("click", () => { source ? stop(box.dataset.paused) : start(); });
	box.hidden = false;
	start();
}

for (const box of document.querySelectorAll("[data-live]")) live(box);
