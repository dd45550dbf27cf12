"use strict";
// Runs before anything is drawn: without JavaScript the page follows the system's colours, and nothing here is needed.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const kept = localStorage.getItem("ldbench-theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch { /* storage is forbidden: the choice lasts for this page */ }
})();
