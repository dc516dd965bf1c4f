// The page works without this file. It only saves the reload and, if the visitor wants it, keeps texts in the visitor's
// own browser. Nothing is stored before the box is ticked, and nothing is left once it is not.
"use strict";

const form = document.getElementById("ask");
const field = document.getElementById("text");
const answer = document.getElementById("answer");
const button = form.querySelector("button");
const KEY = "complaint-texts";
const KEPT = 8;
const keep = document.getElementById("keep");

// The key is there, perhaps with an empty list, for as long as the visitor wants texts to be kept.
function isWanted() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false; // Storage is forbidden.
  }
}

function remembered() {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(list) ? list.filter((item) => item && typeof item.text === "string") : [];
  } catch {
    return []; // Storage may be forbidden or hold something else.
  }
}

function remember(list) {
  try {
    if (keep.checked) localStorage.setItem(KEY, JSON.stringify(list));
    else localStorage.removeItem(KEY);
  } catch {
    // Storage is full or forbidden: the page works without it.
    keep.checked = isWanted();
  }
  showRecent();
}

function showRecent() {
  const list = remembered();
  document.getElementById("recent").hidden = list.length === 0;
  document.getElementById("recent-list").replaceChildren(...list.map(({ text, category }) => {
    const item = document.createElement("li");
    const choose = document.createElement("button");
    const label = document.createElement("b");
    choose.type = "button";
    label.textContent = String(category || "");
    choose.append(label, text.slice(0, 200));
    choose.addEventListener("click", () => {
      field.value = text;
      form.requestSubmit();
    });
    item.append(choose);
    return item;
  }));
}

async function ask(event) {
  event.preventDefault();
  if (button.getAttribute("aria-busy") === "true") return;
  const text = field.value;
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams({ text }) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("answer");
    if (!fresh) throw new Error("the answer is not a page");
    answer.replaceChildren(...fresh.childNodes);
    const category = answer.querySelector(".category");
    if (category && keep.checked) {
      const others = remembered().filter((item) => item.text !== text);
      remember([{ text, category: category.textContent }, ...others].slice(0, KEPT));
    }
  } catch {
    const sorry = document.createElement("p");
    sorry.className = "error";
    sorry.textContent = "The server can't be reached. Check the connection and try again.";
    answer.replaceChildren(sorry);
  } finally {
    button.removeAttribute("aria-busy");
    answer.focus({ preventScroll: true });
    answer.scrollIntoView({ block: "nearest" });
  }
}

form.addEventListener("submit", ask);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
document.getElementById("forget").addEventListener("click", () => remember([]));
keep.addEventListener("change", () => remember([]));
// Another window of this page may have changed it.
window.addEventListener("storage", () => {
  keep.checked = isWanted();
  showRecent();
});
document.getElementById("hint").append(" Ctrl+Enter classifies.");
document.getElementById("keep-row").hidden = false;
keep.checked = isWanted();
showRecent();
