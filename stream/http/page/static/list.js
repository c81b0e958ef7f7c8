// The list of incidents, open ones first, and the state of the worker.

import { el, fill } from "./dom.js";
import { compact, count, moment, plural, span } from "./format.js";

const LABELS = {
  true_positive: "true positive", false_positive: "false positive", benign: "benign",
};
const RANK = { critical: 0, warning: 1, info: 2 };

export const labelled = (verdict) => LABELS[verdict.verdict];
export const named = (row) =>
  row.kind === "campaign" ? `Campaign of ${plural(row.members, "account")}` : `Account ${row.subject}`;
export const severity = (row) =>
  el("span", { class: `severity ${row.severity}` }, row.drill ? "drill" : row.severity);

function item(row, chosen) {
  const current = row.alert_id === chosen;
  return el("li", {},
    el("a", {
      href: `#${row.alert_id}`, class: `row ${row.severity}`, "data-key": row.alert_id,
      "aria-current": current ? "true" : null,
    },
    el("span", { class: "row-head" }, severity(row), el("span", { class: "when" }, moment(row.started_at))),
    el("span", { class: "row-name" }, named(row)),
    el("span", { class: "row-facts" },
      `${compact(row.observed.output_tokens)} tokens out · ${plural(row.observed.requests, "request")}`),
    row.verdict
      ? el("span", { class: `row-verdict ${row.verdict.verdict}` },
        `${labelled(row.verdict)}, by ${row.verdict.author}`)
      : null));
}

/** The open incidents, most severe first. */
export const ordered = (view) => [...view.open].sort(
  (a, b) => RANK[a.severity] - RANK[b.severity] || Date.parse(b.started_at) - Date.parse(a.started_at));

/** Show the incidents and mark the chosen one. */
export function showList(view, chosen) {
  const open = ordered(view);
  const by = (id) => document.getElementById(id);
  by("open-count").textContent = count(open.length);
  by("resolved-count").textContent = count(view.resolved_total);
  const nothing = (text) => el("li", { class: "empty" }, text);
  fill(by("open"), open.length
    ? open.map((row) => item(row, chosen))
    : nothing("No open incidents. New ones appear here automatically."));
  fill(by("resolved"), view.resolved.length
    ? view.resolved.map((row) => item(row, chosen)) : nothing("None yet."));
  document.title = open.length ? `${open.length} open · distillwatch` : "distillwatch";
}

/** Show in the head how many decisions wait; null: nothing is known. */
export function showCounts(view) {
  const link = document.getElementById("to-decisions");
  link.hidden = !view?.decisions;
  document.getElementById("to-decide").textContent = view?.decisions?.waiting ? count(view.decisions.waiting) : "";
}

const fact = (name, value, bad = false) =>
  el("div", {}, el("dt", {}, name), el("dd", { class: bad ? "bad" : null }, value));

/** Show the state of the worker. */
export function showWorker(view) {
  const { worker } = view;
  const lost = worker.receivers.filter((receiver) => receiver.lost > 0);
  fill(document.getElementById("worker-body"),
    el("dl", { class: "facts" },
      fact("State", worker.ready ? "ready" : worker.ready_reason, !worker.ready),
      fact("Progress", worker.live ? "ok" : worker.live_reason, !worker.live),
      fact("Behind", `${plural(worker.lag_records, "record")}, ${span(worker.lag_s)}`),
      fact("Events read", compact(worker.events)),
      fact("Dead letters", count(worker.dead_letters), worker.dead_letters > 0),
      fact("Accounts", count(worker.accounts)),
      fact("Accounts still learning", count(worker.warming_up)),
      view.forgotten ? fact("No longer shown", plural(view.forgotten, "incident")) : null),
    el("table", {},
      el("caption", {}, "Receivers of alerts"),
      el("thead", {}, el("tr", {}, ["Receiver", "Delivered", "Waiting", "Lost"].map(
        (name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, worker.receivers.map((receiver) => el("tr", {},
        el("th", { scope: "row" }, receiver.name),
        el("td", {}, count(receiver.delivered)),
        el("td", {}, count(receiver.waiting)),
        el("td", { class: receiver.lost ? "bad" : null }, count(receiver.lost)))))),
    lost.length ? el("p", { class: "note bad" }, "The worker log has the reason for each lost alert.") : null);
}
