// The ledger's filters, search, order and permalinks. The page is whole without them.
// State is kept in the address: #paper.claim opens a claim, #verdict=contradicted&paper=wen2022 is a filter.
(() => {
  "use strict";
  const FILTERS = ["paper", "verdict", "whose", "about", "scale"];
  const NUMBERS = ["found here", "paper", "seeds", "margin", "on CIFAR-10"];
  const KEYS = { verdict: "verdict", "found here": "effect", paper: "reported", seeds: "seeds", scale: "scale", margin: "margin", "on CIFAR-10": "cifar10" };
  const table = document.querySelector(".ncssl-claims");
  const form = document.querySelector(".ncssl-controls");
  if (!table || !form) return;
  const bodies = [...table.tBodies];
  const texts = new Map(bodies.map((b) => [b, b.textContent.toLowerCase().replace(/\s+/g, " ")]));
  const heads = [...table.tHead.rows[0].cells];
  const order = [...form.elements.verdict.options].map((o) => o.value);
  const blank = { q: "", sort: "", down: "", headline: "" };
  FILTERS.forEach((name) => { blank[name] = ""; });
  let state = { ...blank };
  let placed = ""; // the order in which the rows stand

  const matches = (body) => {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    return FILTERS.every((name) => !state[name] || (body.dataset[name] || "").split(name === "scale" ? " " : "\n").includes(state[name]))
      && (!state.headline || body.dataset.headline)
      && words.every((word) => texts.get(body).includes(word));
  };

  const key = (body) => {
    if (!state.sort) return Number(body.dataset.place);
    if (state.sort === "claim") return body.id;
    const value = body.dataset[KEYS[state.sort]];
    if (state.sort === "verdict") return order.indexOf(value);
    if (value === undefined) return null;
    return NUMBERS.includes(state.sort) ? Number(value) : value;
  };

  // what has no value comes last in either direction
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a.dataset.place - b.dataset.place;
    const by = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (state.down ? -by : by) || a.dataset.place - b.dataset.place;
  };

  const apply = () => {
    const shown = bodies.filter(matches);
    const kept = new Set(shown);
    bodies.forEach((b) => { b.hidden = !kept.has(b); });
    if (placed !== state.sort + state.down) [...bodies].sort(compare).forEach((b) => table.append(b));
    placed = state.sort + state.down;
    heads.forEach((h) => {
      if (h.dataset.sort === state.sort) h.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else h.removeAttribute("aria-sort");
    });
    form.querySelector("output").textContent = `${shown.length} of ${bodies.length} claims`;
    for (const name of ["q", "sort", ...FILTERS]) form.elements[name].value = state[name];
    form.elements.headline.checked = Boolean(state.headline);
  };

  const write = () => {
    const set = Object.entries(state).filter(([, value]) => value);
    const hash = set.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  const change = (changes) => { state = { ...state, ...changes }; apply(); write(); };

  const open = (body) => {
    if (body.hidden) { state = { ...blank }; apply(); }
    body.querySelector("details").open = true;
    const above = getComputedStyle(form).position === "sticky" ? form.offsetHeight : 0;
    table.style.setProperty("--ledger-top", `${above + 70}px`);
    body.scrollIntoView({ behavior: "instant" });
  };

  const read = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const body = bodies.find((b) => b.id === hash);
    if (body) return open(body);
    if (!hash.includes("=")) return apply();
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    state = { ...blank };
    Object.keys(blank).forEach((name) => { if (name in given) state[name] = given[name]; });
    apply();
    form.scrollIntoView({ behavior: "instant" });
  };

  const sort = (name) => change({ sort: name, down: state.sort === name && !state.down ? "1" : "" });

  heads.forEach((h) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = h.textContent;
    button.addEventListener("click", () => sort(h.dataset.sort));
    h.replaceChildren(button);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); change(blank); });
  form.addEventListener("input", () => {
    const now = { q: form.elements.q.value, headline: form.elements.headline.checked ? "1" : "", sort: form.elements.sort.value };
    if (now.sort !== state.sort) now.down = "";
    FILTERS.forEach((name) => { now[name] = form.elements[name].value; });
    change(now);
  });
  form.hidden = false;
  addEventListener("hashchange", read);
  apply();
  read();
})();
