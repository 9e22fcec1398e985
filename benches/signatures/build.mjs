// What the parts of the benchmark need.

import { execFileSync } from 'node:child_process';

import { ROOT } from '../compare/environment.mjs';

const cargo = (...args) => execFileSync('cargo', [...args, '--quiet'], { cwd: ROOT, stdio: ['ignore', 2, 2] });

export function buildAll({ parts }, say) {
  if (parts.includes('checks')) {
    say('building the checks, natively and in wasm');
    cargo('build', '--release', '-p', 'edgeway-bench-signatures');
    cargo('build', '--release', '-p', 'edgeway-bench-signatures', '--lib', '--target', 'wasm32-unknown-unknown');
  }
  if (parts.some((part) => part !== 'checks')) {
    say('building the load generator');
    cargo('build', '--release', '-p', 'edgeway-benches', '--bins');
  }
  if (parts.includes('native') || parts.includes('instructions')) {
    say('building edgeway');
    cargo('build', '--release', '-p', 'edgeway');
  }
  if (parts.includes('workerd')) {
    say('building the Worker');
    cargo('xtask', 'build-worker');
  }
}
