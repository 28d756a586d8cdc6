// The page's script: polls the state, shows it, and sends what is pressed.
"use strict";

const LINES = 500; // of a log that are kept
const SHORTEST_PRESS = 120; // ms, about what a finger needs
const TRIES = 3; // to reach a run before it counts as over
const PAUSE = 500; // ms between them
const WAITS = ["authorization_pending", "slow_down"]; // errors that are none

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const isReal = document.body.dataset.clock === "real";

let times = null; // { t, uptime, at }, at in ms of this page
let pictureNumber = null;
let code = null;

// Sending: one request after the other, so that they arrive in the order of the presses

let sending = Promise.resolve();

function post(path, body) {
  sending = sending.then(async () => {
    try {
      const answer = await send(path, body);
      complain(answer.ok ? "" : (await answer.json()).error);
    } catch {
      // The next poll of the state finds out why.
    }
  });
  return sending;
}

function send(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    keepalive: true, // releases a button even if the page is closed
  });
}

function complain(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

function watchKey(key) {
  const name = key.dataset.button;
  let since = null; // when it was pressed

  const hold = () => {
    if (since !== null || key.disabled) return;
    since = performance.now();
    key.classList.add("held");
    post("/do", { do: "hold", name });
  };
  const release = () => {
    if (since === null) return;
    const left = SHORTEST_PRESS - (performance.now() - since);
    since = null;
    key.classList.remove("held");
    sending = sending.then(() => new Promise((done) => setTimeout(done, Math.max(0, left))));
    post("/do", { do: "release", name });
  };

  key.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    key.setPointerCapture(event.pointerId);
    hold();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    key.addEventListener(end, release);
  }
  key.addEventListener("contextmenu", (event) => event.preventDefault());
  key.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    hold();
  });
  key.addEventListener("keyup", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    release();
  });
  key.addEventListener("click", (event) => {
    if (event.detail !== 0) return; // from a mouse or finger, which has pressed it already
    hold(); // a screen reader's click
    release();
  });
  window.addEventListener("pagehide", () => {
    if (since === null) return;
    since = null;
    send("/do", { do: "release", name }); // sent at once: the page has no time to wait for earlier requests
  });
}

function watchControls() {
  all("[data-button]").forEach(watchKey);
  for (const button of all("[data-one-shot]")) {
    button.addEventListener("click", () => post("/do", { do: "trigger", name: button.dataset.oneShot }));
  }
  for (const button of all("[data-switch]")) {
    button.addEventListener("click", () => {
      const isOn = button.getAttribute("aria-checked") === "true";
      post("/do", { do: isOn ? "off" : "on", name: button.dataset.switch });
    });
  }
  for (const button of all("[data-decision]")) {
    button.addEventListener("click", () => {
      if (code) post("/decision", { user_code: code.user_code, decision: button.dataset.decision });
    });
  }
}

// Showing

// The same colour as bright as it gets: a pixel's is dim in numbers, and glares nevertheless.
function bright(colour) {
  const most = Math.max(...colour);
  return colour.map((part) => Math.round((part / most) * 255)).join(" ");
}

function show(state) {
  times = { t: state.t, uptime: state.uptime, at: performance.now() };
  showTimes();
  showCode(state.code);
  byId("screen").textContent = (state.screen || "").replaceAll("_", " ");
  if (state.console !== null) byId("console").textContent = state.console.join("\n");
  if (byId("lamp")) {
    byId("lamp").classList.toggle("on", state.led);
    byId("lamp").style.cssText = state.led && state.colour ? `--lit: rgb(${bright(state.colour)})` : "";
    byId("led").textContent = state.led ? "on" : "off";
  }
  for (const key of all("[data-button]")) {
    key.setAttribute("aria-pressed", state.held[key.dataset.button]);
  }
  for (const button of all("[data-switch]")) {
    const isOn = state.switches[button.dataset.switch];
    button.setAttribute("aria-checked", isOn);
    button.querySelector(".state").textContent = isOn ? "works" : "fails";
  }
  append(byId("serial"), byId("serial"), state.serial.map(serialLine));
  if (byId("requests")) {
    append(byId("requests-box"), byId("requests"), state.requests.map(requestRow));
  }
  return showPicture(state.picture, state.screen);
}

function showTimes() {
  if (times === null) return;
  const passed = isReal ? (performance.now() - times.at) / 1000 : 0;
  byId("uptime").textContent = duration(times.uptime + passed);
  byId("t").textContent = duration(times.t + passed);
}

function duration(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const days = Math.floor(whole / 86400);
  const clock = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}

