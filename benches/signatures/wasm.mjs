// Times the signatures that the lines of a file are, in wasm, as `bench-signatures` does natively:
//
//   node benches/signatures/wasm.mjs MODULE FILE ROUNDS

import { readFileSync } from 'node:fs';

import { median } from '../compare/report.mjs';

/** Milliseconds: the least time of what is timed at once. */
const LEAST = 20;

/** Milliseconds in which a case is only run: code is not at its speed at once. */
const WARM_UP = 300;

const [module, file, rounds] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const { room, take, check, memory } = instance.exports;

const cases = readFileSync(file, 'utf8').split('\n');
for (const line of cases) {
  const bytes = Buffer.from(line);
  const place = room(bytes.length);
  new Uint8Array(memory.buffer, place, bytes.length).set(bytes);
  if (take() !== 1) throw new Error('a line is no signature');
}

/** The milliseconds of so many checks of a case. */
function time(number, times) {
  const start = performance.now();
  if (check(number, times) !== 1) throw new Error('a signature is bad');
  return performance.now() - start;
}

const works = cases.map((_, number) => {
  const end = performance.now() + WARM_UP;
  let times = 1;
  while (time(number, times) < LEAST || performance.now() < end) {
    if (time(number, times) < LEAST) times *= 2;
  }
  return { number, times, taken: [] };
});
for (let round = 0; round < Number(rounds); round += 1) {
  for (const { number, times, taken } of works) taken.push((time(number, times) / times) * 1e6);
}
for (const { taken } of works) console.log(median(taken).toFixed(0));
