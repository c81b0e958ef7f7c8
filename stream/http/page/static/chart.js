// Small charts over time. They show the figures of alerts: between two alerts a value holds, but for a
// sum, which goes straight from one to the next.

import { el, svg } from "./dom.js";
import { measure, moment } from "./format.js";

const WIDTH = 260;
const HEIGHT = 56;
const PAD = 4;

function path(points, x, y, sum) {
  return points
    .map(([time, value], i) => {
      if (i === 0) return `M${x(time)} ${y(value)}`;
      return sum ? `L${x(time)} ${y(value)}` : `H${x(time)}V${y(value)}`;
    })
    .join("");
}

/**
 * A chart of lines, each {name, kind, points: [[time, value]], sum}; the first is the one that matters.
 * Begins at `from` (epoch seconds), where the first evidence is.
 */
export function chart(title, unit, lines, from) {
  const shown = lines
    .map((line) => ({ ...line, points: line.points.filter(([, value]) => value !== null) }))
    .filter((line) => line.points.length > 0);
  const all = shown.flatMap((line) => line.points);
  const first = Math.min(from, ...all.map(([time]) => time));
  const last = Math.max(...all.map(([time]) => time));
  const most = Math.max(...all.map(([, value]) => value), 0) || 1;
  const least = Math.min(...all.map(([, value]) => value), 0);
  const round = (value) => Math.round(value * 10) / 10;
  const x = (time) =>
    round(PAD + ((time - first) / (last - first || 1)) * (WIDTH - 2 * PAD));
  const y = (value) =>
    round(HEIGHT - PAD - ((value - least) / (most - least || 1)) * (HEIGHT - 2 * PAD));

  const drawn = shown.map((line, i) => {
    // A baseline holds over the whole chart.
    const points = i === 0 ? line.points : [[first, line.points[0][1]], ...line.points];
    return svg("path", { class: `line ${line.kind}`, d: path([...points, [last, points.at(-1)[1]]], x, y, line.sum) });
  });
  const [at, value] = shown[0].points.at(-1);
  const values = shown.map((line) => `${line.name} ${measure(line.points.at(-1)[1], unit)}`);
  return el("figure", { class: "chart" },
    svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": `${title} from ${moment(first)} to ${moment(last)}: ${values.join(", ")}`,
    },
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
    ...drawn.reverse(),
    svg("circle", { class: `dot ${shown[0].kind}`, cx: x(at), cy: y(value), r: 3 })),
    el("figcaption", {},
      el("span", {}, moment(first)), el("span", {}, moment(last))));
}

/** What the lines of a chart are, with their latest values. */
export function legend(unit, lines) {
  return el("ul", { class: "legend" }, lines
    .filter((line) => line.points.some(([, value]) => value !== null))
    .map((line) => el("li", { class: line.kind },
      el("span", { class: "key", "aria-hidden": "true" }), `${line.name} `,
      el("b", {}, measure(line.points.findLast(([, value]) => value !== null)[1], unit)))));
}
