// The page's own requests are what it shows: each goes to the server with the cookie that
// the browser holds, which this script cannot read.

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const bytes = (count) => `${number.format(count)} ${count === 1 ? "byte" : "bytes"}`;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The last nine of each, in milliseconds. */
const times = { read: [], write: [], trip: [] };
/** What the last state was. */
let seen = null;

async function ask(path, body) {
  const began = performance.now();
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  note("trip", performance.now() - began);
  const spent = /dur=([\d.]+)/.exec(response.headers.get("server-timing"));
  const measured = {
    spent: Number(spent?.[1] ?? 0),
    calls: Number(response.headers.get("x-demo-store-calls")),
    setCookie: Number(response.headers.get("x-demo-set-cookie-bytes")),
  };
  return { answer, measured, ok: response.ok };
}

/** A request that changes something, and the next one, which shows what came of it. */
async function act(title, path, body) {
  const { answer, measured, ok } = await ask(path, body);
  if (path === "/api/payload" || path === "/api/login") {
    note("write", measured.spent);
    at("sent-back").textContent = measured.setCookie ? bytes(measured.setCookie) : "no cookie";
    act.calls = measured.calls;
  }
  await refresh();
  const said = ok ? answer.done : `${answer.verdict?.category ?? "refused"}: ${answer.verdict?.why ?? answer.done}`;
  at("done").textContent = `${title}. ${said}`;
  log(title, ok ? null : answer.verdict?.category);
}

async function refresh() {
  const { answer, measured } = await ask("/api/state");
  note("read", measured.spent);
  seen = answer;
  at("calls").textContent = `${measured.calls}, ${act.calls ?? "–"}`;
  showVerdict(answer.verdict);
  showSizes(answer);
  showTimes(answer.is_debug_build);
  showAnatomy(answer.cookie);
  showSession(answer.session);
  showServer(answer);
  keep(answer);
}

function note(which, milliseconds) {
  times[which].push(milliseconds);
  times[which].splice(0, times[which].length - 9);
}

function median(which) {
  const sorted = times[which].toSorted((a, b) => a - b);
  if (sorted.length === 0) return "–";
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle < 1 ? `${number.format(Math.round(middle * 1000))} µs` : `${middle.toFixed(1)} ms`;
}

function showVerdict({ tone, category, why }) {
  at("verdict").className = `verdict ${tone}`;
  at("category").textContent = category;
  at("why").textContent = why;
}

function showTimes(isDebugBuild) {
  at("read-time").textContent = median("read");
  at("write-time").textContent = median("write");
  at("round-trip").textContent = median("trip");
  at("debug-build").hidden = !isDebugBuild;
}

function showSizes({ cookie, session, verdict, limit, budget, store }) {
  const used = cookie?.bytes ?? 0;
  at("bytes").textContent = bytes(used);
  const place = session?.place;
  const unknown = verdict.category === "unavailable" ? "not known now" : "nowhere";
  at("place").textContent = place ? `the ${place}` : unknown;
  at("meter-fill").style.width = `${(used / limit) * 100}%`;
  at("meter-budget").style.insetInlineStart = `${(budget / limit) * 100}%`;
  at("meter").setAttribute("aria-label", `The cookie takes ${bytes(used)} of ${number.format(limit)}; at ${number.format(budget)} the session moves to the store`);
  at("budget-shown").textContent = `to the store at ${number.format(budget)}`;
  at("budget-words").textContent = `${number.format(budget)} bytes of cookie`;
  at("limit-shown").textContent = number.format(limit);
  at("stored").textContent = bytes(store.bytes);
  if (session) plot(session.payload, used, place, budget);
}

const points = new Map();

