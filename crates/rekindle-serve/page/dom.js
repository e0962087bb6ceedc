// Elements, words and numbers. Everything that comes from outside is set as text, never read as markup.

/** An element. `on...` are listeners, `class` its classes, everything else a property or, where there is none, an attribute. */
function el(tag, about = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && !name.includes("-")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const byId = (id) => document.getElementById(id);

function button(text, act, about = {}) {
  return el("button", { type: "button", onclick: act, ...about }, text);
}

/** Has it read to those who do not see the page. */
function say(text) {
  byId("said").textContent = text;
}

let ids = 0;
const newId = (of) => `${of}-${(ids += 1)}`;

function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A share in percent, which says neither 0% nor 100% unless it is that. */
function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1%";
  if (share < 1 && share > 0.999) return ">99.9%";
  return `${Number((share * 100).toFixed(1))}%`;
}

function shortNumber(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

const shortened = (text, most = 60) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What is wrong, where it belongs, and perhaps a way to go on. */
function trouble(problem, again) {
  return el("div", { class: "caution", role: "alert" }, el("p", {}, problem.message),
    again ? button("Try again", again) : null);
}

/** A line of how far something is. */
function bar(share, kind = "") {
  const line = el("i", { class: kind, "aria-hidden": "true" });
  line.style.setProperty("--share", `${Math.max(0, Math.min(1, share)) * 100}%`);
  return line;
}

/** A picture; few pixels are shown as what they are. */
function picture(address, alt, about = {}) {
  const small = (event) => event.target.classList.toggle("pixels", event.target.naturalWidth < 100);
  return el("img", { alt, decoding: "async", onload: small, src: address, ...about });
}

/** Gives a file to whoever uses the page. */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  // Not at once: the browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
