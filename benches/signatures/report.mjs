// Tables, or JSON.

import { number, table } from '../compare/report.mjs';

export function print({ machine, settings, rows, method, counted }) {
  if (settings.json) {
    const { rounds, requests, connections } = settings;
    const used = { rounds, requests, connections, instructions: method };
    console.log(JSON.stringify({ machine, unit: 'µs', settings: used, algorithms: rows, instructions: counted }, null, 2));
    return;
  }
  console.log(`${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`);
  if (['checks', 'native', 'workerd'].some((part) => settings.parts.includes(part))) {
    console.log(`\nMicroseconds: of one check of a signature; and of CPU time that a token adds to a request (medians of ${settings.rounds} rounds)`);
    const head = ['', 'ring', 'RustCrypto in wasm', '×', 'native, remembered', 'cold', 'workerd, remembered', 'cold'];
    const body = rows.map(({ algorithm, ring, wasm, native, workerd }) => [
      algorithm,
      number(ring, 1),
      number(wasm, 1),
      number(wasm / ring, 1),
      ...[native, workerd].flatMap((on) => [number(on?.remembered, 1), number(on?.cold, 1)]),
    ]);
    table([head, ...body]);
    for (const on of ['native', 'workerd']) {
      if (rows[0]?.[on]) console.log(`  A request without a token takes ${number(rows[0][on].plain, 1)} µs, ${on}.`);
    }
  }
  if (counted.length > 0) {
    console.log(`\nUser-mode instructions that a token of HS256 adds to a native request, by ${method}`);
    const body = counted.map(({ token, ...counts }) => [
      token,
      ...['remembered', 'cold', 'haproxy'].map((name) => number(counts[name], 0)),
      number(counts.cold / counts.haproxy, 2),
    ]);
    table([['', 'edgeway, remembered', 'cold', 'haproxy', '×'], ...body]);
    const [edgeway, haproxy] = counted[0].plain;
    console.log(`  A request without a token takes ${number(edgeway, 0)}, and ${number(haproxy, 0)} in HAProxy.`);
    if (method === 'callgrind') console.log('  valgrind hides from both that the processor has instructions for SHA-256.');
  }
}
