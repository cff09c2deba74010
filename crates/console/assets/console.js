// Two comforts that pages do without when scripts are off: copy buttons, which stay hidden then, and
// no refreshing of what nobody looks at.
"use strict";

function revealCopyButtons() {
  if (!navigator.clipboard) return;
  document.documentElement.classList.add("can-copy");
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.textContent.trim());
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// Every request of htmx here is a refresh, so all of them can wait.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});

revealCopyButtons();
