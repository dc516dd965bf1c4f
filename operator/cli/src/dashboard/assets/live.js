// Reads the page again when something has changed. Without it, the page is as it was when it was loaded.
"use strict";

(() => {
  const status = document.getElementById("live");
  if (!status || !window.EventSource) return;
  const say = (word, text) => {
    if (status.dataset.state === word) return;
    status.dataset.state = word;
    status.textContent = text;
  };

  const live = () => {
    if (document.querySelector("#notices [role=alert]")) say("old", "May be old");
    else say("live", "Live");
  };

  // What the focus is on, so that it can be found in the new content.
  const place = (region) => {
    const element = document.activeElement;
    if (!element || !region.contains(element)) return null;
    const all = [...region.querySelectorAll("a, summary, [tabindex]")];
    return { href: element.getAttribute("href"), index: all.indexOf(element) };
  };
  const focus = (region, before) => {
    if (!before) return;
    const all = [...region.querySelectorAll("a, summary, [tabindex]")];
    const same = all.find((element) => before.href && element.getAttribute("href") === before.href);
    (same || all[before.index])?.focus({ preventScroll: true });
  };

  const replace = (page) => {
    for (const region of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(region.id);
      if (!next || next.innerHTML === region.innerHTML) continue;
      const before = place(region);
      region.replaceChildren(...next.childNodes);
      focus(region, before);
    }
    document.title = page.title;
    live();
  };

  let reading = false;
  let again = false;
  const read = async () => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) {
        say("ended", "You may no longer look: load the page again.");
        source.close();
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // A page that can't be shown for now, or about something that is gone, has other regions.
      const regions = [...document.querySelectorAll("[data-live]")].map((region) => region.id).join();
      const others = [...page.querySelectorAll("[data-live]")].map((region) => region.id).join();
      if (regions !== others) location.reload();
      else replace(page);
    } catch {
      say("lost", "The dashboard does not answer: what is shown may be old.");
    } finally {
      reading = false;
      if (again) {
        again = false;
        read();
      }
    }
  };

  const source = new EventSource("/events?revision=" + encodeURIComponent(document.body.dataset.revision));
  source.onopen = live;
  source.onmessage = read;
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) say("ended", "Changes are not followed: load the page again.");
    else window.setTimeout(() => {
      if (source.readyState !== EventSource.OPEN) say("lost", "The dashboard does not answer: what is shown may be old.");
    }, 8000);
  };
})();
