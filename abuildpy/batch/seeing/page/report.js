"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  for (const each of document.querySelectorAll(".js[hidden]")) each.hidden = false;

  // The table: search, filters, order.

  const table = byId("table"), body = table.tBodies[0], rows = [...body.rows];
  const search = byId("search"), reason = byId("reason");
  const toggles = [...document.querySelectorAll("#filters [data-status]")];
  const texts = new Map(rows.map((row) => [row, row.textContent.replace(/\s+/g, " ").toLowerCase()]));

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(toggles.filter((each) => each.getAttribute("aria-pressed") === "true").map((each) => each.dataset.status));
    let shown = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const fits = wanted.has(row.dataset.status) && (!reason.value || row.dataset.reason === reason.value) &&
        words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent = `${shown} of ${rows.length}`;
  }
  function press(statuses) {
    for (const each of toggles) each.setAttribute("aria-pressed", String(!statuses || statuses.includes(each.dataset.status)));
  }
  function showAll() {
    press(null);
    search.value = reason.value = "";
    filter();
  }
  let later = 0;
  search.addEventListener("input", () => { clearTimeout(later); later = setTimeout(filter, 80); });
  reason.addEventListener("change", filter);
  byId("filters").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  byId("all").addEventListener("click", showAll);
  for (const each of toggles) {
    each.addEventListener("click", () => {
      each.setAttribute("aria-pressed", String(each.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  for (const each of document.querySelectorAll("[data-only]")) {
    each.addEventListener("click", () => {
      showAll();
      press([each.dataset.only]);
      filter();
      byId("packages").scrollIntoView();
    });
  }

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const numbers = head.dataset.kind === "number";
      const before = head.getAttribute("aria-sort");
      const direction = before === null ? (numbers ? "descending" : "ascending") : before === "ascending" ? "descending" : "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const collator = new Intl.Collator("en", { numeric: true });
      const keyed = rows.map((row, index) => {
        const cell = row.cells[column];
        const value = numbers ? cell.dataset.value : cell.textContent.trim();
        return { row, index, none: value === "", value: numbers ? Number(value) : value };
      });
      // What has no value stands last either way.
      keyed.sort((a, b) => (a.none - b.none) || (a.none ? 0 : sign * (numbers ? a.value - b.value : collator.compare(a.value, b.value))) || a.index - b.index);
      body.append(...keyed.map((each) => each.row));
    });
  });
  filter();

  // A link to a package leads to its row even if a filter hides it.

  function reveal() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { return; }
    const target = name && byId(name);
    if (target && target.tagName === "TR") {
      if (target.hidden) showAll();
      target.scrollIntoView({ block: "center" });
    }
  }
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) setTimeout(reveal);
  });
  reveal();
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });

  // The graph: layers by the longest way from what needs nothing, drawn for a part of it.

  const graph = JSON.parse(byId("graph-data").textContent);
  const needs = graph.names.map(() => []), needed = graph.names.map(() => []);
  for (const [one, other] of graph.edges) { needs[one].push(other); needed[other].push(one); }
  const number = new Map(graph.names.map((name, index) => [name, index]));
  const box = byId("graph-box"), view = byId("graph-view"), input = byId("graph-name"), zoom = byId("graph-zoom"), more = byId("graph-more");
  const MOST = 300, WIDE = 190, HIGH = 24, GAP_X = 70, GAP_Y = 8, TALL = 60;
  const SVG = "http://www.w3.org/2000/svg";
  let most = MOST, center = -1;

  function reached(starts, ways, limit) {
    const found = new Set(starts);
    for (const each of found) {  // a Set is walked in the order in which it grows
      if (found.size >= limit) break;
      for (const way of ways) for (const next of way[each]) if (found.size < limit) found.add(next);
    }
    return found;
  }
  function wanted() {
    const all = graph.names.map((_, index) => index);
    if (view.value === "all") return all;
    if (view.value === "one") {
      center = number.has(input.value) ? number.get(input.value) : -1;
      if (center < 0) return [];
      // Neighbours first, so that a limit cuts off what is farthest.
      const ahead = [...reached([center], [needs], Infinity)], behind = [...reached([center], [needed], Infinity)];
      const mixed = new Set([center]);
      for (let index = 1; index < Math.max(ahead.length, behind.length); index++) {
        if (index < ahead.length) mixed.add(ahead[index]);
        if (index < behind.length) mixed.add(behind[index]);
      }
      return [...mixed];
    }
    const failed = all.filter((index) => graph.statuses[index] === "failed");
    const blocked = [...reached(failed, [needed.map((each) => each.filter((index) => graph.statuses[index] === "blocked"))], Infinity)];
    return [...new Set([...blocked, ...all.filter((index) => graph.statuses[index] === "blocked")])];
  }
  function layers(part) {
    const inside = new Set(part), open = new Map(), layer = new Map();
    for (const each of part) open.set(each, needs[each].filter((other) => inside.has(other)).length);
    let ready = part.filter((each) => open.get(each) === 0);
    for (const each of ready) layer.set(each, 0);
    while (layer.size < part.length || ready.length) {
      if (!ready.length) {  // only cycles are left: one of them has to begin
        const next = part.filter((each) => !layer.has(each)).sort((a, b) => open.get(a) - open.get(b))[0];
        layer.set(next, Math.max(0, ...needs[next].filter((other) => layer.has(other)).map((other) => layer.get(other) + 1)));
        ready = [next];
      }
      const next = [];
      for (const each of ready) {
        for (const other of needed[each]) {
          if (!inside.has(other) || layer.has(other)) continue;
          open.set(other, open.get(other) - 1);
          if (open.get(other) === 0) {
            layer.set(other, 1 + Math.max(-1, ...needs[other].filter((x) => layer.has(x)).map((x) => layer.get(x))));
            next.push(other);
          }
        }
      }
      ready = next;
    }
    const found = [];
    for (const each of part) (found[layer.get(each)] ||= []).push(each);
    return found.filter(Boolean);
  }
  function ordered(found) {
    // Each row of a layer near the middle of what it is tied to, a few times to and fro.
    const at = new Map();
    const place = (layer) => layer.forEach((each, index) => at.set(each, (index + 0.5) / layer.length));
    found.forEach(place);
    for (let round = 0; round < 4; round++) {
      const ties = round % 2 ? needed : needs;
      for (const layer of round % 2 ? [...found].reverse() : found) {
        const middle = new Map(layer.map((each) => {
          const near = ties[each].filter((other) => at.has(other));
          return [each, near.length ? near.reduce((sum, other) => sum + at.get(other), 0) / near.length : at.get(each)];
        }));
        layer.sort((a, b) => middle.get(a) - middle.get(b));
        place(layer);
      }
    }
    return found;
  }
  function element(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }
  function draw() {
    byId("graph-one").hidden = view.value !== "one";
    const all = wanted(), part = all.slice(0, most);
    box.replaceChildren();
    more.hidden = part.length === all.length;
    more.textContent = `Draw all ${all.length}`;
    const said = byId("graph-said");
    if (!part.length) {
      said.textContent = view.value === "trouble" ? "nothing failed" : "no package of that name";
      return;
    }
    said.textContent = part.length === all.length ? `${all.length} packages` : `${part.length} of ${all.length} packages`;
    const places = new Map();
    let x = 10, height = 0;
    for (const layer of ordered(layers(part))) {
      const columns = Math.ceil(layer.length / TALL), tall = Math.ceil(layer.length / columns);
      layer.forEach((each, index) => {
        const y = 10 + (index % tall) * (HIGH + GAP_Y);
        places.set(each, [x + Math.floor(index / tall) * (WIDE + 14), y]);
        height = Math.max(height, y + HIGH);
      });
      x += columns * (WIDE + 14) + GAP_X - 14;
    }
    const width = x - GAP_X + 10;
    height += 10;
    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Packages and what they need" }, box);
    svg.dataset.width = width;
    svg.dataset.height = height;
    const edges = element("g", {}, svg), nodes = element("g", {}, svg);
    const ties = new Map(part.map((each) => [each, []]));
    for (const each of part) {
      const [toX, toY] = places.get(each);
      for (const other of needs[each]) {
        if (!places.has(other)) continue;
        const [fromX, fromY] = places.get(other);
        const startX = fromX + WIDE, startY = fromY + HIGH / 2, endY = toY + HIGH / 2, bend = Math.max(30, (toX - startX) / 2);
        const path = element("path", { d: `M${startX} ${startY}C${startX + bend} ${startY} ${toX - bend} ${endY} ${toX} ${endY}` }, edges);
        ties.get(each).push(path);
        ties.get(other).push(path);
      }
    }
    const anchors = new Map();
    for (const each of part) {
      const [left, top] = places.get(each), name = graph.names[each], status = graph.statuses[each];
      const link = element("a", { href: `#${encodeURIComponent(name)}`, class: status + (each === center && view.value === "one" ? " center" : ""), tabindex: "-1" }, nodes);
      link.setAttribute("aria-label", `${name}, ${status === "left" ? "not reached" : status}, needs ${needs[each].length}, needed by ${needed[each].length}`);
      element("title", {}, link).textContent = `${name}: ${status === "left" ? "not reached" : status}`;
      element("rect", { x: left, y: top, width: WIDE, height: HIGH, rx: 4 }, link);
      const label = element("text", { x: left + 7, y: top + 16 }, link);
      const mark = { failed: "✗ ", blocked: "– ", built: "✓ ", reused: "= " }[status] || "";
      label.textContent = mark + (name.length > 23 ? `${name.slice(0, 22)}…` : name);
      const near = (on) => { for (const path of ties.get(each)) path.classList.toggle("near", on); };
      for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]]) link.addEventListener(event, () => near(on));
      link.addEventListener("click", (event) => { event.preventDefault(); around(name, true); });
      link.addEventListener("keydown", (event) => {
        const [px, py] = places.get(each);
        const inLayer = [...places].filter(([, [ox]]) => ox === px);
        const nearest = (others) => others.filter((other) => places.has(other))
          .sort((a, b) => Math.abs(places.get(a)[1] - py) - Math.abs(places.get(b)[1] - py))[0];
        const next = {
          ArrowLeft: () => nearest(needs[each]),
          ArrowRight: () => nearest(needed[each]),
          ArrowUp: () => (inLayer.filter(([, [, oy]]) => oy < py).sort((a, b) => b[1][1] - a[1][1])[0] || [])[0],
          ArrowDown: () => (inLayer.filter(([, [, oy]]) => oy > py).sort((a, b) => a[1][1] - b[1][1])[0] || [])[0],
        }[event.key];
        if (!next) return;
        event.preventDefault();
        const other = next();
        if (other !== undefined) anchors.get(other).focus();
      });
      anchors.set(each, link);
    }
    const first = view.value === "one" && anchors.get(center) || anchors.get(part[0]);
    first.setAttribute("tabindex", "0");
    scale();
    if (view.value === "one" && center >= 0) {
      const [left, top] = places.get(center);
      box.scrollTo(left * zoom.value - box.clientWidth / 2 + WIDE / 2, top * zoom.value - box.clientHeight / 2);
    }
    return anchors;
  }
  function scale() {
    const svg = box.firstElementChild;
    if (!svg) return;
    svg.setAttribute("width", svg.dataset.width * zoom.value);
    svg.setAttribute("height", svg.dataset.height * zoom.value);
  }
  function around(name, keep) {
    view.value = "one";
    input.value = name;
    most = MOST;
    const anchors = draw();
    if (keep && anchors && anchors.has(center)) anchors.get(center).focus({ preventScroll: true });
  }
  const names = byId("graph-names");
  for (const name of graph.names) names.append(new Option(name));
  view.addEventListener("change", () => { most = MOST; draw(); });
  input.addEventListener("input", () => { if (number.has(input.value)) { most = MOST; draw(); } });
  zoom.addEventListener("input", scale);
  more.addEventListener("click", () => { most = Infinity; draw(); });
  byId("graph-form").addEventListener("submit", (event) => { event.preventDefault(); draw(); });
  for (const each of document.querySelectorAll("[data-graph]")) each.addEventListener("click", () => around(each.dataset.graph, false));
  if (!graph.statuses.includes("failed") && graph.names.length <= MOST) view.value = "all";
  draw();

  const time = byId("time"), stretch = byId("time-zoom");
  if (time) {
    byId("time-zoom").form.addEventListener("submit", (event) => event.preventDefault());
    stretch.addEventListener("input", () => {
      const holder = time.parentElement, middle = (holder.scrollLeft + holder.clientWidth / 2) / time.clientWidth;
      time.setAttribute("width", `${stretch.value * 100}%`);
      time.classList.toggle("near", stretch.value >= 8);
      holder.scrollLeft = middle * time.clientWidth - holder.clientWidth / 2;
    });
  }
})();
