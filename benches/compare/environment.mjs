// The machine, and what has to be built on it.

import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The path of `program` if it is installed; servers are often in a folder that only root looks into. */
export function find(program) {
  try {
    const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
    return execFileSync('which', [program], { encoding: 'utf8', env: { PATH: path } }).trim();
  } catch {
    return undefined;
  }
}

/** The first line that `command` prints which `pattern` matches, and of that its first group. */
export function version(command, pattern) {
  try {
    const [program, ...args] = command;
    const output = execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', program, ...args], { encoding: 'utf8' });
    return pattern.exec(output)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Which core is for the proxy, and which for load and upstream. */
export function pinning(say) {
  if (cpus().length < 2 || !find('taskset')) {
    say('no second core, or no taskset: proxy and load share what there is, and only instruction counts mean much');
    return {};
  }
  return { proxy: 0, load: 1 };
}

export function machine() {
  return { cpu: cpus()[0]?.model.trim(), cores: cpus().length, kernel: release(), node: process.version };
}

export function build(settings, say) {
  const packages = ['-p', 'edgeway-benches', '--bins'];
  say('building the load generator');
  execFileSync('cargo', ['build', '--release', '--quiet', ...packages], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (settings.on === 'native') {
    say('building edgeway');
    execFileSync('cargo', ['build', '--release', '--quiet', '-p', 'edgeway'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  }
}

export function built(program) {
  return `${ROOT}target/release/${program}`;
}

/** A peer that Debian has, with the option and the pattern that tell its version; `command` makes its command for a place. */
function installed(name, option, pattern, command, program = find(name)) {
  return {
    name,
    program,
    missing: `not installed (Debian: ${name})`,
    version: program && version([program, option], pattern),
    prepare: (place) => command(program, place),
  };
}

/** nginx, if it is installed. */
export const nginx = (command) => installed('nginx', '-v', /nginx\/(\S+)/, command);

/** HAProxy, if it is installed. */
export const haproxy = (command) => installed('haproxy', '-v', /version (\d[\d.]*)/, command);

/** Varnish, if it is installed. */
export const varnish = (command) => installed('varnish', '-V', /varnish-(\d[\d.]*)/, command, find('varnishd'));
