// Gets the voxels of a whole scan from the server that the page comes from; viewer.js asks for them (report/served_scan.py).
'use strict';
window.servedLayers = async (facts, words, fill) => {
  const [nx, ny, nz] = facts.size, count = nx * ny * nz, wait = document.getElementById('viewer-wait');
  const layers = { gray: new Uint8Array(count), marks: new Uint8Array(count), probability: new Uint8Array(count) };
  for (const [done, piece] of facts.pieces.entries()) {
    wait.textContent = fill(words.loading, { done, total: facts.pieces.length });
    const answer = await fetch(piece.address).catch(() => ({ ok: false }));
    if (!answer.ok) { wait.textContent = words.lost; return null; }
    layers[piece.layer].set(new Uint8Array(await answer.arrayBuffer()), piece.first * nx * ny);
  }
  wait.textContent = '';
  return layers;
};
