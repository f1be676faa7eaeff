// Scrolls a scan: the part that lies in the page (report/viewer_scan.py), or all of it, from the server that the page
// comes from (served_scan.js). Draws, never words.
'use strict';
(async () => {
  const section = document.getElementById('viewer');
  const DATA = JSON.parse(document.getElementById('viewer-facts').textContent);
  const WORDS = JSON.parse(document.getElementById('viewer-words').textContent);
  const VIEWS = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] }; // across, down, through: 0 x, 1 y, 2 z
  const EDGES = { axial: 'RLAP', coronal: 'RLSI', sagittal: 'APSI' }; // left, right, top, bottom
  const WINDOWS = { a: [400, 40], d: [250, 80], s: [150, 80] };
  const PANCREAS = { color: '#56b4e9', width: 1.5, dash: [] };
  const TUMOR = { color: '#e69f00', width: 2.5, dash: [] };
  const CONTOUR = { color: '#ffffff', width: 1.5, dash: [5, 4] };
  const ALONE = { color: '#f0e442', width: 1.5, dash: [2, 3] };
  const state = { at: [...DATA.start], window: 400, level: 40, zoom: 1, outlines: true, finding: 0, networks: new Set(), threshold: null };
  const [nx, ny, nz] = DATA.size, count = nx * ny * nz;
  const index = (x, y, z) => (z * ny + y) * nx + x;
  const clamp = (value, axis) => Math.max(0, Math.min(DATA.size[axis] - 1, Math.round(value)));
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  async function unpacked(base64) {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  async function embedded() {
    const bytes = await unpacked(document.getElementById('viewer-voxels').textContent), gray = bytes.subarray(0, count);
    for (let i = 1; i < count; i++) if (i % nx) gray[i] += gray[i - 1]; // differences along x
    return { gray, marks: bytes.subarray(count, 2 * count), probability: bytes.subarray(2 * count) };
  }
  const layers = window.servedLayers ? await window.servedLayers(DATA, WORDS, fill) : await embedded();
  if (!layers) return;
  const { gray, marks, probability } = layers;
  const hu = value => DATA.hu[0] + value * DATA.hu[1];

  // Offsets of a slice's voxels, row by row from the top left of the picture: superior up, patient right on the left.
  function slice(view) {
    const [across, down, through] = VIEWS[view], place = [0, 0, 0], found = new Int32Array(DATA.size[across] * DATA.size[down]);
    place[through] = state.at[through];
    let n = 0;
    for (let row = 0; row < DATA.size[down]; row++) {
      place[down] = down === 2 ? nz - 1 - row : row;
      for (let column = 0; column < DATA.size[across]; column++) { place[across] = column; found[n++] = index(...place); }
    }
    return found;
  }

  function picture(view, offsets) {
    const [across, down] = VIEWS[view], image = new ImageData(DATA.size[across], DATA.size[down]), shade = new Uint8ClampedArray(256);
    for (let value = 0; value < 256; value++) shade[value] = 255 * (hu(value) - state.level + state.window / 2) / state.window;
    const pixels = new Uint32Array(image.data.buffer);
    for (let n = 0; n < offsets.length; n++) { const g = shade[gray[offsets[n]]]; pixels[n] = 0xff000000 | g << 16 | g << 8 | g; }
    return image;
  }

  // Marching squares: segments between the middles of pixel edges, in pixels of the slice.
  const SEGMENTS = [[], [3, 2], [2, 1], [3, 1], [0, 1], [0, 1, 3, 2], [0, 2], [0, 3], [0, 3], [0, 2], [0, 3, 1, 2], [0, 1], [3, 1], [1, 2], [2, 3], []];
  const MIDDLE = [[0, -.5], [.5, 0], [0, .5], [-.5, 0]];
  function outline(view, offsets, inside) {
    const columns = DATA.size[VIEWS[view][0]], wide = columns + 2, path = new Path2D();
    const mask = new Uint8Array(wide * (offsets.length / columns + 2));
    let any = false;
    for (let n = 0; n < offsets.length; n++) if (inside(offsets[n])) { any = true; mask[(Math.floor(n / columns) + 1) * wide + n % columns + 1] = 1; }
    if (!any) return null;
    for (let row = 0; row * wide < mask.length - wide; row++) for (let column = 0; column < wide - 1; column++) {
      const at = row * wide + column, ends = SEGMENTS[mask[at] * 8 + mask[at + 1] * 4 + mask[at + wide + 1] * 2 + mask[at + wide]];
      for (let end = 0; end < ends.length; end += 2) {
        const [a, b] = [MIDDLE[ends[end]], MIDDLE[ends[end + 1]]];
        path.moveTo(column - .5 + a[0], row - .5 + a[1]); path.lineTo(column - .5 + b[0], row - .5 + b[1]);
      }
    }
    return path;
  }

  // Where a slice lies on its canvas: whole, or around the crosshair when zoomed.
  function frame(view, canvas) {
    const [across, down] = VIEWS[view];
    const fit = Math.min(canvas.width / (DATA.size[across] * DATA.spacing[across]), canvas.height / (DATA.size[down] * DATA.spacing[down]));
    const scale = state.zoom * fit, wide = scale * DATA.spacing[across], high = scale * DATA.spacing[down];
    const row = down === 2 ? nz - 1 - state.at[2] : state.at[down];
    const start = (length, size, pixel, place) => state.zoom === 1 ? (length - size * pixel) / 2 : length / 2 - (place + .5) * pixel;
    return { scale, wide, high, row, x: start(canvas.width, DATA.size[across], wide, state.at[across]), y: start(canvas.height, DATA.size[down], high, row) };
  }

  // What a plane shows stays the same while another plane is scrolled: only what has changed is made again.
  const kept = {};
  function plane(view) {
    const [across, down, through] = VIEWS[view], was = kept[view] ?? (kept[view] = { sheet: document.createElement('canvas') });
    const place = state.at[through], shade = `${place} ${state.window} ${state.level}`, lines = `${place} ${state.outlines} ${[...state.networks]} ${state.threshold}`;
    if (was.shade === shade && was.lines === lines) return was;
    const offsets = slice(view);
    if (was.shade !== shade) {
      was.sheet.width = DATA.size[across]; was.sheet.height = DATA.size[down];
      was.sheet.getContext('2d').putImageData(picture(view, offsets), 0, 0);
    }
    if (was.lines !== lines) was.paths = outlined(view, offsets);
    return Object.assign(was, { shade, lines });
  }
  function outlined(view, offsets) {
    const lines = state.outlines ? [[PANCREAS, at => (marks[at] & 3) > 0], [TUMOR, at => (marks[at] & 3) === 2]] : [];
    for (const network of state.networks) lines.push([ALONE, at => marks[at] >> (2 + network) & 1]);
    if (state.threshold !== null) lines.push([CONTOUR, at => probability[at] >= state.threshold * 255]);
    return lines.map(([style, inside]) => [style, outline(view, offsets, inside)]).filter(([, path]) => path);
  }

  function draw(view) {
    const canvas = document.getElementById(view), pen = canvas.getContext('2d'), { sheet, paths } = plane(view), f = frame(view, canvas);
    const ratio = canvas.width / canvas.clientWidth, [across, down] = VIEWS[view];
    pen.setTransform(1, 0, 0, 1, 0, 0); pen.fillStyle = '#000'; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(sheet, f.x, f.y, f.wide * DATA.size[across], f.high * DATA.size[down]);
    for (const [style, path] of paths) {
      const placed = new Path2D();
      placed.addPath(path, new DOMMatrix([f.wide, 0, 0, f.high, f.x + f.wide / 2, f.y + f.high / 2]));
      pen.lineJoin = pen.lineCap = 'round';
      pen.setLineDash([]); pen.strokeStyle = '#000'; pen.lineWidth = (style.width + 2.5) * ratio; pen.stroke(placed);
      pen.setLineDash(style.dash.map(length => length * ratio)); pen.strokeStyle = style.color; pen.lineWidth = style.width * ratio; pen.stroke(placed);
    }
    annotate(pen, view, canvas, f, ratio);
  }

  function annotate(pen, view, canvas, f, ratio) {
    const [across, , through] = VIEWS[view], letter = 13 * ratio, width = canvas.width, height = canvas.height;
    const write = (text, x, y, align) => {
      pen.textAlign = align; pen.strokeStyle = '#000'; pen.lineWidth = 3 * ratio; pen.strokeText(text, x, y); pen.fillStyle = '#eee'; pen.fillText(text, x, y);
    };
    pen.font = `${letter}px system-ui, sans-serif`; pen.setLineDash([]);
    const [left, right, top, bottom] = EDGES[view];
    write(left, 16 * ratio, height / 2 + letter / 3, 'left'); write(right, width - 16 * ratio, height / 2 + letter / 3, 'right');
    write(top, width / 2, letter + 14 * ratio, 'center'); write(bottom, width / 2, height - 16 * ratio, 'center'); // inside of the ticks
    if (canvas.clientWidth >= 200) {
      write(place(through), 6 * ratio, letter + 4 * ratio, 'left');
      if (view === 'axial') write(fill(WORDS.window, state), width - 6 * ratio, letter + 4 * ratio, 'right');
      const bar = [5, 10, 20, 50, 100].filter(mm => mm * f.scale < width / 4).pop() || 5;
      pen.strokeStyle = '#eee'; pen.lineWidth = 2 * ratio; pen.beginPath();
      pen.moveTo(8 * ratio, height - 10 * ratio); pen.lineTo(8 * ratio + bar * f.scale, height - 10 * ratio); pen.stroke();
      write(`${bar} mm`, 8 * ratio, height - 16 * ratio, 'left');
    }
    const x = f.x + (state.at[across] + .5) * f.wide, y = f.y + (f.row + .5) * f.high, tick = 12 * ratio;
    pen.strokeStyle = '#eee'; pen.lineWidth = 2 * ratio; pen.beginPath();
    for (const [a, b, dx, dy] of [[x, 0, 0, tick], [x, height, 0, -tick], [0, y, tick, 0], [width, y, -tick, 0]]) { pen.moveTo(a, b); pen.lineTo(a + dx, b + dy); }
    pen.stroke();
  }

  // Millimeters of the patient along an axis at the crosshair, and the slice of the file where the axis runs through it.
  function lps(axis) {
    let mm = DATA.origin[axis];
    for (let k = 0; k < 3; k++) mm += DATA.axes[axis][k] * DATA.spacing[k] * state.at[k];
    return mm;
  }
  function place(axis) {
    const mm = lps(axis), where = `${['RL', 'AP', 'IS'][axis][+(mm > 0)]} ${Math.abs(mm).toFixed(1)} mm`;
    return DATA.slices.axis === axis ? `${where}, ${DATA.slices.words[state.at[axis]]}` : where;
  }

  function show() {
    for (const view of Object.keys(VIEWS)) draw(view);
    const at = index(...state.at), label = marks[at] & 3;
    const values = { place: [0, 1, 2].map(place).join(', '), hu: Math.round(hu(gray[at])), label: WORDS.labels?.[label] };
    let text = fill(WORDS.probe, values);
    if (DATA.hasProbability) text += fill(WORDS.probability, { probability: (probability[at] / 255).toFixed(2) });
    document.getElementById('viewer-probe').textContent = text;
    const slider = document.getElementById('viewer-slice');
    slider.value = state.at[2]; slider.setAttribute('aria-valuetext', place(2));
    const found = DATA.findings[state.finding];
    if (found) document.getElementById('viewer-finding').textContent = found.words;
    section.dataset.at = state.at.join(' '); section.dataset.hu = values.hu; section.dataset.label = label;
    section.dataset.lps = [0, 1, 2].map(axis => lps(axis).toFixed(2)).join(' ');
    section.dispatchEvent(new CustomEvent('shown', { detail: { ...state, networks: [...state.networks] } }));
  }

  function explore(value) {
    state.threshold = value;
    const mm3 = DATA.spacing[0] * DATA.spacing[1] * DATA.spacing[2];
    let n = 0;
    if (value !== null) for (const byte of probability) n += byte >= value * 255;
    document.getElementById('viewer-explored').textContent = value === null ? WORDS.off : fill(WORDS.explored, { threshold: value.toFixed(2), ml: (n * mm3 / 1000).toFixed(2) });
    show();
  }

  function act(key) {
    const step = { ArrowUp: 1, PageUp: 5, ArrowDown: -1, PageDown: -5 }[key];
    if (step) state.at[2] = clamp(state.at[2] + step, 2);
    else if (key === 'o') state.outlines = !state.outlines;
    else if (WINDOWS[key]) [state.window, state.level] = WINDOWS[key];
    else if ((key === 'n' || key === 'p') && DATA.findings.length) {
      const total = DATA.findings.length;
      state.finding = (state.finding + (key === 'n' ? 1 : total - 1)) % total; state.at = [...DATA.findings[state.finding].at];
    } else if (key === '+' || key === '-') state.zoom = Math.max(1, Math.min(8, state.zoom * (key === '+' ? 1.25 : .8)));
    else return false;
    if (Math.abs(state.zoom - 1) < .05) state.zoom = 1;
    show();
    return true;
  }

  function listen(view) {
    const canvas = document.getElementById(view), [across, down, through] = VIEWS[view], fingers = new Map();
    const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
    let turned = 0;
    canvas.addEventListener('wheel', event => {
      event.preventDefault();
      if (event.ctrlKey) return void act(event.deltaY < 0 ? '+' : '-');
      turned += event.deltaMode ? Math.sign(event.deltaY) * 40 : event.deltaY; // a trackpad sends many small ones
      if (Math.abs(turned) < 20) return;
      state.at[through] = clamp(state.at[through] - Math.sign(turned), through); turned = 0; show();
    }, { passive: false });
    canvas.addEventListener('contextmenu', event => event.preventDefault());
    canvas.addEventListener('pointerdown', event => {
      section.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, [event.offsetX, event.offsetY]); moved(event);
    });
    canvas.addEventListener('pointermove', event => {
      if (!fingers.has(event.pointerId)) return;
      const before = fingers.size === 2 ? apart() : 0;
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      if (fingers.size === 2) { state.zoom = Math.max(1, Math.min(8, state.zoom * apart() / Math.max(before, 1))); show(); } else moved(event);
    });
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, event => fingers.delete(event.pointerId));
    function moved(event) {
      if (event.buttons & 2 || event.shiftKey) {
        state.window = Math.max(10, Math.round(state.window + 2 * event.movementX)); state.level = Math.round(state.level - event.movementY);
        return show();
      }
      const f = frame(view, canvas), ratio = canvas.width / canvas.clientWidth, row = clamp((event.offsetY * ratio - f.y) / f.high - .5, down);
      state.at[across] = clamp((event.offsetX * ratio - f.x) / f.wide - .5, across); state.at[down] = down === 2 ? nz - 1 - row : row;
      show();
    }
  }

  function fitted() {
    for (const view of Object.keys(VIEWS)) {
      const canvas = document.getElementById(view);
      canvas.width = Math.max(1, canvas.clientWidth * devicePixelRatio); canvas.height = Math.max(1, canvas.clientHeight * devicePixelRatio);
    }
    show();
  }

  const slider = document.getElementById('viewer-slice');
  slider.max = nz - 1;
  slider.addEventListener('input', () => { state.at[2] = +slider.value; show(); });
  const threshold = document.getElementById('viewer-threshold');
  if (threshold) threshold.addEventListener('input', () => explore(+threshold.value < .05 ? null : +threshold.value));
  section.querySelectorAll('[data-key]').forEach(button => button.addEventListener('click', () => act(button.dataset.key)));
  section.querySelectorAll('[data-network]').forEach(box => box.addEventListener('change', () => {
    state.networks[box.checked ? 'add' : 'delete'](+box.dataset.network); show();
  }));
  section.addEventListener('keydown', event => {
    if (event.target.tagName !== 'INPUT' && !event.ctrlKey && !event.metaKey && !event.altKey && act(event.key)) event.preventDefault();
  });
  section.addEventListener('go', event => { state.at = event.detail.map(clamp); show(); });
  Object.keys(VIEWS).forEach(listen);
  addEventListener('resize', fitted);
  section.hidden = false;
  fitted();
  section.dataset.ready = 'yes';
})();
