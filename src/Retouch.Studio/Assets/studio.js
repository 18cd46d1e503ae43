// What C# on the server cannot: keys at once, the width of the list, and a canvas with many points.
(() => {
  const typing = e => e.target instanceof HTMLElement && (e.target.matches("input:not([type=range]),textarea,select") || e.target.isContentEditable);
  let page = null, edit = null, awaited = false;
  document.addEventListener("keydown", e => {
    if (e.key === "Escape") { page?.invokeMethodAsync("OnKey", "Escape"); return; }
    if (typing(e)) return;
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z") { e.preventDefault(); page?.invokeMethodAsync("OnKey", "undo"); return; }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (awaited) { awaited = false; if ("oilctj".includes(e.key)) { e.preventDefault(); page?.invokeMethodAsync("OnKey", e.key); } return; }
    if (e.key === "g") { awaited = true; setTimeout(() => awaited = false, 1500); return; }
    if (e.key === "?") { page?.invokeMethodAsync("OnKey", "?"); return; }
    if (edit && location.pathname.startsWith("/edit/")) {
      if (e.key === "l") edit.invokeMethodAsync("OnEditKey", "label").catch(() => {});
      if (e.key === "a") edit.invokeMethodAsync("OnEditKey", "accept").catch(() => {});
    }
  });
  const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const maps = new Map(), Fields = 6, Far = 1.25, Corners = 400;

  // The levels of a colour that a style names.
  const levels = (() => {
    const one = document.createElement("canvas").getContext("2d", { willReadFrequently: true }), known = new Map();
    return css => {
      if (!known.has(css)) { one.fillStyle = css; one.fillRect(0, 0, 1, 1); known.set(css, [...one.getImageData(0, 0, 1, 1).data]); }
      return known.get(css);
    };
  })();

  // How much of each pixel around a point belongs to it: a disc, or the line around one.
  function mask(radius, line) {
    const reach = Math.ceil(radius + 1), side = 2 * reach + 1, shares = new Float32Array(side * side);
    for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) {
      const far = Math.hypot(x, y), disc = r => Math.max(0, Math.min(1, r + .5 - far));
      shares[(y + reach) * side + x + reach] = line ? disc(radius) - disc(radius - line) : disc(radius);
    }
    return { reach, side, shares };
  }

  // Pixel by pixel: a hundred thousand points as shapes of a canvas take longer than a frame.
  function stamp(pixels, width, height, x, y, { reach, side, shares }, [red, green, blue], alpha) {
    const left = Math.round(x) - reach, top = Math.round(y) - reach;
    for (let j = 0; j < side; j++) {
      if (top + j < 0 || top + j >= height) continue;
      for (let i = 0; i < side; i++) {
        const a = shares[j * side + i] * alpha;
        if (a === 0 || left + i < 0 || left + i >= width) continue;
        const at = ((top + j) * width + left + i) * 4;
        pixels[at] += (red - pixels[at]) * a; pixels[at + 1] += (green - pixels[at + 1]) * a; pixels[at + 2] += (blue - pixels[at + 2]) * a;
      }
    }
  }

  function draw(map) {
    const { canvas, points } = map, ratio = devicePixelRatio || 1, n = points.length / Fields;
    const width = canvas.width = Math.round(canvas.clientWidth * ratio), height = canvas.height = Math.round(canvas.clientHeight * ratio);
    // It was taken off the page.
    if (!width || !height) return;
    map.size = ratio * Math.max(1.2, Math.min(4, 160 / Math.sqrt(n || 1)));
    const pixels = map.pixels = new Uint8ClampedArray(width * height * 4), [red, green, blue] = levels(color("--soft"));
    for (let i = 0; i < pixels.length; i += 4) { pixels[i] = red; pixels[i + 1] = green; pixels[i + 2] = blue; pixels[i + 3] = 255; }
    const disc = mask(map.size), grey = levels("#8a929c"), ok = levels(color("--ok")), no = levels(color("--no"));
    const lightness = matchMedia("(prefers-color-scheme:dark)").matches ? 65 : 42, field = map.colour === "said" ? 5 : 4;
    // Neighbouring classes get hues far apart.
    const ink = at => map.colour === "right" ? [grey, no, ok][points[at + 3] + 1] : points[at + field] < 0 ? grey : levels(`hsl(${(points[at + field] * 137.508 % 360).toFixed(0)} 70% ${lightness}%)`);
    // What is wrong lies on top.
    for (const state of [-1, 1, 0])
      for (let at = 0; at < points.length; at += Fields)
        if (points[at + 3] === state) stamp(pixels, width, height, map.x(points[at + 1]), map.y(points[at + 2]), disc, ink(at), state === 0 ? .9 : .5);
    ring(map);
    canvas.dataset.drawn = n;
  }

  function ring(map) {
    if (!map.pixels) return;
    const { canvas, points, bits } = map, ratio = devicePixelRatio || 1, pixels = map.pixels.slice(), ink = levels(color("--mark"));
    const line = mask(map.size + 2 * ratio, (points.length > 20000 * Fields ? 1 : 2) * ratio);
    let chosen = 0;
    for (let at = 0; at < points.length; at += Fields) {
      if (!(bits[points[at] >> 3] >> (points[at] & 7) & 1)) continue;
      stamp(pixels, canvas.width, canvas.height, map.x(points[at + 1]), map.y(points[at + 2]), line, ink, 1);
      chosen++;
    }
    map.layer.width = canvas.width; map.layer.height = canvas.height;
    map.layer.getContext("2d").putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
    canvas.dataset.chosen = chosen;
    compose(map);
  }

  function compose(map) {
    const { canvas, path } = map, c = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(map.layer, 0, 0);
    if (path.length > 1) {
      c.setTransform(ratio, 0, 0, ratio, 0, 0); c.strokeStyle = color("--mark"); c.lineWidth = 2; c.setLineDash([5, 4]);
      c.beginPath(); path.forEach(([x, y], i) => i ? c.lineTo(x, y) : c.moveTo(x, y)); c.stroke(); c.setLineDash([]);
    }
  }

  // From a place on the canvas to one on the map.
  const placed = (map, x, y) => [(x / map.canvas.clientWidth * 2 - 1) * Far, (y / map.canvas.clientHeight * 2 - 1) * Far];

  window.studio = {
    keys: self => { page = self; },
    editKeys: self => { edit = self; },
    focus: id => document.getElementById(id)?.focus(),
    width: (id, self) => {
      const list = document.getElementById(id);
      if (!list) return;
      list.addEventListener("keydown", e => { if ([" ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"].includes(e.key) || (e.key === "a" && (e.ctrlKey || e.metaKey))) e.preventDefault(); });
      new ResizeObserver(entries => self.invokeMethodAsync("OnWidth", entries[0].contentRect.width).catch(() => {})).observe(list);
    },
    toRow: (id, row, height) => {
      const list = document.getElementById(id), top = row * height;
      if (!list) return;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
    },
    map: async (id, self) => {
      const canvas = document.getElementById(id);
      if (!canvas) return;
      const answer = await fetch("/map.bin");
      if (!answer.ok) return;
      const points = new Float32Array(await answer.arrayBuffer());
      let map = maps.get(canvas);
      if (!map) {
        map = {
          canvas, layer: document.createElement("canvas"), colour: "right", bits: new Uint8Array(0), path: [],
          x: v => (v / Far + 1) / 2 * canvas.width, y: v => (v / Far + 1) / 2 * canvas.height,
        };
        for (const old of maps.keys()) if (!old.isConnected) maps.delete(old);
        maps.set(canvas, map);
        const at = e => { const box = canvas.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
        canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); map.path = [at(e)]; map.drawing = true; });
        canvas.addEventListener("pointermove", e => {
          if (!map.drawing) return;
          const [x, y] = at(e), [lastX, lastY] = map.path.at(-1);
          if (Math.hypot(x - lastX, y - lastY) < 3) return;
          map.path.push([x, y]);
          map.awaited ??= requestAnimationFrame(() => { map.awaited = null; compose(map); });
        });
        canvas.addEventListener("pointerup", e => {
          const path = map.path;
          map.drawing = false; map.path = [];
          if (path.length > 3) {
            const every = Math.ceil(path.length / Corners);
            self.invokeMethodAsync("OnLasso", path.filter((_, i) => i % every === 0).flatMap(([x, y]) => placed(map, x, y)), e.shiftKey);
          } else if (path.length) {
            self.invokeMethodAsync("OnPoint", placed(map, ...path[0]), [12 / canvas.clientWidth * 2 * Far, 12 / canvas.clientHeight * 2 * Far], e.shiftKey);
          }
          compose(map);
        });
        let width = canvas.clientWidth;
        new ResizeObserver(() => { if (canvas.clientWidth !== width) { width = canvas.clientWidth; draw(map); } }).observe(canvas);
        matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => draw(map));
      }
      map.points = points;
      draw(map);
    },
    colour: (id, by) => {
      const map = maps.get(document.getElementById(id));
      if (map) { map.colour = by; draw(map); }
    },
    chosen: (id, bits) => {
      const map = maps.get(document.getElementById(id));
      if (map) { map.bits = bits; ring(map); }
    },
  };
})();
