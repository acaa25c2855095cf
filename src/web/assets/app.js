// Keeps the page true while it is looked at: asks for its own address again, swaps what changed. All of it can
// be read without this.
"use strict";
(() => {
  const AFTER_FOCUS = 3000, EVERY = 60000, AGES = 15000;
  const root = document.documentElement;
  let etag = root.dataset.etag, asked = 0, timer = 0, busy = false;
  // The server's clock: a demo's runs fast, and a desk's may be wrong.
  let theirs = Date.parse(root.dataset.time), ours = performance.now();

  const ago = (seconds) =>
    seconds < 0 ? "in the future" : seconds < 2 ? "just now" : seconds < 120 ? seconds + " s ago"
      : seconds < 7200 ? Math.floor(seconds / 60) + " min ago" : seconds < 172800 ? Math.floor(seconds / 3600) + " h ago"
        : Math.floor(seconds / 86400) + " days ago";
  const ages = () => {
    const now = theirs + performance.now() - ours;
    for (const time of document.querySelectorAll("time[data-age]")) {
      const text = ago(Math.floor((now - Date.parse(time.dateTime)) / 1000));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  const clock = (time) => {
    if (!time) return;
    theirs = Date.parse(time);
    ours = performance.now();
  };

  // Whoever writes something is not disturbed.
  const writing = () => {
    const at = document.activeElement;
    return at && at.matches("input, select, textarea") && at.closest("main") && at.value !== at.defaultValue;
  };
  const pathOf = (element) => {
    if (!element || !element.closest("main, #needs")) return null;
    if (element.id) return "#" + CSS.escape(element.id);
    const parts = [];
    for (let at = element; at && at.id !== "needs" && at.tagName !== "MAIN"; at = at.parentElement) {
      parts.unshift(at.tagName + ":nth-child(" + (1 + [...at.parentElement.children].indexOf(at)) + ")");
    }
    return (element.closest("main") ? "main" : "#needs") + ">" + parts.join(">");
  };
  // The same link, wherever its row went; else what stands where the focus was.
  const again = (path, href) => {
    const there = document.querySelector(path), is = (e) => e.getAttribute("href") === href;
    return !href || (there && is(there)) ? there : [...document.querySelectorAll("main a, #needs a")].find(is) || there;
  };
  const swap = (page) => {
    const open = new Map([...document.querySelectorAll("main details[id]")].map((d) => [d.id, d.open]));
    const focus = pathOf(document.activeElement), x = scrollX, y = scrollY;
    const href = focus && document.activeElement.getAttribute("href");
    const sides = [...document.querySelectorAll("main .wide, main .swipe")].map((e) => e.scrollLeft);
    for (const part of ["#needs", "main"]) {
      const from = page.querySelector(part), to = document.querySelector(part);
      if (from && to && from.innerHTML !== to.innerHTML) to.replaceChildren(...from.childNodes);
    }
    document.title = page.title;
    for (const [id, was] of open) {
      const details = document.getElementById(id);
      if (details) details.open = was;
    }
    [...document.querySelectorAll("main .wide, main .swipe")].forEach((e, n) => { e.scrollLeft = sides[n] || 0; });
    const at = focus && again(focus, href);
    if (at && at !== document.activeElement) at.focus({ preventScroll: true });
    scrollTo(x, y);
  };

  const look = async () => {
    if (document.hidden || busy || writing()) return plan(EVERY);
    busy = true;
    asked = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { "if-none-match": etag }, cache: "no-store", credentials: "same-origin" });
      root.classList.toggle("stale", answer.status !== 200 && answer.status !== 304);
      clock(answer.headers.get("bursar-time"));
      if (answer.status === 200) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (page.querySelector("main") && !writing()) {
          etag = answer.headers.get("etag");
          swap(page);
        }
      }
      ages();
    } catch {
      root.classList.add("stale");
    }
    busy = false;
    plan(EVERY);
  };
  const plan = (wait) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, wait);
  };
  const back = () => {
    if (document.hidden) return clearTimeout(timer);
    plan(Math.max(AFTER_FOCUS - (performance.now() - asked), AFTER_FOCUS));
  };
  document.addEventListener("visibilitychange", back);
  addEventListener("focus", back);
  setInterval(() => document.hidden || ages(), AGES);
  plan(EVERY);

  // On a chart: the values under the pointer, or step by step with the arrows; what is drawn over leads closer.
  const chartOf = (at) => at && at.closest && at.closest("figure[data-chart]");
  const ends = ({ dataset: { left, right, from, to } }) => [+left, +right, +from, +to];
  const dayAt = (figure, clientX) => {
    const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect(), [left, right, from, to] = ends(figure);
    const at = (clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    return left + (Math.min(Math.max(at, from), to) - from) / (to - from) * (right - left);
  };
  const across = (figure, x) => {
    const [left, right, from, to] = ends(figure);
    return from + (x - left) / (right - left) * (to - from);
  };
  const draw = (figure, tag, name, attributes) => {
    const svg = figure.querySelector("svg");
    let shape = svg.querySelector("." + name);
    if (!shape) {
      shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
      svg.append(shape);
    }
    for (const [key, value] of Object.entries({ class: name, ...attributes })) shape.setAttribute(key, value);
  };
  const pointsOf = (figure) => [...document.querySelectorAll("#" + figure.dataset.chart + " tr[data-x]")];
  const show = (figure, row) => {
    if (!row) return;
    const heads = row.closest("table").querySelectorAll("thead th"), x = across(figure, +row.dataset.x);
    const values = [...row.cells].map((cell, n) => n && cell.textContent && heads[n].textContent + " " + cell.textContent);
    figure.querySelector(".value").textContent = row.cells[0].textContent + ": " + values.filter(Boolean).join(" · ");
    figure.dataset.at = row.dataset.x;
    draw(figure, "line", "cursor", { x1: x, x2: x, y1: 34, y2: 226 });
  };
  const nearest = (figure, x) => pointsOf(figure).reduce((best, row) =>
    !best || Math.abs(row.dataset.x - x) < Math.abs(best.dataset.x - x) ? row : best, null);
  const zoom = (a, b) => {
    const to = new URL(location.href), day = (x) => new Date((Math.round(x) - 719163) * 864e5).toISOString().slice(0, 10);
    to.searchParams.set("from", day(Math.min(a, b)));
    to.searchParams.set("to", day(Math.max(a, b)));
    location.assign(to);
  };
  let drag = null;
  addEventListener("pointerdown", (at) => {
    const figure = at.button === 0 && at.pointerType !== "touch" && at.target.closest("svg") && chartOf(at.target);
    drag = figure ? { figure, x: dayAt(figure, at.clientX) } : null;
  });
  addEventListener("pointermove", (at) => {
    const figure = drag ? drag.figure : chartOf(at.target);
    if (!figure || !figure.isConnected) return;
    const x = dayAt(figure, at.clientX);
    show(figure, nearest(figure, x));
    if (!drag) return;
    const [a, b] = [across(figure, drag.x), across(figure, x)];
    draw(figure, "rect", "chosen", { x: Math.min(a, b), width: Math.abs(a - b), y: 34, height: 192 });
  });
  addEventListener("pointerup", (at) => {
    if (!drag) return;
    const { figure, x } = drag, [left, right] = ends(figure), to = dayAt(figure, at.clientX);
    drag = null;
    if (Math.abs(to - x) > (right - left) / 50) zoom(x, to);
  });
  const onChart = (key, figure) => {
    const rows = pointsOf(figure), at = rows.findIndex((row) => row.dataset.x === figure.dataset.at);
    const by = key.key === "ArrowLeft" ? -1 : key.key === "ArrowRight" ? 1 : 0;
    if (by) {
      show(figure, at < 0 ? rows[by < 0 ? rows.length - 1 : 0] : rows[at + by]);
    } else if (key.key === "Enter" && at >= 0) {
      const [left, right] = ends(figure), quarter = (right - left) / 4;
      zoom(+figure.dataset.at - quarter, +figure.dataset.at + quarter);
    }
  };

  // g and a letter goes to a page, / to the search, j and k through rows, ? shows the list.
  let before = "";
  const step = (by) => {
    const links = [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
    const at = links.indexOf(document.activeElement);
    const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
    if (next) next.focus();
  };
  addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey || key.target.closest("input, select, textarea")) return;
    const figure = chartOf(key.target);
    if (figure) onChart(key, figure);
    if (key.key === "Escape") for (const fold of document.querySelectorAll("details.fold[open]")) fold.open = false;
    if (before === "g") {
      before = "";
      const link = document.querySelector('nav a[data-key="' + CSS.escape(key.key) + '"]');
      if (link) link.click();
    } else if (key.key === "g") {
      before = "g";
      setTimeout(() => { before = ""; }, 1500);
    } else if (key.key === "/") {
      const field = document.querySelector("main input[type=search]");
      if (field) { key.preventDefault(); field.focus(); field.select(); }
    } else if (key.key === "j" || key.key === "k") {
      step(key.key === "j" ? 1 : -1);
    } else if ("+-<>".includes(key.key)) {
      const link = document.querySelector('main a[data-do="' + key.key + '"]');
      if (link) link.click();
    } else if (key.key === "?") {
      const keys = document.getElementById("keys");
      keys.open = !keys.open;
      if (keys.open) keys.scrollIntoView();
    }
  });
})();
