// Polls the worker every two seconds while the page is visible, and shows what has changed.

import { dropToken, GONE, hasToken, Refused, setToken, takeToken, Watched } from "./api.js";
import { DecisionsView } from "./decisions.js";
import { el, fill } from "./dom.js";
import { Incident } from "./incident.js";
import { ordered, showCounts, showList, showWorker } from "./list.js";

const PAUSE_MS = 2000;
const wide = matchMedia("(min-width: 52.01rem)");
const by = (id) => document.getElementById(id);

let overview = new Watched("overview");
let latest = null; // the list as received last
let shown = null; // {id, watched, about, incident} of the incident that is open
let viewing = false; // the view of decisions is open
let turn = 0; // answers to requests before the last change of selection are dropped

const decisions = new DecisionsView(() => poll());
const deciding = () => location.hash === "#decisions";
const chosen = () => (/^#inc_[\w-]+$/.test(location.hash) ? location.hash.slice(1) : null);

function setState(text, kind) {
  const state = by("state");
  if (state.textContent !== text) state.textContent = text;
  state.className = `state ${kind}`;
}

function enter(message = "") {
  turn += 1;
  dropToken();
  [overview, latest, shown] = [new Watched("overview"), null, null];
  by("board").hidden = by("leave").hidden = by("decisions").hidden = true;
  decisions.clear();
  showCounts(null);
  for (const id of ["open", "resolved", "worker-body", "incident"]) fill(by(id));
  by("enter").hidden = false;
  by("enter-error").textContent = message;
  setState("signed out", "");
  document.title = "distillwatch";
  by("token").focus();
}

const opened = (id) => ({
  id, watched: new Watched(`incidents/${id}`), about: new Watched(`decisions/about/${id}`), incident: null,
});

/** On a wide screen, the most severe incident is shown until one is chosen. */
function choose() {
  const id = chosen();
  if (viewing !== deciding()) {
    viewing = deciding();
    turn += 1;
  }
  by("to-decisions").setAttribute("aria-current", viewing ? "page" : "false");
  by("to-incidents").setAttribute("aria-current", viewing ? "false" : "page");
  by("board").classList.toggle("reading", id !== null);
  if (id ? shown?.id !== id : !wide.matches || !shown) {
    turn += 1;
    const worst = wide.matches && latest ? ordered(latest)[0]?.alert_id : null;
    shown = id ?? worst ? opened(id ?? worst) : null;
    if (!shown) fill(by("incident"), el("p", { class: "empty" }, "No open incidents."));
  }
  if (latest) showList(latest, shown?.id ?? null);
}

function showIncident(reading, detail, about) {
  if (detail === GONE) {
    reading.incident = null;
    fill(by("incident"), el("p", { class: "back" }, el("a", { href: "#" }, "All incidents")),
      el("p", { class: "empty" }, `This worker has no incident ${reading.id}.`));
  } else if (detail) {
    const first = reading.incident === null;
    reading.incident ??= new Incident(by("incident"), () => poll());
    reading.incident.show(detail);
    if (first && chosen()) reading.incident.focus();
  }
  if (about && reading.incident) reading.incident.showDecisions(about);
  else if (about) reading.about.forget();
}

async function refresh() {
  const [began, reading, view] = [turn, deciding() ? null : shown, deciding()];
  const forget = () => { // what has come is not shown: it has to come again
    for (const one of [overview, decisions, reading?.watched, reading?.about]) one?.forget();
  };
  const [list, detail, about, decided] = await Promise.all([overview.fetch(), reading?.watched.fetch(),
    latest?.decisions ? reading?.about.fetch() : null, view ? decisions.fetch() : null,
  ]).catch((error) => {
    forget();
    throw error;
  });
  if (began !== turn) {
    forget();
    return;
  }
  by("enter").hidden = true;
  by("leave").hidden = false;
  by("board").hidden = view;
  by("decisions").hidden = !view;
  const first = latest === null;
  if (list) {
    latest = list;
    showWorker(list);
    showCounts(list);
    choose();
  }
  if (view) decisions.show(decided);
  else showIncident(reading, detail, about);
  if (first || (!view && shown !== reading)) poll(); // at once, rather than after a pause
  const { worker } = latest;
  if (!worker.live) setState(`worker: ${worker.live_reason}`, "bad");
  else if (!worker.ready) setState(`worker: ${worker.ready_reason}`, "late");
  else setState("live", "good");
}

async function round() {
  if (!hasToken() || document.hidden) return;
  try {
    await refresh();
  } catch (error) {
    if (error instanceof Refused) enter(error.message);
    else setState("no answer, retrying", "bad");
  }
}

let polling = Promise.resolve();
/** Run the rounds one after the other. */
function poll() {
  polling = polling.then(round);
  return polling;
}

async function forever() {
  await poll();
  setTimeout(forever, PAUSE_MS);
}

by("enter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(by("token").value.trim());
  by("enter-form").reset();
  poll();
});
by("leave").addEventListener("click", () => enter());
window.addEventListener("hashchange", () => {
  takeToken();
  choose();
  poll();
});
document.addEventListener("visibilitychange", poll);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  if (viewing) decisions.focus();
  else by("incident").focus();
});

takeToken();
choose();
if (hasToken()) forever();
else {
  enter();
  setTimeout(forever, PAUSE_MS);
}