/** Cookie size by payload, as it was measured on this page. */
function plot(payload, used, place, budget) {
  points.set(payload, { used, place });
  const x = (value) => 34 + (value / 12000) * 280;
  const y = (value) => 108 - (value / 4096) * 98;
  const nodes = [
    draw("line", { class: "axis", x1: 34, y1: 108, x2: 314, y2: 108 }),
    draw("line", { class: "budget", x1: 34, y1: y(budget), x2: 314, y2: y(budget) }),
    draw("text", { x: 30, y: y(budget) + 3, "text-anchor": "end" }, number.format(budget)),
    draw("text", { x: 30, y: 111, "text-anchor": "end" }, "0"),
    draw("text", { x: 34, y: 120 }, "0"),
    draw("text", { x: 314, y: 120, "text-anchor": "end" }, "12,000 bytes of payload"),
    draw("text", { x: 34, y: 9 }, "bytes of cookie"),
    draw("text", { x: 314, y: 9, "text-anchor": "end" }, "● in the cookie  ■ in the store"),
  ];
  for (const [at, point] of points) {
    // A shape of its own for each place, not only a colour.
    nodes.push(point.place === "store"
      ? draw("rect", { class: "store", x: x(at) - 2, y: y(point.used) - 2, width: 4, height: 4 })
      : draw("circle", { class: "cookie", cx: x(at), cy: y(point.used), r: 2.2 }));
  }
  at("plot").replaceChildren(...nodes);
  at("plot").setAttribute("aria-label", `Cookie size by payload: ${points.size} sizes tried; now ${bytes(payload)} of payload take ${bytes(used)} of cookie, in the ${place}`);
}

function draw(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const letterOf = (name) => ({ suite: "a", "key id": "b", nonce: "c", "claims, body": "d", claims: "d", body: "e", tag: "f" })[name];

function showAnatomy(cookie) {
  at("no-cookie").hidden = Boolean(cookie);
  at("anatomy").hidden = !cookie;
  if (!cookie) return;
  at("document-cookie").textContent = JSON.stringify(document.cookie);
  at("cookie-head").replaceChildren(element("code", "", cookie.name), ` holds ${bytes(cookie.value.length)} of text${cookie.parts.length ? "" : ", which is no token"}.`);
  const bar = [], rows = [], text = [];
  for (const part of cookie.parts) {
    const letter = letterOf(part.name);
    const length = part.end - part.start;
    const cell = element("span", `part-${letter}`, letter);
    cell.style.flexGrow = length;
    bar.push(cell);
    const head = element("th", "", element("b", `part-${letter}`, letter), part.name);
    head.scope = "row";
    rows.push(element("tr", "", head, element("td", "", length === 1 ? String(part.start) : `${part.start}–${part.end - 1}`), element("td", "", String(length)), element("td", "", part.note)));
    // A character that carries bits of two parts is shown with the first.
    const [from, to] = [Math.ceil((part.start * 4) / 3), Math.ceil((part.end * 4) / 3)];
    text.push(element("span", `part-${letter}`, cookie.value.slice(from, to)));
  }
  at("bar").replaceChildren(...bar);
  at("bar").setAttribute("aria-label", `The token’s parts in order: ${cookie.parts.map((part) => `${part.name}, ${bytes(part.end - part.start)}`).join("; ")}`);
  at("parts").replaceChildren(...rows);
  at("text").replaceChildren(...(text.length ? text : [cookie.value]));
}

function showSession(session) {
  at("no-session").hidden = Boolean(session);
  at("facts").hidden = !session;
  if (!session) return;
  at("user").textContent = session.user ?? "nobody has logged in";
  at("sid").textContent = session.id;
  for (const field of ["began", "issued", "expires", "lifetime", "shape"]) {
    at(field).textContent = session[field];
  }
}

function showServer({ keys, store, now, ahead, events }) {
  at("now").textContent = now;
  at("ahead").textContent = ahead ? `, ${number.format(ahead)} seconds ahead of the world` : "";
  at("keys").replaceChildren(...keys.map((key) =>
    element("li", "", element("code", "", key.id), ` ${key.role}${key.until ? ` until ${key.until}` : ""}`)));
  at("stop").textContent = store.stopped ? "Start the store" : "Stop the store";
  at("store-state").textContent = `It ${store.stopped ? "is stopped" : "runs"}, and was asked ${number.format(store.calls)} times.`;
  at("events").replaceChildren(...(events.length ? events : ["none yet"]).map((event) => element("li", "", event)));
}

function log(title, failure) {
  const entry = element("li", "", `${title} → ${failure ? `${failure}; then ` : ""}${seen.verdict.category}`);
  at("log").prepend(entry);
  while (at("log").children.length > 12) at("log").lastChild.remove();
}

// Older cookies, so that they can be replayed. Only a demo keeps such things where scripts
// reach them; it survives a reload, not the tab.

function kept() {
  return JSON.parse(sessionStorage.getItem("kept") ?? "[]");
}

function keep({ cookie, session, now }) {
  let all = kept();
  if (cookie && session && !all.some((entry) => entry.value === cookie.value)) {
    const what = `${session.place}, ${bytes(session.payload)}, ${now.slice(11, 19)}, ${session.user ?? "nobody"}`;
    all.push({ value: cookie.value, what });
    all = all.slice(-10);
    sessionStorage.setItem("kept", JSON.stringify(all));
  }
  const choice = at("kept").value;
  // The newest of those that are not held now comes first.
  const older = all.filter((entry) => entry.value !== cookie?.value).reverse();
  at("kept").replaceChildren(...(older.length ? older : [{ value: "", what: "none yet" }]).map((entry) => new Option(entry.what, entry.value)));
  if (older.some((entry) => entry.value === choice)) at("kept").value = choice;
}

/** The value with one bit of that part turned. */
function tampered(cookie, name) {
  const part = cookie.parts.find((it) => it.name === name) ?? cookie.parts.find((it) => letterOf(it.name) === "d");
  // A character whose six bits lie in this part.
  const middle = Math.floor((part.start + part.end - 1) / 2);
  const position = Math.ceil((middle * 8) / 6);
  const turned = ALPHABET[ALPHABET.indexOf(cookie.value[position]) ^ 1];
  return cookie.value.slice(0, position) + turned + cookie.value.slice(position + 1);
}

function say(title, text) {
  at("done").textContent = `${title}. ${text}`;
}

function button(id, work) {
  at(id).addEventListener("click", () => work().catch(report));
}

function report(error) {
  say("The request failed", `${error.message}. Is the server still running?`);
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  act("Log in", "/api/login", { user: at("name").value, remember: at("remember").checked }).catch(report);
});
button("log-out", () => act("Log out here", "/api/logout", {}));
button("everywhere", () => act("Log out everywhere", "/api/everywhere", {}));
button("rotate", () => act("Rotate the key", "/api/rotate", { emergency: false }));
button("emergency", () => act("Emergency", "/api/rotate", { emergency: true }));
button("expire", () => act("Let time pass", "/api/clock", { seconds: Number(at("span").value) }));
button("stop", () => act(seen.store.stopped ? "Start the store" : "Stop the store", "/api/store", { stop: !seen.store.stopped }));
button("reload", async () => location.reload());
button("tamper", async () => {
  if (!seen.cookie?.parts.length) return say("Tamper", "There is no token to alter.");
  const part = at("part").value;
  await act(`Tamper with the ${part}`, "/api/plant", { value: tampered(seen.cookie, part) });
});
button("replay", async () => {
  const value = at("kept").value;
  if (!value) return say("Replay", "This page has kept no older cookie yet: change something first.");
  await act("Replay", "/api/plant", { value });
});
button("restore", async () => {
  const newest = kept().at(-1);
  if (!newest) return say("Put back", "This page has seen no valid cookie yet.");
  await act("Put the right one back", "/api/plant", { value: newest.value });
});

