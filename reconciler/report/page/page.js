
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const search = document.getElementById("search");
  if (!search) return;

  const PAGE = 200;
  const COLUMNS = [
    ["Resource", (row) => row.address],
    ["Kind", (row) => data.kinds.indexOf(row.told.kind)],
    ["What and why", (row) => row.told.what + row.told.why],
    ["Agent or actor", (row) => row.told.who],
    ["Before → after", (row) => row.told.text],
    ["Declared at", (row) => row.place.replace(/:(\d+)$/, (_, line) => ":" + line.padStart(9, "0"))],
  ];
  const told = data.told.map(([kind, what, why, who, fields, calls, notes]) => ({
    kind, what, why, who, fields, calls, notes,
    text: [...fields.map((f) => f.slice(0, 3).join(" ")), ...(calls ?? []), ...notes].join(" "),
  }));
  const rows = data.rows.map(([address, place, index]) => ({ address, place, told: told[index] }));
  const chosen = new Set();
  let found = rows, shown = PAGE, sorted = -1, down = false;

  const body = document.querySelector("tbody");
  const more = document.getElementById("more");
  const element = (name, text, cls) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (cls) made.className = cls;
    return made;
  };

  function change(name, before, after, lost) {
    const line = element("div");
    line.append(element("span", (lost ? "takes over " : "") + name + ": ", lost ? "name lost" : "name"));
    line.append(element("span", before + " → ", "value"), element("ins", after, "value"));
    return line;
  }

  function drawn(row) {
    const line = element("tr", undefined, row.told.kind.replaceAll(" ", "-"));
    const values = element("td");
    for (const [name, before, after, lost] of row.told.fields) values.append(change(name, before, after, lost));
    if (row.told.calls) values.append(change("calls", row.told.calls[0], row.told.calls[1], false));
    for (const note of row.told.notes) values.append(element("div", note, "note"));
    line.append(element("td", row.address, "address"), element("td", row.told.kind, "kind"),
      element("td", row.told.what + (row.told.why ? " (" + row.told.why + ")" : "")),
      element("td", row.told.who), values, element("td", row.place));
    return line;
  }

  function draw() {
    body.replaceChildren(...found.slice(0, shown).map(drawn));
    more.hidden = found.length <= shown;
    more.textContent = "Show more (" + (found.length - shown).toLocaleString("en") + " left)";
    document.getElementById("count").textContent =
      found.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " resources";
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = new Map(told.map((each) => [each, (each.kind + " " + each.what + " " + each.why + " " + each.who + " " + each.text).toLowerCase()]));
    found = rows.filter((row) => {
      if (chosen.size && !chosen.has(row.told.kind)) return false;
      const own = (row.address + " " + row.place).toLowerCase();
      return words.every((word) => own.includes(word) || fits.get(row.told).includes(word));
    });
    if (sorted >= 0) {
      const key = COLUMNS[sorted][1], turn = down ? -1 : 1;
      found = found.map((row) => [key(row), row]).sort(([a], [b]) => (a < b ? -turn : a > b ? turn : 0)).map(([, row]) => row);
    }
    shown = PAGE;
    draw();
  }

  COLUMNS.forEach(([title], column) => {
    const head = element("th"), button = element("button", title);
    head.scope = "col";
    button.type = "button";
    button.addEventListener("click", () => {
      down = sorted === column && !down;
      sorted = column;
      document.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      filter();
    });
    head.append(button);
    document.querySelector("thead tr").append(head);
  });

  for (const kind of data.kinds) {
    const number = rows.filter((row) => row.told.kind === kind).length;
    const button = element("button", kind + " (" + number.toLocaleString("en") + ")");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = !chosen.has(kind);
      if (on) chosen.add(kind); else chosen.delete(kind);
      button.setAttribute("aria-pressed", String(on));
      filter();
    });
    document.getElementById("kinds").append(button);
  }

  function look(text) {
    search.value = text;
    filter();
    search.focus();
  }

  for (const node of document.querySelectorAll(".node")) {
    node.addEventListener("click", () => look(node.dataset.search));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        look(node.dataset.search);
      }
    });
  }
  search.addEventListener("input", filter);
  more.addEventListener("click", () => { shown += PAGE; draw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      look("");
    }
  });
  filter();
})();
