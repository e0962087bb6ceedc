// Pictures and other files as they come: dropped, pasted, chosen, from the camera.

/** Most pictures that are taken in a burst, and how long one waits for the next. */
const BURST = { most: 100, milliseconds: 250 };

const isPicture = (file) => file.type.startsWith("image/") || /\.(jpe?g|png|gif|webp|bmp|tiff?|avif|hei[cf])$/i.test(file.name);
const isText = (file) => file.type.startsWith("text/") || /\.(txt|csv)$/i.test(file.name);

/** The picture as JPEG, its longest side as `next` says of what it is; null where that says nothing. */
async function redrawn(blob, next) {
  const bitmap = await createImageBitmap(blob);
  const longest = Math.max(bitmap.width, bitmap.height);
  const scale = next(longest) / longest;
  if (!scale) return null;
  const canvas = el("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  const pen = canvas.getContext("2d");
  // What is transparent would turn black.
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

/** What was dropped or pasted: files with the folder that each lies in, if any. */
async function filesOf(transfer) {
  // Before anything is waited for: the list is emptied then.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  const plain = [...transfer.files];
  const found = [];
  for (const entry of entries.filter(Boolean)) await walk(entry, "", found);
  return found.length ? found : plain.map((file) => ({ file, folder: "" }));
}

async function walk(entry, folder, found) {
  if (entry.isFile) {
    found.push({ file: await new Promise((done, stop) => entry.file(done, stop)), folder });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // It gives a hundred at a time.
    const some = await new Promise((done, stop) => reader.readEntries(done, stop));
    if (!some.length) return;
    for (const one of some) await walk(one, entry.name, found);
  }
}

/** A button that opens the list of files. */
function chooser(text, take, about = {}) {
  const field = el("input", {
    type: "file", multiple: true, class: "unseen", tabIndex: -1, "aria-hidden": "true", ...about,
    onchange: () => {
      const folder = (file) => file.webkitRelativePath.split("/").at(-2) ?? "";
      const files = [...field.files].map((file) => ({ file, folder: folder(file) }));
      field.value = "";
      if (files.length) take(files);
    },
  });
  return el("span", { class: "chooser" }, button(text, () => field.click()), field);
}

/** Buttons that take photographs: by a camera that the page may use, else by the program that phones have for it. */
function photographer(title, take, isBurst) {
  if (navigator.mediaDevices?.getUserMedia) return button("Camera", () => openCamera(title, take, isBurst));
  // Browsers give the camera to pages of this machine or over HTTPS alone.
  if (!matchMedia("(pointer: coarse)").matches) return null;
  return chooser("Camera", take, { accept: "image/*", capture: "environment", multiple: false });
}

/** A window with what the camera sees. */
async function openCamera(title, take, isBurst) {
  const video = el("video", { autoplay: true, muted: true, playsInline: true });
  const count = el("span", { class: "faint", role: "status" });
  const place = el("div", {});
  const camera = { stream: null, facing: "environment", timer: 0, taken: 0 };
  const stop = () => camera.stream?.getTracks().forEach((track) => track.stop());
  const dialog = el("dialog", { class: "camera", "aria-labelledby": "camera-title", onclose: () => {
    burst(false);
    stop();
    camera.isClosed = true;
    dialog.remove();
  } });
  const start = async () => {
    stop();
    place.replaceChildren();
    try {
      const video = { facingMode: camera.facing, width: { ideal: 1280 }, height: { ideal: 960 } };
      camera.stream = await navigator.mediaDevices.getUserMedia({ video });
      if (camera.isClosed) return stop();
    } catch (error) {
      const isRefused = error.name === "NotAllowedError";
      const message = isRefused ? "The camera is not allowed to this page. Allow it in the browser, and try again." : "There is no camera to use.";
      place.replaceChildren(trouble({ message }, start));
      return;
    }
    video.srcObject = camera.stream;
  };
  const shoot = async () => {
    // A slow machine writes one picture while the next is due.
    if (!video.videoWidth || camera.isBusy) return;
    camera.isBusy = true;
    const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    camera.isBusy = false;
    if (camera.isClosed) return;
    camera.taken += 1;
    count.textContent = `${counted(camera.taken, "picture")} taken`;
    take([{ file: new File([blob], `camera ${camera.taken}.jpg`, { type: "image/jpeg" }), folder: "" }]);
    if (camera.taken % BURST.most === 0) burst(false);
  };
  const burst = (on) => {
    clearInterval(camera.timer);
    camera.timer = on ? setInterval(shoot, BURST.milliseconds) : 0;
    many.setAttribute("aria-pressed", String(on));
    many.textContent = on ? "Stop" : "Burst";
  };
  const many = button("Burst", () => burst(camera.timer === 0), { "aria-pressed": "false" });
  const turn = button("Other camera", () => {
    camera.facing = camera.facing === "user" ? "environment" : "user";
    start();
  });
  dialog.append(el("h2", { id: "camera-title" }, title), place, video,
    el("div", { class: "row" }, button("Take a picture", shoot, { class: "first" }), isBurst ? many : null, turn,
      button("Done", () => dialog.close()), count));
  document.body.append(dialog);
  dialog.showModal();
  await start();
}
