// CPU time of a process and all that it started, from /proc.

import { readFileSync, readdirSync } from 'node:fs';

/** Nanoseconds in user and kernel mode, of all threads of `root` and its descendants. */
export function cpuNanoseconds(root) {
  let total = 0;
  for (const pid of tree(root)) {
    for (const thread of list(`/proc/${pid}/task`)) {
      // The first number is the time on a core; in /proc/…/stat it is rounded to 10 ms.
      total += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
    }
  }
  return total;
}

function tree(pid) {
  const children = list(`/proc/${pid}/task`)
    .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' '))
    .filter(Boolean);
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
