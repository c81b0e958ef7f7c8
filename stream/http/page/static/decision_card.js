// One decision: what, about which accounts, why, until when, by which people, and what can be done with it.

import { postDecision } from "./api.js";
import { el, fill } from "./dom.js";
import { compact, count, moment, plural, span, words } from "./format.js";

const STATES = {
  proposed: "waits", approved: "in force", active: "in force, carried out", expired: "expired",
  undone: "undone", refused: "refused",
};
const CHOICES = {
  approve: ["Approve", ["proposed"]], refuse: ["Refuse", ["proposed"]], undo: ["Undo", ["approved", "active"]],
};
const NAMED = 3; // accounts that are named without opening their list
const NEEDS_REASON = ["refuse", "undo"];
const DONE = { approve: "Approved", refuse: "Refused", undo: "Undone" };

let made = 0; // one decision may have a card in each view: ids have to differ

/** Text that others wrote, with a direction of its own: it reorders nothing around it. */
const theirs = (text) => el("bdi", {}, text);

const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));

function names(actors) {
  return actors.flatMap((actor, i) => [i ? ", " : null, theirs(actor.name)]);
}

function title({ decision, accounts }) {
  const { action, subject } = decision;
  const verb = words(action).replace(/^\w/, (letter) => letter.toUpperCase());
  const about = subject.kind === "campaign" ? `${plural(accounts, "account")} of campaign ` : `${subject.kind} `;
  return [`${verb}: ${about}`, theirs(subject.id)];
}

function limits({ limits: given = {} }) {
  return [
    given.requests_per_minute ? fact("Limit", `${plural(given.requests_per_minute, "request")} a minute`) : null,
    given.model ? fact("Other model", theirs(given.model)) : null,
    given.instruction ? fact("Instruction", theirs(given.instruction)) : null,
    given.canary ? fact("Canary", theirs(given.canary)) : null,
  ];
}

function approvals(row) {
  const people = (row.decision.approved_by ?? []).filter((one) => one.kind === "person");
  const missing = row.needed === 1 ? (people.length ? "needs a second person" : "needs one person")
    : `needs ${count(row.needed)} people`;
  return people.length ? [...names(people), ` approved, ${missing}`] : [missing];
}

function facts(row) {
  const { decision } = row;
  const { state } = decision;
  const by = decision.approved_by ?? [];
  const until = (text) => fact(text, moment(decision.until), el("small", {}, "UTC"));
  if (state === "proposed") {
    return [fact("Proposed", moment(decision.proposed_at), el("small", {}, "by ", theirs(decision.proposed_by.name))),
      fact("Approvals", ...approvals(row)), fact("If approved", `for ${span(decision.lasts_s)}`), until("Waits until")];
  }
  const approved = decision.approved_at
    ? fact("Approved", moment(decision.approved_at), el("small", {}, "by ", ...names(by))) : null;
  if (state === "approved" || state === "active") return [approved, until("In force until")];
  return [approved, fact(`${STATES[state]}`.replace(/^\w/, (letter) => letter.toUpperCase()), moment(decision.time),
    el("small", {}, "by ", theirs(decision.actor.name)))];
}

/** What it did so far; tokens that were not taken are an estimate, and named so. */
function effects({ effect, applied = [] }) {
  if (!effect) return null;
  const done = [["refused", effect.refused], ["slowed", effect.slowed], ["changed", effect.changed],
    ["only counted", effect.simulated]].filter(([, number]) => number > 0);
  const tokens = effect.tokens_not_taken_estimate;
  const first = effect.approval_to_refusal_s;
  return fact("So far", done.map(([name, number]) => `${compact(number)} ${name}`).join(", ") || "nothing",
    tokens ? el("small", {}, `about ${compact(tokens)} output tokens not taken (estimate)`) : null,
    first === null ? null : el("small", {}, `first refused ${span(first)} after the approval`),
    applied.length ? el("small", {}, `held by ${plural(applied.length, "enforcer")}`) : null);
}

function warnings({ decision, held_back }) {
  return [
    decision.simulated ? el("p", { class: "note" }, "Simulated: no gateway carries it out.") : null,
    held_back ? el("p", { class: "note bad" },
      "Held back: a day's limit of accounts or traffic is reached, so no gateway carries it out.") : null,
  ];
}

