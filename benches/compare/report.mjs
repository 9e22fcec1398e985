// Medians, ratios and tables.

const COLUMNS = [
  { key: 'instructions', title: 'instructions', digits: 0 },
  { key: 'cpu', title: 'CPU µs', digits: 1 },
  { key: 'throughput', title: 'requests/s', digits: 0 },
  { key: 'p50', title: 'p50 µs', digits: 0 },
  { key: 'p99', title: 'p99 µs', digits: 0 },
];

export function median(numbers) {
  const sorted = numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A contestant's medians over all rounds. */
export function medians({ contestant, rounds, instructions }) {
  const values = Object.fromEntries(COLUMNS.map(({ key }) => [key, median(rounds.map((round) => round[key]))]));
  return { name: contestant.name, version: contestant.version, ...values, ...(instructions && { instructions }), rounds };
}

export function print({ machine, method, settings, results }) {
  for (const { rows } of results) {
    const peer = rows.find((row) => row.name === settings.peer);
    for (const row of rows) {
      const ratios = COLUMNS.map(({ key }) => [key, peer?.[key] && row[key] && row[key] / peer[key]]);
      row.ratios = Object.fromEntries(ratios);
    }
  }
  if (settings.json) {
    const { rounds, requests, rate, connections, peer, headers } = settings;
    const used = { rounds, requests, rate, connections, peer, headers, instructions: method };
    console.log(JSON.stringify({ machine, settings: used, results }, null, 2));
    return;
  }
  console.log(`${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`);
  console.log(
    `Medians of ${settings.rounds} rounds; ${settings.requests} requests over ${settings.connections} connections for ` +
      `CPU and throughput, ${settings.rate || 'the same'} requests${settings.rate ? ' a second' : ''} for latency; instructions by ${method}; ` +
      `× is the ratio to ${settings.peer}.`,
  );
  for (const { title, rows } of results) {
    console.log(`\n${title}`);
    const head = ['', ...COLUMNS.flatMap((column) => [column.title, '×'])];
    const body = rows.map((row) => [
      `${row.name} ${row.version}`,
      ...COLUMNS.flatMap(({ key, digits }) => [number(row[key], digits), number(row.ratios[key], 2)]),
    ]);
    table([head, ...body]);
  }
}

export function number(value, digits) {
  if (value === undefined || Number.isNaN(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    console.log(`  ${cells.join('  ')}`.trimEnd());
  }
}
