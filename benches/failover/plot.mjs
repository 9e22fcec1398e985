// The spread of calls as a picture, for light and for dark pages.

const [WIDTH, ROW, LEFT, RIGHT, TOP] = [720, 34, 170, 100, 54];

/** An SVG with the calls of each place, as a share of the mean: the slow place apart from the others. */
export function plot(rows) {
  const shares = rows.map(({ calls }) => {
    const mean = calls.reduce((sum, each) => sum + each, 0) / calls.length;
    return calls.map((count) => count / mean);
  });
  const most = Math.max(1.5, ...shares.flat()) * 1.05;
  const x = (share) => (LEFT + (share / most) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const height = TOP + rows.length * ROW + 34;
  const bottom = TOP + rows.length * ROW;
  const ticks = Array.from({ length: Math.floor(most / 0.5) + 1 }, (_, tick) => tick / 2);
  const lines = ticks.map(
    (tick) =>
      `<line class="${tick === 1 ? 'mean' : 'grid'}" x1="${x(tick)}" y1="${TOP}" x2="${x(tick)}" y2="${bottom}"/>` +
      `<text class="small" x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${tick === 1 ? 'mean' : tick}</text>`,
  );
  const places = rows.map(({ name, p99 }, row) => {
    const y = TOP + row * ROW + ROW / 2;
    const [slow, ...others] = shares[row];
    const dots = others.map((share) => `<circle class="other" cx="${x(share)}" cy="${y}" r="5"/>`);
    return [
      `<text x="${LEFT - 14}" y="${y + 4}" text-anchor="end">${name}</text>`,
      ...dots,
      `<circle class="slow" cx="${x(slow)}" cy="${y}" r="5"/>`,
      `<text class="small" x="${WIDTH - 12}" y="${y + 4}" text-anchor="end">${p99.toFixed(0)} ms</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
<title id="title">Calls of each of ten places, by algorithm</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.small { font-size: 11px; fill: #59636e; }
.grid { stroke: #d1d9e0; }
.mean { stroke: #818b98; }
.other { fill: #0969da; fill-opacity: 0.55; }
.slow { fill: #d1570c; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9198a1; }
.grid { stroke: #3d444d; }
.mean { stroke: #7d8590; }
.other { fill: #4493f8; }
.slow { fill: #f0883e; }
}
</style>
<circle class="slow" cx="${LEFT}" cy="26" r="5"/><text x="${LEFT + 12}" y="30">the slow place</text>
<circle class="other" cx="${LEFT + 130}" cy="26" r="5"/><text x="${LEFT + 142}" y="30">the nine others</text>
<text class="small" x="${WIDTH - 12}" y="30" text-anchor="end">99 % within</text>
${lines.join('\n')}
${places.join('\n')}
</svg>
`;
}
