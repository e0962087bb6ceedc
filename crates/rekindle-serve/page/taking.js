// Trying a head on new items, and taking it and its examples along.

/** New items by the head that was solved; it computes in the page, on features from the server. */
class Trying {
  constructor(lesson) {
    this.lesson = lesson;
    this.list = el("ol", { class: "cards", "aria-label": "Answers of what was taught" });
    this.place = el("div", {});
    this.node = el("section", { hidden: true, "aria-labelledby": "try-title" }, el("h2", { id: "try-title" }, "Try it"), this.place, this.list);
  }

  use(model) {
    this.model = model;
    this.given = intake(model, { name: "to try it on", many: false, take: (items) => this.take(items) });
    this.place.replaceChildren(this.given.node);
    for (const view of this.views ?? []) this.#read(view);
  }

  show(is) {
    if (!this.model) this.use(this.lesson.model);
    this.node.hidden = !is;
    if (is) for (const view of this.views ?? []) this.#answer(view);
  }

  take(items) {
    for (const item of items) {
      const view = card(item, "", (view) => this.#read(view), this.list);
      this.views = [...(this.views ?? []).filter((one) => one.card.isConnected), view];
      this.list.prepend(view.card);
      this.#read(view);
    }
  }

  async #read(view) {
    view.wait("Reading …");
    view.embedding = null;
    const { model } = this;
    const [found] = await askEach("v1/embed", { model: model.name }, [view.item], ({ embeddings }) => embeddings).catch((problem) => [problem]);
    if (model !== this.model) return;
    if (found instanceof Error) return view.fail(found);
    view.embedding = found;
    this.#answer(view, true);
  }

  #answer(view, isNew) {
    const { result, ready, model } = this.lesson;
    if (!view.embedding || !result || model !== this.model) return;
    const prediction = answerOf(result, view.embedding);
    const like = ready.map((example) => ({ example, similarity: cosine(example.embedding, view.embedding) }));
    like.sort((a, b) => b.similarity - a.similarity);
    const face = ({ blob, name }) => (blob ? picture(URL.createObjectURL(blob), "", { onload: (event) => URL.revokeObjectURL(event.target.src) }) : el("span", { class: "file" }, name));
    const line = ({ example, similarity }) => el("li", {}, face(example), el("b", {}, example.box.name), el("span", { class: "faint", title: "cosine similarity" }, similarity.toFixed(2)));
    view.put(guesses(prediction), el("h3", {}, "Most like it among the examples"), el("ol", { class: `near ${model.kind}` }, ...like.slice(0, 4).map(line)));
    if (isNew) say(`${view.item.name}: ${inWords(prediction)}`);
  }
}

/** Files of what was taught. */
class Taking {
  constructor(teaching) {
    this.teaching = teaching;
    this.state = el("p", { role: "status" });
    const isPictures = teaching.model.kind === "pictures";
    const data = isPictures ? "Examples (.zip)" : "Examples (.csv)";
    const buttons = [
      this.#button("Model (safetensors)", () => this.#model("safetensors")),
      this.#button("Model (ONNX)", () => this.#model("onnx")),
      this.#button(data, () => (isPictures ? this.#pictures() : this.#table())),
      teaching.keeps && teaching.model.kind !== "rows" ? this.#button("Keep the examples on the server", () => this.#keep()) : null,
    ];
    this.node = el("section", { hidden: true, "aria-labelledby": "take-title" }, el("h2", { id: "take-title" }, "Take it along"),
      el("p", { class: "faint" }, "The model with its new head, as timm and Rekindle load it or as a graph for other programs; the examples with their labels, as ", el("code", {}, "rekindle finetune --data"), " reads them."),
      el("div", { class: "row" }, ...buttons.filter(Boolean)), this.state);
  }

  show(is) {
    this.node.hidden = !is;
    // What was written is not of the new head.
    this.#say("");
  }

  #button(text, act) {
    const one = button(text, async () => {
      if (one.disabled) return;
      one.disabled = true;
      this.#say("Being written …");
      try {
        this.#say(await act());
      } catch (problem) {
        this.state.replaceChildren(el("span", { class: "problem" }, problem.message));
      }
      one.disabled = false;
      one.focus();
    });
    return one;
  }

  #say(text) {
    this.state.replaceChildren(text);
  }

  async #model(format) {
    const { lesson, model } = this.teaching;
    const answer = await ask(of("v1/teach/model", { model: model.name, format }), { body: lesson.body().text });
    const name = `${fileName(model.name)}.taught.${format}`;
    download(await answer.blob(), name);
    return `${name} is written.`;
  }

  async #pictures() {
    const { lesson } = this.teaching;
    const folders = new Map();
    const rows = [["path", "label"]];
    const members = [];
    for (const box of lesson.boxes) {
      let folder = fileName(box.name);
      // Two labels may differ in letters alone that files cannot have.
      while (folders.has(folder.toLowerCase())) folder += "_";
      folders.set(folder.toLowerCase(), box);
      lesson.of(box).forEach((example, place) => {
        const name = `${folder}/${String(place + 1).padStart(4, "0")}.${ending(example.blob)}`;
        members.push({ name, blob: example.blob });
        rows.push([name, box.name.trim()]);
      });
    }
    members.push({ name: "manifest.csv", blob: new Blob([writeCsv(rows)]) });
    download(await zip(members), "examples.zip");
    this.teaching.saved();
    return `examples.zip is written: ${counted(members.length - 1, "picture")} and manifest.csv.`;
  }

  async #table() {
    const { lesson, model } = this.teaching;
    const columns = model.kind === "rows" ? model.input.columns : ["text"];
    const cells = ({ text, row }) => (row ? columns.map((column) => row[column]) : [text]);
    const rows = lesson.boxes.flatMap((box) => lesson.of(box).map((example) => [...cells(example), box.name.trim()]));
    download(new Blob([writeCsv([[...columns, "label"], ...rows])], { type: "text/csv" }), "examples.csv");
    this.teaching.saved();
    return `examples.csv is written: ${counted(rows.length, "row")}.`;
  }

  async #keep() {
    const { lesson, model } = this.teaching;
    const query = of("v1/data", { model: model.name });
    let stored = 0;
    for (const example of lesson.examples) {
      const label = example.box.name.trim();
      if (example.keptAs === label) continue;
      const content = example.blob ? { image: await base64(example.blob) } : { text: example.text };
      await ask(query, { body: JSON.stringify({ label, ...content }) });
      example.keptAs = label;
      stored += 1;
      this.#say(`${counted(stored, "example")} kept …`);
    }
    this.teaching.saved();
    return stored ? `${counted(stored, "example")} kept on the server.` : "All of them are kept already.";
  }
}

function base64(blob) {
  return new Promise((done, stop) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => stop(reader.error);
    reader.readAsDataURL(blob);
  });
}
