
"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // Theme: the system's until the button is used; the choice is kept where the browser lets a page from disk keep anything.
  const theme = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => {
    theme.setAttribute("aria-pressed", String(isDark()));
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", isDark() ? "Dark theme is on: switch to light" : "Light theme is on: switch to dark");
  };
  if (["dark", "light"].includes(remembered())) root.dataset.theme = remembered();
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not kept: the page still works */ }
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();

  // Sorting: the first activation puts the best on top, the next turns the order; empty cells stay last.
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const row = head.parentElement;
      const column = [...row.children].indexOf(head);
      const body = head.closest("table").tBodies[0];
      const kind = button.dataset.sort;
      const first = kind === "higher" ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const next = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
      for (const other of row.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const value = (tr) => tr.children[column].dataset.v;
      const compare = (a, b) => {
        const x = value(a), y = value(b);
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return sign * (kind === "text" ? x.localeCompare(y) : x - y);
      };
      body.append(...[...body.rows].sort(compare));
      roam(head.closest("table"));
      byId("sorted").textContent = `Sorted by ${button.textContent.trim()}, ${next}`;
    });
  }

  // One stop of the Tab key for all numbers of a table; arrows move inside.
  function roam(table) {
    const cells = [...table.querySelectorAll("button.cell")];
    cells.forEach((cell, index) => { cell.tabIndex = index === 0 ? 0 : -1; });
  }
  for (const table of document.querySelectorAll("table.board")) {
    roam(table);
    table.addEventListener("keydown", (event) => {
      const cell = event.target.closest("button.cell");
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!cell || !step) return;
      event.preventDefault();
      const rows = [...table.tBodies[0].rows];
      let r = rows.indexOf(cell.closest("tr")), c = cell.closest("td").cellIndex, found = null;
      while (!found) {
        r += step[0]; c += step[1];
        if (!rows[r] || !rows[r].cells[c]) return;
        found = rows[r].cells[c].querySelector("button.cell");
      }
      for (const other of table.querySelectorAll("button.cell")) other.tabIndex = -1;
      found.tabIndex = 0;
      found.focus();
    });
  }

  // Provenance of a number.
  const runs = JSON.parse(byId("runs").textContent);
  const meanings = JSON.parse(byId("meanings").textContent);
  const dialog = byId("details");
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("button.cell");
    if (!cell) return;
    const run = runs[cell.dataset.run];
    const column = meanings[cell.dataset.key];
    byId("details-h").textContent = `${column.label} of ${run.title}${run.where === "profile" ? "" : ` on ${run.where}`}`;
    const interval = cell.dataset.interval ? `, 95 % interval ${cell.dataset.interval}` : "";
    const n = cell.dataset.n ? `, mean of ${cell.dataset.n} pictures` : "";
    byId("details-value").textContent = `${cell.querySelector("b").textContent}${interval}${n}`;
    byId("details-meaning").textContent = column.meaning;
    byId("details-rows").replaceChildren(...[["file", `reports/${run.file}`], ...run.facts].map(([key, text]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      const data = document.createElement("td");
      head.scope = "row"; head.textContent = key; data.textContent = text;
      row.append(head, data);
      return row;
    }));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  // Any two methods, picture by picture.
  if (byId("pairs") && byId("pairing")) {
    const tables = JSON.parse(byId("pairs").textContent);
    const chosen = byId("pair-table"), across = byId("pair-a"), up = byId("pair-b");
    const svg = (name, attributes, text) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      if (text !== undefined) element.textContent = text;
      return element;
    };
    const sample = (dataset, image) => {
      const find = (who) => [...document.querySelectorAll(`.sheet[data-scene] button[data-who="${who}"] img`)].find((img) => img.alt.endsWith(`, ${dataset} ${image}`));
      return find("normal") || find("input");
    };
    const draw = () => {
      const table = tables[chosen.value];
      const find = (id) => table.methods.find((method) => method.id === id);
      const a = find(across.value), b = find(up.value);
      const values = [...a.values, ...b.values];
      const low = Math.min(...values), high = Math.max(...values), pad = 0.05 * (high - low || 1);
      const size = Math.min(600, byId("pairing").clientWidth || 600), left = 56, top = 10, side = size - left - 14;
      const x = (v) => left + side * (v - low + pad) / (high - low + 2 * pad), y = (v) => top + side - (x(v) - left);
      const wins = a.values.filter((v, i) => (table.better === "higher" ? b.values[i] > v : b.values[i] < v)).length;
      const figure = svg("svg", { class: "chart", role: "img", width: size, height: top + side + 46, viewBox: `0 0 ${size} ${top + side + 46}`,
        "aria-label": `${table.label} of ${b.title} against ${a.title} on ${a.values.length} pictures of ${table.dataset}` });
      const raw = (high - low || 1) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
      for (let k = Math.ceil(low / step); k <= Math.floor(high / step); k += 1) {
        const v = k * step, text = String(Number(v.toPrecision(4))).replace("-", "−");
        figure.append(svg("line", { class: "grid", x1: x(v), x2: x(v), y1: top, y2: top + side }), svg("line", { class: "grid", x1: left, x2: left + side, y1: y(v), y2: y(v) }),
          svg("text", { class: "tick", "text-anchor": "middle", x: x(v), y: top + side + 16 }, text), svg("text", { class: "tick", "text-anchor": "end", x: left - 6, y: y(v) + 4 }, text));
      }
      figure.append(svg("line", { class: "front", x1: left, y1: top + side, x2: left + side, y2: top }),
        svg("text", { class: "axis", "text-anchor": "middle", x: left + side / 2, y: top + side + 38 }, `${a.title}, ${table.label}`),
        svg("text", { class: "axis", "text-anchor": "middle", transform: `translate(13 ${top + side / 2}) rotate(-90)` }, `${b.title}, ${table.label}`));
      const pictures = [];
      table.images.forEach((image, i) => {
        const img = sample(table.dataset, image), name = `${image}: ${a.title} ${a.values[i].toFixed(table.digits)}, ${b.title} ${b.values[i].toFixed(table.digits)}`;
        const mark = img ? svg("image", { class: "thumb", href: img.src, width: 44, height: 32, x: x(a.values[i]) - 22, y: y(b.values[i]) - 16 })
          : svg("circle", { class: "rank", r: 4.5, cx: x(a.values[i]), cy: y(b.values[i]) });
        mark.append(svg("title", {}, name));
        if (img) pictures.push(mark); else figure.append(mark);
      });
      figure.append(...pictures);
      byId("pair-figure").replaceChildren(figure);
      const test = table.tests[`${b.id} ${a.id}`];
      const verdict = test && { better: `${b.title} is better`, worse: `${a.title} is better`, open: "the order is open" }[test[4]];
      byId("pair-text").textContent = test ? `${b.title} minus ${a.title}: ${test[0]} (95 % bootstrap interval ${test[1]} to ${test[2]}), Wilcoxon p = ${test[3]} after Holm's correction: ${verdict}. ${b.title} is ahead on ${wins} of ${a.values.length} pictures.`
        : "Choose two different methods.";
    };
    const fillPair = () => {
      const methods = tables[chosen.value].methods;
      for (const [select, place] of [[across, 1], [up, 0]]) {
        const keep = methods.some((method) => method.id === select.value) ? select.value : methods[place].id;
        select.replaceChildren(...methods.map((method) => new Option(method.title, method.id, false, method.id === keep)));
      }
      draw();
    };
    byId("pairing").hidden = false;
    chosen.addEventListener("change", fillPair);
    for (const select of [across, up]) select.addEventListener("change", draw);
    addEventListener("resize", draw);
    fillPair();
  }

  // A footnote or card that a link points at lies in a closed block: open it.
  const reveal = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    const block = target && target.closest("details");
    if (block && !block.open) { block.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Before and after. The contact sheet holds every picture once; the stage borrows them.
  const stage = byId("stage");
  if (stage) {
    const scene = byId("scene"), left = byId("left"), right = byId("right"), slider = byId("slider");
    const sheets = [...document.querySelectorAll(".sheet[data-scene]")];
    const sheet = () => sheets[Number(scene.value)];
    const picture = (who) => sheet().querySelector(`button[data-who="${CSS.escape(who)}"]`);
    const show = () => {
      for (const [select, image, tag] of [[left, byId("over"), byId("tagl")], [right, byId("under"), byId("tagr")]]) {
        const source = picture(select.value).querySelector("img");
        image.src = source.src;
        image.alt = source.alt;
        tag.textContent = select.selectedOptions[0].textContent;
      }
      const first = sheet().querySelector("img");
      stage.style.aspectRatio = `${first.getAttribute("width")} / ${first.getAttribute("height")}`;
      for (const button of sheet().querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.who === right.value));
    };
    const fill = () => {
      const whos = [...sheet().querySelectorAll("button")].map((b) => [b.dataset.who, b.textContent.trim()]);
      const keep = (select, fallback) => {
        const wanted = whos.some(([who]) => who === select.value) ? select.value : fallback;
        select.replaceChildren(...whos.map(([who, label]) => new Option(label, who, false, who === wanted)));
      };
      const methods = whos.filter(([who]) => who !== "input" && who !== "normal");
      keep(left, whos[0][0]);
      keep(right, (methods[0] || whos[1])[0]);
      sheets.forEach((s, index) => { s.hidden = index !== Number(scene.value); });
      show();
    };
    const cut = () => {
      stage.style.setProperty("--cut", `${slider.value}%`);
      slider.setAttribute("aria-valuetext", `${slider.value} % ${left.selectedOptions[0].textContent}, the rest ${right.selectedOptions[0].textContent}`);
    };
    scene.addEventListener("change", () => { fill(); cut(); });
    for (const select of [left, right]) select.addEventListener("change", () => { show(); cut(); });
    slider.addEventListener("input", cut);
    const difference = byId("difference");
    difference.addEventListener("change", () => {
      stage.classList.toggle("difference", difference.checked);
      slider.disabled = difference.checked;
    });
    const drag = (event) => {
      if (slider.disabled) return;
      const box = stage.getBoundingClientRect();
      slider.value = Math.round(100 * (event.clientX - box.left) / box.width);
      cut();
    };
    stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); drag(event); });
    stage.addEventListener("pointermove", (event) => { if (event.buttons || event.pointerType === "mouse" && event.pressure) drag(event); });
    for (const s of sheets) {
      s.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button) { right.value = button.dataset.who; show(); cut(); }
      });
    }
    fill();
    cut();
  }
})();
