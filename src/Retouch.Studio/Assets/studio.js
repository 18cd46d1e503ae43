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
  const maps = new Map();

  function draw(map) {
    const { canvas, points, chosen, path } = map, c = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
    const w = canvas.clientWidth, h = canvas.clientHeight;
    canvas.width = w * ratio; canvas.height = h * ratio; c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const inks = { "-1": "#8a929c", 1: color("--ok"), 0: color("--no") };
    const size = Math.max(1.4, Math.min(4, 160 / Math.sqrt(points.length / 4 || 1)));
    for (const state of [-1, 1, 0]) {
      c.fillStyle = inks[state]; c.globalAlpha = state === 0 ? .9 : .5;
      for (let i = 0; i < points.length; i += 4) {
        if (points[i + 3] !== state) continue;
        c.beginPath(); c.arc(map.x(points[i + 1]), map.y(points[i + 2]), size, 0, 7); c.fill();
      }
    }
    c.globalAlpha = 1; c.strokeStyle = color("--mark"); c.lineWidth = 2;
    for (let i = 0; i < points.length; i += 4)
      if (chosen.has(points[i])) { c.beginPath(); c.arc(map.x(points[i + 1]), map.y(points[i + 2]), size + 2, 0, 7); c.stroke(); }
    if (path.length > 1) { c.setLineDash([5, 4]); c.beginPath(); path.forEach(([x, y], i) => i ? c.lineTo(x, y) : c.moveTo(x, y)); c.stroke(); c.setLineDash([]); }
  }

  function within(path, x, y) {
    let inside = false;
    for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
      const [xi, yi] = path[i], [xj, yj] = path[j];
      if (yi > y !== yj > y && x < (xj - xi) * (y - yi) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  }

  window.studio = {
    keys: self => { page = self; },
    editKeys: self => { edit = self; },
    focus: id => document.getElementById(id)?.focus(),
    width: (id, self) => {
      const list = document.getElementById(id);
      if (!list) return;
      list.addEventListener("keydown", e => { if ([" ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"].includes(e.key)) e.preventDefault(); });
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
        map = { canvas, chosen: new Set(), path: [], x: v => (v / 1.25 + 1) / 2 * canvas.clientWidth, y: v => (v / 1.25 + 1) / 2 * canvas.clientHeight };
        maps.set(canvas, map);
        const at = e => { const box = canvas.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
        canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); map.path = [at(e)]; map.drawing = true; });
        canvas.addEventListener("pointermove", e => { if (map.drawing) { map.path.push(at(e)); draw(map); } });
        canvas.addEventListener("pointerup", () => {
          map.drawing = false;
          const ids = [], p = map.points, path = map.path;
          if (path.length > 4) {
            for (let i = 0; i < p.length; i += 4) if (within(path, map.x(p[i + 1]), map.y(p[i + 2]))) ids.push(p[i]);
          } else {
            let near = 144, one = null;
            for (let i = 0; i < p.length; i += 4) {
              const d = (map.x(p[i + 1]) - path[0][0]) ** 2 + (map.y(p[i + 2]) - path[0][1]) ** 2;
              if (d < near) { near = d; one = p[i]; }
            }
            if (one !== null) ids.push(one);
          }
          map.path = [];
          self.invokeMethodAsync("OnLasso", ids);
        });
        new ResizeObserver(() => draw(map)).observe(canvas);
        matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => draw(map));
      }
      map.points = points;
      draw(map);
    },
    chosen: (id, ids) => {
      const map = maps.get(document.getElementById(id));
      if (map?.points) { map.chosen = new Set(ids); draw(map); }
    },
  };
})();
