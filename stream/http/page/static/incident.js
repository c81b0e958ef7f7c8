// One incident: summary, evidence, course over time, members and verdict.

import { postVerdict } from "./api.js";
import { chart, legend } from "./chart.js";
import { DecisionCards, saveAuthor, savedAuthor } from "./decisions.js";
import { el, fill } from "./dom.js";
import { between, compact, count, measure, moment, plural, score, span, words } from "./format.js";
import { graph } from "./graph.js";
import { labelled, named, severity } from "./list.js";

const CHOICES = [
  ["true_positive", "True positive"], ["false_positive", "False positive"], ["benign", "Benign"],
];

function heading(detail) {
  const row = detail.row;
  const fact = (name, value, more = null) => el("div", {},
    el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null));
  return [
    el("p", { class: "back" }, el("a", { href: "#" }, "All incidents")),
    el("p", { class: "kicker" }, severity(row),
      el("span", {}, detail.status === "firing" ? "open" : "resolved"),
      el("span", { class: "id" }, row.alert_id)),
    el("h2", { id: "incident-title", tabindex: "-1" }, named(row)),
    el("p", { class: "summary" }, row.summary),
    el("dl", { class: "facts wide" },
      fact("Score", score(row.score)),
      fact("Output tokens", compact(row.observed.output_tokens), `${compact(row.observed.input_tokens)} in · ${compact(row.observed.output_tokens_last_hour)} out in the last hour`),
      fact("Requests", compact(row.observed.requests)),
      fact("First evidence", moment(row.started_at), "UTC"),
      fact("Detected", moment(row.detected_at), `${span(between(row.started_at, row.detected_at))} after`),
      fact("Figures as of", moment(row.updated_at), `${plural(detail.points.length, "state")} shown`)),
  ];
}

function linesOf(detail, evidence) {
  const read = (place) => detail.points
    .filter((point) => evidence.feature in point.evidence)
    .map((point) => [point.time, point.evidence[evidence.feature][place]]);
  const own = evidence.baseline !== evidence.population && detail.row.kind === "account";
  const others = detail.row.kind === "campaign" ? 1 : 2;
  return [
    { name: detail.row.kind === "campaign" ? "members" : "now", kind: "now", points: read(0) },
    ...(own ? [{ name: "own past", kind: "own", points: read(1) }] : []),
    { name: detail.row.kind === "campaign" ? "elsewhere" : "others, median", kind: "others", points: read(others) },
  ];
}

function reason(detail, evidence, from) {
  const lines = linesOf(detail, evidence);
  const share = Math.round(100 * evidence.contribution);
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("span", {}));
  meter.firstChild.style.width = `${share}%`;
  return el("li", { class: "reason" },
    el("div", {},
      el("h4", {}, words(evidence.feature)),
      el("p", {}, evidence.meaning),
      el("p", { class: "share" }, meter, `${share} % of the score`)),
    el("div", {},
      // One figure alone makes no chart.
      lines.flatMap((line) => line.points).filter(([, value]) => value !== null).length > 1
        ? chart(words(evidence.feature), evidence.unit, lines, from) : null,
      legend(evidence.unit, lines)));
}

function course(detail, from) {
  const one = (title, key, sum = false) => {
    const points = detail.points.map((point) => [point.time, point[key]]);
    if (sum) points.unshift([from, 0]); // sums start there
    if (points.length < 2) return null;
    const lines = [{ name: title, kind: "now", points, sum }];
    return el("li", {}, el("h4", {}, title, " ", el("b", {}, measure(detail.points.at(-1)[key], ""))),
      chart(title, "", lines, from));
  };
  return el("ul", { class: "course" },
    one("Output tokens", "output_tokens", true), one("Requests", "requests", true),
    detail.row.kind === "campaign" ? one("Accounts", "members") : null, one("Score", "score"));
}

function members(detail) {
  const ids = detail.account_ids;
  const copy = el("button", { type: "button", class: "quiet" }, `Copy ${plural(ids.length, "id")}`);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(ids.join("\n"));
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "The browser did not allow it: select the ids below";
    }
  });
  const left = detail.row.members - ids.length;
  const idsOf = (group) => group.members.map((place) =>
    (group.degree === "peripheral" ? detail.peripheral_ids : detail.account_ids)[place]);
  const groups = detail.members.filter((group) => group.members.length > 0);
  return [
    el("p", { class: "actions" }, copy,
      left > 0 ? el("span", { class: "note" }, ` ${plural(left, "more account")} in the alert`) : null),
    groups.length > 0
      ? el("ol", { class: "degrees" }, groups.map((group) => el("li", {},
        el("h4", {}, group.degree, " ", el("b", {}, count(group.members.length))),
        el("p", { class: "note" }, group.why),
        el("ul", { class: "ids" }, idsOf(group).map((id) => el("li", {}, id))))))
      : el("ul", { class: "ids" }, ids.map((id) => el("li", {}, id))),
  ];
}

