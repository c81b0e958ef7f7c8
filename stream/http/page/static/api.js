// Talks to this worker. The token stays in this tab and travels in a header, never in an address.

const KEY = "distillwatch-token";

/** Take the token out of the address (#token=...), where it is no longer seen or kept. */
export function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(KEY, decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname);
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const setToken = (token) => sessionStorage.setItem(KEY, token);
export const dropToken = () => sessionStorage.removeItem(KEY);

/** The worker refused the token. */
export class Refused extends Error {}

/** The worker does not have it, or no longer. */
export const GONE = Symbol("gone");

function send(path, options = {}, within = 10_000) {
  return fetch(`api/${path}`, {
    ...options,
    credentials: "omit",
    headers: { ...options.headers, Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
    signal: AbortSignal.timeout(within),
  });
}

/** A resource to poll: `fetch()` returns its new state, or null when nothing has changed. */
export class Watched {
  #path;
  #etag = null;

  constructor(path) {
    this.#path = path;
  }

  /** Fetch the whole state next time: the last answer was not used. */
  forget() {
    this.#etag = null;
  }

  async fetch() {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const answer = await send(this.#path, { headers });
    if (answer.status === 304) return null;
    if (answer.status === 401) throw new Refused("The worker does not accept this token.");
    if (answer.status === 404) return GONE;
    if (!answer.ok) throw new Error(`the worker answers ${answer.status}`);
    this.#etag = answer.headers.get("ETag");
    return answer.json();
  }
}

async function post(path, value) {
  const answer = await send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  }, 20_000); // a worker waits for the brokers
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `the worker answers ${answer.status}`);
  return body;
}

/** Post a verdict on an incident; returns when the brokers have it. */
export const postVerdict = (verdict) => post("verdicts", verdict);

/** Approve, refuse or undo a decision; returns its state when the brokers have it. */
export const postDecision = (act, change) => post(`decisions/${act}`, change);
