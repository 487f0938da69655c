// Moves an upload's page while the workers work. The server writes every text; when the
// upload is over, or other acts are open, the page is loaded once more.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector("[data-upload-progress]");
  if (!panel || panel.dataset.over === "true" || panel.dataset.status === "review") return;
  const soon = 700;
  const later = 5000; // the server does not answer: ask less often, and keep asking
  const bar = panel.querySelector("[role=progressbar]");
  const silent = panel.querySelector("[data-silent]");

  const show = (state) => {
    for (const place of document.querySelectorAll("[data-live]")) {
      const text = String(state[place.dataset.live]);
      if (place.textContent !== text) place.textContent = text;
    }
    bar.setAttribute("aria-valuenow", state.percent);
    bar.firstElementChild.style.width = `${state.percent}%`;
  };

  const ask = async () => {
    let wait = soon;
    try {
      const answer = await fetch(panel.dataset.uploadProgress, {
        headers: { Accept: "application/json" },
        credentials: "same-origin",
        signal: AbortSignal.timeout(later),
      });
      if (answer.redirected || answer.status === 404) return window.location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      const state = await answer.json();
      show(state);
      silent.hidden = true;
      if (state.over || state.acts !== panel.dataset.acts) {
        return window.location.reload();
      }
    } catch {
      wait = later;
      silent.hidden = false;
    }
    window.setTimeout(ask, wait);
  };
  window.setTimeout(ask, soon);
});

// A choice that was changed is checked before anything starts. No choice sends the form by
// itself: with the keyboard one passes over others on the way to one's own.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-review]");
  const start = form?.querySelector("[data-start]");
  if (!start) return;
  const check = form.querySelector("[data-check]");
  const note = form.querySelector("[data-start-note]");
  const remembered = note.textContent;
  const selects = [...form.querySelectorAll("select")];
  const isChanged = (select) => !select.selectedOptions[0]?.defaultSelected;

  const show = () => {
    const changed = selects.some(isChanged);
    start.disabled = changed || "open" in form.dataset;
    start.classList.toggle("main", !changed);
    check.classList.toggle("main", changed);
    note.textContent = changed ? "Something was changed: check it before it starts." : remembered;
  };
  form.addEventListener("change", show);
  show(); // the browser may have kept choices over a reload
});

// A second click, or an impatient one, sends nothing: two files would be made of one. After
// a while it does, for whoever stopped the page from loading.
const patience = 5000;
document.addEventListener("submit", (event) => {
  const form = event.target;
  const now = Date.now();
  if (now - Number(form.dataset.sentAt ?? 0) < patience) return event.preventDefault();
  form.dataset.sentAt = now;
  if (event.submitter?.name === "_save") {
    event.submitter.dataset.label = event.submitter.textContent;
    event.submitter.textContent = "Sending…";
  }
});
// The browser's back button may show the page as it was left.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) delete form.dataset.sentAt;
  for (const button of document.querySelectorAll("[data-label][name=_save]")) {
    button.textContent = button.dataset.label;
  }
});