function accounts({ decision, accounts: number }) {
  const named = decision.accounts ?? [];
  if (!named.length) return null;
  const more = number - named.length;
  const some = named.slice(0, NAMED);
  return el("details", {},
    el("summary", {}, `${plural(number, "account")}: `, ...some.flatMap((id, i) => [i ? ", " : null, theirs(id)]),
      number > some.length ? " and more" : null),
    el("ul", { class: "ids" }, named.map((id) => el("li", {}, theirs(id)))),
    more > 0 ? el("p", { class: "note" }, `and ${compact(more)} more: \`distillwatch decisions --json\` has all`) : null);
}

/** The element of one decision; what a person types in it survives updates. */
export class DecisionCard {
  element = el("li", { class: "decision" });
  #row = null;
  #author;
  #done;
  #head = el("div", {});
  #title = el("h4", {});
  #accounts = el("div", {});
  #shown = "";
  #reason = el("input", { maxlength: 1000, autocomplete: "off" });
  #buttons = el("div", { class: "choices", role: "group" });
  #message = el("p", { class: "message", role: "status" });

  /** `author` has the person's name; `done` is called with what has been done. */
  constructor(author, done) {
    [this.#author, this.#done] = [author, done];
    made += 1;
    this.#reason.id = `reason-${made}`;
    this.#buttons.setAttribute("aria-labelledby", `title-${made}`);
    this.#title.id = `title-${made}`;
    for (const [act, [text]] of Object.entries(CHOICES)) {
      const button = el("button", { type: "button", "data-act": act }, text);
      button.addEventListener("click", () => this.#send(act));
      this.#buttons.append(button);
    }
    const why = el("div", { class: "why" }, el("label", { for: this.#reason.id }, "Reason"), this.#reason);
    this.element.append(this.#head, this.#accounts, el("div", { class: "decide" }, why, this.#buttons), this.#message);
  }

  /** Show it as it is now; `linked`: with a link to its incident. */
  show(row, linked) {
    this.#row = row;
    const shown = JSON.stringify(row);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { decision } = row;
    const incident = decision.reason.alert_id ?? "";
    const why = decision.reason.summary ?? "";
    this.element.className = `decision ${row.severity ?? ""}`;
    fill(this.#title, ...title(row));
    fill(this.#head,
      el("p", { class: "kicker" },
        row.severity ? el("span", { class: `severity ${row.severity}` }, row.severity) : null,
        decision.drill ? el("span", { class: "severity" }, "drill") : null,
        el("span", {}, STATES[decision.state]), el("span", { class: "id" }, decision.decision_id)),
      this.#title,
      why ? el("p", { class: "summary" }, theirs(why)) : null,
      ...[decision.reason.note, decision.note].map((note) =>
        note ? el("p", { class: "note" }, theirs(note)) : null),
      ...warnings(row),
      el("dl", { class: "facts wide" }, ...facts(row), ...limits(decision),
        decision.approved_at ? effects(decision) : null),
      linked && incident ? el("p", {}, el("a", { href: `#${incident}`, "data-key": `of-${decision.decision_id}` }, "Its incident")) : null);
    const open = this.#accounts.firstChild?.open;
    fill(this.#accounts, accounts(row));
    if (open && this.#accounts.firstChild) this.#accounts.firstChild.open = true;
    for (const button of this.#buttons.children) {
      button.hidden = !CHOICES[button.dataset.act][1].includes(decision.state);
    }
    this.element.querySelector(".decide").hidden = [...this.#buttons.children].every((one) => one.hidden);
  }

  #problem(text) {
    this.#message.dataset.error = "true";
    this.#message.textContent = text;
  }

  async #send(act) {
    const [author, reason] = [this.#author.value.trim(), this.#reason.value.trim()];
    const missing = !author ? [this.#author, "your name"]
      : !reason && NEEDS_REASON.includes(act) ? [this.#reason, "a reason"] : null;
    if (missing) {
      this.#problem(`Enter ${missing[1]}: it is stored with the decision.`);
      missing[0].focus();
      return;
    }
    const { decision_id, sequence } = this.#row.decision;
    this.#buttons.setAttribute("aria-busy", "true");
    try {
      const { state } = await postDecision(act, { decision_id, sequence, author, reason });
      this.#reason.value = this.#message.textContent = "";
      const waits = act === "approve" && state === "proposed" ? " It waits for another person." : "";
      this.#done(`${DONE[act]}: ${this.#title.textContent}.${waits}`, author);
    } catch (error) {
      this.#problem(`Not done: ${error.message}.`);
    } finally {
      this.#buttons.removeAttribute("aria-busy");
    }
  }
}