/** The article of one incident; text that a person types in it survives updates. */
export class Incident {
  #article;
  #detail = null;
  #parts = Object.fromEntries(["head", "decided", "why", "course", "graph", "members", "about"].map(
    (name) => [name, el("section", { class: name })]));
  #author = el("input", {
    id: "author", maxlength: 128, autocomplete: "name", required: true, spellcheck: "false",
  });
  #note = el("input", { id: "note", maxlength: 1000, autocomplete: "off" });
  #buttons = el("div", { class: "choices", role: "group", "aria-label": "Verdict" });
  #message = el("p", { class: "message", role: "status" });
  #verdictForm = this.#makeVerdictForm();
  #waiting;
  #decided = el("details", {}, el("summary", {}));
  #decisions;
  #members = el("details", {}, el("summary", {}, "Accounts"), this.#parts.members);

  /** `changed` is called after a decision about it has changed. */
  constructor(article, changed) {
    this.#article = article;
    this.#author.value = savedAuthor();
    this.#parts.decided.hidden = true;
    this.#parts.decided.append(el("h3", {}, "Decisions"));
    const cards = (place) => new DecisionCards(place, this.#author, changed, { linked: false, none: "" });
    this.#waiting = cards(this.#parts.decided);
    this.#parts.decided.append(this.#decided);
    this.#decisions = cards(this.#decided);
    fill(article, this.#parts.head, this.#verdictForm, this.#parts.decided, this.#parts.why, this.#parts.course,
      this.#parts.graph, this.#members, this.#parts.about);
  }

  /** Show an incident as it is now. */
  show(detail) {
    const shared = JSON.stringify([detail.links, detail.row.members, detail.members]);
    const regroup = !this.#detail || this.#parts.graph.dataset.of !== shared;
    this.#detail = detail;
    const from = Date.parse(detail.row.started_at) / 1000;
    fill(this.#parts.head, heading(detail));
    fill(this.#parts.why, el("h3", {}, "Why"),
      el("ol", { class: "reasons" }, detail.evidence.map((one) => reason(detail, one, from))));
    fill(this.#parts.course, el("h3", {}, "Since the first evidence"), course(detail, from));
    if (regroup) {
      const drawing = detail.row.kind === "campaign" ? graph(detail) : null;
      this.#parts.graph.dataset.of = shared;
      this.#parts.graph.hidden = drawing === null;
      fill(this.#parts.graph, el("h3", {}, "What they share"), drawing);
      this.#members.hidden = detail.row.kind !== "campaign";
      this.#members.firstChild.textContent = `${plural(detail.row.members, "account")} by id`;
      fill(this.#parts.members, members(detail));
    }
    fill(this.#parts.about, this.#about(detail));
    this.#verdictForm.hidden = detail.row.drill;
    this.#choices(detail.row.verdict);
  }

  /** Show the decisions about it; those that wait for no person are folded. */
  showDecisions({ shown, total }) {
    const waiting = shown.filter((row) => row.decision.state === "proposed");
    const others = shown.filter((row) => row.decision.state !== "proposed");
    this.#parts.decided.hidden = total === 0;
    this.#decided.hidden = others.length === 0;
    this.#decided.firstChild.textContent = `${plural(total - waiting.length, "decision")} in force or ended`;
    this.#waiting.show({ shown: waiting, total: waiting.length });
    this.#decisions.show({ shown: others, total: total - waiting.length });
  }

  focus() {
    this.#article.querySelector("#incident-title")?.focus();
  }

  #about(detail) {
    const runbook = /^https?:\/\//.test(detail.runbook_url)
      ? el("a", { href: detail.runbook_url, rel: "noreferrer", target: "_blank" }, "Runbook") : null;
    return el("p", { class: "note" }, runbook, runbook ? " · " : null,
      detail.techniques.join(", "), ` · model ${detail.model_version}`);
  }

  #makeVerdictForm() {
    for (const [label, text] of CHOICES) {
      const button = el("button", { type: "button", "data-verdict": label, "aria-pressed": "false" }, text);
      button.addEventListener("click", () => this.#send(label));
      this.#buttons.append(button);
    }
    const undo = el("button", { type: "button", class: "quiet", "data-verdict": "withdrawn" }, "Undo");
    undo.addEventListener("click", () => this.#send("withdrawn"));
    this.#buttons.append(undo);
    return el("section", { class: "verdict", "aria-labelledby": "verdict-title" },
      el("h3", { id: "verdict-title" }, "Is this an attack?"),
      this.#buttons,
      el("div", { class: "by" },
        el("div", {}, el("label", { for: "author" }, "Your name"), this.#author),
        el("div", {}, el("label", { for: "note" }, "Note (optional)"), this.#note)),
      this.#message);
  }

  #choices(verdict) {
    for (const button of this.#buttons.children) {
      const mine = verdict?.verdict === button.dataset.verdict;
      if (button.dataset.verdict === "withdrawn") button.hidden = !verdict;
      else button.setAttribute("aria-pressed", String(mine));
    }
    if (verdict) {
      this.#status(`${labelled(verdict)} by ${verdict.author}, ${moment(verdict.time)} UTC`
        + (verdict.note ? `: ${verdict.note}` : "."));
    } else if (this.#message.dataset.error !== "true") {
      this.#status("");
    }
  }

  #status(text, error = false) {
    if (this.#message.textContent !== text) this.#message.textContent = text;
    this.#message.dataset.error = String(error);
  }

  async #send(label) {
    const author = this.#author.value.trim();
    if (!author) {
      this.#status("Enter your name: it is stored with the verdict.", true);
      this.#author.focus();
      return;
    }
    saveAuthor(author);
    const buttons = [...this.#buttons.children];
    this.#buttons.setAttribute("aria-busy", "true");
    try {
      const note = this.#note.value.trim();
      const verdict = await postVerdict({
        alert_id: this.#detail.row.alert_id, verdict: label, author, ...(note ? { note } : {}),
      });
      this.#note.value = "";
      this.#message.dataset.error = "false";
      this.#choices(verdict.verdict === "withdrawn" ? null : verdict);
      if (label === "withdrawn") buttons[0].focus();
    } catch (error) {
      this.#status(`Verdict not saved: ${error.message}.`, true);
    } finally {
      this.#buttons.removeAttribute("aria-busy");
    }
  }
}
