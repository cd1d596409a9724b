"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const search = document.getElementById("search");
  if (!search) return;

  const PAGE = 100;
  const OPEN = 20; // up to this many stacks are opened when a search matches inside them
  const COLUMNS = [
    ["Stack", (stack) => stack.name],
    ["Outcome", (stack) => data.outcomes.indexOf(stack.outcome)],
    ["Plan, result or error", (stack) => stack.work],
    ["Seconds", (stack) => stack.seconds],
  ];
  const lower = (...texts) => texts.join(" ").toLowerCase();
  const stacks = data.stacks.map(([name, directory, outcome, work, seconds, errors, items, rest]) => ({
    name, directory, outcome, work, seconds, rest,
    own: lower(name, directory, outcome, work),
    parts: [
      ...errors.map(([code, place, text]) => ({ code, place, text, own: lower(code, place, text) })),
      ...items.map(([address, what, why, fields]) => ({
        address, what, why, fields, own: lower(address, what, why, ...fields.map((field) => field.slice(0, 3).join(" "))),
      })),
    ],
    open: undefined,
  }));
  const chosen = new Set();
  let found = stacks, words = [], shown = PAGE, sorted = -1, down = false;

  const body = document.querySelector("tbody");
  const more = document.getElementById("more");
  const number = (value) => value.toLocaleString("en");
  const element = (name, text, cls) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (cls) made.className = cls;
    return made;
  };

  // The words that the stack itself does not have must all be in one of its parts.
  const wordsInside = (stack) => words.filter((word) => !stack.own.includes(word));
  const fits = (part, wanted) => wanted.every((word) => part.own.includes(word));
  const isOpen = (stack) => stack.open ?? (found.length <= OPEN && wordsInside(stack).length > 0);

  function change([name, before, after, lost]) {
    const line = element("div");
    line.append(element("span", (lost ? "takes over " : "") + name + ": ", lost ? "name lost" : "name"));
    line.append(element("span", before + " → ", "value"), element("ins", after, "value"));
    return line;
  }

  function drawPart(part) {
    const line = element("li", undefined, part.code ? "error" : undefined);
    if (part.code) {
      line.append(element("b", part.code), " ", element("code", part.place), element("div", part.text, "note"));
      return line;
    }
    line.append(element("span", part.address, "address"), " ", part.what + (part.why ? " (" + part.why + ")" : ""));
    line.append(...part.fields.map(change));
    return line;
  }

  function details(stack) {
    const line = element("tr", undefined, "details"), cell = element("td"), list = element("ul");
    const wanted = wordsInside(stack);
    const parts = stack.all ? stack.parts : stack.parts.filter((part) => fits(part, wanted));
    list.append(...parts.map(drawPart));
    cell.colSpan = COLUMNS.length;
    cell.append(list);
    if (parts.length < stack.parts.length) {
      const button = element("button", "Show all " + number(stack.parts.length));
      button.type = "button";
      button.addEventListener("click", () => { stack.all = true; draw(); });
      cell.append(button);
    }
    if (stack.rest) cell.append(element("p", number(stack.rest) + " more are left out here; run the stack alone.", "note"));
    if (!stack.parts.length && !stack.rest) cell.append(element("p", "Nothing to show.", "note"));
    line.append(cell);
    return line;
  }

  function drawStack(stack) {
    const line = element("tr", undefined, stack.outcome.replaceAll(" ", "-")), name = element("td", undefined, "address");
    const open = isOpen(stack), button = element("button", stack.name, "stack");
    button.type = "button";
    button.setAttribute("aria-expanded", String(open));
    button.addEventListener("click", () => {
      stack.open = !open;
      draw();
      [...body.querySelectorAll("button.stack")].find((each) => each.textContent === stack.name)?.focus();
    });
    name.append(button);
    if (stack.directory !== "." && stack.directory !== stack.name) name.append(element("div", stack.directory, "note"));
    line.append(name, element("td", stack.outcome, "kind"), element("td", stack.work, "work"),
      element("td", stack.seconds ? stack.seconds.toFixed(1) : "", "seconds"));
    return open ? [line, details(stack)] : [line];
  }

  function draw() {
    body.replaceChildren(...found.slice(0, shown).flatMap(drawStack));
    more.hidden = found.length <= shown;
    more.textContent = "Show more (" + number(found.length - shown) + " left)";
    document.getElementById("count").textContent = number(found.length) + " of " + number(stacks.length) + " stacks";
  }

  function filter() {
    words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = stacks.filter((stack) => {
      stack.all = false;
      if (chosen.size && !chosen.has(stack.outcome)) return false;
      const wanted = wordsInside(stack);
      return !wanted.length || stack.parts.some((part) => fits(part, wanted));
    });
    if (sorted >= 0) {
      const key = COLUMNS[sorted][1], turn = down ? -1 : 1;
      found = found.map((stack) => [key(stack), stack]).sort(([a], [b]) => (a < b ? -turn : a > b ? turn : 0)).map(([, stack]) => stack);
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

  for (const outcome of data.outcomes) {
    const button = element("button", outcome + " (" + number(stacks.filter((stack) => stack.outcome === outcome).length) + ")");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = !chosen.has(outcome);
      if (on) chosen.add(outcome); else chosen.delete(outcome);
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

  for (const cause of document.querySelectorAll(".cause")) {
    cause.addEventListener("click", () => look(cause.dataset.search));
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
