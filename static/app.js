// What HTML and htmx cannot say by themselves. No framework, no state but what the page shows.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (event, act) => document.addEventListener(event, act);
  const isPoll = (element) => element?.hasAttribute?.("data-poll");
  const dialog = $("#dlg"), toasts = $("#toasts"), live = $("#live");

  // Every request that changes something proves that it comes from this page.
  on("htmx:configRequest", ({ detail }) => {
    if (detail.verb !== "get") detail.headers["X-CSRFToken"] = $("meta[name=csrf-token]").content;
    const token = $("#selection [name=selection]"); // in a header, so that no link carries it
    if (token) detail.headers["X-Selection"] = token.value;
    if (token && detail.verb === "post" && detail.path === token.form.dataset.selectUrl) keepSelection(token);
  });

  // --- focus: never on nothing --------------------------------------------------------------
  let held = null;
  const focus = (element) => {
    if (!element) return;
    if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
    element.focus();
  };
  const again = (element) => element?.isConnected ? element : element?.id ? document.getElementById(element.id) : null;

  // --- the dialog: opens when something is swapped into it, gives focus back to its opener ----
  // The menu and what holds the opener are noted at once: by the end a poll may have redrawn them.
  let opener = null, holder = "", menu = null;
  const firstIn = (id) => id ? all(`#${CSS.escape(id)} :is(a[href], button)`).find((each) => each.checkVisibility()) : null;
  if (dialog) {
    document.body.addEventListener("close-dialog", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.replaceChildren();
      focus((menu ? $(`[popovertarget="${menu.id}"]`) : again(opener) ?? firstIn(holder)) ?? $("#main"));
    });
  }
  const openDialog = () => {
    if (!dialog.open) dialog.showModal();
    focus($(".error-summary, [autofocus]", dialog)
      ?? $(".dialog-body :is(input:not([type=hidden]), select, textarea, button, a[href])", dialog) ?? $("h2", dialog));
  };

  // --- requests ---------------------------------------------------------------------------------
  let lastAnswer = new Date();
  on("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (isPoll(elt)) return document.hidden ? event.preventDefault() : undefined;
    if (target === dialog && !dialog.open) {
      [opener, holder, menu] = [elt, elt.parentElement?.closest("[id]")?.id, elt.closest?.("[popover]")];
    }
    target?.classList.add("is-loading");
  });
  // `requestConfig` has who asked for what; an answer may have replaced the one and moved the other.
  on("htmx:afterRequest", ({ detail }) => {
    detail.requestConfig.target?.classList.remove("is-loading");
    if (!isPoll(detail.requestConfig.elt)) return;
    if (detail.successful) lastAnswer = new Date();
    else $("[data-last]", live).textContent = lastAnswer.toLocaleTimeString();
    live.hidden = detail.successful;
  });
  on("htmx:beforeSwap", ({ detail }) => {
    held = document.activeElement;
    const { xhr, requestConfig } = detail;
    if (xhr.status < 400 || xhr.getResponseHeader("HX-Retarget") !== "#toasts" || isPoll(requestConfig.elt)) return;
    detail.shouldSwap = true; // the server's own words; put where they can be read
    const alert = dialog.open && $(".dialog-alert", dialog);
    if (alert) Object.assign(detail, { target: alert, swapOverride: "innerHTML" });
  });
  const noAnswer = ({ detail }) => {
    if (isPoll(detail.requestConfig.elt) || detail.xhr.getResponseHeader("HX-Retarget")) return;
    ((dialog.open && $(".dialog-alert", dialog)) || toasts).append($("#no-answer").content.cloneNode(true));
  };
  ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((event) => on(event, noAnswer));
  on("htmx:afterSettle", ({ detail }) => {
    const target = again(detail.target);
    if (target === dialog && dialog.hasChildNodes()) openDialog();
    else if (!isPoll(detail.requestConfig?.elt)) focus(target && $(".error-summary, [data-focus]", target));
    if (document.activeElement === document.body && held !== document.body) focus(again(held) ?? target ?? $("#main"));
    if (target?.id === "bar") checkAll(target.dataset.check);
    tickHeader();
    announce();
  });
  const pollNow = () => document.hidden || all("[data-poll]").forEach((element) => htmx.trigger(element, "poll-now"));
  on("visibilitychange", pollNow);

  // --- milestones: whatever carries data-announce is said once at each address -------------------
  const said = new Set();
  on("htmx:pushedIntoHistory", () => said.clear());
  const announce = (aloud = true) => all("[data-announce]").forEach(({ dataset }) => {
    if (!dataset.announce || said.has(dataset.announce)) return;
    said.add(dataset.announce);
    if (aloud) $("#announce").textContent = dataset.announce;
  });

  // --- toasts: leave by themselves, but not under the pointer or the focus; errors stay ----------
  const dismiss = (toast) => {
    const focused = toast.contains(document.activeElement);
    toast.remove();
    if (focused) focus(dialog.open ? dialog : $("#main"));
  };
  const arm = (toast) => {
    if (toast.matches(".toast-error")) return;
    let timer;
    const start = () => { timer = setTimeout(() => dismiss(toast), $("a", toast) ? 12000 : 7000); };
    const stop = () => clearTimeout(timer);
    ["pointerenter", "focusin"].forEach((event) => toast.addEventListener(event, stop));
    ["pointerleave", "focusout"].forEach((event) => toast.addEventListener(event, () => { stop(); start(); }));
    start();
  };
  if (toasts) {
    all(".toast", toasts).forEach(arm);
    new MutationObserver((changes) => changes.forEach(({ addedNodes }) =>
      addedNodes.forEach((node) => node.matches?.(".toast") && arm(node)))).observe(toasts, { childList: true });
  }

  // --- selection: ticks go to the server, which answers with the bar -----------------------------
  let anchor = null, sent = Promise.resolve();
  const unsent = new Map(); // what was ticked (true) or unticked (false) and waits for its turn
  const select = (ticks, checked) => {
    const form = $("#selection");
    ticks.forEach((tick) => { tick.checked = checked; });
    tickHeader();
    if (!form || !ticks.length) return;
    const some = { op: checked ? "tick" : "untick", id: ticks.map((tick) => tick.value) };
    some.id.forEach((id) => unsent.set(id, checked));
    // One after the other, so that quick ticks arrive in order; where the answer goes, the form says by hx-target.
    sent = sent.then(() => {
      some.id.forEach((id) => unsent.delete(id));
      const values = Object.fromEntries(all("input[type=hidden]", form).map((input) => [input.name, input.value]));
      return htmx.ajax("POST", form.dataset.selectUrl, { source: form, values: { ...values, ...some } });
    }).catch(() => {});
  };
  // What the bar's own buttons ask for (select all, clear) comes before the ticks that follow it.
  on("htmx:beforeRequest", ({ target, detail }) => {
    if (!target.closest?.("#bar")) return;
    const answered = new Promise((done) => detail.xhr.addEventListener("loadend", done, { once: true }));
    sent = sent.then(() => answered);
  });
  const tick = (box, range) => {
    const ticks = all(".tick"), from = ticks.indexOf(again(anchor)), to = ticks.indexOf(box);
    const some = range && from >= 0 ? ticks.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
    anchor = box;
    select(some, box.checked);
  };
  const tickHeader = () => {
    const ticks = all(".tick"), count = ticks.filter((box) => box.checked).length;
    all(".tick-page").forEach((head) => {
      head.checked = count > 0 && count === ticks.length;
      head.indeterminate = count > 0 && count < ticks.length;
    });
  };
  const checkAll = (which) => {
    if (which !== "all" && which !== "none") return;
    all(".tick").forEach((box) => { box.checked = unsent.get(box.value) ?? which === "all"; });
  };

  // Going back and reloading find the ticks again. A selection belongs to one living page: whoever
  // holds its lock; so a duplicated tab, to which the browser copies the storage, starts without.
  const kept = `selection ${location.pathname}`;
  const hold = (token, held) => navigator.locks?.request(token, { ifAvailable: true }, (lock) => {
    if (lock) { held(); return new Promise(() => {}); }
  });
  const keepSelection = ({ value }) => hold(value, () => sessionStorage.setItem(kept, value));
  const findSelection = () => {
    const token = $("#selection [name=selection]"), old = token && sessionStorage.getItem(kept);
    if (!old || performance.getEntriesByType("navigation")[0]?.type === "navigate") return;
    hold(old, () => { token.value = old; htmx.trigger("#view", "selection-found"); });
  };

  on("click", (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    if (hit("[aria-disabled=true]")) return event.preventDefault();
    if (hit("[data-close]")) return dialog.close();
    if (hit("[data-dismiss]")) return dismiss(hit(".toast"));
    if (hit("[data-retry]")) return pollNow();
    if (event.target.matches(".tick")) tick(event.target, event.shiftKey);
    if (event.target.matches(".tick-page")) {
      select(all(".tick").filter((box) => box.checked !== event.target.checked), event.target.checked);
    }
    if (hit(".menu-item")) hit("[popover]")?.hidePopover();
  });

  // --- shortcuts: any element can name its own with data-key ---------------------------------------
  let chord = "";
  const rowOf = (element) => element?.closest?.("tr[data-row]");
  const move = (step) => {
    const rows = all("tr[data-row]"), now = rows.indexOf(rowOf(document.activeElement));
    const row = rows[now < 0 ? (step > 0 ? 0 : rows.length - 1) : now + step];
    focus(row && ($(".tick", row) ?? $(".row-link", row)));
  };
  on("keydown", (event) => {
    const { key, target } = event, cancel = key === "Escape" && target.closest?.("form") && $("[data-cancel]", target.closest("form"));
    if (cancel) return cancel.click();
    if (document.body.dataset.shortcuts !== "on" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (dialog.open || $(":popover-open") || target.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])")) return;
    const keys = chord ? `${chord} ${key}` : key;
    chord = key === "g" && !chord ? "g" : "";
    const row = rowOf(document.activeElement), box = row && $(".tick", row);
    if (keys === "j" || keys === "k") move(keys === "j" ? 1 : -1);
    else if (box && (keys === "x" || keys === "X")) { box.checked = !box.checked; tick(box, keys === "X"); }
    else if (keys === "Enter" && row && target === box) $(".row-link", row)?.click();
    else {
      const named = all(`[data-key="${CSS.escape(keys)}"]:not([disabled])`).at(-1); // of notices, the latest
      if (!named) return;
      if (named.matches("input")) { named.focus(); named.select(); }
      else { if (named.matches("[popovertarget]")) named.focus(); named.click(); }
    }
    event.preventDefault();
  });

  announce(false);
  tickHeader();
  findSelection();
  focus($(".error-summary"));
})();
