// How the server is asked: its errors, its token, its patience, its limits.

/** What is wrong, in the server's words. */
class Problem extends Error {
  constructor(status, { code, message, field }) {
    super(message);
    Object.assign(this, { status, code, field });
  }

  /** Which of several items it is about; null where it is about all. */
  get place() {
    const found = /^items\[(\d+)\]/.exec(this.field ?? "");
    return found ? Number(found[1]) : null;
  }
}

/** Whether the same may be answered another time. */
const isPassing = ({ status }) => !(status >= 400 && status < 500) || [401, 408, 429].includes(status);

/** How often a server may say that it is busy. */
const PATIENCE = 30;
/** Items and bytes of one request: few enough that progress is seen. */
const MOST_ITEMS = 16;
const MOST_BYTES = 6 << 20;
/** Longest sides, in pixels, that pictures are brought to one after the other while the server finds them too large. */
const SIDES = [2048, 1024, 512, 256];
/** What browsers may read and the server does not. */
const FOREIGN = /^image\/(avif|hei[cf])/;

let token = null;
let tokenAsked = null;

async function problemOf(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const { code, message, field } = JSON.parse(text).error;
    // Where it belongs, its place among the items need not be said.
    const said = /^items\[\d+\](\.\w+)?: /.test(message) ? message.slice(message.indexOf(": ") + 2) : message;
    return new Problem(answer.status, { code, field, message: said.charAt(0).toUpperCase() + said.slice(1) });
  } catch {
    return new Problem(answer.status, { code: "unknown", message: `The server answers ${answer.status} ${answer.statusText}.` });
  }
}

function pause(seconds, signal) {
  return new Promise((done, stop) => {
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); }, { once: true });
  });
}

/** Asks once the others that ask for a token have got one. */
async function tokenFor(used, message) {
  if (token !== used) return;
  tokenAsked ??= askToken(used === null ? "" : message).finally(() => { tokenAsked = null; });
  token = await tokenAsked;
}

/** The answer of an address, which is asked again where the server wants a token or is busy. */
async function ask(path, { body, signal } = {}) {
  const method = body === undefined ? "GET" : "POST";
  for (let tries = 0; ; tries += 1) {
    const used = token;
    const headers = {};
    if (used !== null) headers.Authorization = `Bearer ${used}`;
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, { method, headers, body, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0, { code: "unreachable", message: "The server does not answer. See whether it still runs, and try again." });
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401) {
      await tokenFor(used, problem.message);
    } else if (answer.status === 429 && tries < PATIENCE) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      say(`The server is busy; asking again in ${counted(seconds, "second")}.`);
      await pause(seconds, signal);
    } else {
      throw problem;
    }
  }
}

async function askJson(path, options) {
  return (await ask(path, options)).json();
}

const of = (path, query) => `${path}?${new URLSearchParams(query)}`;

/** The body of a request about items: a picture has `blob`, a text `text` and perhaps `pair`, a row `row`. */
function bodyOf(items) {
  if (!items[0].blob) {
    return JSON.stringify({ items: items.map(({ text, pair, row }) => (row ? { row } : { text, pair })) });
  }
  const form = new FormData();
  // Not under their names, which are nobody else's business.
  for (const { blob } of items) form.append("file", blob, "picture");
  return form;
}

/** What the server makes of each item: `pick` of its answer, or its problem. One that is refused holds up no other. */
async function askEach(path, query, items, pick, signal) {
  try {
    return pick(await askJson(of(path, query), { body: bodyOf(items), signal }));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const each = (some) => (some.length ? askEach(path, query, some, pick, signal) : []);
    if (items.length === 1) {
      const smaller = await shrunk(items[0], problem);
      return smaller ? each([smaller]) : [problem];
    }
    const isLong = problem.code === "body_too_large" || problem.code === "too_many_items";
    const place = problem.place ?? (isLong ? items.length >> 1 : null);
    if (place === null) return items.map(() => problem);
    const [before, one, behind] = [items.slice(0, place), [items[place]], items.slice(place + 1)];
    return [...(await each(before)), ...(await each(one)), ...(await each(behind))];
  }
}

/** The picture as the server may take it; null where nothing is to be done. */
async function shrunk(item, { code }) {
  if (!item.blob) return null;
  const isForeign = code === "unreadable_picture" && FOREIGN.test(item.blob.type);
  if (!isForeign && code !== "body_too_large" && code !== "picture_too_large") return null;
  const next = (longest) => (isForeign ? Math.min(longest, SIDES[0]) : SIDES.find((side) => side < longest));
  const blob = await redrawn(item.blob, next).catch(() => null);
  return blob ? { ...item, blob } : null;
}

/** Items in parts of a size that goes well. */
function* parts(items) {
  let part = [];
  let bytes = 0;
  for (const item of items) {
    const own = item.blob?.size ?? 0;
    if (part.length && (part.length === MOST_ITEMS || bytes + own > MOST_BYTES)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += own;
  }
  if (part.length) yield part;
}

/** Asks whoever uses the page for the server's token. */
function askToken(message) {
  const field = el("input", { type: "password", id: newId("token"), autocomplete: "off", required: true });
  const dialog = el("dialog", { "aria-labelledby": "token-title" });
  return new Promise((done, stop) => {
    const enter = (event) => {
      event.preventDefault();
      done(field.value);
      dialog.close();
    };
    dialog.addEventListener("close", () => {
      dialog.remove();
      stop(new Problem(401, { code: "unauthorized", message: "This server takes a token." }));
    });
    dialog.append(el("form", { onsubmit: enter },
      el("h2", { id: "token-title" }, "This server takes a token"),
      el("p", { class: "faint" }, "It is kept until this page is closed."),
      message ? el("p", { class: "problem", role: "alert" }, message) : null,
      el("label", { htmlFor: field.id }, "Token"), field,
      el("div", { class: "row" }, el("button", { class: "first" }, "Go on"), button("Cancel", () => dialog.close()))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
