// The view of decisions: what waits for a person, what is in force, and the history.

import { Watched } from "./api.js";
import { DecisionCard } from "./decision_card.js";
import { el } from "./dom.js";
import { count, moment } from "./format.js";

const AUTHOR = "distillwatch-author";
const MODES = {
  observe: "Mode observe: nothing is carried out. Decisions are kept and counted, and no gateway acts on them.",
  propose: "Mode propose: gateways carry out what a person approves.",
  enforce: "Mode enforce: the policy approves its own proposals; what waits here needs a person.",
};

export const savedAuthor = () => localStorage.getItem(AUTHOR) ?? "";
export const saveAuthor = (name) => localStorage.setItem(AUTHOR, name);

/** Cards of decisions in a list, in its order; cards stay the same elements while they are shown. */
export class DecisionCards {
  #list;
  #author;
  #linked;
  #cards = new Map();
  #done = el("p", { class: "done", role: "status", tabindex: "-1" });
  #none = el("p", { class: "empty" });
  #empty;

  /** `author`: the input with the person's name; `changed`: called after each change. */
  constructor(place, author, changed, { linked, none }) {
    [this.#author, this.#linked, this.#empty] = [author, linked, none];
    this.#list = el("ol", { class: "decision-list" });
    place.append(this.#done, this.#none, this.#list);
    this.changed = (text, name) => {
      saveAuthor(name);
      this.#done.textContent = text;
      this.#done.focus();
      changed();
    };
  }

  /** Show rows ({shown, total}) of the worker. */
  show({ shown, total }) {
    const before = this.#cards;
    this.#cards = new Map(shown.map((row) => {
      const id = row.decision.decision_id;
      const card = before.get(id) ?? new DecisionCard(this.#author, this.changed);
      card.show(row, this.#linked);
      return [id, card];
    }));
    const elements = [...this.#cards.values()].map((card) => card.element);
    const same = elements.length === this.#list.children.length
      && elements.every((one, i) => one === this.#list.children[i]);
    if (!same) {
      const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
      this.#list.replaceChildren(...elements);
      focused?.focus();
    }
    const left = total - shown.length;
    this.#none.textContent = total === 0 ? this.#empty
      : left > 0 ? `${count(left)} more: \`distillwatch decisions --all\` lists them.` : "";
  }

  clear() {
    this.#done.textContent = "";
    this.show({ shown: [], total: 0 });
  }
}

/** The whole view; it knows what to fetch. */
export class DecisionsView {
  #by = (id) => document.getElementById(id);
  #overview = new Watched("decisions");
  #history = new Watched("decisions/ended");
  #lists;

  constructor(changed) {
    const author = this.#by("decider");
    const cards = (id, none) => new DecisionCards(this.#by(id), author, changed, { linked: true, none });
    this.#lists = {
      waiting: cards("waiting", "No proposal waits. New ones appear here automatically."),
      in_force: cards("in-force", "Nothing is in force."),
      history: cards("history", "None."),
    };
    for (const button of this.#by("history-filter").children) {
      button.addEventListener("click", () => {
        for (const one of this.#by("history-filter").children) {
          one.setAttribute("aria-pressed", String(one === button));
        }
        this.#history = new Watched(`decisions/${button.dataset.list}`);
        changed();
      });
    }
  }

  /** Fetch what has changed; the answers go to `show`. */
  fetch() {
    return Promise.all([this.#overview.fetch(), this.#history.fetch()]);
  }

  /** Forget what was fetched: it was not shown. */
  forget() {
    this.#overview.forget();
    this.#history.forget();
  }

  show([overview, history]) {
    const author = this.#by("decider");
    if (!author.value && document.activeElement !== author) author.value = savedAuthor();
    if (overview) {
      this.#by("mode").textContent = MODES[overview.mode];
      this.#by("mode").dataset.mode = overview.mode;
      this.#by("stale").textContent = overview.stale_since_s === null ? ""
        : `The brokers have not answered since ${moment(overview.stale_since_s)} UTC: this is what was known then.`;
      for (const name of ["waiting", "in_force"]) {
        this.#by(`${name.replace("_", "-")}-count`).textContent = count(overview[name].total);
        this.#lists[name].show(overview[name]);
      }
    }
    if (history) this.#lists.history.show(history);
  }

  focus() {
    this.#by("decisions-title").focus();
  }

  clear() {
    for (const list of Object.values(this.#lists)) list.clear();
    this.#by("decider").value = "";
    this.forget();
  }
}
