// The part of the page where a lesson is given.

class Teaching {
  #views = new Map();
  #boxViews = new Map();
  #isSaved = true;

  constructor(panel, model, keeps) {
    Object.assign(this, { panel, model, keeps });
    this.lesson = new Lesson((what, of) => this.#changed(what, of));
    this.boxes = el("div", { class: "boxes" });
    this.progress = el("progress", { max: 1, hidden: true, "aria-label": "Features read" });
    this.state = el("p", { class: "faint", role: "status" });
    this.again = button("Read them again", () => this.lesson.retry(), { hidden: true });
    this.result = el("div", { class: "result" });
    this.taking = new Taking(this);
    this.trying = new Trying(this.lesson);
    this.#build();
    this.lesson.use(model);
    this.addBox("label 1");
    this.addBox("label 2");
    addEventListener("beforeunload", (event) => {
      if (!this.#isSaved && this.lesson.examples.length) event.preventDefault();
    });
  }

  get #word() {
    return { pictures: "picture", texts: "text", rows: "row" }[this.model.kind];
  }

  #build() {
    const add = button("Add a label", () => this.addBox(`label ${this.lesson.boxes.length + 1}`).name.select());
    const folder = chooser("Choose a folder of labels", (files) => this.takeFolders(files), { webkitdirectory: true });
    this.panel.append(
      el("h2", {}, "Teach it labels of your own"),
      el("p", {}, `Name two or more labels and give each some ${this.#word}s. The model turns them into features, and a head is solved on these. It is measured on examples that it has not seen.`),
      el("div", { class: "row above" }, add, this.model.kind === "pictures" ? folder : null),
      this.boxes, this.progress, this.state, this.again, this.result, this.trying.node, this.taking.node);
    this.#rest();
  }

  /** The model may be another of the same kind. */
  use(model) {
    this.model = model;
    this.lesson.use(model);
    this.trying.use(model);
  }

  /** Where pasted pictures go until another place is used. */
  usePaste() {
    this.#boxViews.get(this.lesson.boxes[0])?.use();
  }

  addBox(name) {
    const box = this.lesson.addBox(name);
    const view = { name: el("input", { value: name, "aria-label": "Name of the label", autocomplete: "off", spellcheck: false }) };
    view.problem = el("p", { class: "problem", role: "alert", hidden: true });
    view.count = el("span", { class: "faint" }, "0");
    view.list = el("ul", { class: `examples ${this.model.kind}`, "aria-label": `Examples of ${name}` });
    view.name.addEventListener("focus", () => view.name.select());
    view.name.addEventListener("change", () => {
      this.lesson.rename(box, view.name.value);
      this.#name(box, view);
    });
    const away = button("×", () => this.removeBox(box), { class: "away", "aria-label": `Remove this label` });
    const given = intake(this.model, { name: "of this label", many: true, take: (items) => this.take(box, items) });
    view.use = given.use;
    view.node = el("section", { class: "box", "aria-label": name }, el("div", { class: "boxhead" }, view.name, view.count, away), view.problem, given.node, view.list);
    this.#boxViews.set(box, view);
    this.boxes.append(view.node);
    return view;
  }

