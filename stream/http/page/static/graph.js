// The members of a campaign and what they share: squares are values, dots are accounts.
// Positions come from springs and repulsion (Fruchterman and Reingold, 1991), the same each time.

import { el, svg } from "./dom.js";
import { count, plural, words } from "./format.js";

const MOST_MEMBERS = 160;
const MOST_VALUES = 12; // with more, the lines are unreadable
const WIDTH = 640;
const HEIGHT = 400;
const ROUNDS = 160;

function chosen(links) {
  const members = new Map(); // place of a member -> node
  const nodes = links.slice(0, MOST_VALUES).map((link, i) => ({ link, letter: String.fromCharCode(65 + i), values: [] }));
  const edges = [];
  for (const value of nodes) {
    for (const place of value.link.members) {
      if (!members.has(place)) {
        if (members.size >= MOST_MEMBERS) continue;
        members.set(place, { place, values: [] });
      }
      const member = members.get(place);
      member.values.push(value);
      value.values.push(member);
      edges.push([value, member]);
    }
  }
  return { nodes, members: [...members.values()], edges };
}

function arrange(nodes, edges) {
  nodes.forEach((node, i) => { // a sunflower, so that no two begin at one place
    const radius = 0.45 * Math.sqrt((i + 0.5) / nodes.length);
    node.x = 0.5 + radius * Math.cos(i * 2.4);
    node.y = 0.5 + radius * Math.sin(i * 2.4);
  });
  const ideal = 0.75 / Math.sqrt(nodes.length);
  for (let round = 0; round < ROUNDS; round++) {
    const most = 0.1 * (1 - round / ROUNDS);
    for (const node of nodes) {
      node.dx = (0.5 - node.x) * 0.6 * ideal;
      node.dy = (0.5 - node.y) * 0.9 * ideal;
    }
    for (let i = 0; i < nodes.length; i++) {
      for (let j = i + 1; j < nodes.length; j++) {
        const dx = nodes[i].x - nodes[j].x;
        const dy = nodes[i].y - nodes[j].y;
        const push = (ideal * ideal) / Math.max(dx * dx + dy * dy, 1e-5);
        nodes[i].dx += dx * push;
        nodes[i].dy += dy * push;
        nodes[j].dx -= dx * push;
        nodes[j].dy -= dy * push;
      }
    }
    for (const [value, member] of edges) {
      const dx = value.x - member.x;
      const dy = value.y - member.y;
      const pull = Math.hypot(dx, dy) / ideal / Math.max(1, Math.sqrt(value.values.length) / 2);
      value.dx -= dx * pull / Math.max(1, value.values.length / 4);
      value.dy -= dy * pull / Math.max(1, value.values.length / 4);
      member.dx += dx * pull;
      member.dy += dy * pull;
    }
    for (const node of nodes) {
      const length = Math.hypot(node.dx, node.dy) || 1;
      const step = Math.min(length, most) / length;
      node.x += node.dx * step;
      node.y += node.dy * step;
    }
  }
  const fit = (key, size) => {
    const least = Math.min(...nodes.map((node) => node[key]));
    const range = Math.max(...nodes.map((node) => node[key])) - least || 1;
    for (const node of nodes) {
      node[key] = Math.round(18 + ((node[key] - least) / range) * (size - 36));
    }
  };
  fit("x", WIDTH);
  fit("y", HEIGHT);
}

/** Returns the drawing with its key, or null when nothing is known to be shared. */
export function graph(detail) {
  const { nodes, members, edges } = chosen(detail.links);
  if (members.length === 0) return null;
  arrange([...nodes, ...members], edges);

  const paths = edges.map(([value, member]) => {
    const path = svg("line", {
      class: `edge ${value.link.link}`, x1: value.x, y1: value.y, x2: member.x, y2: member.y,
    });
    return { value, member, path };
  });
  const dots = new Map(members.map((member) => [member, svg("circle",
    { class: "member", cx: member.x, cy: member.y, r: 5 },
    svg("title", {}, detail.account_ids[member.place] ?? "an account"))]));
  const squares = nodes.map((value) => svg("g", { class: `value ${value.link.link}` },
    svg("title", {}, `${words(value.link.link)} of ${plural(value.link.accounts, "account")}`),
    svg("rect", { x: value.x - 9, y: value.y - 9, width: 18, height: 18, rx: 3 }),
    svg("text", { x: value.x, y: value.y + 4 }, value.letter)));

  const drawing = svg("svg", {
    class: "graph", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-label": `${plural(members.length, "account")} and ${plural(nodes.length, "value")} `
      + "that they share; the list below has the same",
  }, paths.map(({ path }) => path), [...dots.values()], squares);

  const point = (value) => {
    drawing.classList.toggle("pointing", value !== null);
    for (const edge of paths) edge.path.classList.toggle("on", edge.value === value);
    for (const [member, dot] of dots) {
      dot.classList.toggle("on", value !== null && member.values.includes(value));
    }
    nodes.forEach((node, i) => squares[i].classList.toggle("on", node === value));
  };
  const key = el("ul", { class: "graph-key" }, nodes.map((value) => {
    const button = el("button", { type: "button", class: `quiet ${value.link.link}` },
      el("span", { class: "letter" }, value.letter), ` ${words(value.link.link)} `,
      el("span", { class: "of" }, `of ${plural(value.link.accounts, "account")}`));
    for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => point(value));
    for (const event of ["mouseleave", "blur"]) button.addEventListener(event, () => point(null));
    return el("li", {}, button);
  }));

  const drawn = `${plural(members.length, "account")} of ${count(detail.row.members)} and `
    + `${plural(nodes.length, "value")} of ${detail.links.length} in the alert are drawn.`;
  return el("div", {}, drawing, key, el("p", { class: "note" }, drawn));
}
