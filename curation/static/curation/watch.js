// Shows how far something is: while the element says that it is running, it is fetched again every few seconds.
const EVERY = 3000; // milliseconds

async function look(element) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return element;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(element.id);
  if (!fresh || fresh.isEqualNode(element)) return element;
  const focused = [...element.querySelectorAll("a")].findIndex((link) => link === document.activeElement);
  element.replaceChildren(...fresh.childNodes); // the element stays, so that its status is read aloud
  element.dataset.watch = fresh.dataset.watch;
  if (focused >= 0) element.querySelectorAll("a")[focused]?.focus();
  return element;
}

async function watch(element) {
  while (element.dataset.watch === "running") {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    if (!document.hidden) await look(element).catch(() => element); // the next look may work
  }
}

document.querySelectorAll("[data-watch]").forEach(watch);
