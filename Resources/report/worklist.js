// Filters, sorts and walks through the rows of the worklist; Python wrote them (reading_room/worklist_page.py).
'use strict';
(() => {
  const body = document.querySelector('#worklist tbody'), rows = [...body.rows], shown = document.getElementById('shown');
  const [find, outcome, state, order] = ['find', 'outcome', 'state', 'order'].map(id => document.getElementById(id));
  const number = text => (text === '' ? -1 : +text);
  const ORDERS = {
    case: (a, b) => a.dataset.case.localeCompare(b.dataset.case, undefined, { numeric: true }),
    state: (a, b) => a.dataset.state.localeCompare(b.dataset.state),
    score: (a, b) => number(b.dataset.score) - number(a.dataset.score),
    mm: (a, b) => number(b.dataset.mm) - number(a.dataset.mm),
    warnings: (a, b) => number(b.dataset.warnings) - number(a.dataset.warnings),
  };
  const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
  const visible = () => [...body.rows].filter(row => !row.hidden);
  const links = () => visible().map(row => row.querySelector('a'));

  function count() {
    shown.textContent = shown.dataset.words.replace('{shown}', visible().length).replace('{total}', rows.length);
  }
  function filter() {
    const wanted = find.value.toLowerCase();
    for (const row of rows) {
      row.hidden = !(texts.get(row).includes(wanted) && (!outcome.value || row.dataset.outcome === outcome.value) && (!state.value || row.dataset.state === state.value));
    }
    count();
  }
  function sort() {
    body.replaceChildren(...(ORDERS[order.value] ? [...rows].sort(ORDERS[order.value]) : rows));
    body.dataset.sorted = order.value;
  }
  for (const control of [find, outcome, state]) control.addEventListener('input', filter);
  order.addEventListener('input', sort);
  addEventListener('keydown', event => {
    const step = { j: 1, n: 1, k: -1, p: -1 }[event.key];
    if (!step || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = links(), at = all.indexOf(document.activeElement), next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
    if (all[next]) { all[next].focus(); event.preventDefault(); }
  });
  count();
})();
