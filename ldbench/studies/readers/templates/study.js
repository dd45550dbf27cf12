"use strict";
(() => {
  const content = JSON.parse(document.getElementById("data").textContent);
  const trials = content.trials;
  const element = (id) => document.getElementById(id);
  const memory = `ldbench-study-${content.study}`;
  const longest = 24 * 3600 * 1000; // a screen left open says no more than that it was
  let state = { reader: "", answers: [] };
  let shownAt = 0;
  let spent = 0;

  // storage may be forbidden (private windows, file: pages in some browsers): the study then goes on without it
  function stored(action) {
    try {
      return { allowed: true, value: action(window.localStorage) };
    } catch (error) {
      return { allowed: false, value: null };
    }
  }

  function remember() {
    return stored((storage) => storage.setItem(memory, JSON.stringify(state))).allowed;
  }

  function recalled() {
    const text = stored((storage) => storage.getItem(memory)).value;
    try {
      const found = JSON.parse(text);
      const known = found.answers.every((answer, index) => answer.trial === trials[index].id);
      return known && found.answers.length > 0 && typeof found.reader === "string" ? found : null;
    } catch (error) {
      return null;
    }
  }

  function show(section) {
    for (const id of ["welcome", "trials", "finish"]) element(id).hidden = id !== section;
    window.scrollTo(0, 0);
  }

  function image(data, label) {
    const picture = document.createElement("img");
    picture.alt = label;
    picture.addEventListener("load", () => picture.classList.toggle("small", picture.naturalWidth < 256), { once: true });
    picture.src = `data:image/png;base64,${data}`;
    const figure = document.createElement("figure");
    figure.append(picture);
    if (label !== "Image") {
      const caption = document.createElement("figcaption");
      caption.textContent = label;
      figure.append(caption);
    }
    return figure;
  }

  function choice(group, value, label, key) {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: group, value });
    const text = document.createElement("span");
    text.textContent = label;
    const tile = document.createElement("label");
    tile.className = "choice";
    tile.append(input);
    if (key !== label) {
      const hint = document.createElement("kbd");
      hint.textContent = key;
      hint.setAttribute("aria-hidden", "true");
      tile.append(hint);
    }
    tile.append(text);
    return tile;
  }

  const picked = (group) => document.querySelector(`input[name="${group}"]:checked`);

  function pick(group, place) {
    const input = document.querySelectorAll(`input[name="${group}"]`)[place];
    if (!input) return;
    input.checked = true;
    input.focus();
    changed();
  }

  function changed() {
    const asksConfidence = content.questions[trials[state.answers.length].question].confidence;
    element("confidence").hidden = !asksConfidence || !picked("answer");
    element("next").disabled = !picked("answer") || (asksConfidence && !picked("level"));
  }

  function next() {
    const place = state.answers.length;
    if (place >= trials.length) return finish();
    const trial = trials[place];
    const question = content.questions[trial.question];
    const two = trial.images.length === 2;
    element("place").textContent = `${place + 1} of ${trials.length}`;
    element("progress").value = place;
    element("trial-title").textContent = question.title;
    element("asked").textContent = trial.asked;
    const figures = trial.images.map((data, index) => image(data, two ? ["Left", "Right"][index] : "Image"));
    if (trial.source !== null) figures.unshift(image(trial.source, "Before"));
    element("images").className = ["", "", "two", "three"][figures.length];
    element("images").replaceChildren(...figures);
    element("choices").replaceChildren(
      ...question.answers.map(([value, label], index) => choice("answer", value, label, String(index + 1))));
    element("levels").replaceChildren(...[1, 2, 3, 4, 5].map((level) => choice("level", level, String(level), String(level))));
    changed();
    show("trials");
    element("trial-title").focus();
    spent = 0;
    shownAt = performance.now();
    return undefined;
  }

  // time in which the page is hidden is no time spent looking
  function tally() {
    if (shownAt) spent += performance.now() - shownAt;
    shownAt = 0;
  }

  function answer() {
    if (element("next").disabled) return;
    tally();
    const level = picked("level");
    state.answers.push({
      trial: trials[state.answers.length].id,
      answer: picked("answer").value,
      confidence: level ? Number(level.value) : null,
      milliseconds: Math.min(Math.round(spent), longest),
    });
    remember();
    next();
  }

  function finish() {
    tally();
    const done = state.answers.length;
    const left = trials.length - done;
    element("progress").value = done;
    element("finish-title").textContent = left ? "Not finished" : "Thank you";
    element("finish-text").textContent = left
      ? `You have answered ${done} of ${trials.length} screens. Save them now, or go on.`
      : `You have answered all ${trials.length} screens. Save your answers as a file now.`;
    element("back").hidden = left === 0;
    element("said").textContent = "";
    show("finish");
    element("finish-title").focus();
  }

  // 32-bit FNV-1a over the file's content: finds damage and slips of the hand, and is no signature
  function checksum(file) {
    const lines = [file.study, file.reader, file.complete ? "complete" : "partial"];
    for (const each of file.answers) {
      lines.push(`${each.trial} ${each.answer} ${each.confidence === null ? "-" : each.confidence} ${each.milliseconds}`);
    }
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(lines.join("\n"))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, "0");
  }

  function save() {
    const file = {
      schema_version: 1, study: content.study, reader: state.reader,
      complete: state.answers.length === trials.length, answers: state.answers,
    };
    file.checksum = checksum(file);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(file, null, 1)}\n`], { type: "application/json" }));
    link.download = `answers-${state.reader.replace(/[^A-Za-z0-9_-]+/g, "_")}-${content.study.slice(0, 6)}.json`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    element("said").textContent = `Saved as ${link.download}.`;
  }

  // one line, and nothing that a file of answers refuses; Persian and Indic spelling needs the two joiners
  function named(text) {
    return text.normalize("NFC").replace(/\s+/gu, " ").replace(/[^\P{C}\u200c\u200d]/gu, "").trim();
  }

  function begin(reader) {
    state = { reader, answers: [] };
    remember();
    next();
  }

  element("start").addEventListener("submit", (event) => {
    event.preventDefault();
    const reader = named(element("reader").value);
    if (!reader) return;
    const found = recalled();
    if (found && !window.confirm(`Begin anew and forget ${found.answers.length} answers of ${found.reader}?`)) return;
    begin(reader);
  });
  element("resume").addEventListener("click", () => {
    const found = recalled();
    if (found) {
      state = found;
      next();
    }
  });
  element("trial").addEventListener("submit", (event) => {
    event.preventDefault();
    answer();
  });
  element("trial").addEventListener("change", changed);
  element("pause").addEventListener("click", finish);
  element("back").addEventListener("click", next);
  element("save").addEventListener("click", save);
  element("forget").addEventListener("click", () => {
    if (!window.confirm("Forget all answers on this computer? Save them first.")) return;
    stored((storage) => storage.removeItem(memory));
    element("said").textContent = "Forgotten. You can close this page.";
  });

  document.addEventListener("keydown", (event) => {
    if (element("trials").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const onButton = event.target instanceof HTMLButtonElement;
    const asksConfidence = content.questions[trials[state.answers.length].question].confidence;
    if (/^[1-9]$/.test(event.key)) {
      pick(asksConfidence && picked("answer") ? "level" : "answer", Number(event.key) - 1);
      event.preventDefault();
    } else if (event.key === "Enter" && !onButton) {
      event.preventDefault();
      answer();
    } else if (event.key === "Backspace") {
      event.preventDefault();
      for (const input of document.querySelectorAll('#trial input[type="radio"]')) input.checked = false;
      changed();
      element("trial-title").focus();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (element("trials").hidden) return;
    if (document.hidden) tally();
    else if (!shownAt) shownAt = performance.now();
  });

  const found = recalled();
  if (found) {
    element("saved").textContent = `This browser holds ${found.answers.length} of ${trials.length} answers of ${found.reader}.`;
    element("saved").hidden = false;
    element("resume").hidden = false;
  }
  element("storage").hidden = stored((storage) => {
    storage.setItem(`${memory}-test`, "1");
    storage.removeItem(`${memory}-test`);
  }).allowed;
})();
