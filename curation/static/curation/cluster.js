// Deciding about a cluster by single keys; without this script every button works as it stands.
const members = [...document.querySelectorAll("[data-member]")];

function marked() {
  return members.findIndex((link) => link.closest("li").contains(document.activeElement));
}

function step(by) {
  const at = marked();
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), members.length - 1);
  members[next]?.focus();
}

function keep() {
  members[marked()]?.closest("li").querySelector("button")?.click();
}

const steps = { ArrowRight: 1, ArrowLeft: -1 };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.matches("input, textarea, select")) return;
  if (event.key in steps) {
    event.preventDefault();
    step(steps[event.key]);
  } else if (event.key === "k") {
    keep();
  } else if (/^[a-z]$/.test(event.key)) {
    document.querySelector(`[data-key="${event.key}"]`)?.click();
  }
});