  #name({ name }, view) {
    view.node.setAttribute("aria-label", name);
    view.list.setAttribute("aria-label", `Examples of ${name}`);
  }

  removeBox(box) {
    const many = this.lesson.of(box).length;
    if (many > 1 && !confirm(`Remove “${box.name}” and its ${many} examples?`)) return;
    for (const example of this.lesson.of(box)) this.#forget(example);
    this.#boxViews.get(box).node.remove();
    this.#boxViews.delete(box);
    this.lesson.removeBox(box);
    this.panel.querySelector("button")?.focus();
  }

  take(box, items) {
    this.#isSaved = false;
    // A folder of folders brings its labels along.
    const folders = new Set(items.map(({ folder }) => folder).filter(Boolean));
    if (folders.size > 1) return this.#sort(items);
    for (const example of this.lesson.add(box, items)) this.#show(example);
    this.#rest();
  }

  takeFolders(files) {
    this.take(this.lesson.boxes[0], files.filter(({ file }) => isPicture(file)).map(({ file, folder }) => ({ blob: file, name: file.name, folder })));
  }

  #sort(items) {
    for (const [folder, own] of Map.groupBy(items, ({ folder }) => folder || "other")) {
      let box = this.lesson.boxes.find(({ name }) => name === folder);
      box ??= this.lesson.boxes.find((one) => /^label \d+$/.test(one.name) && this.lesson.of(one).length === 0);
      if (!box) {
        this.addBox(folder);
        box = this.lesson.boxes.at(-1);
      }
      this.#boxViews.get(box).name.value = folder;
      this.lesson.rename(box, folder);
      this.#name(box, this.#boxViews.get(box));
      for (const example of this.lesson.add(box, own)) this.#show(example);
    }
    this.#rest();
  }

  #show(example) {
    const face = example.blob ? picture(URL.createObjectURL(example.blob), "", { loading: "lazy" }) : el("span", {}, example.name);
    const open = button("", () => this.#open(example), { class: "example" });
    open.append(face);
    const view = { node: el("li", {}, open), open, face };
    this.#views.set(example, view);
    this.#boxViews.get(example.box).list.append(view.node);
    this.#mark(example);
  }

  #forget(example) {
    const view = this.#views.get(example);
    if (example.blob) URL.revokeObjectURL(view.face.src);
    view.node.remove();
    this.#views.delete(example);
  }

  /** How an example stands, in words; empty where nothing is wrong. */
  #words(example) {
    if (example.problem) return example.problem.message;
    if (example.wrong) return `taken for ${example.wrong.box.name}, ${percent(example.wrong.probability)}`;
    return example.embedding ? "" : "waiting for its features";
  }

  #mark(example) {
    const view = this.#views.get(example);
    if (!view) return;
    const words = this.#words(example);
    view.open.className = `example ${example.problem ? "failed" : example.wrong ? "wrong" : example.embedding ? "" : "waiting"}`;
    view.open.setAttribute("aria-label", words ? `${example.name}: ${words}` : example.name);
    view.open.title = words ? `${example.name}: ${words}` : example.name;
  }

  #changed(what, of) {
    if (what === "example") this.#mark(of);
    if (what === "result") {
      for (const example of this.lesson.examples) this.#mark(example);
      this.#results();
    }
    this.#rest();
  }

  /** Counts, progress, and what is to be done next. */
  #rest() {
    const { lesson } = this;
    for (const [box, view] of this.#boxViews) {
      view.count.textContent = counted(lesson.of(box).length, "example");
      view.problem.hidden = !box.problem;
      view.problem.textContent = box.problem ?? "";
    }
    const waiting = lesson.waiting.length;
    const all = lesson.examples.length;
    this.progress.hidden = waiting === 0;
    this.progress.value = all ? (all - waiting) / all : 0;
    const filled = lesson.boxes.filter((box) => lesson.of(box).length).length;
    const failed = lesson.examples.flatMap(({ problem }) => (problem ? [problem.message] : []));
    const words = [];
    if (waiting) words.push(`Features of ${all - waiting} of ${counted(all, this.#word)}.`);
    else if (lesson.isSolving) words.push("Solving a head …");
    else if (filled < 2) words.push("Two labels with an example each are enough to begin; ten each say more.");
    if (failed.length) words.push(`${counted(failed.length, "example")} could not be read, and ${failed.length === 1 ? "is" : "are"} left out: ${[...new Set(failed)].slice(0, 3).join("; ")}`);
    const text = words.join(" ");
    // Said once, not at each part.
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.hidden = !text;
    this.again.hidden = lesson.passing.length === 0;
  }

  #results() {
    const { result, problem, examples } = this.lesson;
    this.trying.show(Boolean(result));
    this.taking.show(Boolean(result));
    const had = this.result.contains(document.activeElement);
    if (problem) return this.result.replaceChildren(trouble(problem, isPassing(problem) && (() => this.lesson.remove([]))));
    if (!result) return this.result.replaceChildren();
    const wrong = examples.filter((example) => example.wrong).sort((a, b) => b.wrong.probability - a.wrong.probability);
    const [low, high] = result.interval;
    const tile = (name, value, words) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b", {}, value), ...words.map((line) => el("span", {}, line))));
    let doubt = "";
    if (result.boxes.some((box) => this.lesson.of(box).length < 2)) doubt = "It takes two examples or more of each label to measure anything.";
    else if (high <= result.chance) doubt = "The features of this model do not tell these labels apart. Another model may.";
    else if (low <= result.chance) doubt = "This may still be chance. More examples of each label say more.";
    this.result.replaceChildren(
      el("h2", { tabIndex: -1 }, "What it learned"),
      el("dl", { class: "tiles" },
        tile("Accuracy", percent(result.accuracy), [`${percent(low)} to ${percent(high)} at 95%`, `measured by ${result.method}`]),
        tile("By chance", percent(result.chance), ["always the most frequent label"]),
        tile("Wrong", `${wrong.length} of ${result.count}`, ["each by a head without it"]),
        tile("Time", `${result.seconds.toFixed(2)} s`, ["once features are read"])),
      doubt ? el("p", { class: "caution" }, doubt) : "",
      wrong.length ? this.#wrong(wrong) : "");
    // Whoever goes through the mistakes by the keyboard goes on with the next.
    if (had) (this.result.querySelector(".mistake button") ?? this.result.querySelector("h2")).focus();
    say(`Learned ${counted(result.boxes.length, "label")} from ${counted(result.count, "example")}. Accuracy ${percent(result.accuracy)}, between ${percent(low)} and ${percent(high)}; by chance ${percent(result.chance)}. ${wrong.length} wrong.`);
  }

  /** Those that heads without them get wrong, the surest first. */
  #wrong(wrong) {
    const line = (example) => {
      const face = example.blob ? picture(this.#views.get(example).face.src, example.name) : el("p", { class: "words" }, example.text ?? example.name);
      const is = `It is ${example.wrong.box.name}`;
      return el("li", { class: "card mistake" }, face, el("div", {},
        el("p", {}, el("b", {}, example.box.name), " ", el("span", { class: "wrongly" }, `taken for ${example.wrong.box.name}, ${percent(example.wrong.probability)}`)),
        el("div", { class: "row" }, button(is, () => this.#move(example, example.wrong.box)), button("Remove", () => this.#remove(example), { "aria-label": `Remove ${example.name}` }))));
    };
    const [first, rest] = [wrong.slice(0, 12), wrong.slice(12)];
    const title = el("h3", { tabIndex: -1 }, "Taken for something else");
    return el("div", {}, title, el("p", { class: "faint" }, "Either the label is wrong, or the example is hard. The surest mistakes first."), el("ul", { class: "mistakes" }, ...first.map(line)),
      rest.length ? el("details", {}, el("summary", {}, `${rest.length} more`), el("ul", { class: "mistakes" }, ...rest.map(line))) : null);
  }

  #move(example, box) {
    this.#isSaved = false;
    this.lesson.move(example, box);
    this.#boxViews.get(box).list.append(this.#views.get(example).node);
    this.#mark(example);
    this.#dim(example);
    say(`${example.name} is ${box.name} now.`);
  }

  #remove(example) {
    this.#dim(example);
    this.#forget(example);
    this.lesson.remove([example]);
    say(`${example.name} is removed.`);
  }

  /** What was clicked is gone until the next head is solved; the keyboard goes on with the list. */
  #dim() {
    const done = document.activeElement?.closest(".mistake");
    if (!done) return;
    const next = done.nextElementSibling ?? done.previousElementSibling;
    done.remove();
    (next?.querySelector("button") ?? this.result.querySelector("h3"))?.focus();
  }

  #open(example) {
    const dialog = el("dialog", { "aria-labelledby": "example-title", onclose: () => {
      dialog.remove();
      (this.#views.get(example)?.open ?? this.#boxViews.get(example.box)?.name)?.focus();
    } });
    const words = this.#words(example);
    const choice = (box) => {
      const field = el("input", { type: "radio", name: "box", id: newId("box"), checked: box === example.box, autofocus: box === example.box, onchange: () => this.#move(example, box) });
      return el("div", { class: "check" }, field, el("label", { htmlFor: field.id }, box.name));
    };
    const face = example.blob ? picture(this.#views.get(example).face.src, example.name, { class: "large" }) : el("p", { class: "words" }, example.text ?? example.name);
    const remove = () => {
      dialog.close();
      this.#remove(example);
    };
    dialog.append(el("h2", { id: "example-title" }, example.name), words ? el("p", { class: "problem" }, words.charAt(0).toUpperCase() + words.slice(1)) : "", face,
      el("fieldset", {}, el("legend", {}, "Its label"), ...this.lesson.boxes.map(choice)),
      el("div", { class: "row" }, button("Done", () => dialog.close(), { class: "first" }), button("Remove", remove)));
    document.body.append(dialog);
    dialog.showModal();
  }

  saved() {
    this.#isSaved = true;
  }
}
