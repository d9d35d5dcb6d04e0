// The upload: files can be dropped, too large ones are refused before they are sent, and one sees
// how far the upload is. Without this, the form is an ordinary one.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  document.documentElement.classList.add("can-drop");

  const check = () => {
    const file = $("file").files[0], most = Number($("upload").dataset.maxBytes), wrong = $("file-wrong");
    const tooLarge = Boolean(file) && file.size > most;
    wrong.textContent = tooLarge ? `${file.name} has ${size(file.size)}, more than the ${size(most)} allowed. Split it into smaller files.` : "";
    wrong.hidden = !tooLarge;
    $("file").setAttribute("aria-invalid", String(tooLarge));
    return !tooLarge;
  };

  document.addEventListener("change", ({ target }) => { if (target.id === "file") check(); });
  document.addEventListener("submit", (event) => {
    if (event.target.id === "upload" && !check()) { event.preventDefault(); event.stopPropagation(); $("file").focus(); }
  }, true);

  const zone = (event) => event.target.closest?.("#dropzone");
  ["dragenter", "dragover"].forEach((name) => document.addEventListener(name, (event) => {
    if (!zone(event)) return;
    event.preventDefault();
    zone(event).classList.add("is-over");
  }));
  ["dragleave", "drop"].forEach((name) => document.addEventListener(name, (event) => zone(event)?.classList.remove("is-over")));
  document.addEventListener("drop", (event) => {
    if (!zone(event) || !event.dataTransfer.files.length) return;
    event.preventDefault();
    $("file").files = event.dataTransfer.files;
    check();
  });

  document.addEventListener("htmx:beforeRequest", ({ target }) => {
    if (target.id !== "upload") return;
    $("uploading").hidden = false;
    $("upload-button").setAttribute("aria-disabled", "true");
  });
  document.addEventListener("htmx:afterRequest", ({ target }) => {
    if (target.id !== "upload" || !$("uploading")) return;
    $("uploading").hidden = true;
    $("upload-button").removeAttribute("aria-disabled");
  });
  document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
    if (target.id !== "upload" || !detail.lengthComputable) return;
    const share = Math.floor(100 * detail.loaded / detail.total), bar = $("uploading-bar");
    $("uploading-share").textContent = `${size(detail.loaded)} of ${size(detail.total)}`;
    if (share < 100) { bar.value = share; return; }
    bar.removeAttribute("value"); // how long reading takes is not known
    $("uploading-text").textContent = "Uploaded. Reading the rows…";
  });
})();
