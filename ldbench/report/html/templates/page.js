"use strict";
(() => {
  const root = document.documentElement;

  // Light and dark
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const say = () => { toggle.textContent = isDark() ? "Light colours" : "Dark colours"; };
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("ldbench-theme", root.dataset.theme); } catch { /* not remembered */ }
    say();
  });
  system.addEventListener("change", say);
  say();

  // Further metrics: all are there without a script; with one they unfold
  for (const unfold of document.querySelectorAll(".unfold button")) {
    const board = document.getElementById(unfold.getAttribute("aria-controls"));
    const show = (all) => {
      board.classList.toggle("folded", !all);
      unfold.setAttribute("aria-expanded", String(all));
      unfold.textContent = all ? "Show one metric a question" : unfold.dataset.show;
    };
    unfold.hidden = false;
    unfold.addEventListener("click", () => show(board.classList.contains("folded")));
    show(false);
  }

  // Sorting: each block of rows on its own, empty cells last, the metric's better end first
  const status = document.getElementById("status");
  for (const table of document.querySelectorAll("table.board")) {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const first = head.dataset.first;
        const other = first === "ascending" ? "descending" : "ascending";
        const way = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", way);
        for (const body of table.tBodies) sortRows(body, column, way === "ascending" ? 1 : -1);
        status.textContent = `Sorted by ${head.dataset.name}, ${way}.`;
      });
    });
  }
  function sortRows(body, column, sign) {
    const rows = [...body.rows].filter((row) => row.dataset.row !== undefined);
    const key = (row) => row.cells[column].dataset.order;
    rows.sort((a, b) => {
      const one = key(a), two = key(b);
      if (one === undefined || two === undefined) return (one === undefined) - (two === undefined);
      const numbers = column > 0;
      const gap = numbers ? Number(one) - Number(two) : one < two ? -1 : one > two ? 1 : 0;
      return sign * gap || Number(a.dataset.row) - Number(b.dataset.row);
    });
    body.append(...rows);
  }

  // Pictures: a gallery is built when its part of the page opens, a picture is set when it comes near the window
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      const image = entry.target;
      if (image.pending) { image.src = image.pending; image.pending = null; }
      if (image.paint) { image.paint(); image.paint = null; }
    }
  }, { rootMargin: "400px 0px" });

  const blocks = new Map();
  function block(name) {
    if (!blocks.has(name)) {
      const element = document.getElementById(`block-${name}`);
      if (!element) return null;
      blocks.set(name, JSON.parse(element.textContent));
      element.remove();
    }
    return blocks.get(name);
  }
  const address = (shared, kept) => (shared.kind === "data" ? `data:image/png;base64,${kept}` : kept);

  function make(name, attributes = {}, text = "") {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  }

  function tile(caption, content) {
    const cell = make("div", { class: "tile" });
    cell.append(content, make("span", { class: "of" }, caption));
    return cell;
  }

  function picture(shared, kept, label) {
    if (kept === null || kept === undefined) return make("span", { class: "gap" }, "missing");
    const image = make("img", { alt: label, width: shared.width, height: shared.height, loading: "lazy", decoding: "async" });
    image.pending = address(shared, kept);
    near.observe(image);
    return image;
  }

  function load(source) {
    return new Promise((done, failed) => {
      const image = new Image();
      image.onload = () => done(image);
      image.onerror = failed;
      image.src = source;
    });
  }

  function sums(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return Int16Array.from({ length: data.length / 4 }, (_, at) => data[4 * at] + data[4 * at + 1] + data[4 * at + 2]);
  }

  // The arithmetic of ldbench.run.sheets.edit_sheet.signed_difference on the mean over channels, in thirds of a level
  function colours(before, after, shared, out) {
    const range = 765, least = shared.threshold * range - 1e-6;
    for (let at = 0; at < before.length; at++) {
      const change = after[at] - before[at];
      const size = Math.abs(change);
      const strength = size >= least ? Math.min(size / range / shared.full, 1) : 0;
      const other = Math.floor(255 * (1 - strength) + 0.5);
      const lit = Math.floor(255 - (255 - shared.lit) * strength + 0.5);
      out[4 * at] = change > 0 ? other : lit;
      out[4 * at + 1] = change > 0 ? lit : other;
      out[4 * at + 2] = other;
      out[4 * at + 3] = 255;
    }
  }

  function change(shared, before, after, label) {
    if (!before || !after) return make("span", { class: "gap" }, "missing");
    const canvas = make("canvas", { role: "img", "aria-label": label, width: shared.width, height: shared.height });
    canvas.paint = async () => {
      try {
        const [one, two] = await Promise.all([before, after].map((kept) => load(address(shared, kept))));
        if (one.naturalWidth !== two.naturalWidth || one.naturalHeight !== two.naturalHeight) throw new Error("sizes");
        canvas.width = one.naturalWidth;
        canvas.height = one.naturalHeight;
        const pen = canvas.getContext("2d");
        const drawn = pen.createImageData(canvas.width, canvas.height);
        colours(sums(one), sums(two), shared, drawn.data);
        pen.putImageData(drawn, 0, 0);
        canvas.dataset.done = "yes";
      } catch (error) {
        const why = error.name === "SecurityError"
          ? "shown only when the site is served" : "no change to show: sizes differ or a file is broken";
        canvas.replaceWith(make("span", { class: "gap" }, why));
      }
    };
    near.observe(canvas);
    return canvas;
  }

  function fill(gallery) {
    const shared = block("shared"), own = block(gallery.dataset.block);
    if (!shared || !own) return false;
    const model = gallery.dataset.label;
    const list = make("ol", { class: shared.source ? "cases edits" : "cases" });
    shared.ids.forEach((id, at) => {
      const item = make("li", { class: "case" });
      const tiles = make("div", { class: "tiles" });
      if (shared.source) tiles.append(tile("source", picture(shared, shared.source[at], `Source of ${id}`)));
      const result = picture(shared, own.result[at], `${id} by ${model}`);
      tiles.append(shared.source ? tile("result", result) : result);
      if (shared.truth) tiles.append(tile("truth", picture(shared, shared.truth[at], `Truth of ${id}`)));
      if (shared.source) {
        const label = `Change from source to result of ${id} by ${model}: green brighter, red darker`;
        const drawn = own.change
          ? picture(shared, own.change[at], label) : change(shared, shared.source[at], own.result[at], label);
        drawn.classList.add("change");
        tiles.append(tile("change", drawn));
      }
      item.append(tiles, make("p", { class: "asked" }, own.prompt[at] || ""), make("p", { class: "id" }, id));
      list.append(item);
    });
    gallery.replaceChildren(list);
    return true;
  }

  function open(part) {
    const gallery = part.querySelector(".gallery[data-block]");
    if (!gallery || gallery.dataset.filled) return;
    gallery.dataset.filled = "yes";
    if (fill(gallery)) return;
    // the block stands further down, in a part of the page that has not arrived yet
    document.addEventListener("DOMContentLoaded", () => fill(gallery), { once: true });
  }
  for (const part of document.querySelectorAll("details.run")) {
    part.addEventListener("toggle", () => { if (part.open) open(part); });
    if (part.open) open(part);
  }

  // Green and red tell nothing to some eyes: the same changes in blue and red
  for (const box of document.querySelectorAll("input.safe")) {
    box.addEventListener("change", () => {
      root.classList.toggle("safe-colours", box.checked);
    });
  }

  // A link to a row opens its first run
  function follow() {
    const section = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const part = section && section.matches("section.row") && section.querySelector("details.run");
    if (part && !section.querySelector("details.run[open]")) part.open = true;
  }
  addEventListener("hashchange", follow);
  follow();
  root.dataset.ready = "yes";
})();
