// Numbers and times as people read them. All times are UTC, as in logs.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", hour: "2-digit", minute: "2-digit",
});
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });

export const count = (value) => whole.format(value);
export const compact = (value) => (value < 1e4 ? whole : short).format(value);
export const score = (value) => value.toFixed(3);

/** "2 Mar 14:10" of RFC 3339 text or epoch seconds. */
export function moment(time) {
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  return `${day.format(date)} ${clock.format(date)}`;
}

/** A value in its unit: shares as percent. */
export function measure(value, unit) {
  if (value === null || value === undefined) return "unknown";
  if (unit === "share") return `${fine.format(100 * value)} %`;
  const text = Math.abs(value) >= 1e4 ? compact(value) : fine.format(value);
  if (!unit || unit === "score") return text;
  return `${text} ${value === 1 ? unit.replace(/^(\w+)s$/, "$1") : unit}`;
}

/** "7 min" of seconds. */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${fine.format(s / 3600)} h`;
  return `${fine.format(s / 86400)} days`;
}

export const between = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;
export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;
export const words = (name) => name.replaceAll("_", " ");
