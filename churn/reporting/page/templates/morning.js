"use strict";
(() => {
  const source = document.getElementById("call-data");
  if (!source) return;
  const data = JSON.parse(source.textContent), words = data.words;
  // See `compact` in call_data.py
  for (const key of ["health", "owner", "play", "channel", "family", "stage", "status"])
    if (typeof data[key] === "string") data[key] = [...data[key]].map(digit => digit === "." ? -1 : parseInt(digit, 36));
  data.message = data.message.map(([shape, ...own]) =>
    shape === undefined ? [] : data.shapes[shape].map(line => line === -2 ? own.shift() : line));
  data.before = data.before.map(list => list.map(number => data.contacts[number]));
  const table = document.getElementById("call-table"), body = table.tBodies[0];
  const form = document.getElementById("call-form"), status = document.getElementById("call-count");
  const share = new Intl.NumberFormat(data.language, {style: "percent", minimumFractionDigits: 1});
  const whole = new Intl.NumberFormat(data.language);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const make = (tag, parent, text, name) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    if (parent) parent.append(node);
    return node;
  };
  const calls = [...body.rows].map((row, index) => {
    const head = row.cells[1], button = document.createElement("button");
    button.type = "button";
    button.className = "unfold";
    button.setAttribute("aria-expanded", "false");
    button.append(...head.childNodes);
    head.append(button);
    const play = row.cells[row.cells.length - 3], health = data.health[index];
    if (health > 0) row.cells[4].className = "h" + health;
    if (data.actions[data.play[index]]) make("small", play, data.actions[data.play[index]]);
    const name = button.firstChild.textContent; // the name, or the id of a customer without a name
    const call = {row, index, button, more: null, text: "", name};
    call.text = [row.textContent, ...data.more[index].map(number => data.reasons[number])].join(" ").toLowerCase();
    button.addEventListener("click", () => toggle(call));
    return call;
  });

  // What unfolds; see call_data.py for the form of the data
  const unpack = text => (text.match(/../g) || []).map(digits => digits === ".." ? null : parseInt(digits, 36));
  const named = (text, index) => text.replaceAll("\u0001", () => calls[index].name);
  function toggle(call) {
    const open = button => button.getAttribute("aria-expanded") === "true";
    if (!call.more) {
      call.more = document.createElement("tr");
      call.more.className = "more";
      const cell = make("td", call.more);
      cell.colSpan = call.row.cells.length;
      unfold(make("div", cell, undefined, "unfolded"), call.index);
    }
    if (open(call.button)) call.more.remove(); else call.row.after(call.more);
    call.button.setAttribute("aria-expanded", String(!open(call.button)));
  }
  function part(parent, title) {
    const section = make("div", parent);
    make("h3", section, title);
    return section;
  }
  function list(parent, lines, none) {
    if (!lines.length) return make("p", parent, none, "soft");
    const items = make("ul", parent);
    lines.forEach(line => make("li", items, line));
  }
  function unfold(parent, index) {
    const past = unpack(data.history[index]), history = part(parent, words.history);
    const known = past.filter(value => value !== null);
    if (known.length > 1) draw(history, past);
    else make("p", history, words.single, "soft");
    const values = past.map((value, night) => [data.nights[night], value === null ? words.notScored : share.format(value / 1000)]);
    list(history, values.slice(-10).reverse().map(([night, value]) => `${night}: ${value}`), "");
    if (data.stage[index] >= 0) make("p", history, fill(words.stage, {stage: data.names.stage[data.stage[index]]}));
    const why = part(parent, words.reasons), cells = calls[index].row.cells;
    const texts = [...cells[cells.length - 4].childNodes].filter(node => node.nodeType === 3).map(node => node.data)
      .concat(data.more[index].map(number => data.reasons[number]));
    const levels = data.usual[index];
    list(why, texts.map((text, i) => levels[i] >= 0 ? `${text} (${fill(words.usual, {level: data.levels[levels[i]]})})` : text));
    const todo = part(parent, words.todo), play = data.play[index];
    make("p", todo, data.actions[play] || data.names.play[play] || "");
    if (data.goals[play]) make("p", todo, fill(words.goal, {goal: data.goals[play]}), "soft");
    const message = part(parent, words.message), lines = data.message[index];
    if (!lines.length) make("p", message, words.noMessage, "soft");
    else {
      if (lines[0] >= 0) make("p", message, fill(words.subject, {subject: named(data.lines[lines[0]], index)}));
      make("pre", message, lines.slice(1).map(line => line < 0 ? "" : named(data.lines[line], index)).join("\n").trim());
    }
    const seen = part(parent, words.seen);
    const days = unpack(data.seen[index]);
    list(seen, data.tables.map((table, i) => [table, days[i]]).filter(([, days]) => days !== null)
      .sort((a, b) => a[1] - b[1])
      .map(([table, days]) => fill(days === 1 ? words.day : words.days, {table, days: whole.format(days)})), words.noEvents);
    const before = part(parent, words.before);
    list(before, data.before[index].map(([day, number, channel]) =>
      fill(words.by, {day, play: data.names.play[number] ?? "–", channel: data.names.channel[channel] ?? "–"})), words.noContacts);
  }
  function draw(parent, past) {
    const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
    const top = Math.max(...past) || 1, step = 216 / (past.length - 1);
    const at = (value, i) => [12 + i * step, 62 - value / top * 50];
    let path = "", open = false;
    past.forEach((value, i) => {
      if (value !== null) path += (open ? "L" : "M") + at(value, i).map(x => x.toFixed(1)).join(" ");
      open = value !== null;
    });
    svg.setAttribute("viewBox", "0 0 240 84");
    svg.setAttribute("class", "spark");
    svg.setAttribute("aria-hidden", "true");
    const add = (name, attributes, text) => {
      const node = document.createElementNS(space, name);
      for (const key in attributes) node.setAttribute(key, attributes[key]);
      if (text) node.textContent = text;
      svg.append(node);
    };
    add("path", {d: "M12 62H228", class: "axis"});
    add("path", {d: path});
    past.forEach((value, i) => {
      if (value !== null) { const [cx, cy] = at(value, i); add("circle", {cx, cy, r: 2}); }
    });
    add("text", {x: 12, y: 78}, data.nights[0]);
    add("text", {x: 228, y: 78, "text-anchor": "end"}, data.nights[past.length - 1]);
    parent.append(svg);
  }

  // Sort and filter
  const collator = new Intl.Collator(data.language);
  const text = key => call => data[key][call.index] < 0 ? "" : data.names[key][data[key][call.index]];
  const keys = {order: call => call.index, name: call => call.name, play: text("play"), owner: text("owner")};
  const key = name => keys[name] || (call => data[name][call.index]);
  const falling = new Set(["probability", "value"]);
  let sorted = {name: "order", down: false}, sequence = calls;
  function sort(name, down) {
    const value = key(name);
    const compare = (a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
      const order = typeof x === "string" ? collator.compare(x, y) : x - y;
      return down ? -order : order;
    };
    const all = [...calls].sort((a, b) => compare(a, b) || a.index - b.index);
    const rows = document.createDocumentFragment();
    all.forEach(call => {
      rows.append(call.row);
      if (call.button.getAttribute("aria-expanded") === "true") rows.append(call.more);
    });
    body.append(rows);
    sequence = all;
    sorted = {name, down};
    for (const head of table.tHead.rows[0].cells) {
      if (!head.dataset.sort) continue;
      if (head.dataset.sort === name) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    form.elements.sort.value = name;
    return all;
  }
  for (const head of table.tHead.rows[0].cells) {
    const name = head.dataset.sort;
    if (!name) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    make("span", head, button.textContent, "paper").setAttribute("aria-hidden", "true"); // browsers repeat no buttons on paper
    button.addEventListener("click", () => {
      sort(name, sorted.name === name ? !sorted.down : falling.has(name));
      say();
    });
  }
  const filters = [...form.querySelectorAll("select")].map(select => select.name).filter(name => name !== "sort");
  let shown = calls.length, isWhole = false;
  const rest = document.getElementById("call-rest"), first = Number(rest.dataset.first);
  // A long list would hide the sections below it: the screen shows its first rows, paper shows all.
  function foldRest() {
    let n = 0;
    sequence.forEach(call => {
      if (call.row.hidden) return;
      n += 1;
      [call.row, call.more].forEach(row => row && row.classList.toggle("rest", !isWhole && n > first));
    });
    rest.hidden = isWhole || n <= first;
    rest.textContent = fill(rest.dataset.text, {n: whole.format(n)});
  }
  rest.addEventListener("click", () => {
    const next = sequence.find(call => call.row.classList.contains("rest"));
    isWhole = true;
    foldRest();
    next.button.focus();
  });
  function say() {
    foldRest();
    const name = form.elements.sort.selectedOptions[0].textContent;
    status.textContent = fill(words.count, {shown: whole.format(shown), all: whole.format(calls.length)}) + ", " + fill(words.order, {name});
  }
  function filter() {
    const wanted = form.elements.text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = filters.filter(name => form.elements[name].value !== "").map(name => [name, Number(form.elements[name].value)]);
    shown = 0;
    calls.forEach(call => {
      const fits = chosen.every(([name, value]) => data[name][call.index] === value) && wanted.every(word => call.text.includes(word));
      call.row.hidden = !fits;
      if (call.more) call.more.hidden = !fits;
      shown += fits;
    });
    say();
  }
  form.addEventListener("input", event => {
    if (event.target.name === "sort") { sort(event.target.value, falling.has(event.target.value)); say(); }
    else filter();
  });
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("call-reset").addEventListener("click", () => { form.reset(); sort("order", false); filter(); });
  document.getElementById("call-print").addEventListener("click", () => print());
  document.getElementById("call-print-owners").addEventListener("click", () => {
    const before = sorted, owner = key("owner");
    sort("owner", false).filter(call => !call.row.hidden).forEach((call, i, all) =>
      call.row.classList.toggle("cut", i > 0 && owner(call) !== owner(all[i - 1])));
    print();
    calls.forEach(call => call.row.classList.remove("cut"));
    sort(before.name, before.down);
  });
  document.querySelectorAll("[data-filter]").forEach(link => link.addEventListener("click", () => {
    const [name, value] = link.dataset.filter.split("=");
    form.reset();
    if (form.elements[name]) form.elements[name].value = value;
    filter();
  }));
  form.hidden = false;
  foldRest();
})();