// The slider: one request under way at a time, and then the newest wish.
let wish = null;
let busy = false;

async function resize() {
  wish = { bytes: Number(at("size").value), text: document.querySelector("[name=kind]:checked").value === "text" };
  at("size-shown").textContent = bytes(wish.bytes);
  if (busy) return;
  busy = true;
  try {
    while (wish) {
      const now = wish;
      wish = null;
      await act(`Payload of ${bytes(now.bytes)}`, "/api/payload", now);
    }
  } catch (error) {
    report(error);
  } finally {
    busy = false;
  }
}

at("size").addEventListener("input", resize);
for (const radio of document.querySelectorAll("[name=kind]")) {
  radio.addEventListener("change", () => {
    points.clear();
    resize();
  });
}

async function fillEdge(count) {
  at("edge-bytes").value = count;
  const filled = await ask("/api/edge", { bytes: count });
  const { answer: held } = await ask("/api/edge");
  at("edge-result").textContent = filled.ok
    ? `Sent ${bytes(filled.answer.cookie)}, and the browser sent back ${bytes(held.cookie)}.`
    : `${filled.answer.verdict.why} The browser still holds ${bytes(held.cookie)}.`;
}

at("edge").addEventListener("submit", (event) => {
  event.preventDefault();
  fillEdge(Number(at("edge-bytes").value)).catch(report);
});
button("edge-more", () => fillEdge(Number(at("edge-bytes").value) + 1));

// Another tab may have changed what this one shows.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh().catch(report);
});

try {
  await refresh();
  if (seen.session) {
    at("size").value = seen.session.payload;
    at("size-shown").textContent = bytes(seen.session.payload);
  }
} catch (error) {
  report(error);
}