function showCode(now) {
  code = now;
  byId("no-code").hidden = now !== null;
  byId("user-code").hidden = now === null;
  byId("user-code").textContent = now ? now.user_code : "";
  byId("open").hidden = !(now && now.address);
  if (now && now.address) byId("address").href = now.address;
  if (byId("decision")) byId("decision").hidden = !(now && now.pending);
}

async function showPicture(number, screen) {
  const image = byId("picture");
  image.hidden = number === null;
  const isPanel = byId("console") === null;
  const what = (screen || "nothing yet").replaceAll("_", " ");
  image.alt = isPanel ? `Display: ${what}` : "QR code of the verification page";
  if (number === null || number === pictureNumber) return;
  const next = new Image();
  next.src = `/picture.png?n=${number}`;
  try {
    await next.decode();
  } catch {
    return; // a newer one has replaced it, or the run has ended
  }
  image.src = next.src;
  image.width = next.naturalWidth;
  image.height = next.naturalHeight;
  pictureNumber = number;
  scale();
}

// Whole pixels of the screen for each of the panel's: a QR stays as sharp as it is drawn.
function scale() {
  const image = byId("picture");
  if (!image.naturalWidth) return;
  const isPanel = byId("glass").classList.contains("panel");
  const inner = [".board", ".case", "#glass"].reduce(
    (room, box) => room - edges(document.querySelector(box)),
    document.querySelector(".board").offsetWidth,
  );
  const width = isPanel ? inner : Math.min(inner, 280);
  const dots = window.devicePixelRatio || 1;
  const most = Math.min(width / image.naturalWidth, (isPanel ? 480 : 280) / image.naturalHeight);
  const whole = Math.floor(most * dots) / dots;
  const factor = whole >= 1 ? whole : Math.min(1, width / image.naturalWidth); // a small phone's
  image.style.width = `${image.naturalWidth * factor}px`;
  image.style.height = `${image.naturalHeight * factor}px`;
}

// What a box needs to its left and right, in pixels.
function edges(box) {
  const style = getComputedStyle(box);
  const parts = ["paddingLeft", "paddingRight", "borderLeftWidth", "borderRightWidth"];
  return parts.reduce((sum, part) => sum + parseFloat(style[part]), 0);
}

function append(box, list, entries) {
  if (!entries.length) return;
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  list.append(...entries);
  while (list.childElementCount > LINES) list.firstElementChild.remove();
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

function serialLine(line) {
  const element = document.createElement("div");
  element.className = line.kind;
  element.textContent = line.text;
  element.title = `${line.t.toFixed(3)} s of board time`;
  return element;
}

function requestRow(entry) {
  const row = document.createElement("tr");
  const time = new Date(entry.time * 1000).toTimeString().slice(0, 8);
  const isDecision = entry.kind === "decision";
  const answer = [entry.status ?? "none", entry.error, entry.fault && `(fault: ${entry.fault})`];
  const cells = isDecision
    ? [time, `${entry.decision} by ${entry.by}`, ""]
    : [time, `${entry.method} ${entry.path}`, answer.filter(Boolean).join(" ")];
  const isBad = entry.fault || (entry.status >= 400 && !WAITS.includes(entry.error));
  row.className = isDecision ? "decision" : isBad ? "bad" : "good";
  for (const text of cells) row.insertCell().textContent = text;
  return row;
}

function end(how) {
  document.body.classList.add("ended");
  byId("ended").textContent = how;
  byId("ended").hidden = false;
  complain("");
  for (const button of all("button")) button.disabled = true;
  times = null;
}

// Polling

async function follow() {
  const seen = { since: "", serial: 0, requests: 0 };
  for (let failures = 0; failures < TRIES; ) {
    let state;
    try {
      const answer = await fetch(`/state?${new URLSearchParams(seen)}`);
      if (!answer.ok) throw new Error(answer.status);
      state = await answer.json();
    } catch {
      failures += 1;
      await new Promise((done) => setTimeout(done, PAUSE));
      continue;
    }
    failures = 0;
    seen.since = state.version;
    for (const log of ["serial", "requests"]) {
      if (state[log].length) seen[log] = state[log].at(-1).n;
    }
    await show(state);
    if (state.ended !== null) {
      end(`The run has ended: ${state.ended}.`);
      fetch(`/state?since=${state.version}`).catch(() => {}); // tells the server that the page has seen the end
      return;
    }
  }
  end("The run has ended, or was stopped.");
}

watchControls();
window.addEventListener("resize", scale);
setInterval(showTimes, 1000);
follow();
