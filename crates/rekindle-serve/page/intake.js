// Where items are given: an area for pictures, a field for texts, fields or lines for rows.

/** Where pasted pictures go. */
let pasteInto = null;

document.addEventListener("paste", async (event) => {
  if (!event.clipboardData.files.length || !pasteInto?.area.isConnected || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  pasteInto.take(await filesOf(event.clipboardData));
});
// A file that misses its area is not to take the page's place.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}

/** Lets an element take what is dropped on it, and pasted while it was used last. */
function takesFiles(area, take) {
  const mine = { area, take };
  const isFiles = (event) => event.dataTransfer.types.includes("Files");
  const use = () => { pasteInto = mine; };
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    area.classList.toggle("over", depth > 0);
  };
  area.addEventListener("focusin", use);
  area.addEventListener("pointerenter", use);
  area.addEventListener("dragenter", (event) => isFiles(event) && mark(1));
  area.addEventListener("dragleave", (event) => isFiles(event) && mark(-1));
  area.addEventListener("drop", async (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(-depth);
    take(await filesOf(event.dataTransfer));
  });
  return use;
}

/**
 * An intake for items of a model's kind. `many` says whether they are examples, which come in numbers; `take` gets a list of
 * items, `name` says what they are for.
 */
function intake(model, { name, many, take }) {
  if (model.kind === "pictures") return pictureIntake(name, many, take);
  if (model.kind === "texts") return textIntake(name, many, take);
  return many ? rowsIntake(model, name, take) : rowIntake(model, take);
}

function pictureIntake(name, many, take) {
  const note = el("p", { class: "problem", role: "alert", hidden: true });
  const taken = (files) => {
    const pictures = files.filter(({ file }) => isPicture(file));
    const others = files.length - pictures.length;
    note.hidden = others === 0;
    note.textContent = `${counted(others, "file is", "files are")} no picture, and left out.`;
    if (pictures.length) take(pictures.map(({ file, folder }) => ({ blob: file, name: file.name || "pasted picture", folder })));
  };
  const area = el("div", { class: "drop" }, el("p", {}, many ? "Drop or paste pictures" : "Drop or paste pictures here"),
    el("div", { class: "row" }, chooser("Choose pictures", taken, { accept: "image/*" }), photographer(`Pictures ${name}`, taken, many)), note);
  const use = takesFiles(area, taken);
  return { node: area, use };
}

function textIntake(name, many, take) {
  const text = el("textarea", { id: newId("text"), rows: many ? 3 : 4, "aria-label": many ? `Texts ${name}, one a line` : "Text" });
  const lines = el("input", { type: "checkbox", id: newId("lines"), checked: many });
  const pair = el("textarea", { id: newId("pair"), rows: 2 });
  const item = (text) => ({ text, pair: pair.value.trim() || undefined, name: shortened(text) });
  const give = () => {
    const found = lines.checked ? text.value.split("\n") : [text.value];
    const items = found.map((line) => line.trim()).filter(Boolean).map(item);
    if (!items.length) return text.focus();
    if (many) text.value = "";
    take(items);
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) give();
  };
  const read = async (files) => {
    const found = await Promise.all(files.filter(({ file }) => isText(file)).map(({ file }) => file.text()));
    if (found.length) text.value = [text.value, ...found].filter(Boolean).join("\n");
  };
  const act = button(many ? "Add" : "Ask", give, { class: "first", "aria-label": many ? `Add texts ${name}` : undefined });
  const area = el("div", { class: "drop", onkeydown: keys },
    el("label", { htmlFor: text.id, class: "faint" }, many ? "One text a line" : "A text"), text,
    many ? null : el("div", { class: "check" }, lines, el("label", { htmlFor: lines.id }, "Each line is a text of its own")),
    many ? null : el("details", {}, el("summary", {}, "A second text, for models that read pairs"),
      el("label", { htmlFor: pair.id, class: "unseen" }, "Second text"), pair),
    el("div", { class: "row" }, act, chooser("Open a file", read, { accept: ".txt,text/plain" })));
  return { node: area, use: takesFiles(area, read) };
}

/** A field a column. */
function rowIntake(model, take) {
  const fields = model.input.columns.map((column) => [column, el("input", { id: newId("cell"), autocomplete: "off" })]);
  const give = (event) => {
    event.preventDefault();
    const row = Object.fromEntries(fields.map(([column, field]) => [column, field.value.trim()]));
    take([{ row, name: rowName(row) }]);
  };
  const cells = fields.map(([column, field]) => el("div", {}, el("label", { htmlFor: field.id }, column), field));
  const form = el("form", { class: "drop", onsubmit: give },
    el("p", { class: "faint" }, "A row; what is left empty counts as missing."), el("div", { class: "cells" }, ...cells),
    el("div", { class: "row" }, el("button", { class: "first" }, "Ask")));
  return { node: form, use: () => {} };
}

/** Rows as lines of CSV. */
function rowsIntake(model, name, take) {
  const lines = el("textarea", { id: newId("rows"), rows: 3, placeholder: model.input.columns.join(",") });
  const note = el("p", { class: "problem", role: "alert", hidden: true });
  const give = () => {
    const [head = [], ...rows] = readCsv(lines.value);
    const missing = model.input.columns.filter((column) => !head.includes(column));
    note.hidden = missing.length === 0 && rows.length > 0;
    note.textContent = missing.length ? `The first line is to name all columns; ${missing.join(", ")} is missing.` : "There is no row below the names of the columns.";
    if (!note.hidden) return;
    // All but the names, which the next rows have too.
    lines.value = `${lines.value.split("\n")[0]}\n`;
    const row = (cells) => Object.fromEntries(model.input.columns.map((column) => [column, cells[head.indexOf(column)] ?? ""]));
    take(rows.map(row).map((row) => ({ row, name: rowName(row) })));
  };
  const area = el("div", { class: "drop" },
    el("label", { htmlFor: lines.id, class: "faint" }, `Rows ${name}: names of the columns, then a row a line`), lines, note,
    el("div", { class: "row" }, button("Add", give, { class: "first", "aria-label": `Add rows ${name}` })));
  return { node: area, use: () => {} };
}

const rowName = (row) => shortened(Object.values(row).map((cell) => cell || "–").join(", "));
