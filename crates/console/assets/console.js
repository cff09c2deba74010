// Comforts that pages do without when scripts are off: copy buttons, which stay hidden then, no
// refreshing of what nobody looks at, notices that are shown once.
"use strict";

function revealCopyButtons() {
  if (!navigator.clipboard) return;
  document.documentElement.classList.add("can-copy");
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    // The browser forbids it; the person can still press the keys.
    window.getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
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

// A notice tells of the step just taken, so a reload must not repeat it.
function forgetNotice() {
  const address = new URL(location.href);
  if (!address.searchParams.has("done")) return;
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

revealCopyButtons();
forgetNotice();
