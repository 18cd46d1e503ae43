"use strict";
const cards = [...document.querySelectorAll(".card")];
const sheet = document.querySelector(".sheet");
const filter = { label: null, said: null, flip: null };

function names(set, index) {
  return (set && set[index]) || "class " + index;
}

function show() {
  let shown = 0;
  for (const card of cards) {
    const d = card.dataset;
    const fits = (filter.label === null || d.label === filter.label) && (filter.said === null || d.said === filter.said)
      && (filter.flip === null || d.flip === filter.flip);
    card.hidden = !fits;
    shown += fits;
  }
  const count = document.getElementById("shown");
  if (!count) return;
  let text = shown + " of " + cards.length + (cards.length === 1 ? " picture" : " pictures");
  const what = [];
  if (filter.label !== null) what.push(names(labels, filter.label));
  if (filter.said !== null) what.push("said " + names(labels, filter.said));
  if (what.length) text += ": " + what.join(", ");
  count.textContent = text;
  document.getElementById("clear").hidden = what.length === 0;
  document.getElementById("none").hidden = shown > 0;
  for (const b of document.querySelectorAll("[data-only]"))
    b.setAttribute("aria-pressed", String((b.dataset.only || null) === filter.flip));
}

const orders = {
  flip: (a, b) => rank(a) - rank(b) || b.dataset.probability - a.dataset.probability,
  sure: (a, b) => b.dataset.probability - a.dataset.probability,
  unsure: (a, b) => a.dataset.probability - b.dataset.probability,
  label: (a, b) => a.dataset.label - b.dataset.label || a.dataset.said - b.dataset.said,
  said: (a, b) => a.dataset.said - b.dataset.said || a.dataset.label - b.dataset.label,
  path: (a, b) => a.dataset.path < b.dataset.path ? -1 : a.dataset.path > b.dataset.path ? 1 : 0
};

function rank(card) {
  return ["broken", "otherwise", "unchanged", ""].indexOf(card.dataset.flip);
}

function sortTable(th) {
  const table = th.closest("table"), body = table.tBodies[0], column = th.cellIndex;
  const rising = th.getAttribute("aria-sort") === "descending" || (th.getAttribute("aria-sort") === null && th.dataset.first === "up");
  for (const other of th.parentElement.cells) other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const value = row => { const v = row.cells[column].dataset.value; return v === undefined ? row.cells[column].textContent : Number(v); };
  const rows = [...body.rows].map((row, place) => [value(row), place, row]);
  rows.sort((a, b) => {
    const order = typeof a[0] === "number" ? a[0] - b[0] : a[0].localeCompare(b[0]);
    return (rising ? order : -order) || a[1] - b[1];
  });
  body.append(...rows.map(r => r[2]));
}

document.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.parentElement.tagName === "TH") sortTable(button.parentElement);
  else if (button.id === "clear") { filter.label = filter.said = null; show(); }
  else if (button.dataset.only !== undefined) { filter.flip = button.dataset.only || null; show(); }
  else if (button.dataset.label !== undefined) {
    filter.label = button.dataset.label;
    filter.said = button.dataset.said ?? null;
    filter.flip = null;
    show();
    document.getElementById("mistakes").scrollIntoView();
  }
});

const order = document.getElementById("order");
if (order) order.addEventListener("change", () => sheet.append(...cards.sort(orders[order.value])));
show();
