// Looks at pages in Chromium as a reader does, and tells what is there as JSON. Orders: a JSON file, the first argument.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { pages, chrome } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const browser = await chromium.launch({
  executablePath: chrome,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function look(order) {
  const context = await browser.newContext({
    viewport: { width: order.width, height: order.height }, colorScheme: order.scheme ?? 'light', javaScriptEnabled: order.scripts ?? true, hasTouch: order.touch ?? false, deviceScaleFactor: order.ratio ?? 1,
  });
  const page = await context.newPage(), said = [], asked = [];
  await page.addInitScript(keepWhatIsDrawn);
  page.on('console', message => said.push(message.text()));
  page.on('pageerror', error => said.push(error.message));
  page.on('request', request => asked.push(request.url()));
  if (order.cookie) await context.addCookies([order.cookie]);
  await page.goto(order.url ?? `file://${order.path}`);
  const found = { said, asked: asked.slice(1), name: order.name };
  if (order.scripts !== false && !order.unready && (await page.locator('#viewer').count())) await page.waitForSelector('#viewer[data-ready]', { timeout: 60000 });
  if (order.scripts !== false) Object.assign(found, await page.evaluate(measured));
  else found.images = await page.locator('img:visible').count();
  if (order.axe) found.violations = (await page.evaluate(`${axe}; axe.run()`)).violations.map(one => `${one.id}: ${one.nodes[0].html}`);
  if (order.places) found.places = await page.evaluate(readPlaces, order.places);
  if (order.drive) found.drive = await driven(page);
  if (order.steps) found.steps = await stepped(page, order.steps);
  if (order.wheel) found.wheelMs = await wheelMilliseconds(page, order.wheel);
  if (order.print) await page.emulateMedia({ media: 'print' });
  if (order.picture) await page.waitForLoadState('networkidle');
  if (order.picture) await page.screenshot({ path: order.picture, fullPage: order.full ?? false });
  if (order.pdf) { await page.emulateMedia({ media: 'print' }); found.viewerPrinted = await page.locator('#viewer').isVisible(); await page.pdf({ path: order.pdf, format: 'A4' }); }
  await context.close();
  return found;
}

function measured() {
  const top = selector => document.querySelector(selector)?.getBoundingClientRect().top ?? null;
  return {
    title: document.title, wide: document.documentElement.scrollWidth, window: innerWidth, canvas: top('canvas'), glance: document.querySelector('.glance')?.getBoundingClientRect().bottom ?? null,
    policy: document.querySelector('meta[http-equiv]').content, broke: window.broke ?? null,
  };
}

function readPlaces(places) {
  const viewer = document.getElementById('viewer');
  return places.map(at => {
    viewer.dispatchEvent(new CustomEvent('go', { detail: at }));
    return [viewer.dataset.at, +viewer.dataset.hu, +viewer.dataset.label, document.getElementById('viewer-probe').textContent];
  });
}

// Wheel, keys, slider, touch and the boxes, each as its user would, and where the crosshair is after it.
async function driven(page) {
  const at = () => page.locator('#viewer').getAttribute('data-at'), steps = { start: await at() };
  const axial = page.locator('#axial'), box = await axial.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, -100); await page.waitForTimeout(100); steps.wheel = await at();
  await page.mouse.click(box.x + box.width * 0.4, box.y + box.height * 0.6); steps.click = await at();
  await page.keyboard.press('ArrowUp'); steps.up = await at();
  await page.keyboard.press('n'); steps.next = await at(); steps.finding = await page.locator('#viewer-finding').textContent();
  await page.keyboard.press('n'); steps.nextAgain = await at();
  const pixels = () => page.evaluate(() => document.getElementById('axial').toDataURL().length + document.getElementById('axial').toDataURL().slice(-4000));
  const before = await pixels();
  await page.keyboard.press('o'); steps.outlinesChange = before !== (await pixels()); await page.keyboard.press('o');
  steps.outlinesBack = before === (await pixels());
  await page.keyboard.press('d'); steps.windowChanges = before !== (await pixels()); await page.keyboard.press('a');
  await page.keyboard.press('+'); steps.zoomChanges = before !== (await pixels()); await page.keyboard.press('-');
  await page.locator('#viewer-slice').evaluate(slider => { slider.value = '0'; slider.dispatchEvent(new Event('input')); }); steps.slider = await at();
  await page.keyboard.press('p');
  for (const network of await page.locator('[data-network]').all()) { const was = await pixels(); await network.check(); steps[`network${await network.getAttribute('data-network')}`] = was !== (await pixels()); await network.uncheck(); }
  await page.locator('#viewer-threshold').evaluate(slider => { slider.value = '0.5'; slider.dispatchEvent(new Event('input')); });
  steps.explored = await page.locator('#viewer-explored').textContent();
  await page.evaluate(() => scrollTo(0, 0));
  const reached = new Set();
  for (let n = 0; n < 40; n++) { await page.keyboard.press('Tab'); reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.dataset.key || document.activeElement.dataset.network || '')); }
  steps.reached = [...reached];
  return steps;
}

