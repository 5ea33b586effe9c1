"use strict";
(() => {
  // What is not in the data has its default here: the page leaves out what is null, false or empty.
  const data = JSON.parse(document.getElementById("data").textContent);
  const DAY = 86400000, SVG = "http://www.w3.org/2000/svg", MOST_AT_ONCE = 200, MOST_DRAWN = 200, MOST_PRINTED = 1000;
  const made = Date.parse(data.generated), start = made, end = made + 366 * DAY;
  const rank = { error: 0, warning: 1, ok: 2 }, said = { error: "error", warning: "warning", ok: "ok" };
  const $ = (id) => document.getElementById(id);

  function node(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined) made.setAttribute(name, value);
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  }
  function shape(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }
  const day = (text) => (text || "").slice(0, 10);
  const moment = (text) => (text ? text.slice(0, 10) + ", " + text.slice(11, 16) + " UTC" : "–");
  const short = (time) => new Date(time).toISOString().slice(0, 10);
  const many = (count, word) => count.toLocaleString("en") + " " + word + (count === 1 ? "" : "s");
  const place = (each) => (each.address.includes(":") ? "[" + each.address + "]" : each.address) + ":" + each.port;

  // --- the records, ready to be sorted and searched ---------------------------------------------------------------
  const rows = data.certificates.map((record, index) => {
    const hosts = [...new Set([...(record.deployed || []), ...(record.endpoints || [])].map((each) => each.host || each.address))].sort();
    const ends = record.not_after ? Date.parse(record.not_after) : null;
    const days = ends === null ? null : Math.trunc((ends - made) / DAY);
    const problems = record.problems || [];
    const words = [record.name, ...(record.names || []), record.serial, record.issuer, record.ca, ...hosts, ...problems.map((each) => each.text)];
    return {
      record, index, hosts, ends, days, problems, state: record.state, name: record.name, issuer: record.issuer || record.ca || "",
      renewal: record.renewal ? Date.parse(record.renewal.at) : null,
      begins: record.not_before ? Date.parse(record.not_before) : null,
      later: ((record.renewal || {}).later || []).map((text) => Date.parse(text)),
      words: words.filter(Boolean).join("\n").toLowerCase(),
    };
  });
  const calendars = new Map((data.freezes || []).map((each) => [each.id, each.windows.map(([a, b]) => [Date.parse(a), Date.parse(b)])]));

  // --- charts by the week -----------------------------------------------------------------------------------------
  function ticks(from, to) {
    const found = [], date = new Date(from);
    date.setUTCDate(1); date.setUTCHours(0, 0, 0, 0); date.setUTCMonth(date.getUTCMonth() + 1);
    for (; date.getTime() < to; date.setUTCMonth(date.getUTCMonth() + 1)) found.push(date.getTime());
    return found;
  }
  const monthName = (time) => new Date(time).toLocaleDateString("en", { month: "short", timeZone: "UTC" });
  function bars(box, counts, from, to, bands, label, bandClass) {
    const step = (to - from) / counts.length;
    const draw = () => {
      const width = Math.max(280, box.clientWidth || 800), height = 170, left = 34, bottom = 22, top = 8;
      const most = Math.max(1, ...counts), x = (time) => left + (Math.min(Math.max(time, from), to) - from) / (to - from) * (width - left - 4);
      const y = (count) => top + (1 - count / most) * (height - top - bottom);
      const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label });
      for (const [a, b] of bands) svg.append(shape("rect", { class: bandClass, x: x(a), y: top, width: Math.max(1, x(b) - x(a)), height: height - top - bottom }));
      for (const count of [...new Set([0, Math.ceil(most / 2), most])]) {
        svg.append(shape("line", { class: "grid", x1: left, x2: width, y1: y(count), y2: y(count) }), shape("text", { x: left - 6, y: y(count) + 4, "text-anchor": "end" }, count));
      }
      counts.forEach((count, index) => {
        if (!count) return;
        const a = x(from + index * step), b = x(from + (index + 1) * step);
        const bar = shape("rect", { class: "bar", x: a + (b - a) * .12, width: (b - a) * .76, y: y(count), height: height - bottom - y(count), rx: 1 });
        bar.append(shape("title", {}, `week of ${short(from + index * step)}: ${count}`));
        svg.append(bar);
      });
      let free = 0;
      for (const time of ticks(from, to)) {
        const far = to - from > 500 * DAY, month = new Date(time).getUTCMonth();
        svg.append(shape("line", { class: "grid", x1: x(time), x2: x(time), y1: height - bottom, y2: height - bottom + 5 }));
        if (x(time) < free || x(time) > width - 20 || (far && month % 3)) continue;
        svg.append(shape("text", { x: x(time) + 2, y: height - 5 }, monthName(time) + (month === 0 || far ? " " + new Date(time).getUTCFullYear() : "")));
        free = x(time) + (month === 0 || far ? 62 : 32);
      }
      box.replaceChildren(svg);
    };
    draw();
    let width = box.clientWidth;
    new ResizeObserver(() => { if (box.clientWidth !== width) { width = box.clientWidth; draw(); } }).observe(box);
  }
  function weekTable(box, counts, from, step, word) {
    box.addEventListener("toggle", () => {
      if (!box.open || box.querySelector("table")) return;
      const body = node("tbody");
      counts.forEach((count, index) => body.append(node("tr", {}, node("th", { scope: "row" }, short(from + index * step)), node("td", {}, String(count)))));
      box.append(node("table", {}, node("thead", {}, node("tr", {}, node("th", { scope: "col" }, "Week from"), node("th", { scope: "col" }, word))), body));
    });
  }
  function drawYear() {
    const weeks = new Array(52).fill(0), step = (end - start) / 52;
    for (const row of rows) for (const time of row.renewal === null ? row.later : [Math.max(row.renewal, start), ...row.later]) {
      if (time >= start && time < end) weeks[Math.floor((time - start) / step)] += 1;
    }
    const total = weeks.reduce((sum, each) => sum + each, 0), most = Math.max(...weeks), when = weeks.indexOf(most);
    const text = total ? `${many(total, "renewal")} in 12 months; at most ${most.toLocaleString("en")} in a week, that of ${short(start + when * step)}` : "no renewals are known";
    $("year-text").textContent = "· " + text;
    bars($("year"), weeks, start, end, [...calendars.values()].flat(), "Renewals by the week: " + text, "band");
    weekTable($("year-table"), weeks, start, step, "Renewals");
  }
  function drawPlan() {
    const plan = data.plan;
    if (!plan || !plan.weeks || !$("plan")) return;
    const from = Date.parse(plan.weeks[0].start), counts = plan.weeks.map((each) => each.orders), to = from + counts.length * 7 * DAY;
    const most = Math.max(...counts), text = `at most ${many(most, "order")} in a week, that of ${plan.weeks[counts.indexOf(most)].start}`;
    $("plan-text").textContent = "· " + text;
    bars($("plan"), counts, from, to, (plan.outages || []).map(([a, b]) => [Date.parse(a), Date.parse(b)]), "Orders by the week: " + text, "out");
    weekTable($("plan-table"), counts, from, 7 * DAY, "Orders");
  }

  // --- one row ----------------------------------------------------------------------------------------------------
  // In pixels of the column, so that marks keep their form; drawn anew when the column gets another width.
  let wide = 300, grid = "", drawings = new Map();
  const months = ticks(start, end);
  const scale = (time) => Math.min(Math.max((time - start) / (end - start), 0), 1) * wide;
  const at = (time) => scale(time).toFixed(1);
  function measure() {
    const cell = body.querySelector("td.c-line") || document.querySelector("th.c-line");
    const space = cell.clientWidth - parseFloat(getComputedStyle(cell).paddingRight);
    if (space > 50) wide = space;
    grid = months.map((time) => `M${at(time)} 0V24`).join("");
    drawings = new Map([...calendars].map(([id, windows]) => [id, windows.map(([a, b]) => `M${at(a)} 0H${at(b)}V24H${at(a)}Z`).join("")]));
    const head = shape("svg", { viewBox: `0 0 ${wide} 24`, height: 24 });
    head.append(shape("path", { class: "grid", d: grid }));
    months.forEach((time, index) => {
      const every = wide / 12 < 26 ? 3 : 1;
      if (index % every === 0 && scale(time) < wide - 20) head.append(shape("text", { x: scale(time) + 3, y: 16 }, monthName(time)));
    });
    $("months").replaceChildren(head);
  }
  function timeline(row) {
    const svg = shape("svg", { viewBox: `0 0 ${wide} 24`, height: 24, role: "img" });
    const parts = [];
    const plain = printing && shown.length > MOST_DRAWN;
    if (!plain && row.record.freezes && drawings.has(row.record.freezes)) svg.append(shape("path", { class: "band", d: drawings.get(row.record.freezes) }));
    if (!plain) svg.append(shape("path", { class: "grid", d: grid }));
    if (row.ends !== null) {
      const marks = row.renewal === null ? [] : [Math.max(row.renewal, start), ...(plain ? [] : row.later)];
      if (marks.length) svg.append(shape("rect", { class: "later", x: scale(marks[0]), width: wide - scale(marks[0]), y: 10, height: 4 }));
      const from = scale(row.begins), gone = row.ends < start;
      svg.append(shape("rect", { class: "life " + row.state, x: from, width: gone ? 3 : Math.max(scale(row.ends) - from, 2), y: 7, height: 10, rx: 1 }));
      parts.push(gone ? "expired" : "valid until " + short(row.ends));
      for (const time of marks) if (time < end) svg.append(shape("path", { class: "mark", d: `M${Math.max(5, scale(time)).toFixed(1)} 6l5 6l-5 6l-5 -6z` }));
      if (marks.length) parts.push(`renewal ${row.record.renewal.due ? "due" : "on " + short(marks[0])}, ${marks.length} in 12 months`);
    }
    svg.setAttribute("aria-label", parts.join(", ") || "no certificate");
    return svg;
  }
  function soon(row) {
    if (row.renewal === null) return "–";
    return row.record.renewal.due ? "due now" : day(row.record.renewal.at);
  }
  function line(row, number) {
    const name = node("button", { type: "button", class: "name", title: row.name }, row.name);
    name.addEventListener("click", () => open(row));
    const level = row.days === null ? "" : row.days < data.fail_days ? " error" : row.days < data.warn_days ? " warning" : "";
    const hosts = row.hosts.length > 2 ? `${row.hosts[0]} (+${row.hosts.length - 1})` : row.hosts.join(", ");
    return node("tr", { class: "row", "aria-rowindex": number + 2 },
      node("td", { class: "c-state" }, node("span", { class: "state " + row.state }, said[row.state])),
      node("th", { class: "c-name", scope: "row" }, name),
      node("td", { class: "c-hosts", title: row.hosts.slice(0, 20).join(", ") }, hosts || "–"),
      node("td", { class: "c-issuer" }, row.issuer || "–"),
      node("td", { class: "c-days" + level }, row.days === null ? "–" : String(row.days)),
      node("td", { class: "c-renewal", title: row.record.renewal ? row.record.renewal.reason : null }, soon(row)),
      node("td", { class: "c-line" }, timeline(row)));
  }

  // --- the table: only rows in sight are there, unless they are few or are printed ---------------------------------
  const body = $("rows"), scroll = $("scroll"), table = $("table");
  let quiet = false, shown = rows, key = "state", direction = 1, drawn = "", printing = false;
  const space = (height) => { const row = node("tr", { class: "space", "aria-hidden": "true" }, node("td", { colspan: 7 })); row.style.height = row.firstChild.style.height = height + "px"; return row; };
  const rowHeight = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
  let height = rowHeight();
  function render(force) {
    let from = 0, to = shown.length;
    if (shown.length > MOST_AT_ONCE && !printing) {
      from = Math.max(0, Math.floor(scroll.scrollTop / height) - 10);
      to = Math.min(shown.length, from + Math.ceil(scroll.clientHeight / height) + 20);
    } else to = Math.min(shown.length, MOST_PRINTED);
    const now = from + "-" + to;
    if (!force && now === drawn) return;
    drawn = now;
    const focused = document.activeElement && body.contains(document.activeElement) ? document.activeElement.textContent : null;
    const lines = shown.slice(from, to).map((row, index) => line(row, from + index));
    if (from) lines.unshift(space(from * height));
    if (printing && to < shown.length) lines.push(node("tr", { class: "nothing" }, node("td", { colspan: 7 }, `... and ${many(shown.length - to, "certificate")} more: filter the table to print them`)));
    else if (to < shown.length) lines.push(space((shown.length - to) * height));
    if (!shown.length) lines.push(node("tr", { class: "nothing" }, node("td", { colspan: 7 }, rows.length ? "No certificate fits." : "There are no certificates yet.")));
    body.replaceChildren(...lines);
    table.setAttribute("aria-rowcount", shown.length + 1);
    if (focused !== null) for (const each of body.querySelectorAll(".name")) if (each.textContent === focused) each.focus({ preventScroll: true });
  }
  const value = { state: (row) => rank[row.state], name: (row) => row.name, hosts: (row) => row.hosts[0] || "\uffff", issuer: (row) => row.issuer || "\uffff", days: (row) => (row.ends === null ? -Infinity : row.ends), renewal: (row) => (row.renewal === null ? Infinity : row.renewal) };
  function compare(a, b) {
    const left = value[key](a), right = value[key](b);
    if (left < right) return -direction;
    if (left > right) return direction;
    return a.index - b.index;
  }
  const form = $("filters"), fields = form.elements;
  function update() {
    const words = fields.text.value.toLowerCase().split(/\s+/).filter(Boolean), host = fields.host.value.trim().toLowerCase();
    const issuer = fields.issuer.value, problem = fields.problem.value, state = fields.state.value, days = fields.days.value === "" ? null : Number(fields.days.value);
    shown = rows.filter((row) =>
      (!state || row.state === state || (state === "problems" && row.state !== "ok")) &&
      (!problem || row.problems.some((each) => each.code === problem)) &&
      (!issuer || row.issuer === issuer) &&
      (days === null || (row.days !== null && row.days <= days)) &&
      (!host || row.hosts.some((each) => each.toLowerCase().includes(host))) &&
      words.every((word) => row.words.includes(word)));
    shown.sort(compare);
    $("shown").textContent = (shown.length === rows.length ? "All " : shown.length.toLocaleString("en") + " of ") + many(rows.length, "certificate");
    scroll.scrollTop = 0;
    render(true);
  }
  function sortBy(name) {
    direction = key === name ? -direction : 1;
    key = name;
    for (const button of table.querySelectorAll("[data-sort]")) {
      button.closest("th").setAttribute("aria-sort", button.dataset.sort === key ? (direction > 0 ? "ascending" : "descending") : "none");
    }
    fields.order.value = key;
    update();
  }
  function show(what, problem) {
    form.reset();
    quiet = true; // the form tells of its reset later
    if (what === "renewals") { sortBy("renewal"); if (direction < 0) sortBy("renewal"); }
    else if (problem) fields.problem.value = problem;
    else fields.state.value = what;
    update();
    $("certificates").scrollIntoView();
    $("certificates").focus({ preventScroll: true });
  }

  // --- details ----------------------------------------------------------------------------------------------------
  function facts(pairs) {
    const list = node("dl");
    for (const [name, value] of pairs) if (value !== null && value !== undefined && value !== "") list.append(node("dt", {}, name), node("dd", {}, value));
    return list;
  }
  function grid2(title, heads, lines) {
    if (!lines.length) return [];
    const head = node("tr", {}, ...heads.map((each) => node("th", { scope: "col" }, each)));
    return [node("h3", {}, title), node("table", {}, node("thead", {}, head), node("tbody", {}, ...lines.map((cells) => node("tr", {}, ...cells.map((cell) => node("td", {}, cell))))))];
  }
  function open(row) {
    const record = row.record, renewal = record.renewal, order = record.order, term = record.term, revocation = record.revocation || {};
    $("details-title").textContent = row.name;
    const left = row.days === null ? "" : row.ends < made ? ` (expired ${row.days ? many(-row.days, "day") : "less than a day"} ago)` : ` (${many(row.days, "day")} left)`;
    const parts = [];
    if (row.problems.length) parts.push(node("ul", {}, ...row.problems.map((each) => node("li", {}, node("span", { class: "state " + each.severity }, said[each.severity]), " ", each.text))));
    else parts.push(node("p", {}, node("span", { class: "state ok" }, "ok"), " In order"));
    parts.push(facts([
      ["Names", (record.names || []).join(", ")],
      ["Issuer", [record.issuer, record.provider && `(${record.provider})`].filter(Boolean).join(" ")],
      ["Certificate of", record.ca],
      ["Order", order ? [order.id, order.product, order.url].filter(Boolean).join(" · ") : null],
      ["Paid until", term ? `${day(term.end)}, with ${many(term.reissues_due || 0, "reissue")} due until then` : null],
      ["Serial number", record.serial],
      ["SHA-256", record.fingerprint],
      ["Valid", record.not_after ? `${moment(record.not_before)} to ${moment(record.not_after)}${left}` : "there is no certificate"],
      ["Key", record.key_type ? [record.key_type, record.key_size].filter(Boolean).join(" ") : null],
      ["Renewal", renewal ? `${renewal.due ? "due" : day(renewal.at)}: ${renewal.reason}` : null],
      ["After that", row.later.length ? row.later.map(short).join(", ") : null],
      ["Freezes", record.freezes ? (data.freezes.find((each) => each.id === record.freezes) || { rules: [] }).rules.map((each) => `${each.name || "freeze"}: ${each.cron} for ${each.duration} (${each.zone})`).join("; ") : null],
      ["Freezes count until", renewal && record.freezes ? moment(renewal.hard_stop) : null],
      ["Revocation", [revocation.status === "not_checked" || !revocation.status ? "not checked" : revocation.status.replace("_", " "), revocation.reason, revocation.at && "as of " + moment(revocation.at)].filter(Boolean).join(", ")],
    ]));
    parts.push(...grid2("Served", ["Where", "Name asked for", "What it serves", "Asked"], (record.endpoints || []).map((each) => [
      [each.host, place(each), each.starttls].filter(Boolean).join(", "), each.server_name,
      each.matches ? "the issued one" : each.serial || each.reason || "another certificate", moment(each.at)])));
    parts.push(...grid2("On disk", ["Host", "Serial number", ""], (record.deployed || []).map((each) => [each.host, each.serial || (each.matches ? record.serial : "–"), each.matches ? "the issued one" : "not the issued one"])));
    $("details-body").replaceChildren(...parts);
    $("details").showModal();
    $("details-title").focus();
  }

  if (!calendars.size) for (const each of document.querySelectorAll(".of-freezes")) each.hidden = true;

  // --- begin ------------------------------------------------------------------------------------------------------
  for (const name of [...new Set(rows.map((row) => row.issuer).filter(Boolean))].sort()) fields.issuer.append(node("option", { value: name }, name));
  for (const button of table.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => sortBy(button.dataset.sort));
    fields.order.append(node("option", { value: button.dataset.sort }, button.textContent));
  }
  fields.order.addEventListener("change", () => { if (fields.order.value !== key) sortBy(fields.order.value); });
  let pending = 0;
  form.addEventListener("input", (event) => { if (event.target !== fields.order) { cancelAnimationFrame(pending); pending = requestAnimationFrame(update); } });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { fields.order.value = key; if (!quiet) update(); quiet = false; }));
  fields.host.addEventListener("focus", () => {
    if (!$("hosts").childElementCount) $("hosts").append(...[...new Set(rows.flatMap((row) => row.hosts))].sort().slice(0, 5000).map((name) => node("option", { value: name })));
  });
  for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => show(button.dataset.show));
  for (const button of document.querySelectorAll("[data-problem]")) button.addEventListener("click", () => show("problem", button.dataset.problem));
  for (const button of document.querySelectorAll("[data-open]")) button.addEventListener("click", () => open(rows[Number(button.dataset.open)]));
  $("details").addEventListener("click", (event) => { if (event.target === $("details")) $("details").close(); });
  scroll.addEventListener("scroll", () => render(false), { passive: true });
  function fit() { height = rowHeight(); measure(); render(true); }
  window.addEventListener("resize", fit);
  window.addEventListener("beforeprint", () => { printing = true; fit(); });
  window.addEventListener("afterprint", () => { printing = false; fit(); });
  const old = Math.floor((Date.now() - made) / DAY);
  if (old >= 1) { $("age").textContent = ` – this page is ${many(old, "day")} old`; $("age").className = "old"; }
  update();
  fit(); // the column has its width as soon as it has rows
  drawYear();
  drawPlan();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
