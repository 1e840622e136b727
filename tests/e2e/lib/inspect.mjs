// Runs inside the page: what is cut, what overlaps, what is too faint, which numbers it shows.
// A function of its own text: nothing outside it exists where it runs.

export function inspect() {
  const wrong = [];
  const name = (element) => {
    const id = element.id ? `#${element.id}` : "";
    const field = element.dataset?.field ? `[${element.dataset.field}]` : "";
    const where = element.id ? "" : `${element.closest("[id]")?.id} `;
    return `${where}${element.tagName.toLowerCase()}${id}${field}.${element.className}`;
  };
  const isShown = (element) => element.getClientRects().length > 0;
  /** The nearest box that is no line of text. */
  const around = (element) => {
    let box = element.parentElement;
    while (/^(inline|contents)/.test(getComputedStyle(box).display)) box = box.parentElement;
    return box;
  };
  // What is drawn is one picture, like a canvas; what is written in it is read below.
  const isDrawn = (element) => Boolean(element.parentElement?.closest("svg"));
  const all = [...document.querySelectorAll("body *")].filter((e) => isShown(e) && !isDrawn(e));

  for (const element of all) {
    if (element.clientWidth > 0 && element.scrollWidth > element.clientWidth) {
      wrong.push(`cut: ${name(element)} ${element.scrollWidth} > ${element.clientWidth}`);
    }
    const isInline = getComputedStyle(element).display.startsWith("inline");
    const box = isInline ? element.parentElement.closest(".card, #page") : around(element);
    const [inner, outer] = [element, box ?? document.body].map((e) => e.getBoundingClientRect());
    const isOutside =
      inner.left < outer.left - 1 ||
      inner.right > outer.right + 1 ||
      inner.top < outer.top - 1 ||
      inner.bottom > outer.bottom + 1;
    if (isOutside) wrong.push(`outside: ${name(element)} of ${name(box ?? document.body)}`);
  }

  const parents = new Set(all.map((element) => element.parentElement));
  for (const parent of parents) {
    const children = [...parent.children]
      .filter(isShown)
      .map((e) => [e, e.getBoundingClientRect()]);
    children.forEach(([one, a], n) => {
      for (const [other, b] of children.slice(n + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 1) wrong.push(`overlap: ${name(one)} and ${name(other)}`);
      }
    });
  }

  const colour = (text) => {
    const parts = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return parts.length < 4 ? [...parts, 1] : parts;
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((part, n) => part * a + ground[n] * (1 - a));
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement)
      layers.unshift(colour(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const fields = [];
  const written = [];
  const seen = new Set();
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !isShown(element)) continue;
    const style = getComputedStyle(element);
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    const below = ground(element);
    const ink = over([...colour(style.color).slice(0, 3), colour(style.color)[3] * opacity], below);
    const [high, low] = [light(ink), light(below)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const pixels = parseFloat(style.fontSize);
    const isLarge = pixels >= 24 || (pixels >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5))
      wrong.push(`faint: ${name(element)} ${ratio.toFixed(2)} "${text.data}"`);
    const range = document.createRange();
    range.selectNodeContents(text);
    const rect = range.getBoundingClientRect();
    // A line's box is higher than its letters.
    const air = rect.height * 0.25;
    written.push([element, rect.left, rect.right, rect.top + air, rect.bottom - air]);
    const field = element.closest("[data-field]");
    if (field && !seen.has(field)) {
      seen.add(field);
      fields.push([field.dataset.field, field.textContent]);
    }
    if (!field && /\d/.test(text.data) && !element.closest("[data-label]")) {
      wrong.push(`unmarked number: ${name(element)} "${text.data}"`);
    }
  }
  written.forEach(([one, left, right, top, bottom], n) => {
    for (const [other, l, r, t, b] of written.slice(n + 1)) {
      const across = Math.min(right, r) - Math.max(left, l);
      if (across > 1 && Math.min(bottom, b) - Math.max(top, t) > 1) {
        wrong.push(`written over: ${name(one)} and ${name(other)}`);
      }
    }
  });
  const charts = Object.fromEntries(
    [...document.querySelectorAll("[role=img][id]")].map((e) => [
      e.id,
      e.getAttribute("aria-label"),
    ]),
  );
  return { wrong: [...new Set(wrong)], fields, charts };
}
