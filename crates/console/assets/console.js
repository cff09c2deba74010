// Copies the text that a button names. Without this file the button stays hidden and the text can
// still be selected.
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

revealCopyButtons();
