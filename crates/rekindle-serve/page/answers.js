// What a model says of an item: labels with their probabilities, numbers, what spoke for them, what is like it.

/** The labels of an answer as bars; `pick` makes each of them a button. */
function guesses(prediction, pick) {
  const has = prediction.labels && new Set(prediction.labels);
  const line = ({ label, probability }, place) => {
    const isIn = has ? has.has(label) : place === 0;
    const words = [el("span", { class: "name" }, label), has && isIn ? el("span", { class: "badge" }, "yes") : null,
      el("span", { class: "share" }, percent(probability)), bar(probability)];
    const about = { class: isIn ? "guess best" : "guess" };
    const content = pick
      ? button("", () => pick(label), { ...about, "aria-pressed": "false", title: `What spoke for ${label}` })
      : el("div", about);
    content.append(...words.filter(Boolean));
    content.dataset.label = label;
    return el("li", {}, content);
  };
  const list = el("ol", { class: "guesses" }, ...prediction.top.map(line));
  if (has?.size === 0) return el("div", {}, el("p", { class: "faint" }, "None of the labels."), list);
  return list;
}

function numbers(found) {
  const lines = Object.entries(found).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, shortNumber(value))]);
  return el("dl", { class: "tiles numbers" }, ...pairs(lines));
}

function pairs(lines) {
  const found = [];
  for (let at = 0; at < lines.length; at += 2) found.push(el("div", {}, lines[at], lines[at + 1]));
  return found;
}

/** An answer in few words. */
function inWords(prediction) {
  if (prediction.numbers) return Object.entries(prediction.numbers).map(([name, value]) => `${name} ${shortNumber(value)}`).join(", ");
  if (prediction.labels) return prediction.labels.join(", ") || "none of the labels";
  const [best] = prediction.top;
  return best ? `${best.label}, ${percent(best.probability)}` : "no label";
}

/** An item as it is shown, with `show` of what spoke for an answer and `plain` as it was. */
function shown(item) {
  if (item.blob) {
    const address = URL.createObjectURL(item.blob);
    const image = picture(address, item.name);
    // What the browser cannot show, a server may read.
    image.addEventListener("error", () => image.classList.add("unshown"));
    return {
      node: el("div", { class: "seen" }, image),
      show: ({ overlay, label }) => Object.assign(image, { src: `data:image/png;base64,${overlay}`, alt: `${item.name}, with what spoke for ${label}` }),
      plain: () => Object.assign(image, { src: address, alt: item.name }),
      drop: () => URL.revokeObjectURL(address),
    };
  }
  if (item.row) {
    const lines = Object.entries(item.row).flatMap(([column, cell]) => [el("dt", {}, column), el("dd", {}, cell || "–")]);
    return { node: el("dl", { class: "facts" }, ...lines), drop: () => {} };
  }
  const text = el("p", { class: "words" }, item.text);
  const pair = item.pair ? el("p", { class: "words faint" }, item.pair) : null;
  return {
    node: el("div", {}, text, pair),
    show: ({ tokens }) => text.replaceChildren(...tinted(tokens)),
    plain: () => text.replaceChildren(item.text),
    drop: () => {},
  };
}

/** The pieces of a text, each tinted by how much it spoke for the answer or against it. */
function tinted(tokens) {
  const most = Math.max(...tokens.map(({ weight }) => Math.abs(weight)), 1e-9);
  return tokens.map(({ text, weight }) => {
    const share = Math.abs(weight) / most;
    if (share < 0.05 || !text.trim()) return document.createTextNode(text);
    const mark = el("mark", { class: weight > 0 ? "for" : "against", title: shortNumber(weight) }, text);
    mark.style.setProperty("--depth", (0.1 + 0.45 * share).toFixed(2));
    return mark;
  });
}

/** What a label's buttons and the one below the item do: show what spoke for a label, or hide it. */
function explained(model, item, view, trouble) {
  const toggle = button("Show what spoke for it", () => pick(toggle.dataset.of), { class: "explain", "aria-pressed": "false" });
  const key = el("p", { class: "key faint", hidden: true });
  const known = new Map();
  let now = null;
  const mark = () => {
    for (const one of view.card.querySelectorAll("button.guess")) one.setAttribute("aria-pressed", String(one.dataset.label === now));
    toggle.setAttribute("aria-pressed", String(now !== null));
    toggle.textContent = now === null ? "Show what spoke for it" : "Hide what spoke for it";
    key.hidden = now === null;
  };
  const hide = () => {
    now = null;
    view.plain();
    mark();
  };
  const pick = async (label) => {
    if (label === now) return hide();
    now = label;
    trouble.replaceChildren();
    mark();
    try {
      if (!known.has(label)) {
        const [found] = await askEach("v1/explain", { model: model.name, label }, [item], (found) => [found]);
        if (found instanceof Problem) throw found;
        known.set(label, found);
      }
    } catch (problem) {
      if (now === label) hide();
      trouble.replaceChildren(el("p", { class: "problem", role: "alert" }, problem.message));
      return;
    }
    if (now !== label) return;
    view.show(known.get(label));
    key.replaceChildren(...keyTo(item, label));
    say(`Shown: what spoke for ${label}.`);
  };
  return { toggle, key, pick };
}

function keyTo(item, label) {
  if (item.blob) return [`Warm places spoke for ${label}; the picture is as the network sees it.`];
  return [el("mark", { class: "for sample" }, "spoke for"), " ", label, ", ", el("mark", { class: "against sample" }, "against"), " it"];
}

/** The known items that are most like this one. */
async function neighbors(model, item) {
  const [row] = await askEach("v1/embed", { model: model.name }, [item], ({ embeddings }) => embeddings);
  if (row instanceof Problem) throw row;
  const body = JSON.stringify({ embedding: row, top: 4 });
  const { neighbors } = await askJson(of("v1/similar", { model: model.name }), { body });
  const line = ({ name, label, similarity }) => {
    const file = name.split(/[/\\]/).at(-1);
    const words = label ? [el("b", {}, label), " ", el("span", { class: "faint", title: name }, file)] : [el("span", { title: name }, file)];
    return el("li", {}, el("span", { class: "name" }, ...words), el("span", { class: "share", title: "cosine similarity" }, similarity.toFixed(2)));
  };
  return el("div", {}, el("h3", {}, "Most like it in the training data"), el("ol", { class: "alike" }, ...neighbors.map(line)));
}

/** A card of an item: it waits, then shows what `answer` adds to it. */
function card(item, by, answer, leave) {
  const view = shown(item);
  const state = el("p", { class: "faint waiting" }, "Waiting …");
  const answers = el("div", { class: "answers" }, state);
  const away = button("×", () => {
    const next = view.card.nextElementSibling ?? view.card.previousElementSibling;
    view.card.remove();
    view.drop();
    (next?.querySelector("button.away") ?? leave)?.focus();
  }, { class: "away", "aria-label": `Remove ${item.name}` });
  // Texts and rows say themselves what they are.
  const words = [item.blob && item.name, by && `by ${by}`].filter(Boolean).join(", ");
  view.card = el("li", { class: item.blob ? "card pictured" : "card" }, view.node,
    el("div", { class: "said" }, el("div", { class: "file" }, el("span", { title: words }, words), away), answers));
  view.put = (...content) => answers.replaceChildren(...content);
  view.wait = (text) => answers.replaceChildren(el("p", { class: "faint waiting" }, text));
  view.fail = (problem) => answers.replaceChildren(trouble(problem, isPassing(problem) && (() => answer(view))));
  view.item = item;
  return view;
}
