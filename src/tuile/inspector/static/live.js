// Shows new requests as they come. Without it, the page is the same after a reload.
"use strict";
const events = new EventSource(document.currentScript.dataset.events);
const state = document.getElementById("live");

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const chosen = new Set([...document.querySelectorAll("input[name=request]:checked")].map((box) => box.value));
  document.querySelector("ol.requests").replaceWith(page.querySelector("ol.requests"));
  document.querySelector("footer").replaceWith(page.querySelector("footer"));
  document.querySelector(".empty")?.remove();
  for (const box of document.querySelectorAll("input[name=request]")) box.checked = chosen.has(box.value);
}

events.onopen = () => { state.textContent = "live"; };
events.onerror = () => { state.textContent = "not live"; };
// A page with many parts makes many requests at once.
let waiting = null;
events.onmessage = () => { waiting ??= setTimeout(() => { waiting = null; refresh(); }, 300); };
