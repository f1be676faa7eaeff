// Marks a place and logs what is done in the viewer of a reader study (reading_room/study_pages.py).
'use strict';
addEventListener('DOMContentLoaded', () => {
  const form = document.getElementById('study-form'), viewer = document.getElementById('viewer'), marked = document.getElementById('study-marked');
  let actions = [], last = '';
  document.getElementById('study-mark').addEventListener('click', () => {
    document.getElementById('study-place').value = viewer.dataset.lps ?? '';
    marked.textContent = viewer.dataset.lps ? marked.dataset.words.replace('{place}', viewer.dataset.lps) : '';
  });
  viewer.addEventListener('shown', event => {
    const { at, window: width, level, zoom, outlines, networks, threshold } = event.detail;
    const state = JSON.stringify([at, width, level, Math.round(zoom * 100) / 100, outlines, networks, threshold]);
    if (state === last) return;
    last = state;
    actions.push([Math.round(performance.now()), ...JSON.parse(state)]);
  });
  const send = () => {
    if (!actions.length) return;
    const body = new URLSearchParams({ actions: JSON.stringify(actions.slice(0, 1000)) });
    actions = actions.slice(1000);
    fetch(form.dataset.actions, { method: 'POST', body, keepalive: true }).catch(() => {});
  };
  setInterval(send, 2000);
  form.addEventListener('submit', send);
});
