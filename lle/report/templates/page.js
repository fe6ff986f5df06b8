
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