// What a user does on a page of forms and links, one act after the other; the answers of those that ask something.
async function stepped(page, steps) {
  const answers = [];
  for (const [act, target, value] of steps) {
    if (act === 'press') await page.keyboard.press(target);
    else if (act === 'fill') await page.fill(target, value);
    else if (act === 'choose') await page.selectOption(target, value);
    else if (act === 'check') await page.check(target);
    else if (act === 'uncheck') await page.uncheck(target);
    else if (act === 'click') await page.click(target);
    else if (act === 'go') await Promise.all([page.waitForNavigation(), page.click(target)]);
    else if (act === 'follow') await Promise.all([page.waitForNavigation(), page.keyboard.press(target)]);
    else if (act === 'wait') await page.waitForSelector(target, { timeout: 30000 });
    else if (act === 'seen') answers.push(await page.evaluate(whatIsDrawn));
    else if (VIEWER_ACTS[act]) await untilShown(page, () => VIEWER_ACTS[act](page, target, value));
    else if (act === 'pause') await page.waitForTimeout(target);
    else if (act === 'typed') answers.push(await page.inputValue(target));
    else if (act === 'visible') answers.push(await page.isVisible(target));
    else if (act === 'texts') answers.push(await page.locator(target).allTextContents());
    else if (act === 'focused') answers.push(await page.evaluate(() => document.activeElement.textContent));
    else if (act === 'address') answers.push(new URL(page.url()).pathname);
    else if (act === 'sorted') answers.push(await page.evaluate(sortMilliseconds, target));
    else throw new Error(act);
  }
  return answers;
}

// What a user does with the viewer; places are pixels of a picture.
const VIEWER_ACTS = {
  at: (page, place) => page.evaluate(at => { const viewer = document.getElementById('viewer'); viewer.focus({ preventScroll: true }); viewer.dispatchEvent(new CustomEvent('go', { detail: at })); }, place),
  slide: (page, id, value) => page.evaluate(([id, value]) => { const slider = document.getElementById(id); slider.value = value; slider.dispatchEvent(new Event('input')); }, [id, value]),
  point: async (page, view, [x, y]) => page.locator(`#${view}`).click({ position: { x, y } }),
  wheel: async (page, view, keys) => { await page.locator(`#${view}`).hover(); for (const key of keys) await page.keyboard.down(key); await page.mouse.wheel(0, -100); await page.waitForFunction(() => window.shownTimes > window.shownBefore, null, { timeout: 5000 }).catch(() => {}); for (const key of keys) await page.keyboard.up(key); },
  drag: async (page, view, [x, y]) => { await page.locator(`#${view}`).hover(); const box = await page.locator(`#${view}`).boundingBox(); await page.mouse.down({ button: 'right' }); await page.mouse.move(box.x + box.width / 2 + x, box.y + box.height / 2 + y); await page.mouse.up({ button: 'right' }); },
  pinch: async (page, view, factor) => {
    const box = await page.locator(`#${view}`).boundingBox(), session = await page.context().newCDPSession(page);
    const fingers = apart => [-apart, apart].map((dx, id) => ({ x: box.x + box.width / 2 + dx, y: box.y + box.height / 2, id }));
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(20) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: fingers(20 * factor) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  },
  window: (page, width, height) => page.setViewportSize({ width, height }),
};

// An act, and what the viewer shows of it: events of the mouse, of fingers and of the window come a little later.
async function untilShown(page, act) {
  await page.evaluate(() => { window.shownBefore = window.shownTimes; });
  await act();
  await page.waitForFunction(() => window.shownTimes > window.shownBefore, null, { timeout: 5000 }).catch(() => {}); // a test tells
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}

// Before the page's own scripts: every text on a canvas with its place, and what the viewer shows at last.
function keepWhatIsDrawn() {
  const pen = CanvasRenderingContext2D.prototype, { fillText, fillRect } = pen;
  pen.fillRect = function (...box) { this.canvas.texts = []; return fillRect.apply(this, box); };
  pen.fillText = function (text, x, y) { this.canvas.texts?.push([text, x, y]); return fillText.call(this, text, x, y); };
  document.addEventListener('shown', event => { window.shownLast = event.detail; window.shownTimes = (window.shownTimes ?? 0) + 1; }, true);
}

function whatIsDrawn() {
  const word = id => document.getElementById(id)?.textContent ?? null, found = { shown: window.shownLast, probe: word('viewer-probe'), finding: word('viewer-finding'), explored: word('viewer-explored'), slider: document.getElementById('viewer-slice').max };
  for (const canvas of document.querySelectorAll('#viewer canvas')) found[canvas.id] = { png: canvas.toDataURL().split(',')[1], texts: canvas.texts };
  return found;
}

function sortMilliseconds(order) {
  const choice = document.getElementById('order'), began = performance.now();
  choice.value = order; choice.dispatchEvent(new Event('input')); document.body.getBoundingClientRect();
  return performance.now() - began;
}

// CPU time of the browser's processes for a step of the wheel: other work on the machine does not spoil it.
async function wheelMilliseconds(page, count) {
  const steps = n => page.evaluate(async n => {
    for (let i = 0; i < n; i++) {
      document.getElementById('axial').dispatchEvent(new WheelEvent('wheel', { deltaY: i < n / 2 ? 100 : -100, cancelable: true }));
      await new Promise(done => requestAnimationFrame(done));
    }
  }, n);
  await steps(10); // compiled by now
  const before = cpuMilliseconds();
  await steps(count);
  return (cpuMilliseconds() - before) / count;
}

function cpuMilliseconds() {
  const stats = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try { const parts = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' '); return [[+pid, +parts[1], (+parts[11] + +parts[12]) * 10]]; } catch { return []; }
  });
  const own = [process.pid];
  for (const parent of own) for (const [pid, above] of stats) if (above === parent) own.push(pid);
  return stats.filter(([pid]) => pid !== process.pid && own.includes(pid)).reduce((sum, [, , ms]) => sum + ms, 0);
}

const answers = [];
for (const order of pages) answers.push(await look(order));
await browser.close();
console.log(JSON.stringify(answers));
