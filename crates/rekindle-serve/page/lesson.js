// What is taught: examples under labels, their features, and the head that the server solves on them.

/** How long a change waits for others before a head is solved. */
const SETTLE = 300;

/**
 * A lesson for one kind of items. `changed(what)` is called with `example` and one of them, `progress`, or `result` after
 * each change; features belong to a model, and are read again for another.
 */
class Lesson {
  boxes = [];
  examples = [];
  result = null;
  /** Why there is none. */
  problem = null;
  isSolving = false;
  #reading = false;
  #timer = 0;
  #stop = null;

  constructor(changed) {
    this.changed = changed;
  }

  /** Another model: features have to be read anew. */
  use(model) {
    if (this.model?.name === model.name) return;
    this.model = model;
    for (const example of this.examples) example.embedding = example.problem = null;
    this.#changed();
    this.read();
  }

  addBox(name) {
    const box = { name, problem: null };
    this.boxes.push(box);
    return box;
  }

  of(box) {
    return this.examples.filter((example) => example.box === box);
  }

  add(box, items) {
    const added = items.map((item) => ({ ...item, box, embedding: null, problem: null, wrong: null }));
    this.examples.push(...added);
    this.read();
    return added;
  }

  remove(gone) {
    this.examples = this.examples.filter((example) => !gone.includes(example));
    this.#changed();
  }

  removeBox(box) {
    this.boxes = this.boxes.filter((one) => one !== box);
    this.remove(this.of(box));
  }

  move(example, box) {
    Object.assign(example, { box, wrong: null });
    this.#changed();
  }

  rename(box, name) {
    box.name = name;
    this.#changed();
  }

  get waiting() {
    return this.examples.filter((example) => !example.embedding && !example.problem);
  }

  get ready() {
    return this.examples.filter((example) => example.embedding);
  }

  /** Reads the features of all examples that have none, part by part. */
  async read() {
    if (this.#reading) return;
    this.#reading = true;
    while (this.waiting.length) {
      this.changed("progress");
      const { model } = this;
      const [part] = parts(this.waiting);
      const found = await askEach("v1/embed", { model: model.name }, part, ({ embeddings }) => embeddings).catch((problem) => part.map(() => problem));
      // Of another model by now.
      if (model !== this.model) continue;
      part.forEach((example, place) => {
        if (found[place] instanceof Error) example.problem = found[place];
        else example.embedding = found[place];
        this.changed("example", example);
      });
    }
    this.#reading = false;
    this.changed("progress");
    this.#changed();
  }

  /** Examples that might be read another time. */
  get passing() {
    return this.examples.filter(({ problem }) => problem && isPassing(problem));
  }

  retry() {
    for (const example of this.passing) {
      example.problem = null;
      this.changed("example", example);
    }
    this.read();
  }

  /** Labels that have examples with features, and those as the server takes them. */
  body() {
    const { ready } = this;
    const boxes = this.boxes.filter((box) => ready.some((example) => example.box === box));
    const examples = ready.map(({ box, embedding }) => ({ label: boxes.indexOf(box), embedding }));
    return { boxes, ready, text: JSON.stringify({ labels: boxes.map(({ name }) => name.trim()), examples }) };
  }

  #changed() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#solve(), SETTLE);
  }

  async #solve() {
    if (this.#reading || !this.model) return;
    const { boxes, ready, text } = this.body();
    for (const box of this.boxes) box.problem = null;
    for (const example of this.examples) example.wrong = null;
    [this.result, this.problem] = [null, null];
    if (boxes.length >= 2) {
      const stop = new AbortController();
      this.#stop = stop;
      this.isSolving = true;
      this.changed("progress");
      try {
        const start = performance.now();
        const found = await askJson(of("v1/teach", { model: this.model.name }), { body: text, signal: stop.signal });
        if (stop.signal.aborted) return;
        for (const wrong of found.wrong) ready[wrong.example].wrong = { box: boxes[wrong.predicted], probability: wrong.probability };
        this.result = { ...found, boxes, count: ready.length, seconds: (performance.now() - start) / 1000 };
      } catch (problem) {
        if (stop.signal.aborted) return;
        this.#blame(problem, boxes, ready);
      } finally {
        if (this.#stop === stop) this.isSolving = false;
      }
    }
    this.changed("result");
  }

  /** Puts a problem where it belongs. */
  #blame(problem, boxes, ready) {
    const [, of, place] = /^(labels|examples)\[(\d+)\]/.exec(problem.field ?? "") ?? [];
    const message = problem.message.replace(/^\w+\[\d+\](\.\w+)?: /, "");
    if (of === "labels") boxes[place].problem = `This name ${message}`;
    else if (of === "examples") ready[place].problem = new Problem(problem.status, { message: `This example ${message}` });
    this.problem = of ? new Problem(problem.status, { message: `${of === "labels" ? "A label" : "An example"} above is to be mended first.` }) : problem;
  }
}

/** The answer of a head to features: a softmax of W e + b over its temperature. */
function answerOf({ head, boxes }, embedding) {
  const dot = (row) => row.reduce((sum, weight, place) => sum + weight * embedding[place], 0);
  const logits = head.weight.map((row, label) => (dot(row) + head.bias[label]) / head.temperature);
  const most = Math.max(...logits);
  const shares = logits.map((logit) => Math.exp(logit - most));
  const all = shares.reduce((sum, share) => sum + share, 0);
  const top = shares.map((share, label) => ({ label: boxes[label].name, index: label, probability: share / all }));
  return { top: top.sort((a, b) => b.probability - a.probability) };
}

/** The cosine of the angle between two lists of features. */
function cosine(one, other) {
  let [product, first, second] = [0, 0, 0];
  for (let place = 0; place < one.length; place += 1) {
    product += one[place] * other[place];
    first += one[place] ** 2;
    second += other[place] ** 2;
  }
  return product / (Math.sqrt(first * second) || 1);
}
